/** Purge: what is gone is gone for good, nothing that another table needs is touched, and its late workers are still known. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openDataFiles } from "../../lib/files/data-files.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { purgeExpired, purgeTable } from "../../lib/operations/purge.ts";
import { undropTable } from "../../lib/operations/undrop-table.ts";
import type { DataFiles, Lake, ObjectStore } from "../../lib/ports.ts";
import { crashPoint, dying } from "../support/crash.ts";
import { addOf, commitTo, newTable, openTestLake, pass, SCHEMA, STRIDE, type TestLake } from "../support/lake.ts";
import { assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const force = { unpublished: "giveUp" } as const;
const HOUR_MS = 3_600_000;
/** What the purge takes for old enough; the clock of a database cannot be set. */
const OLD = Date.now() - 10 * HOUR_MS;

function dataFiles(store: ObjectStore, location: string): DataFiles {
  return {
    ...openDataFiles(store, location),
    async *list() {
      for await (const info of store.list("")) {
        if (!info.key.startsWith("_delta_log/"))
          yield [info.key.includes("young") ? info : { ...info, modifiedAt: OLD }];
      }
    },
  };
}

/** A window that is over at once, and data files in the stores of the test. */
function purging(at: TestLake, store = (location: string) => at.store(location)): Lake {
  return { ...at, undropWindowMs: -10 * HOUR_MS, openDataFiles: (location) => dataFiles(store(location), location) };
}

async function keysAt(location: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of lake.store(location).list("")) keys.push(key);
  return keys;
}

/** Mirrored, with its files there, and dropped. */
async function droppedTable(name: string, files: readonly string[]): Promise<string> {
  const tableId = await newTable(lake, name, { configuration: { "delta.checkpointInterval": "2" } });
  for (const [v, file] of files.entries()) await commitTo(lake, tableId, v, [addOf(file)]);
  await mirrorTable(lake, tableId);
  for (const file of files) await lake.store(`file:///lake/${name}`).put(file, new Uint8Array(100));
  await dropTable(lake, { tableId });
  return tableId;
}

test("a table that can come back is not purged; afterwards its rows are gone, and its files stay", async () => {
  const tableId = await droppedTable("p.rows", ["a", "b"]);
  const files = await keysAt("file:///lake/p.rows");
  await assert.rejects(purgeTable(lake, { tableId }), { code: "UNDROP_WINDOW_OPEN" });
  await pass(lake, 5);
  const purged = await purgeTable(purging(lake), { name: "p.rows" });
  assert.deepEqual([purged.tableId, purged.files, purged.logFiles, purged.interrupted], [tableId, 0, 0, false]);
  assert.deepEqual(await keysAt("file:///lake/p.rows"), files);
  await assert.rejects(undropTable(lake, { tableId }), { code: "UNDROP_WINDOW_OVER" });
  assert.deepEqual(
    (await lake.catalog.listDropped({ limit: 100 })).items.map((table) => table.tableId).includes(tableId),
    false,
  );
  const back = await importTable(lake, { name: "p.rows", location: "file:///lake/p.rows", mode: "full-history" });
  assert.deepEqual([back.version, back.files], [2, 2]);
  await assert.rejects(purgeTable(purging(lake), { name: "p.rows" }, { files: true }), { code: "PLACE_IN_USE" });
  await assert.rejects(purgeTable(purging(lake), { tableId: back.tableId }), { code: "TABLE_EXISTS" });
  await assert.rejects(purgeTable(purging(lake), { name: "p.never" }), { code: "TABLE_NOT_FOUND" });
});

test("a purge ends the grants on the table, in any state of it, and none on another; a new one of its name has none", async () => {
  const tableId = await droppedTable("p.granted", ["a"]);
  const other = await newTable(lake, "p.granted2");
  const on = (id: string) => ({ privilege: "SELECT", resource: `table:${id}`, grantee: "user:a" }) as const;
  await lake.catalog.changeAccess({
    grant: [on(tableId), { ...on(tableId), privilege: "OWN" }, on(other)],
    by: "operator",
    at: 1,
  });
  const granted = async () => (await lake.catalog.readAccess()).grants.map(({ resource }) => resource).sort();
  const all = [`table:${tableId}`, `table:${tableId}`, `table:${other}`].sort();
  await assert.rejects(purgeTable(lake, { tableId }), { code: "UNDROP_WINDOW_OPEN" });
  assert.deepEqual(await granted(), all, "a table that comes back has its grants");
  const { version } = await lake.catalog.accessState();
  await pass(lake, 5);
  await purgeTable(purging(lake), { tableId });
  assert.deepEqual(await granted(), [`table:${other}`]);
  assert.equal((await lake.catalog.accessState()).version, version + 1, "servers see that something has changed");
  // As a release has left them that knew nothing of this.
  await lake.catalog.changeAccess({ grant: [on(tableId)], by: "operator", at: 2 });
  await purgeTable(purging(lake), { tableId });
  const place = { name: "p.granted", location: "file:///lake/p.granted/again" };
  const heir = await createTable(lake, { ...place, schema: SCHEMA });
  assert.notEqual(heir.tableId, tableId);
  assert.deepEqual(await granted(), [`table:${other}`]);
});

