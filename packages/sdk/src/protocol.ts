/**
 * The words of the room protocol, as crate `protocol` defines them. Times are milliseconds,
 * instants ISO-8601 UTC texts, ids opaque texts.
 */

/** What a member may do, least first. */
export type Role = 'guest' | 'member' | 'moderator' | 'host' | 'owner';
/** Whether a member's player can go on. */
export type Readiness = 'loading' | 'ready' | 'stalled' | 'away';
/** How a member is connected. */
export type Status = 'online' | 'buffering' | 'away' | 'reconnecting';
/** How exactly a kind of source can be steered. */
export type SourceClass = 'exact' | 'coarse' | 'external' | 'detached';
/** Who may control playback and the queue. */
export type Control = 'everyone' | 'moderators' | 'host-only';
/** For whom a room waits when somebody's player cannot go on. */
export type Wait = 'all' | 'quorum' | 'host-only' | 'none';

/** A member of a room. */
export interface Member {
  userId: string;
  displayName: string;
  role: Role;
  status: Status;
  /** What its player last said; `null` if it never reported. */
  readiness: Readiness | null;
  /** Whether the member used up its wait budget and is no longer waited for. */
  catchingUp: boolean;
  joinedAt: string;
}

/** How well a member's player follows the timeline, over the last 5 s. */
export interface Telemetry {
  errorP50Ms: number;
  errorP95Ms: number;
  errorMaxMs: number;
  /** Signed: positive is behind the room. */
  errorNowMs: number;
  seeks: number;
  rateChanges: number;
  stalls: number;
  /** Half the best round trip: how wrong the clock may be. */
  clockBoundMs: number;
  class: SourceClass;
}

/** The room waits for somebody before it plays on. */
export interface Holding {
  waitingFor: string[];
  /** Server clock, ms, at which it goes on without them. */
  until: number;
}

/** What plays: the room's timeline. See `positionAt`. */
export interface PlaybackState {
  mediaUrl: string | null;
  mediaType: string | null;
  title?: string;
  /** The queue entry that plays, if it came from the queue. */
  itemId?: string;
  /** Whether the room plays; while holding, what was asked for. */
  isPlaying: boolean;
  /** Position at `at`, ms. */
  currentTime: number;
  playbackSpeed: number;
  lastUpdatedBy: string | null;
  lastUpdated: string;
  /** Server clock, ms, at which `currentTime` holds; may lie in the future. */
  at: number;
  /** Identifies the server clock `at` is counted in; new with each start of a server. */
  clockId: string;
  /** Counts the timeline's changes. */
  rev: number;
  holding: Holding | null;
  /** The sender's own id of the command that led here. */
  op?: string;
}

/** A chat message as it is stored and told. Its text is text, never markup. */
export interface ChatMessage {
  id: string;
  userId: string;
  displayName: string;
  text: string;
  sentAt: string;
  clientId?: string;
  replyTo?: string;
}

/** One entry of a room's queue. */
export interface QueueItem {
  itemId: string;
  mediaUrl: string;
  mediaType?: string;
  title?: string;
  addedBy: string;
}

/** The settings of a room. */
export interface RoomSettings {
  name: string;
  isPublic: boolean;
  /** Seats; `null` for no limit. */
  maxParticipants: number | null;
  control: Control;
  wait: Wait;
  joinCode: string;
}

/** A whole room. */
export interface RoomState extends RoomSettings {
  roomId: string;
  hostId: string | null;
  ownerId: string | null;
  createdAt: string;
  members: string[];
  memberDetails: Member[];
  memberCount: number;
  playbackState: PlaybackState | null;
  epoch: string;
  seq: number;
  queue: QueueItem[];
  chat: ChatMessage[];
  serverTime: number;
}

/** A point in a room's stream of events. */
export interface StreamPosition {
  epoch: string;
  seq: number;
}

/** Any of the fields of a change of playback. */
export interface UpdatePlayback {
  mediaUrl?: string;
  mediaType?: string;
  title?: string;
  isPlaying?: boolean;
  currentTime?: number;
  playbackSpeed?: number;
  /** The `rev` that was seen; a stale one is answered with the current timeline. */
  rev?: number;
  /** The client's own id of this command. */
  op?: string;
}

