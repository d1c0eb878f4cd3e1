import { ParlorClient, ParlorError, type Account } from '@parlor/sdk';
import type { Comfort } from '../comfort';
import { comfort } from '../comfort.svelte';

/** Who this browser was here last; all its tabs see when that changes. */
const KEY = 'parlor.known';

/** The server this page came from. */
export const parlor = new ParlorClient();

class Session {
  /** Who we are; `null` while the server knows nobody. */
  me = $state.raw<Account | null>(null);
  #asked: Promise<Account | null> | undefined;

  constructor() {
    // Whoever signs in or out in another tab does so here.
    addEventListener('storage', ({ key, newValue }) => {
      if (key === KEY && newValue !== (this.me?.id ?? null)) void this.check().catch(() => null);
    });
  }

  /** Whether it is worth asking the server who we are: a first visit answers that by itself. */
  get mayBeKnown(): boolean {
    return localStorage.getItem(KEY) !== null;
  }

  /** Asks the server who we are, once. */
  load(): Promise<Account | null> {
    this.#asked ??= this.#ask();
    return this.#asked;
  }

  /** Asks the server anew who we are: something says that it may have changed. */
  async check(): Promise<void> {
    try {
      this.#take(await parlor.me());
    } catch (error) {
      if (!(error instanceof ParlorError) || error.status !== 401) throw error;
      this.#forget();
    }
  }

  /** Makes sure that we are somebody: a guest, if nobody else. */
  async ensure(): Promise<Account> {
    const known = this.me ?? (await this.load());
    if (known) return known;
    await parlor.guest();
    return this.#take(await parlor.me());
  }

  /** Makes an account and is signed in with it. */
  async register(body: { username: string; email: string; password: string }): Promise<void> {
    await parlor.register(body);
    this.#take(await parlor.me());
  }

  /** Signs in. What is no e-mail address is a user name. */
  async signIn(identifier: string, password: string): Promise<void> {
    const named = identifier.includes('@') ? { email: identifier } : { username: identifier };
    await parlor.login({ ...named, password });
    this.#take(await parlor.me());
  }

  /** Signs out; the browser is nobody afterwards. */
  async signOut(): Promise<void> {
    await parlor.logout();
    this.#forget();
  }

  /** Sets another password, and signs out everywhere else. */
  async changePassword(current: string, password: string): Promise<void> {
    await parlor.changePassword(current, password);
  }

  /** Deletes the account; the browser is nobody afterwards. */
  async leaveForGood(password: string): Promise<void> {
    await parlor.deleteAccount(password);
    this.#forget();
  }

  /** Keeps what one likes with the account, if there is one, and on this device. */
  async prefer(part: Partial<Comfort>): Promise<void> {
    comfort.take(part);
    if (this.me === null) return;
    const { language, ...preferences } = comfort.now;
    this.#take(await parlor.updateMe({ language, preferences }));
  }

  /** Makes this account the first that runs the site, by what the link carries. */
  async claimSite(token: string): Promise<void> {
    await parlor.claimSite(token);
    this.#take(await parlor.me());
  }

  /** Changes the name others see. */
  async rename(displayName: string): Promise<void> {
    this.#take(await parlor.rename(displayName));
  }

  /** Sets another password by what a link carries; the browser is nobody afterwards. */
  async resetPassword(token: string, password: string): Promise<void> {
    await parlor.resetPassword(token, password);
    this.#forget();
  }

  /** Proves the address of an account, which need not be ours, by what a link carries. */
  async verifyEmail(token: string): Promise<void> {
    await parlor.verifyEmail(token);
    this.#asked = undefined;
  }

  #forget(): void {
    this.me = null;
    this.#asked = Promise.resolve(null);
    localStorage.removeItem(KEY);
  }

  async #ask(): Promise<Account | null> {
    try {
      return this.#take(await parlor.me());
    } catch (error) {
      if (error instanceof ParlorError && error.status === 401) return null;
      this.#asked = undefined;
      throw error;
    }
  }

  #take(account: Account): Account {
    this.me = account;
    comfort.take({ ...account.preferences, language: account.language ?? '' });
    localStorage.setItem(KEY, account.id);
    this.#asked = Promise.resolve(account);
    return account;
  }
}

/** Who this browser is to the server. */
export const session = new Session();
