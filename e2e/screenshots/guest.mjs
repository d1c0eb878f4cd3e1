import { once } from 'node:events';
import WebSocket from 'ws';

/** Calls the server as JSON; throws with its answer when it refuses. */
export async function call(url, method, path, { token, body } = {}) {
  const response = await fetch(url + path, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
  return answer;
}

/** Somebody in a room without a browser: says what a player would say. */
export class Guest {
  #socket;
  #next = 1;

  constructor(person, socket) {
    this.id = person.id;
    this.name = person.displayName;
    this.token = person.accessToken;
    this.#socket = socket;
  }

  /** Makes a guest, who then enters a room. */
  static async enter(url, roomId, displayName) {
    const person = await call(url, 'POST', '/api/v1/auth/guest', { body: { displayName } });
    const address = `${url.replace('http', 'ws')}/api/v1/rooms/${roomId}/ws`;
    const headers = { authorization: `Bearer ${person.accessToken}` };
    const socket = new WebSocket(address, { headers });
    await once(socket, 'open');
    const guest = new Guest(person, socket);
    await guest.command('SYNC_REQUEST');
    return guest;
  }

  /** Sends a command and waits for its answer. */
  async command(type, payload) {
    const id = this.#next++;
    this.#socket.send(JSON.stringify({ type, payload, id }));
    for await (const [data] of this.#answers()) {
      const frame = JSON.parse(data);
      if (frame.id !== id) continue;
      if (frame.type === 'ERROR') throw new Error(`${type}: ${frame.payload}`);
      return;
    }
  }

  /** Sends a command that nobody answers. */
  tell(type, payload) {
    this.#socket.send(JSON.stringify({ type, payload }));
  }

  /** Reports how well a player follows; positive is behind the room. */
  follow(errorNowMs, extra = {}) {
    const size = Math.abs(errorNowMs);
    const sizes = { errorP50Ms: size, errorP95Ms: size, errorMaxMs: size };
    const counts = { seeks: 0, rateChanges: 0, stalls: 0, clockBoundMs: 1 };
    const telemetry = { ...sizes, ...counts, errorNowMs, class: 'exact', ...extra };
    this.tell('MEMBER_STATE', { readiness: 'ready', telemetry });
  }

  /** Loses the connection without a word, as a train in a tunnel does. */
  drop() {
    this.#socket.terminate();
  }

  leave() {
    this.tell('LEAVE');
    this.#socket.close(1000);
  }

  async *#answers() {
    const queue = [];
    let wake = () => {};
    const heard = (data) => {
      queue.push([data]);
      wake();
    };
    this.#socket.on('message', heard);
    try {
      for (;;) {
        while (queue.length > 0) yield queue.shift();
        await new Promise((resolve) => (wake = resolve));
      }
    } finally {
      this.#socket.off('message', heard);
    }
  }
}
