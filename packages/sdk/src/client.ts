import createClient, { type Client } from 'openapi-fetch';
import { DirectSocket } from './direct/socket.ts';
import { ParlorError } from './errors.ts';
import { RealtimeStream } from './realtime/stream.ts';
import type {
  Account,
  BlockedPerson,
  Contact,
  Conversation,
  ConversationPage,
  Correspondent,
  DirectMessage,
  DirectRequest,
  DirectSettings,
  DirectSettingsUpdate,
  Oneself,
  SentDirect,
  ChatPage,
  CreatedRoom,
  CreateRoom,
  EnterRoom,
  Entrance,
  FoundRoom,
  Guest,
  AccountUpdate,
  Banned,
  AdminMails,
  AdminUser,
  AdminUsers,
  AdminUserUpdate,
  PasswordLink,
  Invitation,
  InvitedTo,
  LoggedIn,
  MemberPage,
  Profile,
  RoomState,
  RoomSummary,
  RoomUpdate,
  SessionInfo,
  Ticket,
} from './protocol.ts';
import { Room } from './room.ts';
import type { RoomSocketOptions } from './room-socket.ts';
import { socketAddress } from './socket-address.ts';
import type { components, paths } from './schema.gen.ts';

/** How to reach a server. */
export interface ParlorClientOptions {
  /** `https://parlor.example`; the page's own origin if absent. */
  baseUrl?: string;
  /** A bearer token; without one the browser's cookies say who asks. */
  token?: string;
  fetch?: typeof fetch;
}

/** Everything of a server that is asked by HTTP. Each call rejects with `ParlorError` if refused. */
export class ParlorClient {
  readonly baseUrl: string;
  /** A bearer token; set it after a log-in outside a browser. */
  token: string | undefined;
  /** The routes as the OpenAPI document has them, for what has no method here. */
  readonly routes: Client<paths>;

  constructor(options: ParlorClientOptions = {}) {
    const page = (globalThis as { location?: { origin: string } }).location;
    this.baseUrl = (options.baseUrl ?? page?.origin ?? '').replace(/\/$/, '');
    this.token = options.token;
    const ask = options.fetch ?? ((request: Request) => fetch(request));
    this.routes = createClient<paths>({
      baseUrl: this.baseUrl,
      credentials: 'same-origin',
      fetch: ask,
    });
    this.routes.use({
      onRequest: ({ request }) => {
        if (this.token) request.headers.set('authorization', `Bearer ${this.token}`);
        return request;
      },
    });
  }

  /** Makes an account and logs in to it. */
  register(body: components['schemas']['Register']): Promise<LoggedIn> {
    return answer(this.routes.POST('/api/v1/auth/register', { body }));
  }

  /** Logs in with a user name or an e-mail address. */
  login(body: components['schemas']['Login']): Promise<LoggedIn> {
    return answer(this.routes.POST('/api/v1/auth/login', { body }));
  }

  /** Renews the access token; without an argument the cookie serves. */
  refresh(refreshToken?: string): Promise<LoggedIn> {
    const body = refreshToken === undefined ? {} : { refreshToken };
    return answer(this.routes.POST('/api/v1/auth/refresh', { body }));
  }

  /** Ends the login. */
  logout(): Promise<{ message: string }> {
    return answer(this.routes.POST('/api/v1/auth/logout', { body: {} }));
  }

  /** Where one is logged in. */
  sessions(): Promise<SessionInfo[]> {
    return answer(this.routes.GET('/api/v1/auth/sessions'));
  }

  /** Ends one of one's own logins. */
  endSession(id: string): Promise<{ message: string }> {
    return answer(this.routes.DELETE('/api/v1/auth/sessions/{id}', { params: { path: { id } } }));
  }

  /** Sets another password; every other login ends. */
  changePassword(current: string, password: string): Promise<{ message: string }> {
    return answer(this.routes.POST('/api/v1/auth/password', { body: { current, password } }));
  }

