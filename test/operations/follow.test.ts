/** A table that others write is followed: what SQL has of it, what is refused, and that nothing of ours gets into its log or place. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { commitFileName } from "../../lib/delta/files/log-files.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { stringifyJson } from "../../lib/delta/values/json.ts";
import { isLakeError } from "../../lib/errors.ts";
import { forkLogs } from "../../lib/operations/backups/fork-log.ts";
import { logsAboveHeads, setLogsAside } from "../../lib/operations/backups/set-log-aside.ts";
import { writeDueCheckpoint } from "../../lib/operations/checkpoint.ts";
import { cleanLog } from "../../lib/operations/clean-log.ts";
import { planCompaction } from "../../lib/operations/compact-plan.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { ejectTable } from "../../lib/operations/eject.ts";
import { fenceTable } from "../../lib/operations/fence.ts";
import { followTable } from "../../lib/operations/follow.ts";
import { importTable } from "../../lib/operations/import.ts";
import { MAINTENANCE_RULES, maintenanceDue } from "../../lib/operations/maintenance.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { checkParity } from "../../lib/operations/parity.ts";
import { purgeTable } from "../../lib/operations/purge.ts";
import { recoverAll, recoverTable } from "../../lib/operations/recover.ts";
import { relocateTable } from "../../lib/operations/relocate-table.ts";
import { renameTable } from "../../lib/operations/rename-table.ts";
import { repairTable } from "../../lib/operations/repair.ts";
import { resolveTable } from "../../lib/operations/resolve.ts";
import { revertTable } from "../../lib/operations/revert.ts";
import { sweepMirrors } from "../../lib/operations/sweep.ts";
import { healthOfTables } from "../../lib/operations/table-health.ts";
import { trimHistory } from "../../lib/operations/trim-history.ts";
import { undropTable } from "../../lib/operations/undrop-table.ts";
import { vacuumTable } from "../../lib/operations/vacuum.ts";
import type { ObjectStore } from "../../lib/ports.ts";
import { tableAnswer } from "../../lib/wire/answers.ts";
import { putLog, putText, tableActions } from "../support/foreign-log.ts";
import { addOf, commitTo, openTestLake, pass, removeOf, type TestLake } from "../support/lake.ts";

const lake = await openTestLake();
after(() => lake.close());
const DAY_MS = 86_400_000;

const placeOf = (name: string) => `file:///lake/${name}`;

/** What a writer of the log does. */
async function theirs(name: string, version: number, ...actions: Json[]): Promise<void> {
  lake.clock.time += 10;
  const info: Json = { commitInfo: { operation: "WRITE", timestamp: lake.clock.time } };
  await putText(lake, placeOf(name), commitFileName(version), `${[info, ...actions].map(stringifyJson).join("\n")}\n`);
}

async function followed(name: string): Promise<string> {
  await putLog(lake, placeOf(name), [{ actions: tableActions() }, { actions: [addOf("one")] }]);
  const request = { name, location: placeOf(name), mode: "full-history", follow: true } as const;
  return (await importTable(lake, request)).tableId;
}

async function contentOf(name: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { key } of lake.store(placeOf(name)).list("")) {
    const object = await lake.store(placeOf(name)).get(key);
    found[key] = new TextDecoder().decode(object?.bytes);
  }
  return found;
}

const stateOf = async (tableId: string) => (await healthOfTables(lake, [tableId])).get(tableId)?.health;
const DIFF = { lagThresholdSeconds: 0, maxDriftFiles: 0 };

test("each look takes over what others have written; the sweep sends the mirror to look", async () => {
  const tableId = await followed("f.grows");
  assert.deepEqual((await lake.catalog.findTable({ tableId }))?.followed?.logVersion, -1);
  await theirs("f.grows", 2, addOf("two"));
  await theirs("f.grows", 3, removeOf("one"), addOf("three"));
  const before = await diffTable(lake, { ref: { tableId }, ...DIFF });
  assert.deepEqual([before.outcome, before.comparedVersion, before.versionDelta], ["ok", 1, -2]);
  lake.enqueued.length = 0;
  await sweepMirrors(lake, { overdueMs: 1000, limit: 10 });
  assert.ok(lake.enqueued.some((one) => one.tableId === tableId));
  assert.deepEqual((await mirrorTable(lake, tableId)).followed, [2, 3]);
  const head = await lake.catalog.findTable({ tableId });
  assert.deepEqual([head?.version, head?.numFiles, head?.followed?.logVersion], [3, 2, 3]);
  const page = await lake.catalog.readFiles(tableId, 3, { limit: 10 });
  assert.deepEqual(page.items.map(({ path }) => path).sort(), ["three", "two"]);
  assert.equal((await diffTable(lake, { ref: { tableId }, ...DIFF })).outcome, "ok");
  assert.deepEqual((await mirrorTable(lake, tableId)).followed, []);
});

