import type { Unsubscribe } from '../emitter.ts';
import { Disconnected } from '../errors.ts';
import { randomId } from '../outbox.ts';
import { errorOf, type Letter, type Outcome, outcomeOf } from './letters.ts';
import { pageRests } from './rest.ts';

/** How often a tab makes sure that the one that holds is awake, ms, if it has not heard of it. */
const LOOK_EVERY_MS = 10_000;
/** A holder that does not answer for so long, ms, hangs or sleeps: another takes its place. */
const ANSWERS_WITHIN_MS = 3_000;
/** Tabs understand each other if this is the same; it changes with what they write. */
const VERSION = 1;

/** What is shared among tabs, and what each does with it. */
export interface ShareOptions<Told, Asked, Answer> {
  /** Tabs of one browser, at one origin, that give the same name share. */
  name: string;
  /**
   * Called when it is this tab's turn: makes the connection, whose news go to `tell`. Returns how to
   * let it go.
   */
  hold: (tell: (told: Told) => void) => () => void;
  /** Called when another tab has come to hold: something told meanwhile may not have got here. */
  follow: () => void;
  /** Takes what the tab that holds tells all, itself too. */
  hear: (told: Told) => void;
  /**
   * Carries out what some tab asks, while this one holds. The next tab that holds is asked the same
   * again if this one goes before its answer is there: it must do no harm twice.
   */
  carryOut: (asked: Asked) => Promise<Answer>;
}

interface Question<Asked, Answer> {
  asked: Asked;
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
}

/**
 * One connection for all tabs of a browser. Exactly one tab holds it, by a lock of the browser's (Web
 * Locks API); what it hears it tells the others over a `BroadcastChannel`, and it does for them what
 * they ask. When it is closed, crashes, is frozen or hangs, another takes its place. Where the browser
 * has no locks (it has them on secure pages alone) each tab holds a connection of its own.
 */