  /** Has a link for another password sent to an address, if an account has it. */
  forgotPassword(email: string): Promise<{ message: string }> {
    return answer(this.routes.POST('/api/v1/auth/password/forgot', { body: { email } }));
  }

  /** Sets another password by what the link carries; every login ends. */
  resetPassword(token: string, password: string): Promise<{ message: string }> {
    return answer(this.routes.POST('/api/v1/auth/password/reset', { body: { token, password } }));
  }

  /** Proves one's address by what the link carries. */
  verifyEmail(token: string): Promise<{ message: string }> {
    return answer(this.routes.POST('/api/v1/auth/email/verify', { body: { token } }));
  }

  /** Has the link that proves one's address sent once more. */
  sendVerification(): Promise<{ message: string }> {
    return answer(this.routes.POST('/api/v1/auth/email/send-verification'));
  }

  /** Deletes one's account for good. */
  deleteAccount(password: string): Promise<{ message: string }> {
    return answer(this.routes.DELETE('/api/v1/users/me', { body: { password } }));
  }

  /** Becomes somebody without an account. */
  guest(displayName?: string): Promise<Guest> {
    const body = displayName === undefined ? {} : { displayName };
    return answer(this.routes.POST('/api/v1/auth/guest', { body }));
  }

  /** Who asks. */
  me(): Promise<Account> {
    return answer(this.routes.GET('/api/v1/users/me'));
  }

  /** Changes the name others see. */
  rename(displayName: string): Promise<Account> {
    return this.updateMe({ displayName });
  }

  /** Changes the name others see, the language one reads, or how one likes to see and hear. */
  updateMe(update: AccountUpdate): Promise<Account> {
    return answer(this.routes.PATCH('/api/v1/users/me', { body: update }));
  }

  /** Makes one's account the first that runs the site, by what the link carries. */
  claimSite(token: string): Promise<{ message: string }> {
    return answer(this.routes.POST('/api/v1/admin/first', { body: { token } }));
  }

  /** Lists accounts and external users, the newest first, for those who run the site. */
  adminUsers(query: { q?: string; after?: string } = {}): Promise<AdminUsers> {
    return answer(this.routes.GET('/api/v1/admin/users', { params: { query } }));
  }

  /** Keeps somebody out or lets them in again; has somebody run the site, or no longer. */
  adminUpdateUser(id: string, update: AdminUserUpdate): Promise<AdminUser> {
    const params = { path: { id } };
    return answer(this.routes.PATCH('/api/v1/admin/users/{id}', { params, body: update }));
  }

  /** Makes a link by which somebody sets another password, to hand on to them. */
  adminPasswordLink(id: string): Promise<PasswordLink> {
    const params = { path: { id } };
    return answer(this.routes.POST('/api/v1/admin/users/{id}/password-link', { params }));
  }

  /** Lists mail of the last 30 days, the newest first, for those who run the site. */
  adminMail(after?: string): Promise<AdminMails> {
    const query = after === undefined ? {} : { after };
    return answer(this.routes.GET('/api/v1/admin/mail', { params: { query } }));
  }

  /** Another person, as all see them. */
  user(id: string): Promise<Profile> {
    return answer(this.routes.GET('/api/v1/users/{id}', { params: { path: { id } } }));
  }

  /** The public rooms and one's own. */
  rooms(): Promise<RoomSummary[]> {
    return answer(this.routes.GET('/api/v1/rooms'));
  }

  /** Makes a room. */
  createRoom(body: CreateRoom): Promise<CreatedRoom> {
    return answer(this.routes.POST('/api/v1/rooms', { body }));
  }

  /** Makes a room that destroys itself, and what was said in it, some time after the last message. */
  createVanishingRoom(
    body: components['schemas']['CreatePageRoom'] = {},
  ): Promise<{ roomId: string }> {
    return answer(this.routes.POST('/api/room/create', { body }));
  }

  /** A room as it is now, without entering it. */
  roomState(roomId: string): Promise<RoomState> {
    return answer(this.routes.GET('/api/v1/rooms/{roomId}', { params: { path: { roomId } } }));
  }

