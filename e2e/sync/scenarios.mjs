/** What is done to a room, and what is read off its members afterwards. */
import { BAR_MS, settleMs, skews, spread } from './judge.mjs';
import { lineFor } from './media.mjs';

/** How soon the members must be together again, ms. */
const SETTLED_MS = 3_000;
const HIDDEN_MS = 30_000;
const DRIFT_PPM = 80;
const now = () => performance.timeOrigin + performance.now();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** How far all members were apart since a moment. */
async function observe(members, since) {
  const logs = await Promise.all(members.map((member) => member.log(since)));
  return {
    series: skews(logs.map(({ samples }) => samples)),
    everybody: logs.every(({ samples }) => samples.length > 0),
    seeks: logs.reduce((sum, { seeks }) => sum + seeks.length, 0),
    waits: logs.reduce((sum, { waits }) => sum + waits.length, 0),
    stillMs: Math.max(...logs.map(({ samples }) => longestGapMs(samples))),
  };
}

/** The longest that a page was not run at all, ms: what the machine had no time for. */
function longestGapMs(samples) {
  return samples.reduce((most, [at], i) => Math.max(most, i > 0 ? at - samples[i - 1][0] : 0), 0);
}

/** One row of the table: how soon together again, and how near from then on. */
async function settled(scenario, members, since, watchMs) {
  const until = since + SETTLED_MS + watchMs;
  await pause(until - now());
  const { series, seeks, waits, stillMs } = await observe(members, since);
  const settle = settleMs(series, since, until);
  const after = spread(series, since + SETTLED_MS, until);
  const ok = settle <= SETTLED_MS && after.p95Ms <= BAR_MS && after.looks > watchMs / 50;
  return { scenario, settleMs: settle, ...after, seeks, waits, stillMs, ok };
}

export const SCENARIOS = {
  async start({ room, members }, { watchMs }) {
    await Promise.all(members.map((member) => member.loaded()));
    await room.pause();
    // What a person needs to find the button; meanwhile the clocks are measured.
    await pause(1_500);
    const since = now();
    await room.play();
    return settled('start', members, since, watchMs);
  },

  async steady({ members }, { steadyMs }) {
    const since = now();
    await pause(steadyMs);
    const { series, seeks, waits, stillMs } = await observe(members, since);
    const after = spread(series, since);
    const ok = after.p95Ms <= BAR_MS && seeks === 0 && after.looks > steadyMs / 50;
    return { scenario: 'steady', settleMs: null, ...after, seeks, waits, stillMs, ok };
  },

  async seek({ room, members }, { watchMs }) {
    const since = now();
    await room.seek(room.positionMs() + 17_000);
    return settled('seek', members, since, watchMs);
  },

  async back({ room, members }, { watchMs }) {
    const since = now();
    await room.seek(5_000);
    return settled('seek back', members, since, watchMs);
  },

  async rate({ room, members }, { watchMs }) {
    const since = now();
    await room.setSpeed(1.25);
    const row = await settled('rate 1.25', members, since, watchMs);
    await room.setSpeed(1);
    await pause(SETTLED_MS);
    return row;
  },

  async pausing({ room, members }, { watchMs }) {
    for (let i = 0; i < 5; i++) {
      await room.pause();
      await pause(150);
      await room.play();
      await pause(350);
    }
    return settled('pause spam', members, now(), watchMs);
  },

  async drop({ members }, { watchMs }) {
    const since = now();
    members[1].proxy.cut();
    return settled('socket drop', members, since, watchMs);
  },

  async late({ members, join }, { watchMs }) {
    return joined(join(), (late, since) =>
      settled('late join', [...members, late], since, watchMs),
    );
  },

  async hidden({ members, join }, { watchMs }) {
    return joined(join('tiring'), async (member) => {
      const all = [...members, member];
      await together(all);
      const show = await member.browser.hide();
      await pause(HIDDEN_MS);
      const since = now();
      await show();
      return settled('hidden for 30 s', all, since, watchMs);
    });
  },

  async drift({ members, join }, options) {
    return joined(join('chromium', DRIFT_PPM), async (member) => {
      const all = [...members, member];
      await together(all);
      const row = await SCENARIOS.steady({ members: all }, options);
      return { ...row, scenario: `drift of ${DRIFT_PPM} ppm` };
    });
  },

  async stall400(context, options) {
    return stall(context, options, 400);
  },

  async stall3000(context, options) {
    return stall(context, options, 3_000);
  },

  async restart({ server, members }, { watchMs }) {
    await server.kill();
    const since = now();
    await server.restart();
    return settled('server restart', members, since, watchMs + 4_000);
  },
};

/** Lets somebody more take part in what is done, and leave afterwards. */
async function joined(joining, during) {
  const { member, since } = await joining;
  try {
    return await during(member, since);
  } finally {
    await member.close();
  }
}

/**
 * A member's line brings nothing for a while after what it had is used up. The member comes in
 * anew over a line that just suffices, so that it has little ahead.
 */
async function stall({ kind, page, members }, { watchMs }, forMs) {
  const [, slow] = members;
  const { bytesPerS, burstBytes } = await lineFor(kind);
  slow.proxy.limitMedia(bytesPerS, burstBytes);
  await slow.open(page);
  await together(members);
  slow.proxy.pauseMedia();
  await slow.dry();
  await pause(forMs);
  const since = now();
  slow.proxy.freeMedia();
  return settled(`stall ${forMs} ms`, members, since, watchMs);
}

/** Resolves once all members have been together for a second. */
async function together(members) {
  for (const until = now() + 30_000; now() < until; await pause(200)) {
    const { series, everybody } = await observe(members, now() - 1_000);
    if (everybody && series.length > 30 && settleMs(series, 0) === 0) return;
  }
  throw new Error('The members do not come together');
}
