import type { ChatMessage, Member } from '@parlor/sdk';
import { describe, expect, it } from 'vitest';
import { groupMessages } from '../src/room/panel/grouping';
import { accept, queryAt, suggest } from '../src/room/panel/suggestions';
import { forgetPlaces, keepPlace, placeIn } from '../src/room/places';
import { callsTo, unreadAfter } from '../src/room/unread';
import { piecesOf, spokenToIn } from '../src/text/pieces';
import { storage } from './storage';

const HOUR_MS = 3_600_000;

function said(id: number, userId: string, extra: Partial<ChatMessage> = {}): ChatMessage {
  const sentAt = '2026-05-03T12:00:00.000Z';
  return { id: String(id), userId, displayName: userId, text: `message ${id}`, sentAt, ...extra };
}

function member(userId: string, displayName: string): Member {
  const joinedAt = '2026-05-03T12:00:00.000Z';
  return {
    userId,
    displayName,
    role: 'guest',
    status: 'online',
    readiness: null,
    catchingUp: false,
    joinedAt,
  };
}

describe('moments of the film in a text', () => {
  const moments = (text: string, filmMs: number | null = 2 * HOUR_MS) =>
    piecesOf(text, filmMs).flatMap((piece) =>
      piece.kind === 'moment' ? [[piece.text, piece.positionMs]] : [],
    );

  it.each([
    ['look at 21:04', [['21:04', 1_264_000]]],
    ['1:02:03!', [['1:02:03', 3_723_000]]],
    [
      '(0:05), then 0:07.',
      [
        ['0:05', 5_000],
        ['0:07', 7_000],
      ],
    ],
    ['100:00', [['100:00', 6_000_000]]],
    [
      '21:04–21:09',
      [
        ['21:04', 1_264_000],
        ['21:09', 1_269_000],
      ],
    ],
  ])('%s', (text, expected) => expect(moments(text)).toEqual(expected));

  it.each([
    '3:2',
    '21:60',
    '1:60:00',
    '12:34:56:78',
    'a21:04',
    '21:04h',
    '0.21:04',
    '21:04.5',
    '1,21:04',
    'https://a.b/21:04',
    '2:00:01',
    '9999:00',
    '٢١:٠٤',
  ])('%s is none', (text) => expect(moments(text)).toEqual([]));

  it('are not there without a film', () => expect(moments('21:04', null)).toEqual([]));
});

describe('names in a text', () => {
  const people = [
    { userId: 'a', name: 'Ann' },
    { userId: 'b', name: 'Ann Lee' },
    { userId: 'c', name: 'Zoë' },
  ];

  it('are those behind an @, the longest that fits', () => {
    expect(piecesOf('@Ann Lee, @Ann and @Zoë', null, people)).toEqual([
      { kind: 'mention', text: '@Ann Lee', userId: 'b' },
      { kind: 'text', text: ', ' },
      { kind: 'mention', text: '@Ann', userId: 'a' },
      { kind: 'text', text: ' and ' },
      { kind: 'mention', text: '@Zoë', userId: 'c' },
    ]);
  });

  it.each(['Ann', '@Anna', '@ann', '@ Ann', 'https://a.b/@Ann'])('%s is none', (text) =>
    expect(spokenToIn(text.replace(/https.*/, ''), people)).toEqual([]),
  );

  it('say who is spoken to, each once and 20 at most', () => {
    expect(spokenToIn('@Zoë @Ann @Zoë', people).sort()).toEqual(['a', 'c']);
    const crowd = Array.from({ length: 30 }, (_, n) => ({ userId: `u${n}`, name: `P${n}x` }));
    const all = crowd.map(({ name }) => `@${name}`).join(' ');
    expect(spokenToIn(all, crowd).length).toBe(20);
  });

  it('never become markup', () => {
    const text = '<b>@Ann</b> <img src=x onerror=alert(1)>';
    expect(
      piecesOf(text, null, people)
        .map((piece) => piece.text)
        .join(''),
    ).toBe(text);
  });
});