  /** Looks at a room's door without coming to it. Rejects with the reason if it is not open. */
  lookAtDoor(roomId: string): Promise<Entrance> {
    const params = { path: { roomId } };
    return answer(this.routes.GET('/api/v1/rooms/{roomId}/entry', { params }));
  }

  /**
   * Comes to a room's door: proves its password, or waits to be let in. Who waits asks again every
   * few seconds, 15 at the latest. Rejects with the reason if there is no way in.
   */
  enter(roomId: string, body: EnterRoom = {}): Promise<Entrance> {
    const params = { path: { roomId } };
    return answer(this.routes.POST('/api/v1/rooms/{roomId}/entry', { params, body }));
  }

  /** Lists who was banned from a room, for those who may let them come back. */
  banned(roomId: string): Promise<Banned[]> {
    const params = { path: { roomId } };
    return answer(this.routes.GET('/api/v1/rooms/{roomId}/bans', { params }));
  }

  /** Lets somebody come back who was banned. */
  pardon(roomId: string, userId: string): Promise<{ message: string }> {
    const params = { path: { roomId, userId } };
    return answer(this.routes.DELETE('/api/v1/rooms/{roomId}/bans/{userId}', { params }));
  }

  /** Sets the password that newcomers need; `null` for none. */
  setRoomPassword(roomId: string, password: string | null): Promise<{ message: string }> {
    const params = { path: { roomId } };
    return answer(
      this.routes.PUT('/api/v1/rooms/{roomId}/password', { params, body: { password } }),
    );
  }

  /**
   * Invites somebody by mail, with what one says to them. The link is good for one person, within a
   * week; another invitation to the same address takes the place of the first.
   */
  invite(roomId: string, email: string, message?: string): Promise<{ message: string }> {
    const params = { path: { roomId } };
    const body = message === undefined ? { email } : { email, message };
    return answer(this.routes.POST('/api/v1/rooms/{roomId}/invitations', { params, body }));
  }

  /** The invitations that nobody has taken up yet, the newest first. */
  invitations(roomId: string): Promise<Invitation[]> {
    const params = { path: { roomId } };
    return answer(this.routes.GET('/api/v1/rooms/{roomId}/invitations', { params }));
  }

  /** Withdraws an invitation that nobody has taken up yet. */
  withdrawInvitation(roomId: string, id: string): Promise<{ message: string }> {
    const params = { path: { roomId, id } };
    return answer(this.routes.DELETE('/api/v1/rooms/{roomId}/invitations/{id}', { params }));
  }

  /** What the link of an invitation leads to; it is not used up by looking. */
  lookAtInvitation(token: string): Promise<InvitedTo> {
    return answer(this.routes.POST('/api/v1/invitations/look', { body: { token } }));
  }

  /** Takes an invitation up, whoever one is; one may enter the room from now on. */
  acceptInvitation(token: string): Promise<{ roomId: string }> {
    return answer(this.routes.POST('/api/v1/invitations/accept', { body: { token } }));
  }

  /** Changes a room's settings. */
  updateRoom(roomId: string, body: RoomUpdate): Promise<RoomState> {
    const params = { path: { roomId } };
    return answer(this.routes.PATCH('/api/v1/rooms/{roomId}', { params, body }));
  }

  /** Ends a room. */
  deleteRoom(roomId: string): Promise<{ message: string }> {
    return answer(this.routes.DELETE('/api/v1/rooms/{roomId}', { params: { path: { roomId } } }));
  }

  /** The room a join code leads to. */
  async findRoom(joinCode: string): Promise<FoundRoom> {
    const params = { path: { joinCode } };
    return (await answer(this.routes.GET('/api/rooms/join/{joinCode}', { params }))).room;
  }

