/** Crashes at every call that a move makes: whatever happens, the theorem holds and the next worker finishes. */

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openDeltaLog } from "../../lib/log/delta-log.ts";
import { commit } from "../../lib/operations/commit.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { repairTable } from "../../lib/operations/repair.ts";
import type { ObjectStore } from "../../lib/ports.ts";
import { openFileStore } from "../../lib/storage/file.ts";
import { Crash, crashPoint, dying } from "../support/crash.ts";
import {
  addOf,
  commitTo,
  newTable,
  openTestLake,
  removeOf,
  request,
  SCHEMA,
  STRIDE,
  type TestLake,
} from "../support/lake.ts";
import { assertHistory, assertTheorem } from "../support/theorem.ts";

const MAX_CALLS = 200;

test("commit: a crash at any call, then the same request again, commits exactly once to all tables or none", async () => {
  const lake = await openTestLake();
  for (const when of ["before", "after"] as const) {
    for (let at = 0, done = false; !done && at < MAX_CALLS; at += 1) {
      const [a, b] = [await newTable(lake, `c.${when}_a${at}`), await newTable(lake, `c.${when}_b${at}`)];
      const wanted = request(
        { tableId: a, readVersion: 0, actions: [addOf("f")] },
        { tableId: b, readVersion: 0, actions: [addOf("g")] },
      );
      const point = crashPoint(at, when);
      const first = await commit(lake.with({ catalog: dying(lake.catalog, point) }), wanted).catch((e: unknown) => e);
      done = !(first instanceof Crash);
      const heads = await Promise.all(
        [a, b].map(async (tableId) => (await lake.catalog.findTable({ tableId }))?.version),
      );
      assert.equal(heads[0], heads[1], "both tables, or none");
      const again = await commit(lake, wanted);
      assert.ok(again.status === "committed");
      assert.equal(again.replayed, heads[0] === 1);
      for (const tableId of [a, b]) assert.equal((await lake.catalog.findTable({ tableId }))?.version, 1);
    }
  }
  await lake.close();
});

test("edge 53: mirror: a worker killed at any call of catalog or store leaves a prefix, and the next one finishes", async () => {
  for (const when of ["before", "after"] as const) {
    const lake = await openTestLake();
    for (let at = 0, done = false; !done; at += STRIDE) {
      assert.ok(at < MAX_CALLS, "the loop ends");
      const id = await newTable(lake, `c.mirror${at}`, { configuration: { "delta.checkpointInterval": "2" } });
      for (let v = 0; v < 4; v += 1)
        await commitTo(lake, id, v, v === 2 ? [removeOf("f0"), addOf("f2")] : [addOf(`f${v}`)]);
      const point = crashPoint(at, when);
      const doomed = lake.with({ catalog: dying(lake.catalog, point), store: (store) => dying(store, point) });
      await mirrorTable(doomed, id).catch((error: unknown) =>
        assert.ok(error instanceof Crash || point.dead, String(error)),
      );
      done = !point.dead;
      await assertTheorem(lake, id);
      const result = await mirrorTable(lake, id);
      assert.equal(result.error, undefined);
      assert.equal(await assertTheorem(lake, id), 4);
      const listing = await lake.openLog(`file:///lake/c.mirror${at}`).list();
      assert.deepEqual(
        listing.checkpoints.map((c) => c.version),
        [4],
        `checkpoints after a crash ${when} call ${at}`,
      );
      assert.equal(await lake.openLog(`file:///lake/c.mirror${at}`).readLastCheckpoint(), 4);
    }
    await lake.close();
  }
});

test("create: a crash at any call, then the same request again: one table, from its first answer on", async () => {
  const lake = await openTestLake();
  for (const when of ["before", "after"] as const) {
    for (let at = 0, done = false; !done; at += STRIDE) {
      assert.ok(at < MAX_CALLS, "the loop ends");
      const name = `c.create_${when}${at}`;
      const wanted = { name, location: `file:///lake/${name}`, schema: SCHEMA, transactionId: crypto.randomUUID() };
      const point = crashPoint(at, when);
      const doomed = lake.with({ catalog: dying(lake.catalog, point), store: (store) => dying(store, point) });
      const first = await createTable(doomed, wanted).catch((e: unknown) => e);
      done = !(first instanceof Crash);
      const head = await lake.catalog.findTable({ name });
      const created = await createTable(lake, wanted);
      assert.equal(created.replayed, head !== undefined);
      assert.equal(created.tableId, head?.tableId ?? created.tableId);
      assert.deepEqual((await mirrorTable(lake, created.tableId)).published, [0]);
      assert.equal(await assertTheorem(lake, created.tableId), 0);
    }
  }
  await lake.close();
});

test("drop: a crash at any call leaves the table whole or dropped, and then its log has all that was acknowledged", async () => {
  const lake = await openTestLake();
  for (const when of ["before", "after"] as const) {
    for (let at = 0, done = false; !done; at += STRIDE) {
      assert.ok(at < MAX_CALLS, "the loop ends");
      const name = `c.drop_${when}${at}`;
      const id = await newTable(lake, name);
      for (const v of [0, 1, 2]) await commitTo(lake, id, v, [addOf(`f${v}`)]);
      const point = crashPoint(at, when);
      const doomed = lake.with({ catalog: dying(lake.catalog, point), store: (store) => dying(store, point) });
      const publishing = (server: TestLake) => ({
        ...server,
        queue: { enqueue: async () => void (await mirrorTable(server, id)) },
      });
      const first = await dropTable(publishing(doomed), { tableId: id }).catch((e: unknown) => e);
      done = !point.dead;
      // What is left to do after the drop is a hint.
      assert.ok(first instanceof Error || (await lake.catalog.findTable({ tableId: id })) === undefined);
      if ((await lake.catalog.findTable({ tableId: id })) !== undefined) {
        await assertTheorem(lake, id);
        await dropTable(publishing(lake), { tableId: id });
      }
      await assert.rejects(dropTable(lake, { tableId: id }), { code: "TABLE_NOT_FOUND" });
      const back = await importTable(lake, { name, location: `file:///lake/${name}`, mode: "full-history" });
      assert.deepEqual([back.version, back.files], [3, 3], `dropped after a crash ${when} call ${at}`);
    }
  }
  await lake.close();
});

