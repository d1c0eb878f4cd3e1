import { Emitter, type Unsubscribe } from './emitter.ts';
import type {
  Caller,
  ChatMessage,
  EventPayloads,
  Member,
  PlaybackState,
  QueueItem,
  RoomSettings,
  RoomState,
  ServerFrame,
  StreamPosition,
  Telemetry,
} from './protocol.ts';
import type { RoomSocket } from './room-socket.ts';

/** Chat messages kept in memory; older ones are fetched again when wanted. */
const CHAT_KEPT = 2_000;

/** The room at one moment. Never changed: each change makes a new one. */
export interface RoomSnapshot {
  /** Whether the room's state has arrived. */
  readonly ready: boolean;
  readonly roomId: string;
  readonly settings: RoomSettings;
  readonly hostId: string | null;
  readonly ownerId: string | null;
  readonly createdAt: string;
  /** Who is present, longest first; the first page of them in a large room. */
  readonly members: readonly Member[];
  readonly memberCount: number;
  /** What plays; `null` before the first medium. */
  readonly playback: PlaybackState | null;
  readonly queue: readonly QueueItem[];
  /** What was said, oldest first. */
  readonly chat: readonly ChatMessage[];
  /** Members' sync meters, by user id. */
  readonly sync: ReadonlyMap<string, Telemetry>;
  /** Who waits to be let in, longest first; known to those who may let them in. */
  readonly callers: readonly Caller[];
  /** Why the room ended, if it did. */
  readonly closed: EventPayloads['ROOM_CLOSED']['reason'] | null;
  /** When the room destroys itself, where what is said in it vanishes; else `null`. */
  readonly selfDestruct: SelfDestruct | null;
}

/** When a room destroys itself unless something is said. */
export interface SelfDestruct {
  /** How long it lives after a message, s. */
  readonly ttlSeconds: number;
  /** The moment, by `performance.now()`. */
  readonly atMs: number;
}

const EMPTY: RoomSnapshot = {
  ready: false,
  roomId: '',
  settings: {
    name: '',
    isPublic: false,
    maxParticipants: null,
    control: 'everyone',
    wait: 'all',
    entry: 'open',
    hasPassword: false,
    joinCode: '',
  },
  hostId: null,
  ownerId: null,
  createdAt: '',
  members: [],
  memberCount: 0,
  playback: null,
  queue: [],
  chat: [],
  sync: new Map(),
  callers: [],
  closed: null,
  selfDestruct: null,
};

/**
 * Mirrors a room. Applies each event of the room's stream once and in order; when one is missing
 * it asks for what it missed, and shows nothing out of order meanwhile.
 */
