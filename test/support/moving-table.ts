/** A table of every kind of file, as tests of moves have it, and what holds once it has moved. */

import assert from "node:assert/strict";
import { deletionVectorPath } from "../../lib/delta/files/file-places.ts";
import { decodeManifest } from "../../lib/delta/manifest.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { commit } from "../../lib/operations/commit.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import type { Lake, ObjectStore } from "../../lib/ports.ts";
import { addOf, newTable, outcomeOf, removeOf, request, type TestLake } from "./lake.ts";
import { assertHistory, assertTheorem } from "./theorem.ts";

const VECTOR = {
  storageType: "u",
  pathOrInlineDv: "ab^-aqEH.-t@S}K{vb[*k^",
  offset: 4,
  sizeInBytes: 40,
  cardinality: 6,
};
const VECTOR_KEY = deletionVectorPath(VECTOR) ?? "";
const CHANGES = "_change_data/c";
export const ELSEWHERE = "s3://elsewhere/x";
export const HEAD = 5;

/** Of a writer that knows what the tables here use. */
export async function commitTo(
  lake: Lake,
  tableId: string,
  readVersion: number,
  actions: Json[],
): Promise<number | string> {
  const supportedFeatures = { writer: ["changeDataFeed"] };
  return outcomeOf(await commit(lake, request({ tableId, readVersion, actions, supportedFeatures })));
}

export const text = (value: string) => new TextEncoder().encode(value);

/** At version {@link HEAD}: f0 with a vector, f1 removed, f2 … f4 and a file elsewhere live; version 4 has change data. */
export async function filledTable(
  lake: TestLake,
  name: string,
): Promise<{ tableId: string; from: string; to: string }> {
  const configuration = {
    ...{ "delta.checkpointInterval": "2", "delta.enableDeletionVectors": "true" },
    ...{ "delta.enableChangeDataFeed": "true", "deltalakedb.allowPathsOutsideTable": "true" },
  };
  const tableId = await newTable(lake, name, { configuration });
  const [from, to] = [`file:///lake/${name}`, `file:///new/${name}`];
  const store = lake.store(from);
  for (const key of ["f0", "f1", "f2", "f3", "f4", VECTOR_KEY, CHANGES]) await store.put(key, text(`${name} ${key}`));
  const stats = { stats: '{"numRecords":10,"tightBounds":false}' };
  const versions: Json[][] = [
    [addOf("f0", stats), addOf("f1")],
    [removeOf("f0"), addOf("f0", { ...stats, deletionVector: VECTOR })],
    [addOf("f2"), addOf(ELSEWHERE)],
    [removeOf("f1"), addOf("f3"), { cdc: { path: CHANGES, partitionValues: {}, size: 7, dataChange: false } }],
    [addOf("f4")],
  ];
  for (const [version, actions] of versions.entries()) {
    lake.clock.time += 1;
    assert.equal(await commitTo(lake, tableId, version, actions), version + 1);
  }
  assert.equal((await mirrorTable(lake, tableId)).error, undefined);
  return { tableId, from, to };
}

export async function contentOf(store: ObjectStore): Promise<Map<string, string>> {
  const content = new Map<string, string>();
  for await (const { key } of store.list("")) {
    content.set(key, Buffer.from((await store.get(key))?.bytes ?? "").toString("latin1"));
  }
  return content;
}

export const MARK = "_delta_log/_deltalakedb.moved.json";
export const MANIFEST = "_delta_log/_deltalakedb.json";

export async function manifestAt(lake: TestLake, location: string) {
  const bytes = await lake.openLog(location).readManifest();
  return bytes && decodeManifest(bytes);
}

/** It is at its new place, whole, and the old one says so. */
export async function assertMoved(
  lake: TestLake,
  { tableId, from, to }: { tableId: string; from: string; to: string },
) {
  assert.equal((await mirrorTable(lake, tableId)).error, undefined);
  const head = await lake.catalog.findTable({ tableId });
  assert.equal(head?.location, to);
  assert.equal(await assertTheorem(lake, tableId), head.version);
  await assertHistory(lake, tableId);
  const report = await diffTable(lake, { ref: { tableId }, lagThresholdSeconds: 1e9, maxDriftFiles: 5 });
  assert.deepEqual([report.outcome, report.drift.files, report.drift.other], ["ok", [], []]);
  const manifests = [await manifestAt(lake, to), await manifestAt(lake, from)];
  assert.deepEqual(
    manifests.map((one) => [one?.tableId, one?.status, one?.location, one?.movedTo]),
    [
      [tableId, "active", to, undefined],
      [tableId, "moved", from, to],
    ],
  );
  const log = await lake.openLog(to).list();
  assert.deepEqual(
    log.commits.map(({ version }) => version),
    [...Array(head.version + 1).keys()],
  );
  return head;
}
