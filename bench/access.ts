/**
 * What grants cost: one decision by Cedar with 1,000 and with 10,000 grants, not remembered and remembered, and how many calls of SQL
 * and how much time a warm commit over the API takes with and without them. Compare figures of one run only.
 */

import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPolicyEngine } from "../lib/access/policies/engine.ts";
import type { Principal } from "../lib/access/principal.ts";
import { createApp } from "../lib/http/app.ts";
import { openLocalLake } from "../lib/lake/local.ts";
import { createTable } from "../lib/operations/create-table.ts";
import type { AccessRules, Catalog, Grant } from "../lib/ports.ts";
import { readOptions } from "./options.ts";
import { addFile, machine, markdownTable, PARTITION_COLUMNS, percentile, SCHEMA } from "./support.ts";

readOptions({
  run: "node bench/access.ts",
  about: "What grants and rules cost a commit.",
});

const made = { by: "operator", at: 1 };
const USERS = 100;
/** Of each decision the best of so many counts: a machine with other work takes breaks, which are not the decision's. */
const ROUNDS = 5;
const best = ([first = [], ...others]: readonly number[][]) =>
  first.map((time, i) => Math.min(time, ...others.map((round) => round[i] ?? time)));
const rows: string[][] = [];
let files = 0;
const next = () => {
  files += 1;
  return files;
};

for (const count of [1_000, 10_000]) {
  const grants = Array.from(
    { length: count },
    (_, i): Grant => ({
      privilege: "SELECT",
      resource: `table:t${i}`,
      grantee: i % 2 === 0 ? `user:u${i % USERS}` : `role:r${i % 10}`,
      ...made,
    }),
  );
  const members = Array.from({ length: USERS }, (_, i) => ({
    role: `r${(i % 5) * 2 + 1}`,
    member: `user:u${i}`,
    ...made,
  }));
  const rules: AccessRules = { mode: "enforced", version: 1, changedAt: 1, grants, members, policies: [] };
  let opened = Number.POSITIVE_INFINITY;
  const rounds = { first: [] as number[][], fresh: [] as number[][], known: [] as number[][] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const startedAt = performance.now();
    const engine = await openPolicyEngine(rules);
    opened = Math.min(opened, performance.now() - startedAt);
    const decide = (user: number, table: number) => {
      const from = performance.now();
      engine.decide({
        principal: { id: `user:u${user}`, groups: [], proof: "key" },
        privilege: "SELECT",
        resource: { kind: "table", tableId: `t${table}`, name: `a.t${table}`, properties: {} },
        at: 1,
      });
      return performance.now() - from;
    };
    rounds.first.push(Array.from({ length: USERS }, (_, user) => decide(user, user)));
    rounds.fresh.push(Array.from({ length: 1_000 }, (_, i) => decide(i % USERS, (i * 7) % count)));
    rounds.known.push(Array.from({ length: 1_000 }, (_, i) => decide(i % USERS, (i * 7) % count)));
  }
  const [first, fresh, known] = [best(rounds.first), best(rounds.fresh), best(rounds.known)];
  for (const [what, times] of [
    ["a caller's first", first],
    ["not remembered", fresh],
    ["remembered", known],
  ] as const) {
    rows.push([String(count), what, ...[0.5, 0.99].map((p) => `${percentile(times, p).toFixed(3)} ms`)]);
  }
  rows.push([String(count), "rules opened", `${opened.toFixed(1)} ms`, ""]);
}

const folder = mkdtempSync(join(tmpdir(), "dl-bench-access-"));
const lake = await openLocalLake({ database: join(folder, "c.sqlite"), verifyFiles: "off", mirror: false });
await lake.catalog.migrate();
let calls = 0;
const counted = new Proxy(lake.catalog, {
  get(target, name) {
    const found = Reflect.get(target, name) as unknown;
    if (typeof found !== "function") return found;
    return (...args: unknown[]) => {
      calls += 1;
      return Reflect.apply(found, target, args) as unknown;
    };
  },
}) as Catalog;
const who: Principal = { id: "user:etl", name: "etl", proof: "key", access: "write", groups: [] };
const app = createApp(
  { ...lake, catalog: counted },
  {
    version: "bench",
    resolveLocation: async () => "",
    door: { unnamed: "refused", identify: async () => who },
  },
);
const { tableId } = await createTable(lake, {
  name: "bench.t",
  location: "file:///bench/t",
  schema: SCHEMA,
  partitionColumns: PARTITION_COLUMNS,
});
for (const mode of ["open", "enforced"] as const) {
  const grant = Array.from({ length: 1_000 }, (_, i) => {
    return {
      privilege: "MODIFY",
      resource: i === 0 ? `table:${tableId}` : `namespace:n${i}`,
      grantee: "user:etl",
    } as const;
  });
  await lake.catalog.changeAccess({ mode, grant, by: "operator", at: Date.now() });
  const commit = async () => {
    const actions = [{ add: addFile(next()) }];
    const body = JSON.stringify({ transactionId: randomUUID(), tables: [{ tableId, readVersion: 0, actions }] });
    const headers = { "content-type": "application/json" };
    const answer = await app.request("/v1/commits", { method: "POST", headers, body });
    if (answer.status !== 201) throw new Error(await answer.text());
  };
  // What is remembered of the other mode is old by then.
  await new Promise((resolve) => setTimeout(resolve, mode === "open" ? 0 : 11_000));
  for (let i = 0; i < 50; i += 1) await commit();
  calls = 0;
  const times: number[] = [];
  for (let i = 0; i < 200; i += 1) {
    const from = performance.now();
    await commit();
    times.push(performance.now() - from);
  }
  const perCommit = `${(calls / times.length).toFixed(2)} calls of the catalog each`;
  rows.push([
    "1000",
    `warm commit, ${mode}: ${perCommit}`,
    ...[0.5, 0.99].map((p) => `${percentile(times, p).toFixed(2)} ms`),
  ]);
}
await lake.close();
rmSync(folder, { recursive: true });
console.log(machine());
console.log(markdownTable(rows.map(([grants = "", what = "", p50 = "", p99 = ""]) => ({ grants, what, p50, p99 }))));
