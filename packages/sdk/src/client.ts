import { ParlorError } from './errors.ts';
import type {
  Account,
  ChatPage,
  CreatedRoom,
  CreateRoom,
  FoundRoom,
  Guest,
  LoggedIn,
  Profile,
  RoomState,
  RoomSummary,
} from './protocol.ts';
import { Room } from './room.ts';
import type { RoomSocketOptions } from './room-socket.ts';

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
  readonly #fetch: typeof fetch;

  constructor(options: ParlorClientOptions = {}) {
    this.baseUrl = (options.baseUrl ?? globalThis.location?.origin ?? '').replace(/\/$/, '');
    this.token = options.token;
    this.#fetch = options.fetch ?? ((...request) => fetch(...request));
  }

  /** Makes an account and logs in to it. */
  register(body: {
    username: string;
    email: string;
    password: string;
    displayName?: string;
  }): Promise<LoggedIn> {
    return this.#ask('POST', '/api/v1/auth/register', body);
  }

  /** Logs in with a user name or an e-mail address. */
  login(body: { username?: string; email?: string; password: string }): Promise<LoggedIn> {
    return this.#ask('POST', '/api/v1/auth/login', body);
  }

  /** Renews the access token; without an argument the cookie serves. */
  refresh(refreshToken?: string): Promise<LoggedIn> {
    return this.#ask('POST', '/api/v1/auth/refresh', refreshToken ? { refreshToken } : {});
  }

  /** Ends the login. */
  logout(): Promise<{ message: string }> {
    return this.#ask('POST', '/api/v1/auth/logout', {});
  }

  /** Becomes somebody without an account. */
  guest(displayName?: string): Promise<Guest> {
    return this.#ask('POST', '/api/v1/auth/guest', displayName ? { displayName } : {});
  }

  /** Who asks. */
  me(): Promise<Account> {
    return this.#ask('GET', '/api/v1/users/me');
  }

  /** Changes the name others see. */
  rename(displayName: string): Promise<Account> {
    return this.#ask('PATCH', '/api/v1/users/me', { displayName });
  }

  /** Another person, as all see them. */
  user(userId: string): Promise<Profile> {
    return this.#ask('GET', `/api/v1/users/${encodeURIComponent(userId)}`);
  }

  /** The public rooms and one's own. */
  rooms(): Promise<RoomSummary[]> {
    return this.#ask('GET', '/api/v1/rooms');
  }

  /** Makes a room. */
  createRoom(room: CreateRoom): Promise<CreatedRoom> {
    return this.#ask('POST', '/api/v1/rooms', room);
  }

  /** A room as it is now, without entering it. */
  roomState(roomId: string): Promise<RoomState> {
    return this.#ask('GET', `/api/v1/rooms/${encodeURIComponent(roomId)}`);
  }

  /** Ends a room. */
  deleteRoom(roomId: string): Promise<{ message: string }> {
    return this.#ask('DELETE', `/api/v1/rooms/${encodeURIComponent(roomId)}`);
  }

  /** The room a join code leads to. */
  async findRoom(joinCode: string): Promise<FoundRoom> {
    const path = `/api/rooms/join/${encodeURIComponent(joinCode)}`;
    return (await this.#ask<{ room: FoundRoom }>('GET', path)).room;
  }

  /** A page of chat before a message, oldest first. */
  chat(roomId: string, before?: string): Promise<ChatPage> {
    const query = before === undefined ? '' : `?before=${encodeURIComponent(before)}`;
    return this.#ask('GET', `/api/v1/rooms/${encodeURIComponent(roomId)}/chat${query}`);
  }

  /** What opens one socket, once, within 30 s. */
  async ticket(): Promise<string> {
    return (await this.#ask<{ ticket: string }>('POST', '/api/v1/auth/ticket', {})).ticket;
  }

  /** A room to enter. */
  room(roomId: string, options: Partial<RoomSocketOptions> = {}): Room {
    const path = `/api/v1/rooms/${encodeURIComponent(roomId)}/ws`;
    const url = `${this.baseUrl}${path}`.replace(/^http/, 'ws');
    return new Room({ url, ticket: () => this.ticket(), ...options });
  }

  async #ask<T>(method: string, path: string, body?: object): Promise<T> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (body) headers['content-type'] = 'application/json';
    if (this.token) headers['authorization'] = `Bearer ${this.token}`;
    const response = await this.#fetch(this.baseUrl + path, {
      method,
      headers,
      credentials: this.token ? 'omit' : 'same-origin',
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const answer: unknown = await response.json().catch(() => null);
    if (response.ok) return answer as T;
    throw refusal(response, answer);
  }
}

function refusal(response: Response, answer: unknown): ParlorError {
  const { code, message } = (answer ?? {}) as { code?: string; message?: string };
  const wait = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new ParlorError(
    message ?? `The server answered ${response.status}`,
    code ?? 'internal',
    response.status,
    Number.isFinite(wait) ? wait : undefined,
  );
}
