import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Socket, io } from 'socket.io-client';
import { Inbox } from './inbox.ts';

/** How long an acknowledgement may take, ms. */
const ANSWERED_MS = 30_000;

/** How a client goes. */
export type Transports = readonly ('polling' | 'websocket')[];

/** Somebody's connection, whatever library keeps it. */
export interface Talker {
  readonly inbox: Inbox;
  /** Says something and wants no answer. */
  emit(event: string, payload?: unknown): void;
  /** Says something and returns its acknowledgement. */
  ask(event: string, payload?: unknown): Promise<unknown>;
  /** Leaves as a client does that is closed. */
  close(): Promise<void>;
}

/** The libraries there are. */
export const LIBRARIES = { 'socket.io-client': javaScript, 'python-socketio': python } as const;

async function javaScript(url: string, transports: Transports, token?: string): Promise<Talker> {
  const auth = token === undefined ? {} : { token };
  const socket = io(url, { forceNew: true, transports: [...transports], auth });
  const inbox = new Inbox();
  socket.onAny((event: string, argument: unknown) => {
    inbox.put(event, argument);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  return {
    inbox,
    emit: (event, ...payload) => {
      socket.emit(event, ...payload);
    },
    ask: (event, ...payload) => asked(socket, event, payload),
    close: async () => {
      socket.disconnect();
      await Promise.resolve();
    },
  };
}

async function asked(socket: Socket, event: string, payload: unknown[]): Promise<unknown> {
  return socket.timeout(ANSWERED_MS).emitWithAck(event, ...payload);
}

/** What `socket_client.py` says: that it is connected, an event, an acknowledgement. */
interface Line {
  connected?: boolean;
  event?: string;
  argument?: unknown;
  ack?: number;
  answer?: unknown;
}

async function python(url: string, transports: Transports, token?: string): Promise<Talker> {
  const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const words = [at('socket_client.py'), url, transports.join(','), 'talk'];
  const child = spawn(
    at('../../target/py/bin/python'),
    token === undefined ? words : [...words, token],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const inbox = new Inbox();
  const answers = new Map<number, (answer: unknown) => void>();
  const ended = new Promise<void>((resolve) => child.once('close', resolve));
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      reject(new Error(`the client ended with ${String(code)} before it was connected`));
    });
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as Line;
      if (line.connected === true) resolve();
      if (line.event !== undefined) inbox.put(line.event, line.argument);
      if (line.ack !== undefined) answers.get(line.ack)?.(line.answer);
    });
  });
  return {
    inbox,
    emit: (event, ...payload) => {
      say(child, { event, payload });
    },
    ask: (event, ...payload) =>
      new Promise((resolve, reject) => {
        const ack = answers.size;
        const timer = setTimeout(() => {
          reject(new Error(`${event} was not acknowledged`));
        }, ANSWERED_MS);
        answers.set(ack, (answer) => {
          clearTimeout(timer);
          resolve(answer);
        });
        say(child, { event, payload, ack });
      }),
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

function say(child: ChildProcessByStdio<Writable, Readable, null>, line: unknown): void {
  child.stdin.write(`${JSON.stringify(line)}\n`);
}
