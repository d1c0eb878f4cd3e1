/**
 * The words of the room protocol, under the names the SDK uses. They are made from the server's
 * own types by way of its OpenAPI document; nothing is defined twice.
 */
import type { components } from './schema.gen.ts';

type Schemas = components['schemas'];

export type Account = Schemas['Account'];
export type BlockedPerson = Schemas['BlockedPerson'];
export type Caller = Schemas['Caller'];
export type ChatMessage = Schemas['ChatMessage'];
export type ChatPage = Schemas['ChatPage'];
export type Code = Schemas['Code'];
export type Contact = Schemas['Contact'];
export type Conversation = Schemas['Conversation'];
export type ConversationPage = Schemas['ConversationPage'];
export type Control = Schemas['Control'];
export type CreatedRoom = Schemas['CreatedRoom'];
export type CreateRoom = Schemas['CreateRoom'];
export type Correspondent = Schemas['Correspondent'];
export type DirectMessage = Schemas['DirectMessage'];
export type DirectRequest = Schemas['DirectRequest'];
export type DirectSettings = Schemas['DirectSettings'];
export type DirectSettingsUpdate = Schemas['DirectSettingsUpdate'];
export type Oneself = Schemas['Oneself'];
export type OnlineStatus = Schemas['OnlineStatus'];
export type SentDirect = Schemas['SentDirect'];
export type EnterRoom = Schemas['EnterRoom'];
export type Entrance = Schemas['Entrance'];
export type Entry = Schemas['Entry'];
export type FoundRoom = Schemas['CallRoom'];
export type Guest = Schemas['Guest'];
export type Holding = Schemas['Holding'];
export type Banned = Schemas['Banned'];
export type AccountUpdate = Schemas['AccountUpdate'];
export type Announcement = Schemas['Announcement'];
export type AdminMail = Schemas['AdminMail'];
export type AdminMails = Schemas['AdminMails'];
export type AdminUser = Schemas['AdminUser'];
export type AdminUsers = Schemas['AdminUsers'];
export type AdminUserUpdate = Schemas['AdminUserUpdate'];
export type PasswordLink = Schemas['PasswordLink'];
export type Preferences = Schemas['Preferences'];
export type Invitation = Schemas['Invitation'];
export type InvitedTo = Schemas['InvitedTo'];
export type LoggedIn = Schemas['LoggedIn'];
export type Member = Schemas['Member'];
export type MemberPage = Schemas['MemberPage'];
export type PlaybackState = Schemas['PlaybackState'];
export type Profile = Schemas['Profile'];
export type QueueItem = Schemas['QueueItem'];
export type Readiness = Schemas['Readiness'];
export type Role = Schemas['Role'];
export type RoomSettings = Schemas['RoomSettings'];
export type RoomState = Schemas['RoomState'];
export type RoomSummary = Schemas['RoomSummary'];
export type RoomUpdate = Schemas['RoomUpdate'];
export type SessionInfo = Schemas['SessionInfo'];
export type SourceClass = Schemas['SourceClass'];
export type Status = Schemas['Status'];
export type StreamLine = Schemas['StreamLine'];
export type StreamPosition = Schemas['StreamPosition'];
/** A report may leave some of it out; what the server tells is whole. */
export type Telemetry = Required<Schemas['Telemetry']>;
/** What opens one socket, once, and where, if not at the server's own address. */
export type Ticket = Schemas['Ticket'];
export type UpdatePlayback = Schemas['UpdatePlayback'];
export type Wait = Schemas['Wait'];

type Payload<Message> = Message extends { payload: infer P } ? P : undefined;

/** Payloads by type of command. */
export type CommandPayloads = {
  [C in Schemas['Command'] as C['type']]: Payload<C>;
};

/** Payloads by type of event. */
export type EventPayloads = {
  [E in Schemas['Event'] as E['type']]: E['type'] extends 'MEMBER_SYNC'
    ? { userId: string; telemetry: Telemetry }
    : Payload<E>;
};

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
    code?: Code;
  };
}[EventType];
