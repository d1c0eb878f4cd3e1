import { Emitter, type Unsubscribe } from '../emitter.ts';
import type { PlaybackState, Readiness } from '../protocol.ts';
import type { RoomSocket } from '../room-socket.ts';
import type { RoomView } from '../room-view.ts';
import type { ServerClock } from '../server-clock.ts';
import { systemTime, type Time, type Timer } from '../time.ts';
import { isMoving } from '../timeline.ts';
import { Follower } from './follower.ts';
import { Leads, type LeadStore } from './leads.ts';
import type { Player } from './player.ts';
import { ReadinessReport } from './readiness.ts';
import { StallWatch } from './stall-watch.ts';
import { Starter, type Line } from './starter.ts';
import { Gauge } from './telemetry.ts';

const TICK_MS = 100;
const TELEMETRY_MS = 5_000;
/** A paused player further off than this, ms, is put in its place. */
const STANDING_MS = 5;
/** A playing player this near to a timeline that begins shortly is already on it, ms. */
const ON_THE_LINE_MS = 150;
/** So near to the end, ms, there is nothing left to put right. */
const END_MS = 250;

/** What the player is doing, in words a page can show. */
export type SyncPhase =
  /** Nothing to play, or no player for it. */
  | 'idle'
  /** The medium loads. */
  | 'loading'
  | 'paused'
  /** The room waits for somebody. */
  | 'holding'
  /** About to meet the room. */
  | 'starting'
  | 'playing'
  /** Ran out of data. */
  | 'stalled'
  /** The browser wants a person to click first: see `unblock`. */
  | 'blocked'
  /** The source shows something else, such as an advert. */
  | 'detached'
  | 'ended';

/** What the controller tells of itself. */
export interface SyncState {
  readonly phase: SyncPhase;
  /** Median error, ms: positive is behind the room; `null` while not playing. */
  readonly errorMs: number | null;
}

/** What a controller is made of. */
export interface SyncOptions {
  socket: RoomSocket;
  view: RoomView;
  clock: ServerClock;
  time?: Time;
  /** Where learned leads outlive the page. */
  leads?: LeadStore | null;
  /** Whether nobody can see the page. */
  isHidden?: () => boolean;
}

const pageIsHidden = (): boolean =>
  typeof document !== 'undefined' && document.visibilityState === 'hidden';

/**
 * Drives a player so that it is where the room is. It only ever listens to the room: what the
 * player does by itself never becomes a command, but for the end of a medium, which asks for the
 * next one.
 */
export class SyncController {
  readonly #socket: RoomSocket;
  readonly #view: RoomView;
  readonly #clock: ServerClock;
  readonly #time: Time;
  readonly #leads: Leads;
  readonly #isHidden: () => boolean;
  readonly #readiness: ReadinessReport;
  readonly #events = new Emitter<{ state: SyncState; failed: string }>();
  readonly #stops: Unsubscribe[];
  readonly #gauge = new Gauge();
  readonly #stall = new StallWatch();
  #player: Player | null = null;
  #mediaUrl: string | null = null;
  #follower: Follower | null = null;
  #starter: Starter | null = null;
  #playerStops: Unsubscribe[] = [];
  #timer: Timer = null;
  #reportedAt = 0;
  #rev = -1;
  /** The medium that readiness was last reported for. */
  #medium = '';
  #blocked = false;
  #played = false;
  #offsetMs = 0;
  #state: SyncState = { phase: 'idle', errorMs: null };

