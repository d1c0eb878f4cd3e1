/** What `POST /api/v1/auth/guest` answers. */
export interface Guest {
  id: string;
  displayName: string;
  accessToken: string;
}

/** What matters of a new room. */
export interface NewRoom {
  roomId: string;
  name: string;
  hostId: string;
  joinCode: string;
}

/** An answer of the server that is not one of success. */
export class Refused extends Error {
  readonly status: number;
  readonly body: unknown;

  constructor(status: number, body: unknown) {
    super(`${String(status)} ${JSON.stringify(body)}`);
    this.status = status;
    this.body = body;
  }
}

/** Sends a JSON request and returns the JSON of a successful answer. */
export async function call(
  url: string,
  method: string,
  path: string,
  { token, body }: { token?: string; body?: unknown } = {},
): Promise<unknown> {
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer: unknown = text === '' ? undefined : JSON.parse(text);
  if (!response.ok) throw new Refused(response.status, answer);
  return answer;
}

/** Makes a guest. */
export async function newGuest(url: string, displayName?: string): Promise<Guest> {
  return (await call(url, 'POST', '/api/v1/auth/guest', { body: { displayName } })) as Guest;
}

/** Opens a room for somebody. */
export async function newRoom(
  url: string,
  guest: Guest,
  room: Record<string, unknown> = {},
): Promise<NewRoom> {
  const body = { name: 'Film night', idleTtlSeconds: 600, ...room };
  return (await call(url, 'POST', '/api/v1/rooms', { token: guest.accessToken, body })) as NewRoom;
}

/** Asks for a room as the server sees it. */
export async function roomState(
  url: string,
  guest: Guest,
  roomId: string,
): Promise<Record<string, unknown>> {
  const path = `/api/v1/rooms/${roomId}`;
  return (await call(url, 'GET', path, { token: guest.accessToken })) as Record<string, unknown>;
}
