/** A mirror worker pauses at each of its calls; its table is dropped and another one begins at its place; then it goes on. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkpointFileName } from "../../lib/delta/files/log-files.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { undropTable } from "../../lib/operations/undrop-table.ts";
import { crashPoint, dying } from "../support/crash.ts";
import { addOf, commitTo, newTable, openTestLake, pass, SCHEMA, STRIDE, type TestLake } from "../support/lake.ts";
import { pausePoint, pausing } from "../support/pause.ts";
import { assertTheorem } from "../support/theorem.ts";

const MAX_CALLS = 60;
const OLD_VERSIONS = 3;

/** What happens at the place while the worker of its old table is paused. Answers the new table, if there is one. */
type Meanwhile = (lake: TestLake, name: string, old: string) => Promise<string | undefined>;

async function emptied(lake: TestLake, location: string): Promise<void> {
  const store = lake.store(location);
  for await (const { key } of store.list(""))
    await store.removeIf(key, (await store.get(key))?.bytes ?? new Uint8Array());
}

const created = async (lake: TestLake, name: string): Promise<string> =>
  (await createTable(lake, { name, location: `file:///lake/${name}`, schema: SCHEMA })).tableId;

const imported = async (lake: TestLake, name: string): Promise<string> =>
  (await importTable(lake, { name, location: `file:///lake/${name}`, mode: "snapshot" })).tableId;

const hasLog = async (lake: TestLake, name: string): Promise<boolean> =>
  (await lake.openLog(`file:///lake/${name}`).listFrom(0)).commits.length > 0;

const force = { unpublished: "giveUp" } as const;

const SCENES: Readonly<Record<string, Meanwhile>> = {
  "dropped by force; then created, or imported where a log stands": async (lake, name, old) => {
    await dropTable(lake, { tableId: old }, force);
    return (await hasLog(lake, name)) ? imported(lake, name) : created(lake, name);
  },
  "the same, and its first versions are published before the worker goes on": async (lake, name, old) => {
    await dropTable(lake, { tableId: old }, force);
    const id = await ((await hasLog(lake, name)) ? imported(lake, name) : created(lake, name));
    const head = (await lake.catalog.findTable({ tableId: id }))?.version ?? 0;
    for (let v = head; v < head + 2; v += 1) await commitTo(lake, id, v, [addOf(`young${v}`)]);
    assert.equal((await mirrorTable(lake, id)).error, undefined);
    return id;
  },
  "published and dropped; its folder is emptied for a new table": async (lake, name, old) => {
    await mirrorTable(lake, old);
    await dropTable(lake, { tableId: old });
    await emptied(lake, `file:///lake/${name}`);
    return created(lake, name);
  },
  "dropped by force, and brought back": async (lake, _name, old) => {
    await dropTable(lake, { tableId: old }, force);
    await undropTable(lake, { tableId: old });
    return old;
  },
  "brought back, goes on, and is published before the worker goes on": async (lake, name, old) => {
    await dropTable(lake, { tableId: old }, force);
    await undropTable(lake, { tableId: old }, { name: `${name}.back` });
    await commitTo(lake, old, OLD_VERSIONS, [addOf("young")]);
    assert.equal((await mirrorTable(lake, old)).error, undefined);
    return old;
  },
  "a second one is dropped at its place, and comes back after a third was refused": async (lake, name, old) => {
    await dropTable(lake, { tableId: old }, force);
    await emptied(lake, `file:///lake/${name}`);
    await pass(lake, 2);
    const second = await created(lake, name);
    await commitTo(lake, second, 0, [addOf("second")]);
    await dropTable(lake, { tableId: second }, force);
    await assert.rejects(undropTable(lake, { tableId: old }), { code: "LOCATION_REUSED" });
    await undropTable(lake, { tableId: second });
    return second;
  },
  "three tables, one after the other, at one place": async (lake, name, old) => {
    await dropTable(lake, { tableId: old }, force);
    await emptied(lake, `file:///lake/${name}`);
    const second = await created(lake, name);
    await commitTo(lake, second, 0, [addOf("second")]);
    await dropTable(lake, { tableId: second }, force);
    return created(lake, name);
  },
  "a second table is published and dropped, a third takes its log in": async (lake, name, old) => {
    await dropTable(lake, { tableId: old }, force);
    await emptied(lake, `file:///lake/${name}`);
    const second = await created(lake, name);
    for (let v = 0; v < OLD_VERSIONS; v += 1) await commitTo(lake, second, v, [addOf(`second${v}`)]);
    await mirrorTable(lake, second);
    await dropTable(lake, { tableId: second });
    return imported(lake, name);
  },
  "dropped by force, and nothing after it": async (lake, _name, old) => {
    await dropTable(lake, { tableId: old }, force);
    return undefined;
  },
};