/** Payloads by type of command. */
export interface CommandPayloads {
  SYNC_REQUEST: undefined;
  UPDATE_PLAYBACK: UpdatePlayback;
  HEARTBEAT: undefined;
  CLOCK_PING: { c: number };
  MEMBER_STATE: { readiness?: Readiness; rttMs?: number; telemetry?: Telemetry };
  GO_ON: undefined;
  CHAT_SEND: { text: string; clientId?: string; replyTo?: string };
  REACT: { emoji: string };
  QUEUE_ADD: { mediaUrl?: string; mediaType?: string; title?: string };
  QUEUE_REMOVE: { itemId: string };
  QUEUE_MOVE: { itemId: string; before?: string };
  QUEUE_NEXT: { from?: string };
  ROLE_SET: { userId: string; role: Role };
  KICK: { userId: string; ban: boolean };
  ROOM_UPDATE: Partial<Omit<RoomSettings, 'joinCode'>>;
  RESUME: StreamPosition;
  AUTH: { token: string };
  LEAVE: undefined;
}

/** Payloads by type of event. */
export interface EventPayloads {
  SYNC_FULL_STATE: RoomState;
  PLAYBACK_UPDATED: PlaybackState;
  USER_JOINED: { userId: string; memberCount: number; member?: Member };
  USER_LEFT: { userId: string; memberCount: number };
  MEMBERS_CHANGED: { joined: string[]; left: string[]; memberCount: number };
  HOST_CHANGED: { newHostId: string };
  CHAT_MESSAGE: ChatMessage;
  QUEUE_UPDATED: { queue: QueueItem[]; by: string | null };
  MEMBER_UPDATED: Member;
  MEMBER_SYNC: { userId: string; telemetry: Telemetry };
  REACTION: { userId: string; emoji: string; currentTime: number | null };
  ROOM_UPDATED: RoomSettings;
  ROOM_CLOSED: { reason: 'deleted' | 'idle' };
  CLOCK_PONG: { c: number; rx: number; tx: number };
  RESUMED: StreamPosition;
  ACK: undefined;
  ERROR: string;
}

/** The types of commands. */
export type CommandType = keyof CommandPayloads;
/** The types of events. */
export type EventType = keyof EventPayloads;

/** A frame from the server; narrows by `type`. */
export type ServerFrame = {
  [T in EventType]: {
    type: T;
    payload: EventPayloads[T];
    /** Position in the room's stream; absent on what is outside it. */
    seq?: number;
    /** The command it answers. */
    id?: string | number;
    /** The stable reason, on `ERROR`. */
    code?: string;
  };
}[EventType];

/** A person as the person sees it. */
export interface Account {
  id: string;
  username: string | null;
  email: string | null;
  displayName: string;
  createdAt: string;
  isGuest: boolean;
}

/** A person as others see it. */
export interface Profile {
  id: string;
  username: string | null;
  displayName: string;
  isGuest: boolean;
}

/** Answer of register, login and refresh. */
export interface LoggedIn extends Account {
  accessToken: string;
  refreshToken: string;
  expiresIn: number;
}

/** A person without an account. */
export interface Guest {
  id: string;
  displayName: string;
  accessToken: string;
}

/** What a new room may be given. */
export interface CreateRoom {
  name: string;
  mediaUrl?: string;
  mediaType?: string;
  isPlaying?: boolean;
  isPublic?: boolean;
  maxParticipants?: number;
  /** How long the room stays without anybody, s; 0 for permanent. */
  idleTtlSeconds?: number;
}

/** A room just made. */
export interface CreatedRoom {
  roomId: string;
  name: string;
  hostId: string;
  isPublic: boolean;
  maxParticipants: number | null;
  createdAt: string;
  joinCode: string;
  idleTtlSeconds: number | null;
}

/** One entry of the list of rooms. */
export interface RoomSummary {
  roomId: string;
  name: string;
  hostId: string | null;
  isPublic: boolean;
  maxParticipants: number | null;
  createdAt: string;
  currentMembers: number;
}

/** What a join code leads to. */
export interface FoundRoom {
  id: string;
  name: string;
  joinCode: string;
  requireAccessBeforeJoining: boolean;
}

/** A page of a room's chat, oldest first. */
export interface ChatPage {
  messages: ChatMessage[];
  /** Whether there are older ones: ask with `before` = the first id. */
  hasMore: boolean;
}
