/** A table is given back: what others find then, whoever was killed on the way, and what nothing here does to it any more. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { FENCE } from "../../lib/delta/features.ts";
import { decodeManifest } from "../../lib/delta/manifest.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { ejectTable } from "../../lib/operations/eject.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { purgeTable } from "../../lib/operations/purge.ts";
import { undropTable } from "../../lib/operations/undrop-table.ts";
import { Crash, crashPoint, dying } from "../support/crash.ts";
import { addOf, commitTo, newTable, openTestLake, STRIDE, type TestLake } from "../support/lake.ts";

const lake = await openTestLake();
after(() => lake.close());
const DAY_MS = 86_400_000;

const placeOf = (name: string) => `file:///lake/${name}`;

/** The lines of a version as others read them. */
async function linesOf(name: string, version: number): Promise<Record<string, Json>[]> {
  const bytes = await lake.openLog(placeOf(name)).readCommitBytes(version);
  assert.ok(bytes, `version ${version} of ${name}`);
  return new TextDecoder()
    .decode(bytes)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, Json>);
}

async function manifestOf(name: string) {
  const bytes = await lake.openLog(placeOf(name)).readManifest();
  return bytes && decodeManifest(bytes);
}

/** All that a table given back must be. */
async function assertEjected(name: string, tableId: string, head: number): Promise<void> {
  assert.equal(await lake.catalog.findTable({ tableId }), undefined);
  const listing = await lake.openLog(placeOf(name)).list();
  assert.deepEqual(
    listing.commits.map(({ version }) => version),
    Array.from({ length: head + 2 }, (_, version) => version),
  );
  assert.equal(await lake.openLog(placeOf(name)).readLastCheckpoint(), head);
  const [info, { protocol } = {}] = await linesOf(name, head + 1);
  const { writerFeatures } = protocol as { writerFeatures: string[] };
  assert.ok(writerFeatures.length > 0 && !writerFeatures.includes(FENCE));
  const [before] = await linesOf(name, head);
  const timeOf = (line: Record<string, Json> | undefined) =>
    Number((line?.commitInfo as Record<string, Json> | undefined)?.inCommitTimestamp);
  assert.ok(timeOf(info) > timeOf(before), "in-commit timestamps go on");
  const { status, tableId: told } = (await manifestOf(name)) ?? {};
  assert.deepEqual([status, told], ["ejected", tableId]);
}

async function filled(name: string, commits = 2): Promise<string> {
  const tableId = await newTable(lake, name);
  for (let version = 0; version < commits; version += 1) await commitTo(lake, tableId, version, [addOf(`f${version}`)]);
  return tableId;
}

test("all is published, with a checkpoint, dropped here and without the fence; again is the same", async () => {
  const tableId = await filled("e.plain");
  const ejected = await ejectTable(lake, { name: "e.plain" });
  assert.deepEqual(ejected, { tableId, name: "e.plain", location: placeOf("e.plain"), version: 3, unfenced: 3 });
  await assertEjected("e.plain", tableId, 2);
  assert.deepEqual(await ejectTable(lake, { name: "e.plain" }), ejected);
  // A late message of the queue changes nothing.
  await mirrorTable(lake, tableId);
  await assertEjected("e.plain", tableId, 2);
});

test("a table without a fence gets no version", async () => {
  const tableId = await newTable(lake, "e.open", { fenced: false });
  const ejected = await ejectTable(lake, { tableId });
  assert.deepEqual([ejected.version, ejected.unfenced], [0, undefined]);
  assert.equal((await manifestOf("e.open"))?.status, "ejected");
  await assert.rejects(undropTable(lake, { tableId }), { kind: "conflict", code: "TABLE_EJECTED" });
});

test("others go on with it: nothing brings it back over them, no purge takes its files, an import takes it in", async () => {
  const tableId = await filled("e.others");
  await ejectTable(lake, { tableId });
  const text = `${JSON.stringify({ commitInfo: { operation: "WRITE" } })}\n${JSON.stringify(addOf("theirs"))}\n`;
  await lake.store(placeOf("e.others")).put("_delta_log/00000000000000000004.json", new TextEncoder().encode(text));
  await assert.rejects(undropTable(lake, { tableId }), { code: "TABLE_EJECTED" });
  lake.clock.time += 8 * DAY_MS;
  await assert.rejects(purgeTable(lake, { tableId }, { files: true }), { kind: "conflict", code: "TABLE_EJECTED" });
  const taken = await importTable(lake, { name: "e.others", location: placeOf("e.others"), mode: "full-history" });
  assert.deepEqual([taken.version, taken.files], [4, 3]);
  await mirrorTable(lake, taken.tableId);
  assert.deepEqual((await manifestOf("e.others"))?.tableId, taken.tableId);
  await assert.rejects(ejectTable(lake, { tableId }), { code: "LOCATION_TAKEN" });
  assert.equal((await ejectTable(lake, { name: "e.others" })).version, 4);
});

test("what cannot be published keeps the table here", async () => {
  const tableId = await filled("e.stuck");
  await lake.catalog.setQuarantine(tableId, "a foreign commit");
  await assert.rejects(ejectTable(lake, { tableId }), { code: "UNPUBLISHED_VERSIONS" });
  assert.equal((await lake.catalog.findTable({ tableId }))?.version, 2);
  await assert.rejects(ejectTable(lake, { name: "e.nowhere" }), { code: "TABLE_NOT_FOUND" });
});

test("a table that is written all the time is given back: the last versions are published while commits wait", async () => {
  const tableId = await filled("e.busy");
  let version = 2;
  const busy = new Proxy(lake.catalog, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      if (key !== "dropTable") return value.bind(target);
      return async (...args: Parameters<typeof target.dropTable>) => {
        version = Number(await commitTo(lake, tableId, version, [addOf(`busy${version}`)]));
        return target.dropTable(...args);
      };
    },
  });
  const ejected = await ejectTable(lake.with({ catalog: busy }), { tableId });
  assert.deepEqual([ejected.version, ejected.unfenced], [4, 4]);
  const listing = await lake.openLog(placeOf("e.busy")).list();
  assert.deepEqual(
    listing.commits.map((commit) => commit.version),
    [0, 1, 2, 3, 4],
  );
  assert.deepEqual(await lake.catalog.unpublished(tableId, 1), []);
});

test("a crash at any call, then the same again: given back, once", async () => {
  for (const when of ["before", "after"] as const) {
    for (let at = 0, done = false; !done; at += STRIDE) {
      assert.ok(at < 100, "the loop ends");
      const name = `e.${when}${at}`;
      const tableId = await filled(name, 1);
      const point = crashPoint(at, when);
      const doomed: TestLake = lake.with({
        catalog: dying(lake.catalog, point),
        store: (store) => dying(store, point),
      });
      const failed = await ejectTable(doomed, { name }).catch((error: unknown) => error);
      done = !point.dead;
      assert.ok(done || failed instanceof Crash || failed instanceof Error);
      const fenced = (await lake.openLog(placeOf(name)).readCommitBytes(2)) === undefined;
      // Whoever may write, SQL does not any more.
      if (!fenced) assert.equal(await lake.catalog.findTable({ tableId }), undefined);
      await ejectTable(lake, { name });
      await assertEjected(name, tableId, 1);
    }
  }
});
