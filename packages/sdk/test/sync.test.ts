import { describe, expect, test } from 'vitest';
import { SyncController, type Room } from '../src/index.ts';
import { SimulatedPlayer, type Habits } from './simulated-player.ts';
import { SimulatedServer } from './simulated-server.ts';
import { randomFrom, VirtualTime } from './virtual-time.ts';

const PATH = { oneWayMs: 30, jitterMs: 15 };
/** What two members may differ by, ms. */
const BAR_MS = 20;
const SETTLED_MS = 3_000;

interface Member {
  room: Room;
  player: SimulatedPlayer;
  sync: SyncController;
}

class World {
  readonly time = new VirtualTime();
  readonly server: SimulatedServer;
  hidden = false;

  constructor(seed = 1) {
    this.server = new SimulatedServer(this.time, randomFrom(seed));
  }

  member(habits: Habits = {}): Member {
    const room = this.server.enter(PATH);
    const player = new SimulatedPlayer(this.time, habits);
    const { socket, view, clock } = room;
    const isHidden = () => this.hidden;
    const sync = new SyncController({ socket, view, clock, time: this.time, isHidden });
    sync.attach(player, '/film.mp4');
    return { room, player, sync };
  }

  /** The error of a member, ms, and the largest over some time, looked at every 20 ms. */
  async worst(member: Member, ms: number): Promise<number> {
    let worst = 0;
    for (let passed = 0; passed < ms; passed += 20) {
      await this.time.pass(20);
      worst = Math.max(worst, Math.abs(this.server.positionMs() - member.player.positionMs));
    }
    return worst;
  }
}

async function playing(habits: Habits = {}): Promise<{ world: World; member: Member }> {
  const world = new World();
  const member = world.member(habits);
  await world.time.pass(1_500);
  world.server.update({ isPlaying: true }, 250);
  await world.time.pass(SETTLED_MS);
  return { world, member };
}

describe('a player follows the room', () => {
  test('a coordinated start meets the room at its very beginning', async () => {
    const world = new World();
    const member = world.member();
    await world.time.pass(1_500);
    world.server.update({ isPlaying: true }, 250);
    await world.time.pass(250 + 100);
    expect(await world.worst(member, 5_000)).toBeLessThan(10);
  });

  test('steady minutes need no seek', async () => {
    const { world, member } = await playing({ driftPpm: 80 });
    member.player.seeks = [];
    expect(await world.worst(member, 180_000)).toBeLessThan(6);
    expect(member.player.seeks).toEqual([]);
  });

  test.each([{ startLagMs: 20 }, { startLagMs: 160 }, { startLagMs: 260 }])(
    'a start lag of $startLagMs ms is put right within three seconds',
    async (habits) => {
      const { world, member } = await playing(habits);
      expect(await world.worst(member, 5_000)).toBeLessThan(BAR_MS);
    },
  );

  test('a player that says it starts at once is started at once', async () => {
    const world = new World();
    const member = world.member({ startLagMs: 0, startMs: 0 });
    await world.time.pass(1_500);
    world.server.update({ isPlaying: true }, 250);
    await world.time.pass(250 + 20);
    expect(await world.worst(member, 3_000)).toBeLessThan(10);
  });

  test('what a start lag was is learned', async () => {
    const { world, member } = await playing({ startLagMs: 160 });
    for (let i = 0; i < 8; i++) {
      world.server.update({ isPlaying: false });
      await world.time.pass(3_000);
      world.server.update({ isPlaying: true }, 400);
      await world.time.pass(3_000);
    }
    world.server.update({ isPlaying: false });
    await world.time.pass(3_000);
    world.server.update({ isPlaying: true }, 400);
    await world.time.pass(700);
    expect(await world.worst(member, 1_000)).toBeLessThan(8);
  });

  test('a latecomer is there within three seconds', async () => {
    const { world } = await playing();
    const late = world.member();
    await world.time.pass(SETTLED_MS);
    expect(await world.worst(late, 5_000)).toBeLessThan(BAR_MS);
  });

  test('a latecomer whose data come slowly meets the room further ahead', async () => {
    const { world } = await playing();
    const late = world.member({ placeMs: 2_500 });
    await world.time.pass(10_000);
    expect(late.player.seeks.length).toBeLessThan(4);
    expect(await world.worst(late, 5_000)).toBeLessThan(BAR_MS);
  });

  test.each([-20_000, 30_000])('a jump of the room by %i ms is followed', async (byMs) => {
    const { world, member } = await playing();
    await world.time.pass(30_000);
    world.server.update({ currentTime: Math.round(world.server.positionMs() + byMs) }, 250);
    await world.time.pass(250 + SETTLED_MS);
    expect(await world.worst(member, 5_000)).toBeLessThan(BAR_MS);
  });

  test.each([150, 400, 3_000])('a stall of %i ms heals by itself', async (stallMs) => {
    const { world, member } = await playing();
    member.player.stall(stallMs);
    await world.time.pass(stallMs + SETTLED_MS);
    expect(await world.worst(member, 5_000)).toBeLessThan(BAR_MS);
  });

  test('a room that plays at another rate is followed at it', async () => {
    const { world, member } = await playing();
    world.server.update({ playbackSpeed: 1.25 });
    await world.time.pass(SETTLED_MS);
    member.player.seeks = [];
    expect(await world.worst(member, 30_000)).toBeLessThan(BAR_MS);
    expect(member.player.seeks).toEqual([]);
  });

  test('a pause leaves everybody at the same position', async () => {
    const { world, member } = await playing();
    const other = world.member();
    await world.time.pass(SETTLED_MS);
    world.server.update({ isPlaying: false });
    await world.time.pass(1_000);
    const { currentTime } = world.server.playback;
    expect([member.player.positionMs, other.player.positionMs]).toEqual([currentTime, currentTime]);
    expect([member.player.paused, other.player.paused]).toEqual([true, true]);
  });

  test('a wait of the room stands, and goes on together', async () => {
    const { world, member } = await playing();
    world.server.update({ holding: { waitingFor: ['bob'], until: world.server.now() + 4_000 } });
    await world.time.pass(500);
    expect(member.player.paused).toBe(true);
    expect(member.sync.state.phase).toBe('holding');
    world.server.update({ holding: null }, 250);
    await world.time.pass(SETTLED_MS);
    expect(await world.worst(member, 2_000)).toBeLessThan(BAR_MS);
  });

  test('a server that restarts with another clock stops no film', async () => {
    const { world, member } = await playing();
    const before = member.player.seeks.length;
    world.server.restart(9_000_000);
    expect(await world.worst(member, 10_000)).toBeLessThan(BAR_MS);
    expect(member.player.seeks.length).toBe(before);
    world.server.update({ currentTime: 100_000 }, 250);
    await world.time.pass(SETTLED_MS);
    expect(await world.worst(member, 2_000)).toBeLessThan(BAR_MS);
  });

  test.each([90, 110, 200])(
    "music's pitch is bent by half a percent at most (start lag %i ms)",
    async (startLagMs) => {
      const { world, member } = await playing({ music: true, startLagMs });
      await world.time.pass(7_000);
      expect(member.player.bent.filter((rate) => Math.abs(rate - 1) > 0.00501)).toEqual([]);
      expect(await world.worst(member, 2_000)).toBeLessThan(BAR_MS);
    },
  );

  test('a hidden page does not overshoot', async () => {
    const { world, member } = await playing();
    world.hidden = true;
    member.player.stall(100);
    await world.time.pass(12_000);
    expect(await world.worst(member, 5_000)).toBeLessThan(BAR_MS);
  });

  test("a player's own pause never becomes a command", async () => {
    const { world, member } = await playing();
    member.player.pause();
    await world.time.pass(SETTLED_MS);
    expect(world.server.heard.filter(({ type }) => type === 'UPDATE_PLAYBACK')).toEqual([]);
    expect(await world.worst(member, 2_000)).toBeLessThan(BAR_MS);
  });

  test('the end asks for the next one, naming the one that ended', async () => {
    const world = new World();
    world.member({ durationMs: 5_000 });
    await world.time.pass(1_500);
    world.server.update({ isPlaying: true, itemId: 'i7' }, 250);
    await world.time.pass(6_000);
    const asked = world.server.heard.filter(({ type }) => type === 'QUEUE_NEXT');
    expect(asked).toEqual([{ type: 'QUEUE_NEXT', payload: { from: 'i7' } }]);
  });

  test('an output that sounds late is played ahead', async () => {
    const { world, member } = await playing();
    member.sync.outputOffsetMs = 120;
    await world.time.pass(5_000);
    const ahead = member.player.positionMs - world.server.positionMs();
    expect(Math.abs(ahead - 120)).toBeLessThan(6);
  });
});

