import { expect, test } from 'vitest';
import { PositionReader, type PositionSource } from '../src/sync/position-reader.ts';
import { VirtualTime } from './virtual-time.ts';

/** An element that plays, and says where it is once per step only. */
function element(time: VirtualTime, stepMs: number): PositionSource {
  return {
    get currentTime() {
      return (Math.floor(time.now() / stepMs) * stepMs) / 1000;
    },
    playbackRate: 1,
    paused: false,
    seeking: false,
    ended: false,
    addEventListener: () => {},
  };
}

/** The largest error of a reader over two seconds, ms, looked at at odd moments. */
async function worst(time: VirtualTime, reader: PositionReader): Promise<number> {
  let worstMs = 0;
  for (let i = 0; i < 290; i++) {
    await time.pass(7);
    worstMs = Math.max(worstMs, Math.abs(reader.positionMs - time.now()));
  }
  return worstMs;
}

test('a position that moves in steps of 42 ms is read to a few ms', async () => {
  const time = new VirtualTime();
  const reader = new PositionReader(element(time, 42), time);
  await time.pass(1_000);
  expect(await worst(time, reader)).toBeLessThan(6);
});

test('a page that is held up now and then reads a stepping position to a few ms', async () => {
  const time = new VirtualTime();
  const reader = new PositionReader(element(time, 42), time);
  await time.pass(1_000);
  let worstMs = 0;
  for (const heldMs of [31, 57, 85, 120, 44, 97]) {
    await time.pass(200);
    time.hold(heldMs);
    worstMs = Math.max(worstMs, Math.abs(reader.positionMs - time.now()));
    await time.pass(60);
    worstMs = Math.max(worstMs, Math.abs(reader.positionMs - time.now()));
  }
  expect(worstMs).toBeLessThan(6);
});

test('a page that was long held up does not take steps for an exact position', async () => {
  const time = new VirtualTime();
  const reader = new PositionReader(element(time, 42), time);
  for (let i = 0; i < 100; i++) {
    time.hold(40);
    await time.pass(0);
  }
  await time.pass(500);
  expect(await worst(time, reader)).toBeLessThan(6);
});

test('a change of the rate is drawn at once', async () => {
  const time = new VirtualTime();
  let [fromMs, fromAt] = [0, 0];
  const exactMs = (): number => fromMs + (time.now() - fromAt) * changing.playbackRate;
  const changing = {
    ...element(time, 42),
    get currentTime(): number {
      // Steps are of the clock, not of the position.
      const steppedAt = Math.max(fromAt, Math.floor(time.now() / 42) * 42);
      return (fromMs + (steppedAt - fromAt) * this.playbackRate) / 1000;
    },
  };
  const reader = new PositionReader(changing, time);
  await time.pass(1_000);
  let worstMs = 0;
  for (const rate of [0.88, 1.12, 0.98, 1]) {
    [fromMs, fromAt] = [exactMs(), time.now()];
    changing.playbackRate = rate;
    for (let i = 0; i < 40; i++) {
      await time.pass(7);
      worstMs = Math.max(worstMs, Math.abs(reader.positionMs - exactMs()));
    }
  }
  expect(worstMs).toBeLessThan(6);
});

test('after a stall the steps from before it are forgotten', async () => {
  const time = new VirtualTime();
  let lostMs = 0;
  const stalling = element(time, 42);
  const moving = Object.getOwnPropertyDescriptor(stalling, 'currentTime');
  const exactS = () => Number(moving?.get?.call(stalling)) - lostMs / 1000;
  Object.defineProperty(stalling, 'currentTime', { configurable: true, get: exactS });
  const reader = new PositionReader(stalling, time);
  await time.pass(1_000);
  const stoodS = stalling.currentTime;
  Object.defineProperty(stalling, 'currentTime', { configurable: true, get: () => stoodS });
  await time.pass(210);
  lostMs = 210;
  Object.defineProperty(stalling, 'currentTime', { configurable: true, get: exactS });
  await time.pass(100);
  expect(Math.abs(reader.positionMs - (time.now() - lostMs))).toBeLessThan(6);
});

test('an exact position is told as it is', async () => {
  const time = new VirtualTime();
  const reader = new PositionReader(element(time, 1), time);
  await time.pass(1_000);
  expect(await worst(time, reader)).toBeLessThan(0.001);
});

test('a position that stands is not drawn on for long', async () => {
  const time = new VirtualTime();
  const stepping = element(time, 42);
  const reader = new PositionReader(stepping, time);
  await time.pass(1_000);
  const stoodAt = stepping.currentTime;
  Object.defineProperty(stepping, 'currentTime', { get: () => stoodAt });
  await time.pass(5_000);
  expect(reader.positionMs - stoodAt * 1000).toBeLessThanOrEqual(60);
});

test('an element at rest is not watched', async () => {
  const time = new VirtualTime();
  const resting = { ...element(time, 42), currentTime: 3, paused: true };
  const reader = new PositionReader(resting, time);
  await time.pass(1_000);
  expect(reader.positionMs).toBe(3_000);
});