test("repair: a crash at any call, then again: the log is as it was, and no other bytes are touched", async () => {
  const lake = await openTestLake();
  for (const when of ["before", "after"] as const) {
    for (let at = 0, done = false; !done; at += STRIDE) {
      assert.ok(at < MAX_CALLS, "the loop ends");
      const name = `c.repair_${when}${at}`;
      const id = await newTable(lake, name, { configuration: { "delta.checkpointInterval": "3" } });
      for (const v of [0, 1, 2, 3]) await commitTo(lake, id, v, [addOf(`f${v}`)]);
      await mirrorTable(lake, id);
      const store = lake.store(`file:///lake/${name}`);
      const whole = await contents(store);
      for (const [key, bytes] of whole) if (!key.endsWith("1.json")) await store.removeIf(key, bytes);
      const point = crashPoint(at, when);
      const doomed = lake.with({ catalog: dying(lake.catalog, point), store: (s) => dying(s, point) });
      await repairTable(doomed, { tableId: id }).catch((e: unknown) => assert.ok(point.dead, String(e)));
      done = !point.dead;
      for (const [key, bytes] of await contents(store)) assert.deepEqual(bytes, whole.get(key), key);
      assert.equal((await repairTable(lake, { tableId: id })).fault, undefined);
      assert.deepEqual(await contents(store), whole, `repaired after a crash ${when} call ${at}`);
      assert.equal(await assertTheorem(lake, id), 4);
    }
  }
  await lake.close();
});

test("import: whoever imports owns the table before anybody sees it, killed at whatever call", async () => {
  const golden = fileURLToPath(new URL("../golden/trips", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "dl-owner-"));
  cpSync(golden, folder, { recursive: true, preserveTimestamps: true });
  for (let at = 0, done = false; !done; at += STRIDE) {
    assert.ok(at < MAX_CALLS, "the loop ends");
    const base = await openTestLake();
    const lake = { ...base, openLog: (location: string) => openDeltaLog(openFileStore(folder), location) };
    const importAs = (grantee: string, catalog: typeof lake.catalog) =>
      importTable(
        { ...lake, catalog },
        {
          ...{ location: "file:///lake/trips", name: "c.owned", mode: "snapshot" as const },
          async claim(tableId) {
            const grant = [{ privilege: "OWN", resource: `table:${tableId}`, grantee } as const];
            await catalog.changeAccess({ grant, by: grantee, at: 1 });
          },
        },
      );
    const ownersOf = async (tableId: string) =>
      (await lake.catalog.readAccess()).grants
        .filter(({ resource }) => resource === `table:${tableId}`)
        .map(({ grantee }) => grantee);
    const point = crashPoint(at, at % 2 ? "before" : "after");
    await importAs("user:first", dying(lake.catalog, point)).catch((e: unknown) =>
      assert.ok(e instanceof Crash, String(e)),
    );
    done = !point.dead;
    const seen = await lake.catalog.findTable({ name: "c.owned" });
    if (seen !== undefined) assert.deepEqual(await ownersOf(seen.tableId), ["user:first"], `killed at ${at}`);
    else assert.deepEqual(await ownersOf((await importAs("user:second", lake.catalog)).tableId), ["user:second"]);
    await base.close();
  }
  rmSync(folder, { recursive: true });
});

async function contents(store: ObjectStore): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for await (const { key } of store.list("")) found.set(key, (await store.get(key))?.bytes ?? new Uint8Array());
  return found;
}

test("edge 55: import: killed at any call, the same import carries on and ends with the same table", async () => {
  const golden = fileURLToPath(new URL("../golden/trips", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "dl-import-"));
  cpSync(golden, folder, { recursive: true, preserveTimestamps: true });
  for (const mode of ["full-history", "snapshot"] as const) {
    for (let at = 0, done = false; !done; at += STRIDE) {
      assert.ok(at < MAX_CALLS, "the loop ends");
      const base = await openTestLake();
      const lake = { ...base, openLog: (location: string) => openDeltaLog(openFileStore(folder), location) };
      const point = crashPoint(at, at % 2 ? "before" : "after");
      const wanted = { location: "file:///lake/trips", name: "c.trips", mode };
      await importTable({ ...lake, catalog: dying(lake.catalog, point) }, wanted).catch((e: unknown) =>
        assert.ok(e instanceof Crash || point.dead, String(e)),
      );
      done = !point.dead;
      const existing = await lake.catalog.findTable({ name: "c.trips" });
      const result = existing ?? (await importTable(lake, wanted));
      const { tableId } = result;
      assert.equal(result.version, 7);
      const report = await diffTable(lake, { ref: { tableId }, lagThresholdSeconds: 5, maxDriftFiles: 0 });
      assert.deepEqual([report.outcome, report.drift.files, report.drift.other], ["ok", [], []]);
      await assertHistory(lake, tableId);
      await base.close();
    }
  }
  rmSync(folder, { recursive: true });
});
