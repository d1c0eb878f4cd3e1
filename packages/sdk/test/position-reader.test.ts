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
