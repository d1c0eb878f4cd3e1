import { describe, expect, test } from 'vitest';
import { ClockFilter } from '../src/index.ts';
import { SimulatedServer, type Path } from './simulated-server.ts';
import { randomFrom, VirtualTime } from './virtual-time.ts';

/** The clock's error, ms, of a client some time after it entered. */
async function errorAfter(ms: number, path: Path, seed: number): Promise<number> {
  const time = new VirtualTime();
  const server = new SimulatedServer(time, randomFrom(seed));
  const room = server.enter(path);
  await time.pass(ms);
  return Math.abs((room.clock.now() ?? Number.NaN) - server.now());
}

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

describe('the clock', () => {
  test.each(SEEDS)('is within 2 ms at 60 ms round trip with jitter (seed %i)', async (seed) => {
    expect(await errorAfter(20_000, { oneWayMs: 30, jitterMs: 15 }, seed)).toBeLessThan(2);
  });

  test.each(SEEDS)('is usable a second after entering (seed %i)', async (seed) => {
    expect(await errorAfter(1_300, { oneWayMs: 30, jitterMs: 15 }, seed)).toBeLessThan(5);
  });

  test.each(SEEDS)('stays usable at 200 ± 60 ms (seed %i)', async (seed) => {
    expect(await errorAfter(30_000, { oneWayMs: 100, jitterMs: 60 }, seed)).toBeLessThan(10);
  });

  test('cannot see asymmetry, and its bound says so', async () => {
    const time = new VirtualTime();
    const server = new SimulatedServer(time, randomFrom(1));
    const room = server.enter({ oneWayMs: 20, jitterMs: 1, asymmetryMs: 30 });
    await time.pass(10_000);
    const error = Math.abs((room.clock.now() ?? Number.NaN) - server.now());
    expect(error).toBeGreaterThan(12);
    expect(error).toBeLessThan(room.clock.estimate?.boundMs ?? 0);
  });

  test('puts a small error right little by little', async () => {
    const time = new VirtualTime();
    const server = new SimulatedServer(time, randomFrom(1));
    const room = server.enter({ oneWayMs: 5, jitterMs: 0 });
    await time.pass(5_000);
    server.skewMs += 15;
    const told: number[] = [];
    for (let i = 0; i < 400; i++) {
      await time.pass(100);
      told.push((room.clock.now() ?? Number.NaN) - time.now());
    }
    const steps = told.slice(1).map((value, i) => Math.abs(value - (told[i] ?? Number.NaN)));
    expect(Math.max(...steps)).toBeLessThan(0.21);
    expect((told.at(-1) ?? Number.NaN) + time.now()).toBeCloseTo(server.now(), 0);
  });

  test('knows no time until the room says which clock it counts in', async () => {
    const time = new VirtualTime();
    const server = new SimulatedServer(time, randomFrom(1));
    const room = server.enter({ oneWayMs: 30, jitterMs: 0 });
    await time.pass(100);
    expect(room.clock.now()).toBeNull();
    await time.pass(1_000);
    expect(room.clock.now()).not.toBeNull();
  });

  test('notices that the machine slept, and asks the room again', async () => {
    const time = new VirtualTime();
    const server = new SimulatedServer(time, randomFrom(1));
    const room = server.enter({ oneWayMs: 30, jitterMs: 5 });
    await time.pass(30_000);
    server.skewMs += 60_000;
    room.clock.measure();
    await time.pass(2_000);
    expect(Math.abs((room.clock.now() ?? Number.NaN) - server.now())).toBeLessThan(5);
    expect(server.heard.filter(({ type }) => type === 'SYNC_REQUEST').length).toBe(2);
  });
});

describe('the filter', () => {
  test('lets the shortest round trips speak', () => {
    const filter = new ClockFilter();
    for (let i = 0; i < 64; i++) {
      const late = i % 8 === 0 ? 0 : 40;
      const sentAt = i * 100;
      filter.add({ sentAt, readAt: sentAt + 60 + late, rx: sentAt + 1_030, tx: sentAt + 1_030 });
    }
    expect(filter.estimate()).toEqual({ offsetMs: 1_000, boundMs: 30, rttMs: 60 });
  });

  test('ignores an answer from before the question', () => {
    const filter = new ClockFilter();
    filter.add({ sentAt: 100, readAt: 90, rx: 0, tx: 0 });
    filter.add({ sentAt: Number.NaN, readAt: 90, rx: 0, tx: 0 });
    expect(filter.estimate()).toBeNull();
  });
});
