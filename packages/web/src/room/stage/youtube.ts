import {
  Emitter,
  type Player,
  type PlayerEvents,
  type SourceClass,
  type Unsubscribe,
} from '@parlor/sdk';

/** What is used of `youtube-video-element`: the members of a media element it really has. */
export interface YoutubeElement extends EventTarget {
  readonly api?: { getPlayerState?(): number; getVideoData?(): { isLive?: boolean } } | null;
  readonly duration: number;
  readonly paused: boolean;
  readonly error: { code: number; message: string } | null;
  readonly isLoaded: boolean;
  currentTime: number;
  playbackRate: number;
  play(): Promise<unknown>;
  pause(): unknown;
}

/** The rates YouTube's player takes (IFrame API, getAvailablePlaybackRates). */
const RATES = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];

/** `YT.PlayerState`: unstarted, ended, playing, paused, buffering, cued. */
const STATE = { unstarted: -1, ended: 0, playing: 1, paused: 2, buffering: 3, cued: 5 } as const;

/** A player that has said nothing for this long after `play()` was refused by the browser, ms. */
const REFUSED_MS = 2_500;

/** A clock that stands this long while YouTube says it plays is an advert's, ms. */
const ADVERT_MS = 2_000;

const CHANGES = ['playing', 'pause', 'seeked', 'loadedmetadata', 'progress', 'timeupdate'];

/**
 * YouTube's player behind the SDK's interface. Its clock is read through messages and is coarse;
 * its own seeking flag reports jumps of ordinary playback, so seeking is told from the state of
 * the frame's player alone. While an advert runs the film's clock stands: then it is detached.
 */
export class YoutubePlayer implements Player {
  readonly kind = 'youtube';
  readonly music = false;
  readonly fineRate = false;
  readonly #element: YoutubeElement;
  readonly #now: () => number;
  readonly #events = new Emitter<PlayerEvents>();
  readonly #scope = new AbortController();
  #lastMs = 0;
  #movedAt: number;

  constructor(element: YoutubeElement, now: () => number = () => performance.now()) {
    this.#element = element;
    this.#now = now;
    this.#movedAt = now();
    const { signal } = this.#scope;
    for (const name of CHANGES) {
      element.addEventListener(name, () => this.#events.emit('changed', null), { signal });
    }
    element.addEventListener('ended', () => this.#events.emit('ended', null), { signal });
    element.addEventListener('error', () => this.#events.emit('failed', this.#failure()), {
      signal,
    });
  }

  get sourceClass(): SourceClass {
    this.#watchClock();
    const stands = this.#now() - this.#movedAt > ADVERT_MS;
    return this.#state === STATE.playing && stands ? 'detached' : 'coarse';
  }

  get positionMs(): number {
    return this.#element.currentTime * 1_000;
  }

  get durationMs(): number | null {
    const { duration } = this.#element;
    return Number.isFinite(duration) && duration > 0 ? duration * 1_000 : null;
  }

  get paused(): boolean {
    return this.#element.paused;
  }

  get seeking(): boolean {
    return this.#state === STATE.buffering && !this.#element.paused;
  }

  get ended(): boolean {
    return this.#state === STATE.ended;
  }

  /** The frame fetches what it needs when told to play; before that it says nothing about data. */
  get canPlay(): boolean {
    return this.#element.isLoaded && this.#state !== STATE.buffering;
  }

  isBuffered(): boolean {
    return this.#element.isLoaded;
  }

  /** The frame answers no promise: who hears nothing after a while was refused. */
  play(): Promise<void> {
    return new Promise((resolve, reject) => {
      const heard = new AbortController();
      const finish = (act: () => void) => {
        clearTimeout(timer);
        heard.abort();
        act();
      };
      const timer = setTimeout(
        () => finish(() => (this.#refused() ? reject(notAllowed()) : resolve())),
        REFUSED_MS,
      );
      this.#element.addEventListener('playing', () => finish(resolve), { signal: heard.signal });
      void Promise.resolve(this.#element.play()).catch(() => {});
    });
  }

  pause(): void {
    this.#element.pause();
  }

  seek(positionMs: number): void {
    this.#element.currentTime = Math.max(0, positionMs) / 1_000;
    this.#movedAt = this.#now();
  }

  setRate(rate: number): void {
    const nearest = nearestRate(rate);
    if (this.#element.playbackRate !== nearest) this.#element.playbackRate = nearest;
  }

  on<K extends keyof PlayerEvents>(
    kind: K,
    listener: (value: PlayerEvents[K]) => void,
  ): Unsubscribe {
    return this.#events.on(kind, listener);
  }

  /** Lets go of the element. */
  release(): void {
    this.#scope.abort();
  }

  get #state(): number {
    return this.#element.api?.getPlayerState?.() ?? STATE.unstarted;
  }

  #refused(): boolean {
    const state = this.#state;
    return state === STATE.unstarted || state === STATE.cued || state === STATE.paused;
  }

  #watchClock(): void {
    const positionMs = this.positionMs;
    if (positionMs === this.#lastMs && this.#state === STATE.playing) return;
    this.#lastMs = positionMs;
    this.#movedAt = this.#now();
  }

  /** Codes of the IFrame API's onError: 100 not found, 101 and 150 not allowed elsewhere. */
  #failure(): string {
    return String(this.#element.error?.code ?? '');
  }
}

/** The rate YouTube offers that is nearest to the one wanted. */
export function nearestRate(rate: number): number {
  return RATES.reduce(
    (best, one) => (Math.abs(one - rate) < Math.abs(best - rate) ? one : best),
    1,
  );
}

function notAllowed(): Error {
  return new DOMException('The browser wants a click first', 'NotAllowedError');
}
