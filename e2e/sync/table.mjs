/** Draws the worst of all repeats, one row per kind, number of members and scenario. */
export function printTable(rows) {
  const groups = Map.groupBy
    ? Map.groupBy(rows, keyOf)
    : rows.reduce(
        (map, row) => map.set(keyOf(row), [...(map.get(keyOf(row)) ?? []), row]),
        new Map(),
      );
  const worst = [...groups.values()].map((group) => ({
    kind: group[0].kind,
    members: group[0].members,
    scenario: group[0].scenario,
    repeats: group.length,
    settleMs: group[0].settleMs === null ? null : Math.max(...group.map((row) => row.settleMs)),
    p50Ms: Math.max(...group.map((row) => row.p50Ms)),
    p95Ms: Math.max(...group.map((row) => row.p95Ms)),
    maxMs: Math.max(...group.map((row) => row.maxMs)),
    seeks: Math.max(...group.map((row) => row.seeks)),
    ok: group.every((row) => row.ok),
  }));
  console.log(
    '| source | members | scenario | together after | p50 ms | p95 ms | max ms | seeks | |',
  );
  console.log('|---|--:|---|--:|--:|--:|--:|--:|---|');
  for (const row of worst) {
    const settle = row.settleMs === null ? '–' : `${(row.settleMs / 1000).toFixed(2)} s`;
    const [p50, p95, max] = [row.p50Ms, row.p95Ms, row.maxMs].map((ms) => ms.toFixed(1));
    const verdict = row.ok ? 'reached' : 'missed';
    const cells = [row.kind, row.members, row.scenario, settle, p50, p95, max, row.seeks, verdict];
    console.log(`| ${cells.join(' | ')} |`);
  }
  return worst;
}

function keyOf({ kind, members, scenario }) {
  return `${kind} ${members} ${scenario}`;
}
