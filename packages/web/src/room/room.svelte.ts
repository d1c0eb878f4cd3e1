import {
  Disconnected,
  ParlorError,
  SyncController,
  type CommandPayloads,
  type CommandType,
  type Member,
  type ChatMessage,
  type Outgoing,
  type Regard,
  type Room,
  type RoomSnapshot,
  type SocketState,
  type SyncState,
} from '@parlor/sdk';
import { parlor } from '../account/session.svelte';
import { strings } from '../strings';
import { typeOf } from '../text/media';
import { toasts } from '../ui/toasts.svelte';
import { narrate } from './narration';
import { may, mayControl, mayManage } from './permissions';
import { preferences } from './preferences.svelte';
import { Reactions } from './reactions.svelte';
import { TakenBack, UNDO_MS } from './takenBack.svelte';
import { callsTo } from './unread';

/** A message that the server refused, kept so that its author can send it again. */
export interface Refused {
  key: number;
  text: string;
  regard: Regard;
  reason: string;
}

/** The room this page is in: what it knows, and what a person can do in it. */
export class RoomModel {
  /** What drives the player. */
  readonly sync: SyncController;
  readonly #room: Room;
  readonly #stops: (() => void)[];
  #nextKey = 0;
  #left = false;

  /** The room as the server last told it. */
  now = $state.raw() as RoomSnapshot;
  /** How the connection stands. */
  connection = $state.raw<SocketState>({ phase: 'idle' });
  /** What the player here is doing. */
  player = $state.raw<SyncState>({ phase: 'idle', errorMs: null });
  /** What I said that is not stored yet, and what was refused. */
  outgoing = $state.raw<readonly Outgoing[]>([]);
  refused = $state.raw<readonly Refused[]>([]);
  /** What I take back. */
  readonly takenBack = new TakenBack((id) => this.#tried(this.#room.delete(id)));
  /** The latest message that speaks to me. */
  calledBy = $state.raw<ChatMessage | null>(null);
  /** What people feel about what they see. */
  readonly reactions = new Reactions();

  /** Myself among the members. */
  me = $derived.by<Member | undefined>(() =>
    this.now.members.find((one) => one.userId === this.myId),
  );
  /** Whether I may control playback, and change settings. */
  controls = $derived(mayControl(this.me?.role ?? 'guest', this.now.settings.control));
  tidies = $derived(may(this.me?.role ?? 'guest', 'tidy', 'everyone'));
  manages = $derived(mayManage(this.me?.role ?? 'guest'));
  /** Whether the film goes, or would if nobody were waited for; at its end it does not. */
  goes = $derived(this.now.playback?.isPlaying === true && this.player.phase !== 'ended');
  alone = $derived(this.now.ready && this.now.memberCount <= 1);

  constructor(
    readonly roomId: string,
    readonly myId: string,
  ) {
    const room = parlor.room(roomId);
    this.#room = room;
    this.now = room.view.snapshot;
    this.sync = new SyncController({
      socket: room.socket,
      view: room.view,
      clock: room.clock,
      leads: localStorage,
    });
    this.sync.outputOffsetMs = preferences.now.offsetMs;
    this.#stops = [
      room.view.subscribe((snapshot) => this.#take(snapshot)),
      room.view.onReaction((reaction) => this.reactions.take(reaction)),
      room.outbox.subscribe((waiting) => (this.outgoing = waiting)),
      room.socket.onState((state) => (this.connection = state)),
      this.sync.subscribe((state) => (this.player = state)),
    ];
    room.enter();
  }

  /** Leaves, and lets go of everything. */
  leave(): void {
    this.takenBack.flush();
    this.#left = true;
    this.sync.stop();
    this.#room.leave();
    for (const stop of this.#stops) stop();
  }

  /** Lets the others go on: what plays cannot be played here. */
  standAside(): void {
    this.sync.detach();
    this.#room.socket.tell('MEMBER_STATE', { readiness: 'away' });
  }

  /** Says a person's name as far as it is known. */
  nameOf(userId: string): string {
    const member = this.now.members.find((one) => one.userId === userId);
    const spoke = () => this.now.chat.findLast((message) => message.userId === userId);
    return member?.displayName ?? spoke()?.displayName ?? strings.people.somebody;
  }

  /** Where the room's timeline stands now, ms; 0 while nothing is on or the clock is not known. */
  positionMs(): number {
    return this.#room.positionMs() ?? this.now.playback?.currentTime ?? 0;
  }

  /** Server clock now, ms; `null` while it is not known. */
  serverMs(): number | null {
    return this.#room.clock.now();
  }

  setPlaying(isPlaying: boolean): void {
    this.#settle(isPlaying ? this.#room.play() : this.#room.pause());
  }

  /** Plays or pauses for everybody; what is over begins anew. */
  toggle(): void {
    if (this.player.phase === 'ended') this.seek(0);
    if (!this.goes) this.#settle(this.#room.play());
    else this.#settle(this.#room.pause());
  }

  seek(positionMs: number): void {
    this.#settle(this.#room.seek(Math.max(0, Math.round(positionMs))));
  }

  setSpeed(playbackSpeed: number): void {
    this.#settle(this.#room.setSpeed(playbackSpeed));
  }

  /** Puts a medium on, from its beginning. */
  load(mediaUrl: string): void {
    const mediaType = typeOf(mediaUrl);
    this.#settle(this.#room.load({ mediaUrl, ...(mediaType === undefined ? {} : { mediaType }) }));
  }

  /** Goes on without those the room waits for. */
  goOn(): void {
    this.#settle(this.#room.socket.command('GO_ON'));
  }

  /** Plays the next thing in the queue. */
  next(): void {
    const from = this.now.playback?.itemId;
    this.#do('QUEUE_NEXT', from === undefined ? {} : { from });
  }

  addToQueue(mediaUrl: string, title?: string | null, mediaType?: string | null): void {
    const kind = mediaType ?? typeOf(mediaUrl);
    const named = title == null ? {} : { title };
    this.#do('QUEUE_ADD', {
      mediaUrl,
      ...named,
      ...(kind === undefined ? {} : { mediaType: kind }),
    });
  }

