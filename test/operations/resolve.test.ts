/** The end of a quarantine: only when no foreign file is left, and then everything of ours is published. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LakeError } from "../../lib/errors.ts";
import { writeCheckpoint } from "../../lib/operations/checkpoint.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { resolveTable } from "../../lib/operations/resolve.ts";
import { healthOfTables } from "../../lib/operations/table-health.ts";
import type { ObjectStore } from "../../lib/ports.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { putText } from "../support/foreign-log.ts";
import { addOf, commitTo, newTable, openTestLake, type TestLake } from "../support/lake.ts";
import { assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const file = (version: number, end = "json") => `${String(version).padStart(20, "0")}.${end}`;

/** What is left after somebody has set files of the log aside. */
async function without(store: ObjectStore, names: readonly string[]): Promise<ObjectStore> {
  const left = openMemoryStore({ now: () => lake.clock.now() });
  for await (const { key } of store.list("")) {
    const object = await store.get(key);
    if (object && !names.some((name) => key.endsWith(`/${name}`))) await left.put(key, object.bytes);
  }
  return left;
}

/** Version 0 is published; 1 and 2 are ours in SQL, and somebody else's in the log. */
async function quarantined(name: string): Promise<{ readonly id: string; readonly location: string }> {
  const id = await newTable(lake, name);
  const location = `file:///lake/${name}`;
  await mirrorTable(lake, id);
  for (const version of [0, 1]) await commitTo(lake, id, version, [addOf(`f${version}`)]);
  for (const version of [1, 2]) await putText(lake, location, file(version), '{"commitInfo":{"operation":"WRITE"}}\n');
  assert.ok((await mirrorTable(lake, id)).quarantined);
  return { id, location };
}

async function refusal(at: TestLake, tableId: string): Promise<readonly string[]> {
  const error = await resolveTable(at, { tableId }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof LakeError && error.code === "FOREIGN_COMMIT", String(error));
  assert.notEqual((await lake.catalog.findTable({ tableId }))?.quarantine, undefined, "it stays in quarantine");
  return error.facts.files as string[];
}

test("foreign commits, and what was derived from them, must go first; then all of ours is published", async () => {
  const { id, location } = await quarantined("r.foreign");
  await putText(lake, location, file(2, "checkpoint.parquet"), "not ours");
  await putText(lake, location, file(2, "crc"), "{}");
  await putText(lake, location, `${String(0).padStart(20, "0")}.${file(2, "compacted.json")}`, "{}");
  await putText(lake, location, "_last_checkpoint", '{"version":2,"size":9}');
  await putText(lake, location, file(3), '{"commitInfo":{}}\n');
  const commits = [file(1), file(2), file(3)];
  const derived = [
    file(2, "checkpoint.parquet"),
    `${String(0).padStart(20, "0")}.${file(2, "compacted.json")}`,
    file(2, "crc"),
    "_last_checkpoint",
  ];
  assert.deepEqual(await refusal(lake, id), [...commits, ...derived]);
  const halfway = await without(lake.store(location), commits);
  assert.deepEqual(await refusal(lake.with({ store: () => halfway }), id), derived, "readers would begin with them");
  const clean = await without(lake.store(location), [...commits, ...derived]);
  const cleaned = lake.with({ store: () => clean });
  lake.enqueued.length = 0;
  const resolved = await resolveTable(cleaned, { tableId: id });
  assert.match(resolved.quarantine ?? "", /another commit 1/);
  assert.equal(resolved.unpublished, 2);
  assert.deepEqual(lake.enqueued, [{ tableId: id, version: 2 }]);
  assert.deepEqual((await mirrorTable(cleaned, id)).published, [1, 2]);
  assert.equal(await assertTheorem(cleaned, id), 2);
  assert.deepEqual(await resolveTable(cleaned, { tableId: id }), { tableId: id, table: "r.foreign", unpublished: 0 });
});

test("what a killed mirror of ours left is not in the way", async () => {
  const { id, location } = await quarantined("r.ours");
  const clean = await without(lake.store(location), [file(1), file(2)]);
  const cleaned = lake.with({ store: () => clean });
  await lake.catalog.setQuarantine(id, undefined);
  const killed = lake.with({
    store: () => clean,
    catalog: { ...lake.catalog, markPublished: () => Promise.reject(new Error("killed")) },
  });
  await assert.rejects(mirrorTable(killed, id), /killed/);
  await writeCheckpoint(cleaned, cleaned.openLog(location), id, 2);
  await lake.catalog.setQuarantine(id, "by hand");
  assert.equal((await resolveTable(cleaned, { tableId: id })).quarantine, "by hand");
  assert.deepEqual((await mirrorTable(cleaned, id)).published, [1, 2]);
});

test("a table that nobody knows is not found", async () => {
  await assert.rejects(resolveTable(lake, { name: "no.such" }), (error) => (error as LakeError).kind === "notFound");
});

test("later files than ours, found without a quarantine, must go too; then commits are taken at once", async () => {
  const id = await newTable(lake, "r.ahead");
  const location = "file:///lake/r.ahead";
  await mirrorTable(lake, id);
  await putText(lake, location, file(3), '{"commitInfo":{}}\n');
  await assert.rejects(resolveTable(lake, { tableId: id }), { code: "LOG_AHEAD" });
  const state = async () => (await healthOfTables(lake, [id])).get(id)?.health.state;
  assert.equal(await state(), "behindLog");
  const cleaned = await without(lake.store(location), [file(3)]);
  await resolveTable(lake.with({ store: () => cleaned }), { tableId: id });
  assert.equal(await state(), "ok");
});
