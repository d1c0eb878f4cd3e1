import type { Unsubscribe } from '../emitter.ts';
import type { SourceClass } from '../protocol.ts';

/** What a player tells of itself. */
export interface PlayerEvents {
  /** Something changed that may let the controller go on: data came, a seek ended, it stopped. */
  changed: null;
  /** The medium played to its end. */
  ended: null;
  /** The medium cannot be played; the text is for people. */
  failed: string;
}

/**
 * What the sync controller drives: a media element, or a player behind somebody else's interface.
 * Positions are milliseconds of the medium.
 */
export interface Player {
  /** How exactly it can be steered; `detached` while it shows something else, such as an advert. */
  readonly sourceClass: SourceClass;
  /** The kind of source, such as `video/mp4`: what is learned of one holds for its kind. */
  readonly kind: string;
  /** Whether it plays music, whose pitch must not be heard to bend. */
  readonly music: boolean;
  /** Whether any rate may be set, or only the few a foreign player offers. */
  readonly fineRate: boolean;
  /** How long a start is known to take before one was watched, ms; as in Chromium if not said. */
  readonly startMs?: number;
  readonly positionMs: number;
  /** `null` while unknown or endless. */
  readonly durationMs: number | null;
  readonly paused: boolean;
  readonly seeking: boolean;
  readonly ended: boolean;
  /** Whether there is enough data to go on from here. */
  readonly canPlay: boolean;
  /** Whether the data at a position is there already. */
  isBuffered(positionMs: number): boolean;
  /** Rejects with a `NotAllowedError` where a person must act first. */
  play(): Promise<void>;
  pause(): void;
  seek(positionMs: number): void;
  /** Sets the rate, if it is not that already. */
  setRate(rate: number, preservesPitch: boolean): void;
  on<K extends keyof PlayerEvents>(
    kind: K,
    listener: (value: PlayerEvents[K]) => void,
  ): Unsubscribe;
}