test("its state says how far behind it is, when its log was looked at, and what went wrong", async () => {
  const tableId = await followed("f.state");
  await mirrorTable(lake, tableId);
  assert.deepEqual((await stateOf(tableId))?.followed?.behindVersions, 0);
  assert.equal((await stateOf(tableId))?.state, "ok");
  await putText(lake, placeOf("f.state"), commitFileName(2), "no JSON\n");
  const failed = await mirrorTable(lake, tableId);
  assert.ok(failed.error);
  const state = await stateOf(tableId);
  assert.deepEqual([state?.state, state?.code, state?.followed?.behindVersions], ["failed", "FOLLOW_FAILED", 0]);
  await theirs("f.state", 2, addOf("two"));
  await mirrorTable(lake, tableId);
  assert.equal((await stateOf(tableId))?.state, "ok");
  await lake.catalog.noteFollowed(tableId, { lookedAt: Date.now() - 120_000, logVersion: 5 });
  const late = await stateOf(tableId);
  assert.deepEqual([late?.state, late?.code, late?.followed?.behindVersions], ["late", "FOLLOW_LATE", 3]);
});

test("answers tell of it by its health alone", async () => {
  const tableId = await followed("f.answer");
  const head = await lake.catalog.findTable({ tableId });
  const health = await stateOf(tableId);
  assert.ok(head?.followed && health?.followed);
  const answer = tableAnswer({ head, health });
  assert.deepEqual(["followed" in answer, answer.health.followed], [false, health.followed]);
});

test("a log that has a gap or went back is said by name, and nothing of SQL changes", async () => {
  const tableId = await followed("f.back");
  await lake.store(placeOf("f.back")).remove([`_delta_log/${commitFileName(1)}`]);
  await assert.rejects(followTable(lake, { tableId }), { code: "LOG_WENT_BACK" });
  await theirs("f.back", 1, addOf("one"));
  await theirs("f.back", 4, addOf("four"));
  await assert.rejects(followTable(lake, { tableId }), (error) => isLakeError(error));
  assert.equal((await lake.catalog.findTable({ tableId }))?.version, 1);
  assert.equal((await stateOf(tableId))?.code, "FOLLOW_FAILED");
});

test("two looks at once do the same", async () => {
  const tableId = await followed("f.twice");
  for (let version = 2; version < 30; version += 1) await theirs("f.twice", version, addOf(`f${version}`));
  const both = await Promise.all([mirrorTable(lake, tableId), mirrorTable(lake, tableId)]);
  assert.deepEqual(
    both.map(({ error }) => error),
    [undefined, undefined],
  );
  const head = await lake.catalog.findTable({ tableId });
  assert.deepEqual([head?.version, head?.numFiles], [29, 29]);
});

/** Before the call `at` of the catalog something else happens; `made` counts the calls. */
function interrupted(at: number, happens: () => Promise<unknown>) {
  const count = { made: 0 };
  const catalog = new Proxy(lake.catalog, {
    get: (of, method, receiver) => {
      const call: unknown = Reflect.get(of, method, receiver);
      if (typeof call !== "function") return call;
      return async (...args: unknown[]) => {
        count.made += 1;
        if (count.made === at) await happens();
        return Reflect.apply(call, of, args) as unknown;
      };
    },
  });
  return { lake: { ...lake, catalog }, count };
}

const LOOKS: Readonly<Record<string, (lake: TestLake, tableId: string) => Promise<unknown>>> = {
  follow: (to, tableId) => followTable(to, { tableId }),
  mirror: mirrorTable,
  checkpoint: (to, tableId) => writeDueCheckpoint(to, { tableId, version: 1 }),
  parity: (to, tableId) => checkParity(to, { tableId, ...DIFF }),
  diff: (to, tableId) => diffTable(to, { ref: { tableId }, ...DIFF }),
  recover: (to, tableId) => recoverTable(to, { tableId }),
  sweep: (to) => sweepMirrors(to, { overdueMs: 0, limit: 10 }),
  resolve: async (to, tableId) => {
    const { unpublished } = await resolveTable(to, { tableId });
    assert.equal(unpublished, 0);
  },
};
for (const [kind, look] of Object.entries(LOOKS)) {
  test(`${kind}: a look during which another takes everything over finds nothing amiss`, async () => {
    for (let at = 1; ; at += 1) {
      const name = `f.${kind}${at}`;
      const tableId = await followed(name);
      for (let version = 2; version < 6; version += 1) await theirs(name, version, addOf(`f${version}`));
      const { lake: shared, count } = interrupted(at, () => followTable(lake, { tableId }));
      await look(shared, tableId);
      if (count.made < at) break;
      await followTable(lake, { tableId });
      const head = await lake.catalog.findTable({ tableId });
      assert.deepEqual([head?.version, head?.numFiles, (await stateOf(tableId))?.state], [5, 5, "ok"], `call ${at}`);
    }
  });
}

