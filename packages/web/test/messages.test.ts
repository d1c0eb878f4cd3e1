import { Disconnected, type DirectMessage, ParlorError } from '@parlor/sdk';
import { describe, expect, it } from 'vitest';
import { bundle } from '../src/messages/bundle';
import { draftFor, keepDraft } from '../src/messages/drafts';
import { DirectOutbox, type Outgoing, type OutboxWorld } from '../src/messages/outbox';
import { storage } from './storage';

/** An outbox's world whose server answers as it is told. */
class World implements OutboxWorld {
  readonly storage: Storage = storage();
  readonly sent: string[] = [];
  readonly pauses: number[] = [];
  shown: readonly Outgoing[] = [];
  answers: (Error | undefined)[] = [];
  #waiting: (() => void)[] = [];

  send(message: Outgoing): Promise<void> {
    this.sent.push(message.text);
    const refusal = this.answers.shift();
    return refusal ? Promise.reject(refusal) : Promise.resolve();
  }

  show(waiting: readonly Outgoing[]): void {
    this.shown = waiting;
  }

  later(run: () => void, ms: number): void {
    this.pauses.push(ms);
    this.#waiting.push(run);
  }

  /** Lets what was put off happen. */
  async pass(): Promise<void> {
    for (const run of this.#waiting.splice(0)) run();
    await settled();
  }
}

/** Waits until all that is on its way is there. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

function message(text: string): Outgoing {
  return { id: text, to: 'bob', text, writtenAt: '2026-01-01T00:00:00.000Z' };
}

describe('an outbox', () => {
  it('sends in the order of writing and shows what waits', async () => {
    const world = new World();
    const outbox = new DirectOutbox('ada', world);
    outbox.add(message('one'));
    outbox.add(message('two'));
    expect(world.shown.map(({ text }) => text)).toEqual(['one', 'two']);
    await settled();
    expect(world.sent).toEqual(['one', 'two']);
    expect(world.shown).toEqual([]);
  });

  it('tries again, later and later, and keeps the order', async () => {
    const world = new World();
    world.answers = [new Disconnected(), new ParlorError('Not now', 'busy', 503), undefined];
    const outbox = new DirectOutbox('ada', world);
    outbox.add(message('one'));
    await settled();
    outbox.add(message('two'));
    await settled();
    expect(world.sent).toEqual(['one', 'one']);
    expect(world.pauses).toEqual([1_000, 2_000]);
    await world.pass();
    expect(world.sent).toEqual(['one', 'one', 'one', 'two']);
    expect(world.shown).toEqual([]);
  });

  it('says why something is refused, goes on with the rest, and sends it again when asked to', async () => {
    const world = new World();
    world.answers = [new ParlorError('They do not want to hear from you', 'blocked', 403)];
    const outbox = new DirectOutbox('ada', world);
    outbox.add(message('one'));
    outbox.add(message('two'));
    await settled();
    expect(world.sent).toEqual(['one', 'two']);
    expect(world.shown).toEqual([
      { ...message('one'), refused: 'They do not want to hear from you' },
    ]);
    outbox.again('one');
    await settled();
    expect(world.sent).toEqual(['one', 'two', 'one']);
    expect(world.shown).toEqual([]);
  });

  it('has what waits after a reload, for the same person only', async () => {
    const world = new World();
    world.answers = [new Disconnected()];
    new DirectOutbox('ada', world).add(message('one'));
    await settled();
    const other = new DirectOutbox('eve', world);
    await other.flush();
    expect(world.sent).toEqual(['one']);
    await new DirectOutbox('ada', world).flush();
    expect(world.sent).toEqual(['one', 'one']);
  });

  it('leaves alone what other tabs of the same person write, and takes up what they left behind', async () => {
    const [first, second] = [new World(), new World()];
    const shared = first.storage;
    Object.assign(second, { storage: shared });
    const one = new DirectOutbox('ada', first);
    const two = new DirectOutbox('ada', second);
    first.answers = [new Disconnected()];
    one.add(message('one'));
    await settled();
    two.add(message('two'));
    await settled();
    expect(second.sent).toEqual(['two']);
    expect(second.shown).toEqual([]);
    // The first tab is gone; what it wrote is still kept.
    await two.takeUp();
    expect(second.sent).toEqual(['two', 'one']);
    expect(shared.getItem('parlor.outbox.ada')).toBe('[]');
  });

  it('sends and shows nothing once it is stopped, and keeps what waits', async () => {
    const world = new World();
    world.answers = [new Disconnected()];
    const outbox = new DirectOutbox('ada', world);
    outbox.add(message('one'));
    await settled();
    outbox.stop();
    world.shown = [];
    await world.pass();
    await outbox.takeUp();
    expect(world.sent).toEqual(['one']);
    expect(world.shown).toEqual([]);
    await new DirectOutbox('ada', world).flush();
    expect(world.sent).toEqual(['one', 'one']);
  });

  it('takes a damaged storage for an empty one', () => {
    const world = new World();
    for (const damaged of ['{', '7', '"x"']) {
      world.storage.setItem('parlor.outbox.ada', damaged);
      new DirectOutbox('ada', world);
      expect(world.shown).toEqual([]);
    }
  });
});

describe('a draft', () => {
  it('is kept for each person until it is sent or deleted', () => {
    const device = storage();
    keepDraft('ada', 'bob', 'half a thou', device);
    keepDraft('ada', 'cem', 'another', device);
    expect(draftFor('ada', 'bob', device)).toBe('half a thou');
    keepDraft('ada', 'bob', '  ', device);
    expect(draftFor('ada', 'bob', device)).toBe('');
    expect(draftFor('ada', 'cem', device)).toBe('another');
    expect(draftFor('eve', 'cem', device)).toBe('');
    device.setItem('parlor.drafts.ada', 'no JSON');
    expect(draftFor('ada', 'cem', device)).toBe('');
  });

  it('is forgotten when there are too many newer ones', () => {
    const device = storage();
    for (let n = 0; n <= 50; n++) keepDraft('ada', `person ${n}`, 'text', device);
    expect(draftFor('ada', 'person 0', device)).toBe('');
    expect(draftFor('ada', 'person 1', device)).toBe('text');
  });
});

describe('a bundle', () => {
  const said = (id: number, createdAt: string, isMine: boolean): DirectMessage => ({
    id,
    fromClerkId: isMine ? 'ada' : 'bob',
    toClerkId: isMine ? 'bob' : 'ada',
    content: `${id}`,
    messageType: 'text',
    isRead: false,
    readAt: null,
    createdAt,
    isMine,
  });

  it('holds what one said in one go, and a day stands where it begins', () => {
    const messages = [
      said(1, '2026-01-01T10:00:00.000Z', true),
      said(2, '2026-01-01T10:01:00.000Z', true),
      said(3, '2026-01-01T10:02:00.000Z', false),
      said(4, '2026-01-01T11:00:00.000Z', false),
      said(5, '2026-01-02T09:00:00.000Z', false),
    ];
    const bundles = bundle(messages, (iso) => iso.slice(0, 10));
    const shape = bundles.map(({ day, messages: parts }) => [day, parts.map(({ id }) => id)]);
    expect(shape).toEqual([
      ['2026-01-01', [1, 2]],
      [undefined, [3]],
      [undefined, [4]],
      ['2026-01-02', [5]],
    ]);
  });
});