export class RoomView {
  readonly #socket: RoomSocket;
  readonly #events = new Emitter<{
    changed: RoomSnapshot;
    reaction: EventPayloads['REACTION'];
  }>();
  #snapshot: RoomSnapshot = EMPTY;
  #position: StreamPosition | null = null;
  /** Whether missed events were asked for and have not come yet. */
  #recovering = false;
  /**
   * Events of a new connection, kept until the server has said whether they belong to the stream
   * that is known: a server that was started again counts anew, and may reach the next number.
   */
  #aside: ServerFrame[] | null = null;

  constructor(socket: RoomSocket) {
    this.#socket = socket;
    socket.resumeFrom(() => {
      this.#recovering = this.#position !== null;
      this.#aside = this.#recovering ? [] : null;
      return this.#position;
    });
    socket.onFrame((frame) => this.#take(frame));
  }

  /** The room just now. */
  get snapshot(): RoomSnapshot {
    return this.#snapshot;
  }

  /** Calls `listener` with the room, now and after each change. */
  subscribe(listener: (snapshot: RoomSnapshot) => void): Unsubscribe {
    listener(this.#snapshot);
    return this.#events.on('changed', listener);
  }

  /** Calls `listener` with each reaction. */
  onReaction(listener: (reaction: EventPayloads['REACTION']) => void): Unsubscribe {
    return this.#events.on('reaction', listener);
  }

  /** Puts a page of older messages before those that are known. */
  prependChat(messages: readonly ChatMessage[]): void {
    this.#change({ chat: mergeChat(messages, this.#snapshot.chat) });
  }

  /** Asks for the whole room again. */
  refresh(): void {
    this.#socket.tell('SYNC_REQUEST');
  }

  #take(frame: ServerFrame): void {
    if (frame.type === 'SYNC_FULL_STATE') return this.#replace(frame.payload);
    if (frame.type === 'RESUMED') return this.#resumed(frame.payload);
    if (frame.seq !== undefined) {
      if (this.#aside) return void this.#aside.push(frame);
      if (!this.#isNext(frame.seq)) return;
    }
    this.#apply(frame);
  }

  /** Takes up what was kept, now that it is known what it belongs to. */
  #takeAside(): void {
    const aside = this.#aside ?? [];
    this.#aside = null;
    aside.sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
    for (const frame of aside) this.#take(frame);
  }

  /** Says whether the event with this number is the one to apply, and if so counts it. */
  #isNext(seq: number): boolean {
    const position = this.#position;
    if (!position || seq <= position.seq) return false;
    if (seq === position.seq + 1) {
      this.#position = { epoch: position.epoch, seq };
      return true;
    }
    if (!this.#recovering) this.#recovering = this.#socket.tell('RESUME', position);
    return false;
  }

  #resumed(at: StreamPosition): void {
    this.#takeAside();
    this.#recovering = false;
    const position = this.#position;
    const isBehind = !position || position.epoch !== at.epoch || position.seq < at.seq;
    // How long ago a missed message was said, and with it the room's end, only the server knows.
    if (isBehind || this.#snapshot.selfDestruct) this.refresh();
  }

  #replace(state: RoomState): void {
    const position = this.#position;
    const sameStream = position?.epoch === state.epoch;
    const older = sameStream && state.seq < position.seq;
    const missedNothing = sameStream && state.seq === position.seq;
    if (older) return this.#takeAside();
    this.#recovering = false;
    this.#position = { epoch: state.epoch, seq: state.seq };
    this.#change({
      ready: true,
      roomId: state.roomId,
      settings: settingsOf(state),
      hostId: state.hostId,
      ownerId: state.ownerId,
      createdAt: state.createdAt,
      members: state.memberDetails,
      memberCount: state.memberCount,
      playback: state.playbackState,
      queue: state.queue,
      // Told again behind the state, if anybody waits.
      callers: [],
      selfDestruct: destructionOf(state),
      // What was said before the page may have been changed or taken back in what was missed; it
      // can be fetched again.
      chat: missedNothing ? mergeChat(this.#snapshot.chat, state.chat) : state.chat,
    });
    this.#takeAside();
  }

  #apply(frame: ServerFrame): void {
    const { members, sync } = this.#snapshot;
    switch (frame.type) {
      case 'PLAYBACK_UPDATED':
        if (frame.payload.rev < (this.#snapshot.playback?.rev ?? 0)) return;
        return this.#change({ playback: frame.payload });
      case 'USER_JOINED': {
        const { userId, member, memberCount } = frame.payload;
        const known = members.some((one) => one.userId === userId);
        if (!member || known) return this.#change({ memberCount });
        return this.#change({ memberCount, members: [...members, member] });
      }
      case 'USER_LEFT': {
        const { userId, memberCount } = frame.payload;
        return this.#change({ memberCount, ...without(members, sync, [userId]) });
      }
      case 'MEMBERS_CHANGED': {
        const { left, memberCount } = frame.payload;
        return this.#change({ memberCount, ...without(members, sync, left) });
      }
      case 'MEMBER_UPDATED':
        return this.#change({ members: withMember(members, frame.payload) });
      case 'MEMBER_SYNC':
        return this.#change({
          sync: new Map(sync).set(frame.payload.userId, frame.payload.telemetry),
        });
      case 'HOST_CHANGED':
        return this.#change({ hostId: frame.payload.newHostId });
      case 'CHAT_MESSAGE':
        return this.#change({
          chat: mergeChat(this.#snapshot.chat, [frame.payload]),
          selfDestruct: putOff(this.#snapshot.selfDestruct),
        });
      case 'CHAT_EDITED':
        return this.#change({ chat: withMessage(this.#snapshot.chat, frame.payload) });
      case 'CHAT_DELETED':
        return this.#change({ chat: withoutText(this.#snapshot.chat, frame.payload) });
      case 'QUEUE_UPDATED':
        return this.#change({ queue: frame.payload.queue });
      case 'ROOM_UPDATED':
        return this.#change({ settings: frame.payload });
      case 'ROOM_CLOSED':
        return this.#change({ closed: frame.payload.reason });
      case 'WAITING_ROOM':
        return this.#change({ callers: frame.payload.callers });
      case 'REACTION':
        return this.#events.emit('reaction', frame.payload);
      case 'SYNC_FULL_STATE':
      case 'RESUMED':
      case 'CLOCK_PONG':
      case 'ACK':
      case 'ERROR':
        return;
    }
  }

  #change(part: Partial<RoomSnapshot>): void {
    this.#snapshot = Object.freeze({ ...this.#snapshot, ...part });
    this.#events.emit('changed', this.#snapshot);
  }
}