export class TabShare<Told, Asked, Answer> {
  readonly #options: ShareOptions<Told, Asked, Answer>;
  readonly #name: string;
  readonly #questions = new Map<string, Question<Asked, Answer>>();
  #stopResting: Unsubscribe | undefined;
  #channel: BroadcastChannel | undefined;
  /** Ends this tab's place in the queue for the lock, or its holding of it. */
  #turn = new AbortController();
  /** Whose time it is, as far as is known here: it grows with each tab that comes to hold. */
  #term = 0;
  /** Lets go of what this tab holds. */
  #letGo: (() => void) | undefined;
  #look: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ShareOptions<Told, Asked, Answer>) {
    this.#options = options;
    this.#name = `parlor.${VERSION}.${options.name}`;
  }

  /** Whether this tab holds the connection. */
  get holds(): boolean {
    return this.#letGo !== undefined;
  }

  /** Joins the tabs that share. */
  open(): void {
    if (this.#stopResting) return;
    this.#stopResting = pageRests((rests) => (rests ? this.#leave() : this.#join()));
    this.#join();
  }

  /**
   * Asks the tab that holds, and the next one if that goes. Rejects as `carryOut` does there, with
   * `Disconnected` for errors that are not the server's.
   */
  ask(asked: Asked): Promise<Answer> {
    const id = randomId();
    return new Promise((resolve, reject) => {
      this.#questions.set(id, { asked, resolve, reject });
      this.#put(id, asked);
    });
  }

  /** Leaves for good; what is not answered is rejected with `Disconnected`. */
  close(): void {
    this.#stopResting?.();
    this.#leave();
    const questions = [...this.#questions.values()];
    this.#questions.clear();
    for (const { reject } of questions) reject(new Disconnected());
  }

  #join(): void {
    const locks = (globalThis.navigator as Navigator | undefined)?.locks;
    if (!locks || typeof BroadcastChannel === 'undefined') return this.#begin();
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#take(data as Letter<Told, Asked, Answer>);
    void this.#queue(locks, false);
    this.#post({ kind: 'who' });
    this.#lookLater();
  }

  #leave(): void {
    clearTimeout(this.#look);
    this.#turn.abort();
    this.#end();
    this.#channel?.close();
    this.#channel = undefined;
    this.#term = 0;
  }

  /** Waits for this tab's turn, or takes it away from whom has it, and holds until it leaves. */
  async #queue(locks: LockManager, steal: boolean): Promise<void> {
    this.#turn.abort();
    const turn = new AbortController();
    this.#turn = turn;
    const { signal } = turn;
    const untilLeft = new Promise<void>((left) => signal.addEventListener('abort', () => left()));
    try {
      await locks.request(this.#name, steal ? { steal } : { signal }, () => {
        if (signal.aborted) return undefined;
        this.#begin();
        return untilLeft;
      });
    } catch (error) {
      if (signal.aborted) return;
      // Where the browser has locks and does not let this page have any, it is alone.
      const isTaken = error instanceof DOMException && error.name === 'AbortError';
      this.#leave();
      if (isTaken) this.#join();
      else this.#begin();
    }
  }

  #begin(): void {
    clearTimeout(this.#look);
    const term = Math.max(this.#term + 1, Date.now());
    this.#term = term;
    const isMine = () => this.#letGo !== undefined && term === this.#term;
    this.#letGo = this.#options.hold((told) => {
      if (!isMine()) return;
      this.#post({ kind: 'told', term, told });
      this.#options.hear(told);
    });
    this.#post({ kind: 'holds', term });
    this.#putAll();
  }

  #end(): void {
    const letGo = this.#letGo;
    this.#letGo = undefined;
    letGo?.();
  }

  /** Makes sure in a while that the tab that holds is awake; if it is not, takes its place. */
  #lookLater(): void {
    clearTimeout(this.#look);
    this.#look = setTimeout(() => {
      this.#post({ kind: 'who' });
      const take = () => void this.#queue(navigator.locks, true);
      this.#look = setTimeout(take, ANSWERS_WITHIN_MS);
    }, LOOK_EVERY_MS);
  }

  #take(letter: Letter<Told, Asked, Answer>): void {
    switch (letter.kind) {
      case 'who':
        if (this.#letGo) this.#post({ kind: 'holds', term: this.#term });
        return;
      case 'holds':
        this.#follows(letter.term);
        return;
      case 'told':
        if (this.#follows(letter.term)) this.#options.hear(letter.told);
        return;
      case 'asked':
        if (this.#letGo && letter.term === this.#term) void this.#answer(letter.id, letter.asked);
        return;
      case 'answered':
        if (letter.outcome.done || letter.term === this.#term) {
          this.#settle(letter.id, letter.outcome);
        }
        return;
    }
  }

  /** Takes note of who holds; says whether what is said in that time counts. */
  #follows(term: number): boolean {
    if (this.#letGo || term < this.#term) return false;
    this.#lookLater();
    if (term === this.#term) return true;
    this.#term = term;
    this.#options.follow();
    this.#putAll();
    return true;
  }

  #putAll(): void {
    for (const [id, { asked }] of this.#questions) this.#put(id, asked);
  }

  /** Puts a question to the tab that holds; if nobody is known to, it waits for one. */
  #put(id: string, asked: Asked): void {
    if (this.#letGo) void this.#answer(id, asked);
    else if (this.#term > 0) this.#post({ kind: 'asked', term: this.#term, id, asked });
  }

  async #answer(id: string, asked: Asked): Promise<void> {
    const term = this.#term;
    const outcome = await outcomeOf(this.#options.carryOut(asked));
    // What failed because this tab holds no more is asked of the next one.
    if (!outcome.done && (!this.#letGo || term !== this.#term)) return;
    if (this.#questions.has(id)) this.#settle(id, outcome);
    else this.#post({ kind: 'answered', term, id, outcome });
  }

  #settle(id: string, outcome: Outcome<Answer>): void {
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    if (outcome.done) question?.resolve(outcome.answer);
    else question?.reject(errorOf(outcome.message, outcome.refusal));
  }

  #post(letter: Letter<Told, Asked, Answer>): void {
    this.#channel?.postMessage(letter);
  }
}
