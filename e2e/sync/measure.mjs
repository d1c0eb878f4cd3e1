/**
 * Measures how far members of one room are apart: the real server, a browser process per member,
 * each behind a line of its own. Prints a table, writes out/sync.json, and fails if the bar is not
 * reached in the worst repeat.
 *
 *   node sync/measure.mjs [--full] [--page ui|harness] [--kinds mp4,hls] [--scenarios start,seek]
 *     [--repeats 3] [--members 2] [--firefox] [--rtt 60] [--jitter 15] [--asymmetry 0] [--steady 180] [--retries 0]
 *     [--ui ../packages/web/dist]
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { buildSdk, files, makeMedia, MEDIA, page } from './media.mjs';
import { Member } from './member.mjs';
import { openRoom } from './remote.mjs';
import { SCENARIOS } from './scenarios.mjs';
import { Server } from '../support/server.mjs';
import { printTable } from './table.mjs';

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    page: { type: 'string', default: 'ui' },
    kinds: { type: 'string' },
    scenarios: { type: 'string' },
    repeats: { type: 'string' },
    members: { type: 'string' },
    firefox: { type: 'boolean', default: false },
    rtt: { type: 'string', default: '60' },
    jitter: { type: 'string', default: '15' },
    asymmetry: { type: 'string', default: '0' },
    steady: { type: 'string' },
    retries: { type: 'string' },
    ui: { type: 'string' },
  },
});

const path = {
  oneWayMs: Number(values.rtt) / 2,
  jitterMs: Number(values.jitter),
  asymmetryMs: Number(values.asymmetry),
};
/** What the lines serve themselves: with `--ui`, also a UI that is not the server's own. */
const served = values.ui ? (url) => files(url).then((file) => file ?? page(values.ui, url)) : files;
const EVERYTHING = 'start,steady,seek,back,rate,pausing,drop,late,stall400,stall3000,restart';
/** Which runs there are: kind, members, scenarios. */
function runs() {
  const members = Number(values.members ?? 2);
  const { firefox } = values;
  if (values.kinds || values.scenarios || values.members || firefox) {
    const scenarios = values.scenarios ?? EVERYTHING;
    return (values.kinds ?? 'mp4')
      .split(',')
      .map((kind) => ({ kind, members, scenarios, firefox }));
  }
  if (!values.full) {
    return [
      { kind: 'mp4', members: 2, scenarios: 'start,steady,seek,late,stall400,rate,drop' },
      { kind: 'hls', members: 2, scenarios: 'start,seek' },
    ];
  }
  const transients = 'start,steady,seek,back,late,stall400';
  return [
    { kind: 'mp4', members: 2, scenarios: EVERYTHING, steadyS: 180 },
    { kind: 'webm', members: 2, scenarios: transients },
    { kind: 'audio', members: 2, scenarios: transients },
    { kind: 'hls', members: 2, scenarios: transients },
    { kind: 'small mp4', members: 8, scenarios: 'start,steady,seek' },
    { kind: 'mp4', members: 2, scenarios: transients, firefox: true },
  ];
}

const repeats = Number(values.repeats ?? (values.full ? 2 : 1));

/**
 * How often a scenario that missed the bar is tried again. The short run gates every test run, on
 * machines that have other things to do; the full one is judged by its worst.
 */
const retries = Number(values.retries ?? (values.full ? 0 : 2));

/** How long is looked at what. The steady minutes are watched once, the rest in every repeat. */
function spans({ steadyS = 60 }, repeat) {
  const wanted = values.steady ?? (values.full && repeat === 0 ? steadyS : 20);
  return { watchMs: values.full ? 6_000 : 3_000, steadyMs: Number(wanted) * 1_000 };
}

/** Carries a scenario out; one that cannot be is a row that missed the bar. */
async function observed(name, context, options) {
  const scenario = SCENARIOS[name];
  if (!scenario) throw new Error(`There is no scenario ${name}`);
  try {
    return await scenario(context, options);
  } catch (error) {
    const unknown = { p50Ms: Number.NaN, p95Ms: Number.NaN, maxMs: Number.NaN };
    return {
      scenario: name,
      settleMs: null,
      ...unknown,
      seeks: 0,
      ok: false,
      error: String(error),
    };
  }
}

async function measure({ kind, members: count, scenarios, firefox }, options, rows) {
  const server = process.env.PARLOR_PORT
    ? { port: Number(process.env.PARLOR_PORT), [Symbol.asyncDispose]: async () => {} }
    : await Server.start({ args: ['--insecure-no-rate-limits'] });
  const { roomId, room } = await openRoom(server.port);
  const address = values.page === 'ui' ? `/room/${roomId}` : `/sync-harness/?room=${roomId}`;
  const start = (engine, ppm) => Member.start(engine, server.port, path, served, ppm);
  const engines = Array.from({ length: count }, (_, i) =>
    firefox && i === 0 ? 'firefox' : 'chromium',
  );
  const members = await Promise.all(engines.map((engine) => start(engine)));
  const join = async (engine = 'chromium', driftPpm = 0) => {
    const member = await start(engine, driftPpm);
    return { member, since: await member.open(address) };
  };
  try {
    await room.load(MEDIA[kind], false);
    await Promise.all(members.map((member) => member.open(address)));
    const who = firefox ? `${count}, one of them Firefox` : String(count);
    for (const name of scenarios.split(',')) {
      const context = { server, kind, page: address, room, members, join };
      let row;
      for (let attempt = 0; attempt <= retries && !row?.ok; attempt++) {
        row = { kind, members: who, attempt, ...(await observed(name, context, options)) };
        console.error(JSON.stringify(row));
      }
      rows.push(row);
    }
    for (const member of members) for (const fault of member.faults) console.error(fault);
  } finally {
    await Promise.all(members.map((member) => member.close()));
    room.leave();
    await server[Symbol.asyncDispose]();
  }
}

await Promise.all([makeMedia(), buildSdk()]);
const rows = [];
for (let repeat = 0; repeat < repeats; repeat++) {
  for (const run of runs()) await measure(run, spans(run, repeat), rows);
}
const worst = printTable(rows);
await mkdir(new URL('../out/', import.meta.url), { recursive: true });
const report = { path, page: values.page, repeats, worst, rows };
await writeFile(new URL('../out/sync.json', import.meta.url), JSON.stringify(report, null, 2));
process.exit(worst.every(({ ok }) => ok) ? 0 : 1);