  /** A page of chat, oldest first: the latest, or the one before a message. */
  chat(roomId: string, before?: string): Promise<ChatPage> {
    const query = before === undefined ? {} : { before: Number(before) };
    const params = { path: { roomId }, query };
    return answer(this.routes.GET('/api/v1/rooms/{roomId}/messages', { params }));
  }

  /** A page of members, longest present first: the first, or the one after a member. */
  members(roomId: string, after?: string): Promise<MemberPage> {
    const params = { path: { roomId }, query: after === undefined ? {} : { after } };
    return answer(this.routes.GET('/api/v1/rooms/{roomId}/members', { params }));
  }

  /** Oneself, as direct messages know one. */
  directMe(): Promise<Oneself> {
    return answer(this.routes.GET('/users/me'));
  }

  /** People whose name begins so; three characters at least. */
  async searchPeople(q: string): Promise<Correspondent[]> {
    return (await answer(this.routes.GET('/users/search', { params: { query: { q } } }))).users;
  }

  /** One's contacts, the one with the latest message first. */
  async contacts(): Promise<Contact[]> {
    return (await answer(this.routes.GET('/contacts'))).contacts;
  }

  /** One's conversations, the one with the latest message first; 1 000 at most. */
  async conversations(): Promise<Conversation[]> {
    return (await answer(this.routes.GET('/conversations'))).conversations;
  }

  /** Calls a contact by another name; `null` for their own. */
  async nameContact(id: number, nickname: string | null): Promise<Contact> {
    const params = { path: { id } };
    const changed = answer(this.routes.PATCH('/contacts/{id}', { params, body: { nickname } }));
    return (await changed).contact;
  }

  /** Takes somebody out of one's contacts; what was said stays. */
  deleteContact(id: number): Promise<unknown> {
    return answer(this.routes.DELETE('/contacts/{id}', { params: { path: { id } } }));
  }

  /** What was said with somebody, newest first: the latest, or what came before a message. */
  directMessages(contactId: string, before?: number): Promise<ConversationPage> {
    const query = before === undefined ? {} : { before };
    const params = { path: { contactId }, query };
    return answer(this.routes.GET('/conversations/with/{contactId}/messages', { params }));
  }

  /** Writes to somebody. Sent again under the same `clientMessageId`, it is stored once. */
  sendDirect(toClerkId: string, text: string, clientMessageId: string): Promise<SentDirect> {
    const body = { toClerkId, text, clientMessageId };
    return answer(this.routes.POST('/api/v1/direct/messages', { body }));
  }

  /** Marks messages to oneself as read. */
  markRead(messageIds: number[]): Promise<unknown> {
    return answer(this.routes.POST('/api/v1/direct/read', { body: { messageIds } }));
  }

  /** Strangers who wrote and wait for an answer, the latest first. */
  async directRequests(): Promise<DirectRequest[]> {
    return (await answer(this.routes.GET('/api/v1/direct/requests'))).requests;
  }

  /** Lets somebody who asked be one's contact, or lets them wait for ever. */
  answerRequest(id: number, accepts: boolean): Promise<unknown> {
    const params = { path: { id } };
    return accepts
      ? answer(this.routes.POST('/api/v1/direct/requests/{id}/accept', { params }))
      : answer(this.routes.POST('/api/v1/direct/requests/{id}/decline', { params }));
  }

  /** Whom one has blocked, the latest first. */
  async blocked(): Promise<BlockedPerson[]> {
    return (await answer(this.routes.GET('/api/v1/direct/blocks'))).blocked;
  }

  /** Blocks somebody, or lets them write again. */
  block(clerkId: string, blocks: boolean): Promise<unknown> {
    const params = { path: { clerkId } };
    return blocks
      ? answer(this.routes.PUT('/api/v1/direct/blocks/{clerkId}', { params }))
      : answer(this.routes.DELETE('/api/v1/direct/blocks/{clerkId}', { params }));
  }

  /** Deletes a conversation for oneself; once both have, it is gone. */
  deleteConversation(id: number): Promise<unknown> {
    const params = { path: { id } };
    return answer(this.routes.DELETE('/api/v1/direct/conversations/{id}', { params }));
  }