  removeFromQueue(itemId: string): void {
    this.#do('QUEUE_REMOVE', { itemId });
  }

  /** Moves an entry before another; without one, to the end. */
  moveInQueue(itemId: string, before: string | undefined): void {
    this.#do('QUEUE_MOVE', before === undefined ? { itemId } : { itemId, before });
  }

  setRole(userId: string, role: 'host' | 'moderator' | 'member'): void {
    this.#do('ROLE_SET', { userId, role });
  }

  /** Sends somebody out; with `ban` for good. */
  remove(userId: string, ban: boolean): void {
    this.#do('KICK', { userId, ban });
  }

  /** Lets somebody in who waits, or everybody. */
  admit(userId?: string): void {
    this.#settle(this.#room.socket.command('ADMIT', userId === undefined ? {} : { userId }));
  }

  /** Lets somebody go who waits. */
  turnAway(userId: string): void {
    this.#settle(this.#room.socket.command('TURN_AWAY', { userId }));
  }

  /** Sets the password of the room, `null` for none; says whether the server took it. */
  async setPassword(password: string | null): Promise<boolean> {
    return this.#tried(parlor.setRoomPassword(this.roomId, password).then(() => undefined));
  }

  /** Changes settings; says whether the server took them. */
  async update(settings: CommandPayloads['ROOM_UPDATE']): Promise<boolean> {
    return this.#tried(this.#room.socket.command('ROOM_UPDATE', settings));
  }

  react(emoji: string): void {
    this.#room.react(emoji);
  }

  say(text: string, regard: Regard = {}): void {
    this.#room.say(text, regard).catch((error: Error) => {
      const refused = { key: this.#nextKey++, text, regard, reason: error.message };
      this.refused = [...this.refused, refused];
    });
  }

  /** Says one's own message differently; says whether the server took it. */
  edit(id: string, text: string, mentions: readonly string[]): Promise<boolean> {
    return this.#tried(this.#room.edit(id, text, mentions));
  }

  /** Takes a message back, with a while to think better of it. */
  takeBack(message: ChatMessage): void {
    const { id } = message;
    this.takenBack.add(id);
    toasts.tell(strings.chat.deleted, {
      about: 'deleted',
      standsMs: UNDO_MS,
      action: { label: strings.app.undo, run: () => this.takenBack.undo(id) },
    });
  }

  /** Sends a refused message again. */
  sayAgain(refused: Refused): void {
    this.forget(refused);
    this.say(refused.text, refused.regard);
  }

  forget(refused: Refused): void {
    this.refused = this.refused.filter((other) => other.key !== refused.key);
  }

  /** Fetches the page of messages before those that are known; says whether there are more. */
  async loadOlder(): Promise<boolean> {
    const before = this.now.chat[0]?.id;
    const page = await parlor.chat(this.roomId, before);
    this.#room.view.prependChat(page.messages);
    return page.hasMore;
  }

  #do<T extends 'QUEUE_ADD' | 'QUEUE_REMOVE' | 'QUEUE_MOVE' | 'QUEUE_NEXT' | 'ROLE_SET' | 'KICK'>(
    type: T,
    payload: CommandPayloads[T],
  ): void {
    const command = this.#room.socket.command.bind(this.#room.socket) as (
      type: CommandType,
      payload: unknown,
    ) => Promise<void>;
    this.#settle(command(type, payload));
  }

  #settle(answer: Promise<void>): void {
    void this.#tried(answer);
  }

  /** Tells the person what was refused, and why. A stale command is no error: the room moved on. */
  async #tried(answer: Promise<void>): Promise<boolean> {
    try {
      await answer;
      return true;
    } catch (error) {
      // Whoever left is somewhere else, and was not waiting for it.
      if (this.#left && error instanceof Disconnected) return false;
      if (error instanceof Disconnected) toasts.tell(strings.stage.reconnecting);
      else if (!(error instanceof ParlorError)) throw error;
      else if (error.code !== 'stale') toasts.tell(error.message);
      return false;
    }
  }

  #take(snapshot: RoomSnapshot): void {
    const before = this.now;
    this.now = snapshot;
    if (snapshot.playback?.mediaUrl !== before.playback?.mediaUrl) this.reactions.forgetMarks();
    for (const { text, ...extra } of narrate(before, snapshot, this.myId)) {
      toasts.tell(text, extra);
    }
    this.#announceCallers(before, snapshot);
    if (before.ready)
      this.calledBy = callsTo(before.chat, snapshot.chat, this.myId).at(-1) ?? this.calledBy;
  }

  /** Says who knocked, with the means to open. */
  #announceCallers(before: RoomSnapshot, after: RoomSnapshot): void {
    for (const { userId, displayName } of after.callers) {
      if (before.callers.some((caller) => caller.userId === userId)) continue;
      toasts.tell(strings.door.knocks(displayName), {
        person: { userId, name: displayName },
        action: { label: strings.door.letIn, run: () => this.admit(userId) },
      });
    }
  }
}