function settingsOf(state: RoomState): RoomSettings {
  const { name, isPublic, maxParticipants, control, wait, entry, hasPassword, joinCode } = state;
  return { name, isPublic, maxParticipants, control, wait, entry, hasPassword, joinCode };
}

function withMember(members: readonly Member[], member: Member): Member[] {
  const known = members.some((one) => one.userId === member.userId);
  if (!known) return [...members, member];
  return members.map((one) => (one.userId === member.userId ? member : one));
}

function without(
  members: readonly Member[],
  sync: ReadonlyMap<string, Telemetry>,
  left: readonly string[],
): Pick<RoomSnapshot, 'members' | 'sync'> {
  const gone = new Set(left);
  return {
    members: members.filter((one) => !gone.has(one.userId)),
    sync: new Map([...sync].filter(([userId]) => !gone.has(userId))),
  };
}

/** Joins two runs of messages, the newer last, each message once. */
function mergeChat(older: readonly ChatMessage[], newer: readonly ChatMessage[]): ChatMessage[] {
  const known = new Set(newer.map((message) => message.id));
  return [...older.filter((message) => !known.has(message.id)), ...newer].slice(-CHAT_KEPT);
}

/** Replaces a message by what it is now. One that is not known was never shown. */
function destructionOf({ selfDestruct, serverTime }: RoomState): SelfDestruct | null {
  if (!selfDestruct) return null;
  const { ttlSeconds, at } = selfDestruct;
  return { ttlSeconds, atMs: performance.now() + (at - serverTime) };
}

/** Each message gives the room its whole time anew. */
function putOff(destruction: SelfDestruct | null): SelfDestruct | null {
  if (!destruction) return null;
  return { ...destruction, atMs: performance.now() + destruction.ttlSeconds * 1_000 };
}

function withMessage(chat: readonly ChatMessage[], edited: ChatMessage): ChatMessage[] {
  return chat.map((message) => (message.id === edited.id ? edited : message));
}

/** Leaves of a message that it was said. */
function withoutText(
  chat: readonly ChatMessage[],
  { id, deletedAt }: EventPayloads['CHAT_DELETED'],
): ChatMessage[] {
  return chat.map((message) => {
    if (message.id !== id) return message;
    const gone = { ...message, text: '', deletedAt };
    delete gone.mentions;
    delete gone.editedAt;
    return gone;
  });
}
