/** Upkeep by schedule: who is due, by whose policy, and that a failure is written down and holds up nobody. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { openRewriter } from "../../lib/compaction/rewriter.ts";
import { MAINTENANCE_RULES, maintainTable, maintenanceDue } from "../../lib/operations/maintenance.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { collect } from "../contract/object-store.contract.ts";
import { SQLITE_ENGINE } from "../support/catalog-engines.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, type TestLake } from "../support/lake.ts";
import { putRows } from "../support/parquet-rows.ts";

const DAY = 86_400_000;

async function dueOf(lake: TestLake, rules = MAINTENANCE_RULES): Promise<Record<string, readonly string[]>> {
  const due: Record<string, readonly string[]> = {};
  for await (const { table, tasks } of maintenanceDue(lake, rules)) due[table] = tasks;
  return due;
}

test("tables are due by their own policy, else by the rules, once in a while", async () => {
  const lake = await openTestLake();
  const ids = { a: await newTable(lake, "m.a"), b: await newTable(lake, "m.b") };
  for (const tableId of Object.values(ids)) await mirrorTable(lake, tableId);
  const byDefault = ["cleanLog", "trimHistory"];
  assert.deepEqual(await dueOf(lake), { "m.a": byDefault, "m.b": byDefault });
  await lake.catalog.writeUpkeep(ids.a, { vacuum: true, trimHistory: false });
  assert.deepEqual(await dueOf(lake), { "m.a": ["cleanLog", "vacuum"], "m.b": byDefault });
  assert.deepEqual(await dueOf(lake, { ...MAINTENANCE_RULES, cleanLog: false, trimHistory: false }), {
    "m.a": ["vacuum"],
  });
  for await (const due of maintenanceDue(lake, MAINTENANCE_RULES)) {
    assert.equal((await maintainTable(lake, due, MAINTENANCE_RULES)).failure, undefined);
  }
  assert.deepEqual(await dueOf(lake), {});
  lake.clock.time += DAY;
  assert.deepEqual(await dueOf(lake), { "m.a": ["cleanLog", "vacuum"], "m.b": byDefault });
  await lake.catalog.writeUpkeep(ids.a, { vacuum: null, trimHistory: null });
  assert.deepEqual((await dueOf(lake))["m.a"], byDefault);
  await lake.close();
});

test("one run does all that is due of a table", async () => {
  const lake = await openTestLake();
  const tableId = await newTable(lake, "m.all", { configuration: { "delta.checkpointInterval": "5" } });
  await lake.store("file:///lake/m.all").put("f0", new Uint8Array(100));
  for (let v = 0; v < 12; v += 1)
    await commitTo(lake, tableId, v, v === 3 ? [removeOf("f0", { size: 100 })] : [addOf(`f${v}`)]);
  await mirrorTable(lake, tableId);
  await lake.catalog.writeUpkeep(tableId, { vacuum: true, historyRetention: DAY });
  lake.clock.time += 40 * DAY;
  const [due] = await collect(maintenanceDue(lake, MAINTENANCE_RULES));
  assert.ok(due);
  const done = await maintainTable(lake, due, MAINTENANCE_RULES);
  assert.deepEqual([done.files, done.bytes, done.logFiles, done.failure], [1, 100n, 10, undefined]);
  assert.ok(done.versions >= 12, "all but what the run itself has committed");
  await lake.close();
});

test("what fails is written down and comes again; a signal ends a run", async () => {
  const lake = await openTestLake();
  const tableId = await newTable(lake, "m.fails");
  await lake.catalog.setQuarantine(tableId, "a foreign commit");
  const [due] = await collect(maintenanceDue(lake, MAINTENANCE_RULES));
  assert.ok(due);
  const failed = await maintainTable(lake, due, MAINTENANCE_RULES);
  assert.match(failed.failure ?? "", /^cleanLog: .*quarantined.*; trimHistory: /);
  assert.equal((await lake.catalog.readUpkeep([tableId]))[0]?.lastError, failed.failure);
  assert.deepEqual(Object.keys(await dueOf(lake)), ["m.fails"]);
  await lake.catalog.setQuarantine(tableId, undefined);
  await mirrorTable(lake, tableId);
  const stopped = await maintainTable(lake, due, MAINTENANCE_RULES, { signal: { aborted: true } });
  assert.deepEqual([stopped.interrupted, Object.keys(await dueOf(lake))], [true, ["m.fails"]]);
  assert.equal((await maintainTable(lake, due, MAINTENANCE_RULES)).failure, undefined);
  assert.equal((await lake.catalog.readUpkeep([tableId]))[0]?.lastError, undefined);
  await lake.close();
});

test("small files become large ones where a table or the service wants it, within the bytes of a run", async () => {
  const lake = await openTestLake();
  const wanted = { ...MAINTENANCE_RULES, cleanLog: false, trimHistory: false, compact: true };
  const rewriter = openRewriter({ openStore: (location) => lake.store(location) });
  const open = async () => rewriter;
  const filled = async (name: string, configuration = {}) => {
    const tableId = await newTable(lake, name, { configuration });
    const store = lake.store(`file:///lake/${name}`);
    for (let v = 0; v < 4; v += 1) {
      await commitTo(lake, tableId, v, [
        await putRows(store, `f${v}.parquet`, `select ${v}::bigint as id, 'x' as "day"`),
      ]);
    }
    return tableId;
  };
  const ids = { small: await filled("m.small"), left: await filled("m.left") };
  await lake.catalog.writeUpkeep(ids.left, { compact: false });
  assert.deepEqual(await dueOf(lake, wanted), { "m.small": ["compact"] });
  const run = async (rules = wanted) => {
    const [due] = await collect(maintenanceDue(lake, rules));
    assert.ok(due);
    return maintainTable(lake, due, rules, { openRewriter: open });
  };
  // The first group of a run is taken whatever its size.
  const done = await run({ ...wanted, compactBytes: 1 });
  assert.deepEqual([done.failure, done.compacted], [undefined, 4]);
  assert.deepEqual(await dueOf(lake, wanted), {}, "it has been done");
  lake.clock.time += DAY;
  assert.deepEqual([(await run()).compacted, await dueOf(lake, wanted)], [0, {}]);
  assert.equal((await lake.catalog.findTable({ tableId: ids.left }))?.version, 4, "it says no");
  await lake.close();
});

test("a table that only an engine can compact fails where it asks for it itself, and is passed over elsewhere", async () => {
  const lake = await openTestLake();
  const tableId = await newTable(lake, "m.typed", { configuration: { "delta.enableTypeWidening": "true" } });
  const rules = { ...MAINTENANCE_RULES, cleanLog: false, trimHistory: false, compact: true };
  const open = async () => openRewriter({ openStore: (location) => lake.store(location) });
  const run = () =>
    maintainTable(lake, { tableId, table: "m.typed", tasks: ["compact"] }, rules, { openRewriter: open });
  assert.equal((await run()).failure, undefined);
  await lake.catalog.writeUpkeep(tableId, { compact: true });
  assert.match((await run()).failure ?? "", /^compact: /);
  await lake.close();
});

test("removes do not pile up where vacuum and history go by the day", async () => {
  // A server has a clock of its own, by which no day goes by.
  const lake = await openTestLake(SQLITE_ENGINE);
  const days = "interval 1 days";
  const tableId = await newTable(lake, "m.removes", {
    configuration: { "delta.logRetentionDuration": days, "delta.deletedFileRetentionDuration": days },
  });
  await lake.catalog.writeUpkeep(tableId, { vacuum: true, historyRetention: DAY });
  const removes = async () => (await collectRows(lake, "dl_removes")).filter((row) => row.includes(tableId)).length;
  let most = 0;
  for (let day = 0; day < 8; day += 1) {
    for (let i = 0; i < 3; i += 1) {
      const version = (await lake.catalog.findTable({ tableId }))?.version ?? 0;
      await commitTo(lake, tableId, version, [addOf(`f${day}-${i}`)]);
      await commitTo(lake, tableId, version + 1, [removeOf(`f${day}-${i}`, { deletionTimestamp: lake.clock.time })]);
    }
    await mirrorTable(lake, tableId);
    for await (const due of maintenanceDue(lake, MAINTENANCE_RULES)) await maintainTable(lake, due, MAINTENANCE_RULES);
    await mirrorTable(lake, tableId);
    lake.clock.time += DAY + 1000;
    most = Math.max(most, await removes());
  }
  assert.ok(most < 5 * 3, `${most} removes of 24`);
  await lake.close();
});

async function collectRows({ catalog }: TestLake, set: string): Promise<readonly (readonly unknown[])[]> {
  const rows: (readonly unknown[])[] = [];
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await catalog.readRows({ set, ...(cursor === undefined ? {} : { cursor }) });
    rows.push(...page.rows);
    cursor = page.next;
  }
  return rows;
}