  /** Everything that was said in a conversation, oldest first. */
  async exportConversation(id: number): Promise<DirectMessage[]> {
    const messages: DirectMessage[] = [];
    let after: number | null = null;
    do {
      const query: { after?: number } = after === null ? {} : { after };
      const params = { path: { id }, query };
      const page = await answer(
        this.routes.GET('/api/v1/direct/conversations/{id}/export', { params }),
      );
      messages.push(...page.messages);
      after = page.next;
    } while (after !== null);
    return messages;
  }

  /** How one wants to be reached. */
  directSettings(): Promise<DirectSettings> {
    return answer(this.routes.GET('/api/v1/direct/settings'));
  }

  /** Changes how one wants to be reached. */
  updateDirectSettings(body: DirectSettingsUpdate): Promise<DirectSettings> {
    return answer(this.routes.PATCH('/api/v1/direct/settings', { body }));
  }

  /**
   * The connection over which one's direct messages arrive; open it to begin. `me` is one's own
   * `clerkId`: all tabs of a browser in which the same person is logged in share one.
   */
  directSocket(me: string): DirectSocket {
    return new DirectSocket({
      me,
      name: `${this.baseUrl} ${me}`,
      place: async () => {
        const { ticket, syncUrl } = await this.ticket();
        const elsewhere = syncUrl?.replace(/^ws/, 'http');
        // A browser's cookies speak for it at its own server.
        const needsToken = elsewhere !== undefined || this.token !== undefined;
        const origin = elsewhere ?? this.baseUrl;
        return needsToken ? { origin, token: ticket } : { origin };
      },
    });
  }

  /**
   * A room's stream of events, for pages that do without the room's socket; open it to begin. All tabs
   * of a browser in which the same person listens to the same room share one connection. `person` says
   * who listens, if that is known; otherwise the server is asked. With `since`, the `lastId` of another
   * time, it goes on from there.
   */
  async stream(
    roomId: string,
    { person, since }: { person?: string; since?: string } = {},
  ): Promise<RealtimeStream> {
    const who = person ?? (await this.me()).id;
    return new RealtimeStream({
      name: `${this.baseUrl} ${who} ${roomId}`,
      since,
      ask: (seen, signal) => {
        const query = { channel: roomId, ...(seen && { [`last_ack_${roomId}`]: seen }) };
        const how = { params: { query }, parseAs: 'stream', signal, cache: 'no-store' } as const;
        return answer(this.routes.GET('/api/realtime', how)) as Promise<ReadableStream<Uint8Array>>;
      },
    });
  }

  /** What opens one socket, once, within 30 s, and where. */
  ticket(): Promise<Ticket> {
    return answer(this.routes.POST('/api/v1/auth/ticket'));
  }

  /** The address of a room's socket, good for opening one within 30 s. */
  async socketUrl(roomId: string): Promise<string> {
    return socketAddress(this.#socketUrl(roomId), await this.ticket());
  }

  /** A room to enter. */
  room(roomId: string, options: Partial<RoomSocketOptions> = {}): Room {
    return new Room({ url: this.#socketUrl(roomId), ticket: () => this.ticket(), ...options });
  }

  #socketUrl(roomId: string): string {
    const path = `/api/v1/rooms/${encodeURIComponent(roomId)}/ws`;
    return `${this.baseUrl}${path}`.replace(/^http/, 'ws');
  }
}

interface Asked<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

async function answer<T>(asked: Promise<Asked<T>>): Promise<T> {
  const { data, error, response } = await asked;
  if (response.ok && data !== undefined) return data;
  throw refusal(response, error);
}

function refusal(response: Response, body: unknown): ParlorError {
  const { code, message } = (body ?? {}) as { code?: string; message?: string };
  const wait = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new ParlorError(
    message ?? `The server answered ${String(response.status)}`,
    code ?? 'internal',
    response.status,
    Number.isFinite(wait) ? wait : undefined,
  );
}
