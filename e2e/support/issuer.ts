import { createServer, type Server } from 'node:http';
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT, type JWTPayload } from 'jose';
import Provider from 'oidc-provider';

/** For whom the issuer's tokens are: what a Parlor is told as `PARLOR_OIDC_AUDIENCES`. */
export const AUDIENCE = 'https://parlor.example.org';
const CLIENT = { client_id: 'film-club', client_secret: 'a secret between the two' };

/** A real OpenID Connect issuer on a loopback port. */
export class Issuer {
  #server: Server;
  #jwk: JWK;

  private constructor(
    readonly port: number,
    server: Server,
    jwk: JWK,
  ) {
    this.#server = server;
    this.#jwk = jwk;
  }

  /** Its name, which is its address. */
  get url(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  /** The name of its key. */
  get keyId(): string {
    return this.#jwk.kid ?? '';
  }

  /** Starts one with a fresh key of its own. */
  static async start(port: number, alg = 'RS256'): Promise<Issuer> {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    const jwk = { ...(await exportJWK(privateKey)), kid: crypto.randomUUID(), alg, use: 'sig' };
    const provider = new Provider(`http://127.0.0.1:${String(port)}`, {
      jwks: { keys: [jwk] } as never,
      clients: [
        {
          ...CLIENT,
          grant_types: ['client_credentials'],
          redirect_uris: [],
          response_types: [],
          id_token_signed_response_alg: alg as never,
        },
      ],
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_context, audience) => ({
            scope: 'watch',
            audience,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: alg as never } },
          }),
        },
      },
    });
    const answer = provider.callback();
    const server = createServer((request, response) => void answer(request, response));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return new Issuer(port, server, jwk);
  }

  /** Has the issuer make a token for an audience. */
  async token(audience = AUDIENCE): Promise<string> {
    const form = { grant_type: 'client_credentials', scope: 'watch', resource: audience };
    const answer = await fetch(`${this.url}/token`, {
      method: 'POST',
      body: new URLSearchParams({ ...form, ...CLIENT }),
    });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    return token;
  }

  /** Signs something else with the issuer's key, as an issuer that errs would. */
  async sign(claims: JWTPayload, header: { kid?: string; alg?: string } = {}): Promise<string> {
    const alg = header.alg ?? this.#jwk.alg ?? '';
    const key = await importJWK(this.#jwk, alg);
    return new SignJWT(claims).setProtectedHeader({ kid: this.keyId, ...header, alg }).sign(key);
  }

  /** The public half of its key, as it is published. */
  async published(): Promise<JWK> {
    const answer = await fetch(`${this.url}/jwks`);
    const { keys } = (await answer.json()) as { keys: [JWK] };
    return keys[0];
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
