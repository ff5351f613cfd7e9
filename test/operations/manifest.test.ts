/** The manifest: each log says which table it belongs to, whoever writes it, whenever, and nobody waits for it. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { decodeManifest, type Manifest } from "../../lib/delta/manifest.ts";
import { unavailable } from "../../lib/errors.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { writeManifest } from "../../lib/operations/publishing/manifest.ts";
import { sweepMirrors } from "../../lib/operations/sweep.ts";
import { crashPoint, dying } from "../support/crash.ts";
import { addOf, commitTo, newTable, openTestLake, SCHEMA, STRIDE, type TestLake } from "../support/lake.ts";
import { pausePoint, pausing } from "../support/pause.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

async function manifestAt(name: string): Promise<Manifest | undefined> {
  const bytes = await lake.openLog(`file:///lake/${name}`).readManifest();
  return bytes && decodeManifest(bytes);
}

/** Sweeps and mirrors until nothing is due. */
async function settle(): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    const due = await lake.catalog.dueManifests(100);
    if (due.length === 0) return;
    for (const { tableId } of due) await mirrorTable(lake, tableId);
  }
  assert.fail("manifests stay due");
}

const emptied = async (name: string): Promise<void> => {
  const store = lake.store(`file:///lake/${name}`);
  for await (const { key } of store.list("")) await store.remove([key]);
};

test("a new table is named in its log once version 0 is there, and then never again", async () => {
  const tableId = await newTable(lake, "n.made");
  assert.equal(await manifestAt("n.made"), undefined);
  await mirrorTable(lake, tableId);
  const { catalogId = "", ...manifest } = (await manifestAt("n.made")) ?? {};
  assert.match(catalogId, /^[0-9a-f-]{36}$/);
  const place = { tableId, name: "n.made", location: "file:///lake/n.made" };
  assert.deepEqual(manifest, { ...place, formerNames: [], status: "active", changes: 0 });
  await commitTo(lake, tableId, 0, [addOf("f")]);
  const counting = crashPoint(Number.POSITIVE_INFINITY, "before");
  await mirrorTable(lake.with({ catalog: dying(lake.catalog, counting) }), tableId);
  assert.equal(counting.calls, 2, "as many round trips as without manifests");
});

test("a log that was not told is found by the sweeper; a store that is away holds nothing up", async () => {
  const tableId = await newTable(lake, "n.swept");
  const away = lake.with({
    store: (store) => ({
      ...store,
      putIfAbsent: (key, ...rest) =>
        key.endsWith("_deltalakedb.json") ? Promise.reject(unavailable("away")) : store.putIfAbsent(key, ...rest),
    }),
  });
  const result = await mirrorTable(away, tableId);
  assert.deepEqual([result.published, result.error], [[0], undefined]);
  assert.equal(await manifestAt("n.swept"), undefined);
  lake.enqueued.length = 0;
  await sweepMirrors(lake, { overdueMs: 0, limit: 10 });
  assert.ok(lake.enqueued.some((sent) => sent.tableId === tableId));
  await settle();
  assert.equal((await manifestAt("n.swept"))?.tableId, tableId);
  lake.enqueued.length = 0;
  await sweepMirrors(lake, { overdueMs: 0, limit: 10 });
  assert.deepEqual(lake.enqueued, []);
});

test("dropped, imported again, dropped by force: the log names its last table and what has become of it", async () => {
  const old = await newTable(lake, "n.lives");
  await mirrorTable(lake, old);
  await dropTable(lake, { tableId: old });
  await settle();
  const told = await manifestAt("n.lives");
  assert.deepEqual([told?.tableId, told?.status, told?.changes], [old, "dropped", 1]);
  assert.ok(typeof told?.droppedAt === "number");
  const { tableId } = await importTable(lake, { name: "n.heir", location: "file:///lake/n.lives", mode: "snapshot" });
  await settle();
  assert.deepEqual([(await manifestAt("n.lives"))?.tableId, (await manifestAt("n.lives"))?.name], [tableId, "n.heir"]);
});

test("a worker of a dropped table, paused at any call, never puts its manifest over that of its successor", async () => {
  for (let at = 0, ended = false; !ended; at += STRIDE) {
    assert.ok(at < 60, "the loop ends");
    const name = `n.late${at}`;
    const old = await newTable(lake, name);
    const pause = pausePoint(at);
    const paused = lake.with({
      catalog: pausing(lake.catalog, pause),
      store: (store) => pausing(store, pause),
    });
    const worker = mirrorTable(paused, old);
    ended = await Promise.race([worker.then(() => true), pause.reached.then(() => false)]);
    await dropTable(lake, { tableId: old }, { unpublished: "giveUp" });
    await emptied(name);
    const { tableId } = await createTable(lake, { name, location: `file:///lake/${name}`, schema: SCHEMA });
    await mirrorTable(lake, tableId);
    assert.equal((await manifestAt(name))?.tableId, tableId);
    pause.resume();
    await worker;
    await settle();
    const last = await manifestAt(name);
    assert.deepEqual([last?.tableId, last?.status], [tableId, "active"], `paused at call ${at}`);
  }
});

test("killed at any call, the next worker tells the log", async () => {
  for (const when of ["before", "after"] as const) {
    for (let at = 0, done = false; !done; at += STRIDE) {
      assert.ok(at < 60, "the loop ends");
      const tableId = await newTable(lake, `n.${when}${at}`);
      const point = crashPoint(at, when);
      const doomed = lake.with({ catalog: dying(lake.catalog, point), store: (store) => dying(store, point) });
      await mirrorTable(doomed, tableId).catch((error: unknown) => assert.ok(point.dead, String(error)));
      done = !point.dead;
      await mirrorTable(lake, tableId);
      assert.equal((await manifestAt(`n.${when}${at}`))?.tableId, tableId);
      assert.deepEqual(await lake.catalog.dueManifests(10), []);
    }
  }
});

test("what is no manifest that we know is written anew, and one of a later change is left", async () => {
  const tableId = await newTable(lake, "n.odd");
  const store = lake.store("file:///lake/n.odd");
  await mirrorTable(lake, tableId);
  const ours = (await store.get("_delta_log/_deltalakedb.json"))?.bytes ?? new Uint8Array();
  for (const odd of ["", "{", "[1]", '{"format":2}', '{"format":1,"tableId":1}']) {
    await store.put("_delta_log/_deltalakedb.json", new TextEncoder().encode(odd));
    assert.equal(decodeManifest(new TextEncoder().encode(odd)), undefined);
    assert.ok(await writeManifest(lake, tableId, { again: true }));
    assert.deepEqual((await store.get("_delta_log/_deltalakedb.json"))?.bytes, ours);
  }
  const later = new TextDecoder().decode(ours).replace('"changes":0', '"changes":7');
  await store.put("_delta_log/_deltalakedb.json", new TextEncoder().encode(later));
  await writeManifest(lake, tableId, { again: true });
  assert.equal((await manifestAt("n.odd"))?.changes, 7);
});
