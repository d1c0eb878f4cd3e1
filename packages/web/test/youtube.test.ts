import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nearestRate, YoutubePlayer, type YoutubeElement } from '../src/room/stage/youtube';

const PLAYING = 1;
const PAUSED = 2;
const BUFFERING = 3;
const CUED = 5;

/** What `youtube-video-element` offers, with a frame that does what the test says. */
class FakeElement extends EventTarget implements YoutubeElement {
  state = CUED;
  currentTime = 0;
  playbackRate = 1;
  duration = 200;
  isLoaded = true;
  error: YoutubeElement['error'] = null;
  api = { getPlayerState: () => this.state };
  play = vi.fn(() => Promise.resolve());
  pause = vi.fn();

  get paused(): boolean {
    return this.state !== PLAYING && this.state !== BUFFERING;
  }

  tell(name: string): void {
    this.dispatchEvent(new Event(name));
  }
}

describe('a YouTube player', () => {
  let element: FakeElement;
  let now: number;
  let player: YoutubePlayer;

  beforeEach(() => {
    vi.useFakeTimers();
    element = new FakeElement();
    now = 0;
    player = new YoutubePlayer(element, () => now);
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('speaks in milliseconds', () => {
    element.currentTime = 12.5;
    expect([player.positionMs, player.durationMs]).toEqual([12_500, 200_000]);
    player.seek(30_000);
    expect(element.currentTime).toBe(30);
    element.duration = Number.NaN;
    expect(player.durationMs).toBeNull();
  });

  it('plays once the frame says that it plays', async () => {
    const played = player.play();
    element.state = PLAYING;
    element.tell('playing');
    await expect(played).resolves.toBeUndefined();
  });

  it('says that a click is wanted when the frame stays silent', async () => {
    const played = expect(player.play()).rejects.toMatchObject({ name: 'NotAllowedError' });
    await vi.advanceTimersByTimeAsync(3_000);
    await played;
  });

  it('does not take slow loading for a refusal', async () => {
    const played = expect(player.play()).resolves.toBeUndefined();
    element.state = BUFFERING;
    await vi.advanceTimersByTimeAsync(3_000);
    await played;
    expect(player.canPlay).toBe(false);
  });

  it('is detached while an advert runs, and back when the film does', () => {
    element.state = PLAYING;
    element.currentTime = 40;
    expect(player.sourceClass).toBe('coarse');
    now = 3_000;
    expect(player.sourceClass).toBe('detached');
    element.currentTime = 40.2;
    expect(player.sourceClass).toBe('coarse');
  });

  it('stands without being detached while it is paused', () => {
    element.state = PAUSED;
    now = 60_000;
    expect(player.sourceClass).toBe('coarse');
  });

  it('sets only rates that YouTube has', () => {
    player.setRate(1.02);
    expect(element.playbackRate).toBe(1);
    player.setRate(1.3);
    expect(element.playbackRate).toBe(1.25);
    expect(nearestRate(4)).toBe(2);
  });

  it('tells of changes, of the end and of failures until it is released', () => {
    const heard: string[] = [];
    player.on('changed', () => heard.push('changed'));
    player.on('ended', () => heard.push('ended'));
    player.on('failed', (code) => heard.push(`failed ${code}`));
    element.tell('playing');
    element.tell('ended');
    element.error = { code: 150, message: '' };
    element.tell('error');
    player.release();
    element.tell('playing');
    expect(heard).toEqual(['changed', 'ended', 'failed 150']);
  });
});