test("with its files: all but those that clones name, those of tables within, and those that are young", async () => {
  const location = "file:///lake/p.files";
  const tableId = await droppedTable("p.files", ["a", "b", "c"]);
  const store = lake.store(location);
  for (const key of ["orphan", "young", "inner/x", "unknown/_delta_log/0.json", "unknown/y"]) {
    await store.put(key, new Uint8Array(10));
  }
  const clone = await newTable(lake, "p.clone", {
    configuration: { "deltalakedb.allowPathsOutsideTable": "true" },
  });
  await commitTo(lake, clone, 0, [addOf(`${location}/b`)]);
  await createTable(lake, { name: "p.inner", location: `${location}/inner`, schema: SCHEMA });
  const purged = await purgeTable(purging(lake), { tableId }, { files: true });
  assert.deepEqual([purged.files, purged.bytes, purged.kept, purged.failed], [3, 210n, 5, 0]);
  assert.deepEqual(await keysAt(location), ["b", "inner/x", "unknown/_delta_log/0.json", "unknown/y", "young"]);
  // The place is free for a new table.
  const again = await purgeTable(purging(lake), { tableId }, { files: true });
  assert.deepEqual([again.files, again.logFiles], [0, 0]);
});

test("purgeExpired purges all whose window is over, and tells which could not be", async () => {
  const good = await droppedTable("p.good", ["a"]);
  const taken = await droppedTable("p.taken", ["a"]);
  await importTable(lake, { name: "p.heir", location: "file:///lake/p.taken", mode: "snapshot" });
  await pass(lake, 5);
  const outcomes = new Map<string, string>();
  for await (const one of purgeExpired(purging(lake), { files: true })) {
    outcomes.set(one.tableId, "error" in one ? one.error.code : "purged");
  }
  assert.deepEqual([outcomes.get(good), outcomes.get(taken)], ["purged", "PLACE_IN_USE"]);
  const rest: string[] = [];
  for await (const { tableId } of purgeExpired(purging(lake))) rest.push(tableId);
  assert.deepEqual(rest, [taken]);
});

test("killed at any call, the same purge goes on; nothing else is touched", async () => {
  for (const when of ["before", "after"] as const) {
    for (let at = 0, done = false; !done; at += STRIDE) {
      assert.ok(at < 100, "the loop ends");
      const name = `p.crash_${when}${at}`;
      const tableId = await droppedTable(name, ["a", "b"]);
      await lake.store(`file:///lake/${name}`).put("young", new Uint8Array(1));
      await pass(lake, 5);
      const point = crashPoint(at, when);
      const doomed = purging(
        lake.with({ catalog: dying(lake.catalog, point), store: (store) => dying(store, point) }),
        (location) => dying(lake.store(location), point),
      );
      await purgeTable(doomed, { tableId }, { files: true }).catch((error: unknown) =>
        assert.ok(point.dead, String(error)),
      );
      done = !point.dead;
      // Before it has begun, it can be undone; then never.
      const begun = (await lake.catalog.whereabouts({ tableId }))?.dropped?.purgedAt !== undefined;
      if (begun) await assert.rejects(undropTable(lake, { tableId }), { code: /UNDROP_WINDOW_OVER/ });
      await purgeTable(purging(lake), { tableId }, { files: true });
      assert.deepEqual(await keysAt(`file:///lake/${name}`), ["young"], `killed ${when} call ${at}`);
      assert.deepEqual(await lake.catalog.formerCommits(`file:///lake/${name}`, 0), []);
    }
  }
});

test("what a worker of a purged table puts late is known by the table that it names", async () => {
  const [name, location] = ["p.late", "file:///lake/p.late"];
  const old = await newTable(lake, name);
  for (const v of [0, 1, 2]) await commitTo(lake, old, v, [addOf(`old${v}`)]);
  await mirrorTable(lake, old);
  const store = lake.store(location);
  const late = ["1", "2"].map((v) => `_delta_log/${v.padStart(20, "0")}.json`);
  const bytes = await Promise.all(late.map(async (key) => (await store.get(key))?.bytes ?? new Uint8Array()));
  await dropTable(lake, { tableId: old }, force);
  await pass(lake, 5);
  await purgeTable(purging(lake), { tableId: old }, { files: true });
  const { tableId } = await createTable(lake, { name, location, schema: SCHEMA });
  await mirrorTable(lake, tableId);
  for (const [i, key] of late.entries()) await store.put(key, bytes[i] ?? new Uint8Array());
  await commitTo(lake, tableId, 0, [addOf("young")]);
  const result = await mirrorTable(lake, tableId);
  assert.deepEqual([result.published, result.error?.message, result.quarantined], [[1], undefined, undefined]);
  assert.equal(await assertTheorem(lake, tableId), 1);
  // One that names nobody stops the mirror, as ever.
  await store.put(late[1] ?? "", new TextEncoder().encode('{"commitInfo":{}}\n'));
  await commitTo(lake, tableId, 1, [addOf("younger")]);
  assert.ok((await mirrorTable(lake, tableId)).quarantined);
});