describe('a player reports', () => {
  test('a browser that wants a click first is asked again by the click', async () => {
    const world = new World();
    const member = world.member();
    member.player.refusing = true;
    await world.time.pass(1_500);
    world.server.update({ isPlaying: true }, 250);
    await world.time.pass(1_000);
    expect(member.sync.state.phase).toBe('blocked');
    member.player.refusing = false;
    void member.sync.unblock();
    await world.time.pass(SETTLED_MS);
    expect(await world.worst(member, 2_000)).toBeLessThan(BAR_MS);
  });

  test('loading, ready, stalled, and ready again', async () => {
    const world = new World();
    const member = world.member();
    member.player.canPlay = false;
    await world.time.pass(1_000);
    member.player.canPlay = true;
    await world.time.pass(500);
    world.server.update({ isPlaying: true }, 250);
    await world.time.pass(2_000);
    member.player.stall(1_500);
    await world.time.pass(4_000);
    const told = world.server.heard.filter(({ type }) => type === 'MEMBER_STATE');
    const said = told.map(({ payload }) => payload['readiness']).filter(Boolean);
    expect(said).toEqual(['loading', 'ready', 'stalled', 'ready']);
  });

  test('how well it follows, every five seconds', async () => {
    const { world } = await playing();
    await world.time.pass(10_000);
    const reports = world.server.heard.filter(({ payload }) => payload?.['telemetry']);
    expect(reports.length).toBe(2);
    expect(reports.at(-1)?.payload['telemetry']).toMatchObject({ seeks: 0, class: 'exact' });
  });

  test('an advert detaches, and the room is not asked to wait for it', async () => {
    const { world, member } = await playing({ sourceClass: 'coarse' });
    member.player.sourceClass = 'detached';
    await world.time.pass(500);
    expect(member.sync.state.phase).toBe('detached');
    const said = world.server.heard.map(({ payload }) => payload?.['readiness']).filter(Boolean);
    expect(said.at(-1)).toBe('away');
  });
});