/** What the log shows of versions that SQL calls published. */
async function publishedBytes(lake: TestLake, tableId: string, upTo?: number) {
  const head = await lake.catalog.findTable({ tableId });
  const to = upTo ?? (await lake.catalog.mirroredVersion(tableId));
  const log = lake.openLog(head?.location ?? "");
  const bytes = [];
  for (let version = 0; version <= to; version += 1) bytes.push(await log.readCommitBytes(version));
  return { to, bytes };
}

/** The worker goes on to its end, or dies so many calls later. */
const ENDS = [Number.POSITIVE_INFINITY, 4];

async function goesOn(lake: TestLake, name: string, at: number, lives: number, meanwhile: Meanwhile): Promise<boolean> {
  const what = `paused at call ${at}, dead after ${lives} more`;
  const old = await newTable(lake, name, { configuration: { "delta.checkpointInterval": "2" } });
  for (let v = 0; v < OLD_VERSIONS; v += 1) await commitTo(lake, old, v, [addOf(`old${v}`)]);
  const [pause, death] = [pausePoint(at), crashPoint(at + lives, "after")];
  const worker = mirrorTable(
    lake.with({
      catalog: dying(pausing(lake.catalog, pause), death),
      store: (store) => dying(pausing(store, pause), death),
    }),
    old,
  ).catch((error: unknown) => assert.ok(death.dead, String(error)));
  if (await Promise.race([worker.then(() => true), pause.reached.then(() => false)])) return false;
  const id = await meanwhile(lake, name, old);
  const before = id === undefined ? undefined : await publishedBytes(lake, id);
  // Time passes for whoever is paused.
  if (at % 2 === 1) lake.clock.time += 2_000;
  pause.resume();
  await worker;
  if (id === undefined || before === undefined) return true;
  assert.ok(!lake.metricsSeen.some((m) => m.name === "ForeignCommits"), `${what}: a false alarm`);
  let head: number = (await lake.catalog.findTable({ tableId: id }))?.version ?? -1;
  // Who dies can tidy nothing up: the next version does.
  if (death.dead) assert.equal(await commitTo(lake, id, head, [addOf("next")]), ++head);
  for (let round = 0; round < 2; round += 1) {
    const result = await mirrorTable(lake, id);
    assert.deepEqual([result.error?.message, result.quarantined], [undefined, undefined], what);
    assert.equal(await assertTheorem(lake, id), head, what);
    assert.equal(await commitTo(lake, id, head, [addOf(`later${round}`)]), ++head);
  }
  assert.deepEqual(await publishedBytes(lake, id, before.to), before, `${what}: published bytes never change`);
  return true;
}

test("a checkpoint of the old table, put when its last commit was not there any more, is taken away with its hint", async () => {
  const lake = await openTestLake();
  const [name, location] = ["late.checkpoint", "file:///lake/late.checkpoint"];
  const old = await newTable(lake, name, { configuration: { "delta.checkpointInterval": "2" } });
  for (const v of [0, 1]) await commitTo(lake, old, v, [addOf(`old${v}`)]);
  await mirrorTable(lake, old);
  const store = lake.store(location);
  const late = [`_delta_log/${checkpointFileName(2)}`, "_delta_log/_last_checkpoint"];
  const bytes = await Promise.all(late.map(async (key) => (await store.get(key))?.bytes ?? new Uint8Array()));
  await dropTable(lake, { tableId: old });
  await emptied(lake, location);
  const id = await created(lake, name);
  for (const [i, key] of late.entries()) await store.put(key, bytes[i] ?? new Uint8Array());
  assert.deepEqual((await mirrorTable(lake, id)).published, [0]);
  for (const key of late) assert.equal(await store.get(key), undefined, key);
  // One that nobody of ours is known to have made stays, and stops the mirror.
  await commitTo(lake, id, 0, [addOf("young")]);
  await store.put(late[0] ?? "", new TextEncoder().encode("PAR1, or so it says"));
  assert.equal((await mirrorTable(lake, id)).error?.code, "LOG_AHEAD");
  assert.ok(await store.get(late[0] ?? ""));
  await lake.close();
});

for (const [scene, meanwhile] of Object.entries(SCENES)) {
  test(`a worker paused at any call: ${scene}`, async () => {
    const lake = await openTestLake();
    for (const lives of ENDS) {
      for (let at = 0; await goesOn(lake, `late.at${at}_${lives}`, at, lives, meanwhile); at += STRIDE) {
        assert.ok(at < MAX_CALLS, "the loop ends");
      }
    }
    await lake.close();
  });
}