/** Everything here that writes, on a table that others write. */
const WRITES: Readonly<Record<string, (lake: TestLake, tableId: string) => Promise<unknown>>> = {
  commit: (to, tableId) => commitTo(to, tableId, 1, [addOf("ours")]),
  fence: (to, tableId) => fenceTable(to, { tableId }, "on"),
  eject: (to, tableId) => ejectTable(to, { tableId }),
  vacuum: (to, tableId) => vacuumTable(to, { tableId }, { remove: true }),
  cleanLog: (to, tableId) => cleanLog(to, { tableId }, { remove: true }),
  trimHistory: (to, tableId) => trimHistory(to, { tableId }, { remove: true, retentionMs: 0, keepForVacuum: false }),
  compact: (to, tableId) => planCompaction(to, { tableId }, {}),
  revert: (to, tableId) => revertTable(to, { tableId }, { version: 0 }),
  repair: (to, tableId) => repairTable(to, { tableId }),
  relocate: (to, tableId) => relocateTable(to, { tableId }, "file:///lake/elsewhere", { move: true }),
};

/** What may be done with it, and leaves its log and place alone. */
const HARMLESS: Readonly<Record<string, (lake: TestLake, tableId: string) => Promise<unknown>>> = {
  mirror: mirrorTable,
  checkpoint: (to, tableId) => writeDueCheckpoint(to, { tableId, version: 1 }),
  parity: (to, tableId) => checkParity(to, { tableId, ...DIFF }),
  diff: (to, tableId) => diffTable(to, { ref: { tableId }, ...DIFF }),
  recover: (to, tableId) => recoverTable(to, { tableId }),
  recoverAll: (to) => recoverAll(to),
  resolve: (to, tableId) => resolveTable(to, { tableId }),
  sweep: (to) => sweepMirrors(to, { overdueMs: 0, limit: 10 }),
  setLogsAside: (to) => setLogsAside(to),
  forkLogs: (to) => forkLogs(to, async ({ location }) => `${location}-forked`),
  rename: (to, tableId) => renameTable(to, { tableId }, `f.renamed${Math.random().toString(36).slice(2)}`),
  drop: (to, tableId) => dropTable(to, { tableId }),
  mirrorOfDropped: mirrorTable,
  undrop: (to, tableId) => undropTable(to, { tableId }),
  mirrorAgain: mirrorTable,
};

const STORE_WRITES: readonly PropertyKey[] = ["put", "putIfAbsent", "remove", "removeIf", "replaceIf"];

/** A store that cannot be written. */
function sealed(store: ObjectStore): ObjectStore {
  return new Proxy(store, {
    get(target, key) {
      if (STORE_WRITES.includes(key)) return () => Promise.reject(new Error(`${String(key)} on what others write`));
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

test("whatever would write it is refused by name, and nothing of its place changes", async () => {
  const tableId = await followed("f.sealed");
  await theirs("f.sealed", 2, addOf("two"));
  const before = await contentOf("f.sealed");
  for (const [name, write] of Object.entries(WRITES)) {
    await assert.rejects(write(lake, tableId), { kind: "conflict", code: "TABLE_FOLLOWED" }, name);
    assert.deepEqual(await contentOf("f.sealed"), before, name);
  }
});

test("whatever may be done with it writes nothing there, dropped, brought back and purged as well", async () => {
  const tableId = await followed("f.quiet");
  await theirs("f.quiet", 2, addOf("two"));
  const before = await contentOf("f.quiet");
  const quiet = lake.with({ store: sealed });
  await assert.rejects(
    quiet.openLog(placeOf("f.quiet")).putCommit(9, new Uint8Array(1), { timestamp: 1 }),
    /others write/,
  );
  for (const [name, work] of Object.entries(HARMLESS)) {
    const result = await work(quiet, tableId);
    const { error } = (result ?? {}) as { error?: unknown };
    assert.equal(error, undefined, name);
    assert.deepEqual(await contentOf("f.quiet"), before, name);
  }
  assert.equal((await lake.catalog.findTable({ tableId }))?.version, 2);
  for await (const due of maintenanceDue(lake, MAINTENANCE_RULES)) assert.notEqual(due.tableId, tableId);
  await theirs("f.quiet", 3, addOf("three"));
  assert.ok((await logsAboveHeads(lake)).every((one) => one.tableId !== tableId));
  await dropTable(lake, { tableId });
  lake.clock.time += 30 * DAY_MS;
  await assert.rejects(purgeTable(lake, { tableId }, { files: true }), { code: "TABLE_FOLLOWED" });
  const whole = await contentOf("f.quiet");
  await pass(lake, 5);
  await purgeTable({ ...lake, undropWindowMs: 0 }, { tableId });
  assert.deepEqual(await contentOf("f.quiet"), whole);
});
