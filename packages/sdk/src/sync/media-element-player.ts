import type { Unsubscribe } from '../emitter.ts';
import type { SourceClass } from '../protocol.ts';
import { systemTime, type Time } from '../time.ts';
import type { Player, PlayerEvents } from './player.ts';
import { PositionReader } from './position-reader.ts';

/** Data a seek needs from its target on, ms. */
const WANTED_MS = 300;
/** `HAVE_FUTURE_DATA` of the HTML standard. */
const FUTURE_DATA = 3;

const CHANGES = ['canplay', 'playing', 'waiting', 'seeked', 'pause', 'loadedmetadata', 'progress'];

/** Whether the element is Firefox's, by a method that only Gecko has. */
const isGecko = (element: HTMLMediaElement): boolean => 'mozGetMetadata' in element;

/** What is not known from the element itself. */
export interface MediaElementOptions {
  /** The kind of source; `video` or `audio` if not named. */
  kind?: string;
  /** Whether it plays music; yes for audio elements if not said. */
  music?: boolean;
  time?: Time;
}

/**
 * A `<video>` or `<audio>` element as a player. Whatever feeds it (a file, hls.js) makes no
 * difference here.
 */
export class MediaElementPlayer implements Player {
  readonly sourceClass: SourceClass = 'exact';
  readonly fineRate = true;
  readonly kind: string;
  readonly music: boolean;
  /** Firefox plays on within 5 ms of `play()` (measured on 153): its clock waits for no sound card. */
  readonly startMs?: number;
  readonly #element: HTMLMediaElement;
  readonly #position: PositionReader;

  constructor(element: HTMLMediaElement, options: MediaElementOptions = {}) {
    this.#element = element;
    this.#position = new PositionReader(element, options.time ?? systemTime);
    this.kind = options.kind ?? element.tagName.toLowerCase();
    this.music = options.music ?? element.tagName === 'AUDIO';
    if (isGecko(element)) this.startMs = 0;
  }

  get positionMs(): number {
    return this.#position.positionMs;
  }

  get durationMs(): number | null {
    const { duration } = this.#element;
    return Number.isFinite(duration) && duration > 0 ? duration * 1000 : null;
  }

  get paused(): boolean {
    return this.#element.paused;
  }

  get seeking(): boolean {
    return this.#element.seeking;
  }

  get ended(): boolean {
    return this.#element.ended;
  }

  get canPlay(): boolean {
    return this.#element.readyState >= FUTURE_DATA;
  }

  isBuffered(positionMs: number): boolean {
    const { buffered } = this.#element;
    const endMs = Math.min(positionMs + WANTED_MS, this.durationMs ?? Infinity);
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) * 1000 <= positionMs && endMs <= buffered.end(i) * 1000 + 1)
        return true;
    }
    return false;
  }

  play(): Promise<void> {
    return this.#element.play();
  }

  pause(): void {
    this.#element.pause();
  }

  seek(positionMs: number): void {
    this.#element.currentTime = Math.max(0, positionMs) / 1000;
  }

  setRate(rate: number, preservesPitch: boolean): void {
    const element = this.#element;
    if (element.preservesPitch !== preservesPitch) element.preservesPitch = preservesPitch;
    if (Math.abs(element.playbackRate - rate) > 1e-6) element.playbackRate = rate;
  }

  on<K extends keyof PlayerEvents>(
    kind: K,
    listener: (value: PlayerEvents[K]) => void,
  ): Unsubscribe {
    const call = listener as (value: string | null) => void;
    const stops = { changed: CHANGES, ended: ['ended'], failed: ['error'] }[kind].map((name) => {
      const heard = () => call(kind === 'failed' ? this.#failure() : null);
      this.#element.addEventListener(name, heard);
      return () => this.#element.removeEventListener(name, heard);
    });
    return () => stops.forEach((stop) => stop());
  }

  #failure(): string {
    return this.#element.error?.message || 'This cannot be played here';
  }
}