describe('suggestions', () => {
  it.each([
    ['@', 1, { at: 0, word: '' }],
    ['hey @an', 7, { at: 4, word: 'an' }],
    ['(@Ann L', 7, { at: 1, word: 'Ann L' }],
    ['@ann tail', 4, { at: 0, word: 'ann' }],
    ['mail me@home', 12, null],
    ['@ann\nnext', 9, null],
    ['nothing', 7, null],
  ])('%j up to %i', (text, caret, expected) => expect(queryAt(text, caret)).toEqual(expected));

  const members = [member('me', 'Nora'), member('a', 'Ann Lee'), member('n', 'Noah')];

  it('are others by the beginnings of their names, and the moment of the film', () => {
    const keys = (word: string, now: string | null) =>
      suggest(word, members, 'me', now).map(({ key }) => key);
    expect(keys('', '4:05')).toEqual(['a', 'n', 'now']);
    expect(keys('no', '4:05')).toEqual(['n', 'now']);
    expect(keys('no', null)).toEqual(['n']);
    expect(keys('LEE', '4:05')).toEqual(['a']);
    expect(keys('x', '4:05')).toEqual([]);
  });

  it('take the place of what was written', () => {
    const person = { kind: 'person', key: 'a', userId: 'a', name: 'Ann Lee' } as const;
    const now = { kind: 'now', key: 'now', text: '4:05' } as const;
    expect(accept('hey @an you', 7, { at: 4, word: 'an' }, person)).toEqual({
      text: 'hey @Ann Lee you',
      caret: 13,
    });
    expect(accept('@no', 3, { at: 0, word: 'no' }, now)).toEqual({ text: '4:05 ', caret: 5 });
  });
});

describe('what is new', () => {
  const chat = [said(1, 'ada'), said(2, 'me'), said(4, 'ada', { deletedAt: 'x' }), said(7, 'bob')];

  it('is what others said after what was seen, and did not take back', () => {
    const ids = (seen: number) => unreadAfter(chat, seen, 'me').map(({ id }) => id);
    expect([0, 1, 7].map(ids)).toEqual([['1', '7'], ['7'], []]);
  });

  it('begins a group of its own', () => {
    const nowMs = Date.parse('2026-05-03T12:10:00.000Z');
    const run = [said(1, 'ada'), said(2, 'ada'), said(3, 'ada')];
    const groups = groupMessages(run, nowMs, '2');
    expect(groups.map(({ key, isNew }) => [key, isNew])).toEqual([
      ['1', undefined],
      ['2', true],
    ]);
  });

  it('calls those it names', () => {
    const calling = said(8, 'ada', { mentions: ['me', 'bob'] });
    expect(callsTo(chat, [...chat, calling], 'me')).toEqual([calling]);
    expect(callsTo([...chat, calling], [...chat, calling], 'me')).toEqual([]);
    expect(callsTo(chat, [...chat, { ...calling, userId: 'me' }], 'me')).toEqual([]);
  });
});

describe('how far one has read', () => {
  it('is kept for each person and room, and never goes back', () => {
    const device = storage();
    expect(placeIn('r', 'me', device)).toBe(null);
    keepPlace('r', 'me', 7, device);
    keepPlace('r', 'me', 5, device);
    keepPlace('r', 'ada', 2, device);
    keepPlace('s', 'me', 1, device);
    const places = [
      ['r', 'me'],
      ['r', 'ada'],
      ['s', 'me'],
      ['s', 'ada'],
    ] as const;
    expect(places.map(([room, who]) => placeIn(room, who, device))).toEqual([7, 2, 1, null]);
  });

  it('is forgotten with the room, and leaves nothing', () => {
    const device = storage();
    keepPlace('r', 'me', 7, device);
    keepPlace('r', 'ada', 2, device);
    keepPlace('rr', 'me', 1, device);
    forgetPlaces('r', device);
    expect(placeIn('r', 'me', device)).toBe(null);
    expect(placeIn('rr', 'me', device)).toBe(1);
    forgetPlaces('rr', device);
    expect(device.length).toBe(0);
  });

  it('is kept of the rooms one read in last', () => {
    const device = storage();
    for (let n = 0; n < 100; n += 1) keepPlace(`r${n}`, 'me', 1, device);
    keepPlace('r0', 'me', 2, device);
    keepPlace('more', 'me', 1, device);
    expect([placeIn('r0', 'me', device), placeIn('r1', 'me', device)]).toEqual([2, null]);
  });

  it('is not known from a storage that is damaged, and none is kept in one that is full', () => {
    const device = storage();
    for (const damaged of ['{', '7', 'null', '{"r me":"x"}']) {
      device.setItem('parlor.read', damaged);
      expect(placeIn('r', 'me', device)).toBe(null);
    }
    device.setItem = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
    keepPlace('r', 'me', 7, device);
    expect(placeIn('r', 'me', device)).toBe(null);
  });
});