  constructor(options: SyncOptions) {
    this.#socket = options.socket;
    this.#view = options.view;
    this.#clock = options.clock;
    this.#time = options.time ?? systemTime;
    this.#leads = new Leads(options.leads ?? null);
    this.#isHidden = options.isHidden ?? pageIsHidden;
    this.#readiness = new ReadinessReport(this.#socket);
    this.#stops = [
      this.#view.subscribe(({ playback }) => {
        if (playback && playback.rev !== this.#rev) this.#look(false);
      }),
    ];
    this.#reportedAt = this.#time.now();
    this.#beat();
  }

  /** What the player is doing just now. */
  get state(): SyncState {
    return this.#state;
  }

  /** Calls `listener` with what the player is doing, now and after each change. */
  subscribe(listener: (state: SyncState) => void): Unsubscribe {
    listener(this.#state);
    return this.#events.on('state', listener);
  }

  /** Calls `listener` when the medium cannot be played, with a text for people. */
  onFailed(listener: (reason: string) => void): Unsubscribe {
    return this.#events.on('failed', listener);
  }

  /**
   * Takes over a player into which `mediaUrl` was loaded. While the room plays anything else the
   * player stands.
   */
  attach(player: Player, mediaUrl: string): void {
    this.detach();
    this.#player = player;
    this.#mediaUrl = mediaUrl;
    this.#blocked = false;
    this.#played = false;
    this.#stall.reset(this.#time.now());
    if (player.startMs !== undefined) this.#leads.expect(player.kind, player.startMs);
    this.#follower = new Follower(player, this.#leads, this.#gauge, this.#time);
    this.#starter = new Starter(player, this.#leads, this.#time, () => void this.#start(player));
    this.#playerStops = [
      player.on('changed', () => this.#look(false)),
      player.on('ended', () => this.#ended()),
      player.on('failed', (reason) => this.#events.emit('failed', reason)),
    ];
    this.#look(false);
  }

  /** Lets go of the player, as it is. */
  detach(): void {
    this.#starter?.cancel();
    for (const stop of this.#playerStops) stop();
    this.#playerStops = [];
    this.#player = this.#follower = this.#starter = this.#mediaUrl = null;
    this.#tell('idle');
  }

  /**
   * Plays after the browser refused to without a click; to be called from within the click.
   */
  async unblock(): Promise<void> {
    const player = this.#player;
    if (!player) return;
    // The click counts only for what is played within it; the start itself comes later.
    await player.play().catch(() => {});
    player.pause();
    this.#blocked = false;
    this.#look(false);
  }

  /** Plays this much ahead, ms, for ears that hear late (wireless headphones); may be negative. */
  set outputOffsetMs(offsetMs: number) {
    this.#offsetMs = offsetMs;
  }

  get outputOffsetMs(): number {
    return this.#offsetMs;
  }

  /** Stops for good. */
  stop(): void {
    this.detach();
    this.#time.cancel(this.#timer);
    this.#readiness.stop();
    for (const stop of this.#stops) stop();
  }

  #beat(): void {
    this.#look(true);
    this.#timer = this.#time.after(TICK_MS, () => this.#beat());
  }

  /** Looks at the room and the player; errors are sampled on the beat only, to be evenly apart. */
  #look(onBeat: boolean): void {
    const { playback } = this.#view.snapshot;
    const player = this.#player;
    if (!player || !playback || playback.mediaUrl !== this.#mediaUrl) {
      if (player && !player.paused) player.pause();
      return this.#tell('idle');
    }
    if (playback.rev !== this.#rev) {
      this.#rev = playback.rev;
      this.#follower?.reset();
      this.#askedAnew(playback);
    }
    this.#drive(player, playback, onBeat);
    this.#report(player);
  }

  /** The room wants to hear again who is ready for each medium, and while it waits. */
  #askedAnew({ mediaUrl, itemId, holding }: PlaybackState): void {
    const medium = `${mediaUrl} ${itemId}`;
    if (medium !== this.#medium || holding) this.#readiness.again();
    this.#medium = medium;
  }

  #drive(player: Player, playback: PlaybackState, onBeat: boolean): void {
    if (player.sourceClass === 'detached') return this.#tell('detached');
    const serverMs = this.#clock.now();
    // Without a clock the player goes on as it is: a server that restarts stops no film.
    if (serverMs === null) return;
    if (!isMoving(playback)) {
      this.#stand(player, playback.currentTime, playback.playbackSpeed);
      if (!player.canPlay && !player.seeking)
        return this.#tell(this.#played ? 'stalled' : 'loading');
      return this.#tell(playback.holding ? 'holding' : 'paused');
    }
    const line = this.#line(playback, serverMs);
    const now = this.#time.now();
    const durationMs = player.durationMs;
    if (durationMs !== null && line.positionAt(now) >= durationMs - END_MS) {
      if (player.ended || player.paused) return this.#tell('ended');
      return;
    }
    if (!player.paused && line.beginsAt > now && !this.#onLine(player, line, now)) player.pause();
    if (player.paused) return this.#prepare(player, line);
    this.#follow(player, playback, line.positionAt(now), onBeat);
  }

  /**
   * The room's line by own clock. Beyond its beginning it is drawn back as well: a timeline that
   * begins shortly may be one that the player is on already.
   */
  #line(playback: PlaybackState, serverMs: number): Line {
    const beginsAt = this.#time.now() + (playback.at - serverMs);
    const { currentTime, playbackSpeed, rev } = playback;
    const offsetMs = this.#offsetMs;
    return {
      rev,
      beginsAt,
      positionAt: (ownMs) => currentTime + (ownMs - beginsAt) * playbackSpeed + offsetMs,
    };
  }

  #onLine(player: Player, line: Line, now: number): boolean {
    return Math.abs(line.positionAt(now) - player.positionMs) < ON_THE_LINE_MS;
  }

  #stand(player: Player, positionMs: number, rate: number): void {
    this.#starter?.cancel();
    if (!player.paused) player.pause();
    if (player.seeking) return;
    player.setRate(rate, Math.abs(rate - 1) > 1e-4);
    const aimMs = Math.min(positionMs, player.durationMs ?? Infinity);
    if (Math.abs(player.positionMs - aimMs) > STANDING_MS) player.seek(aimMs);
  }

  #prepare(player: Player, line: Line): void {
    if (this.#blocked) return this.#tell('blocked');
    this.#starter?.advance(line);
    if (player.canPlay || player.seeking) return this.#tell('starting');
    this.#tell(this.#played ? 'stalled' : 'loading');
  }

  #follow(player: Player, playback: PlaybackState, targetMs: number, onBeat: boolean): void {
    if (!onBeat) return;
    if (this.#stall.look(player.positionMs, this.#time.now())) this.#gauge.stalls += 1;
    if (this.#stall.stalled) {
      this.#follower?.stalled();
      return this.#tell('stalled');
    }
    this.#follower?.follow(targetMs, playback.playbackSpeed, this.#isHidden());
    this.#tell('playing');
  }

  async #start(player: Player): Promise<void> {
    const { playback } = this.#view.snapshot;
    if (player !== this.#player || !playback || !isMoving(playback)) return;
    player.setRate(playback.playbackSpeed, Math.abs(playback.playbackSpeed - 1) > 1e-4);
    this.#follower?.started();
    this.#stall.reset(this.#time.now());
    this.#played = true;
    try {
      await player.play();
    } catch (error) {
      if (player !== this.#player || !(error instanceof Error)) return;
      if (error.name !== 'NotAllowedError') return;
      this.#blocked = true;
      this.#look(false);
    }
  }

  #ended(): void {
    const { playback } = this.#view.snapshot;
    if (!playback || playback.mediaUrl !== this.#mediaUrl || !isMoving(playback)) return;
    this.#tell('ended');
    this.#socket.tell('QUEUE_NEXT', playback.itemId == null ? {} : { from: playback.itemId });
  }

  #report(player: Player): void {
    const rttMs = this.#clock.estimate?.rttMs;
    this.#readiness.report(this.#ready(player), rttMs);
    const now = this.#time.now();
    if (now - this.#reportedAt < TELEMETRY_MS) return;
    this.#reportedAt = now;
    const telemetry = this.#gauge.take(this.#clock.estimate?.boundMs ?? 0, player.sourceClass);
    if (!telemetry) return;
    this.#socket.tell('MEMBER_STATE', rttMs === undefined ? { telemetry } : { telemetry, rttMs });
  }

  #ready(player: Player): Readiness {
    const { phase } = this.#state;
    if (phase === 'blocked' || phase === 'detached' || this.#isHidden()) return 'away';
    if (player.canPlay || player.ended) return 'ready';
    return this.#played && phase !== 'loading' ? 'stalled' : 'loading';
  }

  #tell(phase: SyncPhase): void {
    const errorMs = phase === 'playing' ? (this.#follower?.errorMs ?? null) : null;
    const { phase: before, errorMs: errorBefore } = this.#state;
    if (phase === before && errorMs === errorBefore) return;
    this.#state = { phase, errorMs };
    this.#events.emit('state', this.#state);
  }
}
