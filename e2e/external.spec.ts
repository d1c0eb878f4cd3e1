import { createPublicKey } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { exportSPKI, type JWTPayload, importJWK, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { AUDIENCE, Issuer } from './support/issuer.ts';
import { freePort, Server } from './support/server.mjs';

let issuer: Issuer;
let server: Server;

const now = () => Math.floor(Date.now() / 1_000);

/** What a good token of the issuer says. */
function claims(more: Record<string, unknown> = {}): JWTPayload {
  const times = { iat: now(), exp: now() + 60 };
  return { iss: issuer.url, sub: 'user_2abc', aud: AUDIENCE, ...times, ...more };
}

async function ask(token: string, path = '/api/v1/users/me', at = server, method = 'GET') {
  const answer = await fetch(at.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(method === 'POST' && { body: JSON.stringify({ name: 'Film club' }) }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

function serve(url: string, more: Record<string, string> = {}) {
  const env = { PARLOR_OIDC_ISSUERS: url, PARLOR_OIDC_AUDIENCES: AUDIENCE, ...more };
  return Server.start({ env });
}

beforeAll(async () => {
  issuer = await Issuer.start(await freePort());
  server = await serve(issuer.url);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await issuer.stop();
});

test('whom the issuer vouches for is somebody here, and the same one each time', async () => {
  const first = await ask(await issuer.token());
  expect(first).toMatchObject({ status: 200, body: { username: null, isGuest: false } });
  const again = await ask(await issuer.token());
  expect(again.body['id']).toBe(first.body['id']);
  const named = await ask(await issuer.sign(claims({ name: 'Grace', sid: 'sess_1' })));
  expect(named.body).toMatchObject({ displayName: 'Grace', isGuest: false });
  expect(named.body['id']).not.toBe(first.body['id']);
  const { body: room } = await ask(await issuer.token(), '/api/v1/rooms', server, 'POST');
  expect(room).toMatchObject({ hostId: first.body['id'] });
});

test('a token for somebody else, out of its time or not signed by the issuer is refused', async () => {
  const publicKey = await issuer.published();
  const pem = await exportSPKI((await importJWK({ ...publicKey, alg: 'RS256' }, 'RS256')) as never);
  const der = createPublicKey(pem).export({ type: 'spki', format: 'der' });
  const header = { kid: issuer.keyId };
  // The public key is known to everybody: taken for a shared secret, it would prove anything.
  const confused = (secret: Uint8Array) =>
    new SignJWT(claims()).setProtectedHeader({ ...header, alg: 'HS256' }).sign(secret);
  const strangers = await Issuer.start(await freePort());
  const none = new UnsecuredJWT(claims()).encode();
  const noneWithKey = `${Buffer.from(JSON.stringify({ alg: 'none', kid: issuer.keyId })).toString('base64url')}.${none.split('.')[1] ?? ''}.`;
  const refused: Record<string, string> = {
    'for somebody else': await issuer.token('https://another.example.org'),
    'for nobody': await issuer.sign(claims({ aud: undefined })),
    expired: await issuer.sign(claims({ exp: now() - 60, iat: now() - 120 })),
    'without an end': await issuer.sign(claims({ exp: undefined })),
    'not valid yet': await issuer.sign(claims({ nbf: now() + 60 })),
    'made in the future': await issuer.sign(claims({ iat: now() + 60, exp: now() + 120 })),
    'without a person': await issuer.sign(claims({ sub: undefined })),
    'that logs out': await issuer.sign(claims({ events: {} })),
    'without an algorithm': none,
    'without an algorithm, with a key': noneWithKey,
    'signed with the public key as a secret (PEM)': await confused(new TextEncoder().encode(pem)),
    'signed with the public key as a secret (DER)': await confused(der),
    'of another algorithm of the same key': await issuer.sign(claims(), { alg: 'PS256' }),
    'of another issuer': await strangers.token(),
    'signed by another issuer': await strangers.sign(claims(), { kid: issuer.keyId }),
    'that names a key nobody has': await issuer.sign(claims(), { kid: 'made-up' }),
    'that names no key': await issuer.sign(claims(), { kid: undefined as never }),
  };
  for (const [what, token] of Object.entries(refused)) {
    expect(await ask(token), what).toMatchObject({
      status: 401,
      body: { message: 'Invalid or expired token' },
    });
  }
  await strangers.stop();
  expect((await ask(await issuer.sign(claims()))).status).toBe(200);
  const inParty = claims({ aud: undefined, azp: AUDIENCE });
  expect((await ask(await issuer.sign(inParty))).status).toBe(200);
});

test('a new key of the issuer is found, and one it withdrew is forgotten', async () => {
  const port = await freePort();
  let turning = await Issuer.start(port);
  await using site = await serve(turning.url);
  const old = await turning.token();
  expect((await ask(old, undefined, site)).status).toBe(200);
  await turning.stop();
  turning = await Issuer.start(port, 'ES256');
  // Keys are not fetched oftener than every five seconds.
  await expect
    .poll(async () => (await ask(await turning.token(), undefined, site)).status, {
      timeout: 20_000,
      interval: 500,
    })
    .toBe(200);
  expect((await ask(old, undefined, site)).status).toBe(401);
  await turning.stop();
  expect((await ask(await turningToken(turning), undefined, site)).status).toBe(200);
});

/** A token the issuer could have made, though it is gone. */
const turningToken = (gone: Issuer) => gone.sign({ ...claims(), iss: gone.url });

test('an issuer without a discovery document has its keys where Clerk has them', async () => {
  const port = await freePort();
  const keys = { keys: [await issuer.published()] };
  const clerk = createHttpServer((request, response) => {
    const isThere = request.url === '/.well-known/jwks.json';
    response.writeHead(isThere ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isThere ? keys : {}));
  });
  await new Promise<void>((resolve) => clerk.listen(port, '127.0.0.1', resolve));
  const iss = `http://127.0.0.1:${String(port)}`;
  await using site = await serve(iss);
  // As Clerk makes them: for whom stands in `azp` alone.
  const session = claims({ iss, aud: undefined, azp: AUDIENCE, sid: 'sess_2abc' });
  expect((await ask(await issuer.sign(session), undefined, site)).status).toBe(200);
  expect((await ask(await issuer.sign(claims()), undefined, site)).status).toBe(401);
  clerk.close();
});

test('an issuer that hangs holds up nobody else', async () => {
  const port = await freePort();
  const hanging = createServer(() => undefined);
  await new Promise<void>((resolve) => hanging.listen(port, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${String(port)}`;
  await using site = await serve(`${url},${issuer.url}`);
  const token = await issuer.sign({ ...claims(), iss: url });
  const waiting = Promise.all(Array.from({ length: 200 }, () => ask(token, undefined, site)));
  const guest = await fetch(`${site.url}/api/v1/auth/guest`, { method: 'POST' });
  const { accessToken } = (await guest.json()) as { accessToken: string };
  const others = await Promise.all([
    ask(await issuer.token(), undefined, site),
    ask(accessToken, undefined, site),
  ]);
  expect(others.map(({ status }) => status)).toEqual([200, 200]);
  const settled = await Promise.race([waiting.then(() => true), Promise.resolve(false)]);
  expect(settled, 'the others had their answers first').toBe(false);
  const statuses = (await waiting).map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([503]));
  hanging.close();
}, 30_000);

test('a socket lives on such a token for as long as is said, and longer with a newer one', async () => {
  await using site = await serve(issuer.url, { PARLOR_OIDC_SOCKET_SECONDS: '2' });
  const token = await issuer.token();
  const { body } = await ask(token, '/api/v1/rooms', site, 'POST');
  const open = () => {
    const url = `ws://127.0.0.1:${String(site.port)}/rooms/${String(body['roomId'])}/ws`;
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    const ready = new Promise((resolve) => socket.once('message', resolve));
    return { socket, closed, ready };
  };
  const [left, renewed] = [open(), open()];
  await Promise.all([left.ready, renewed.ready]);
  const renewal = setInterval(() => {
    void issuer.token().then((newer) => {
      renewed.socket.send(JSON.stringify({ type: 'AUTH', payload: { token: newer } }));
    });
  }, 400);
  expect(await left.closed).toBe(4001);
  expect(renewed.socket.readyState).toBe(WebSocket.OPEN);
  clearInterval(renewal);
  expect(await renewed.closed).toBe(4001);
});

test('who is kept out stays out whatever the issuer says, and may come back', async () => {
  const link = /\/first\?token=([\w-]+)/.exec(server.output)?.[1] ?? '';
  const root = await ask(await issuer.sign(claims({ sub: 'root' })), '/api/v1/users/me');
  const boss = { authorization: `Bearer ${await issuer.sign(claims({ sub: 'root' }))}` };
  const headers = { ...boss, 'content-type': 'application/json' };
  const post = async (method: string, path: string, body: unknown) => {
    const init = { method, headers, body: JSON.stringify(body) };
    return (await fetch(`${server.url}/api/v1/admin/${path}`, init)).status;
  };
  expect(await post('POST', 'first', { token: link })).toBe(200);
  const eve = () => issuer.sign(claims({ sub: 'eve' }));
  const { body } = await ask(await eve());
  const path = `users/${String(body['id'])}`;
  expect(await post('PATCH', path, { isDisabled: true })).toBe(200);
  expect((await ask(await eve())).status).toBe(401);
  expect(await post('PATCH', path, { isDisabled: false })).toBe(200);
  await expect
    .poll(async () => (await ask(await eve())).status, { timeout: 5_000, interval: 200 })
    .toBe(200);
  const listed = await fetch(`${server.url}/api/v1/admin/users?q=`, { headers });
  const { users } = (await listed.json()) as { users: { id: string; isExternal: boolean }[] };
  expect(users.find(({ id }) => id === root.body['id'])?.isExternal).toBe(true);
});
