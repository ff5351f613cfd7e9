/** A lake with everything in it that a catalog can hold, for tests that copy catalogs. */

import type { Json } from "../../lib/delta/values/json.ts";
import { commit } from "../../lib/operations/commit.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { addOf, commitTo, newTable, removeOf, request, type TestLake } from "./lake.ts";

const VECTOR = {
  storageType: "u",
  pathOrInlineDv: "ab^-aqEH.-t@S}K{vb[*",
  offset: 1,
  sizeInBytes: 40,
  cardinality: 6,
};
const STATS =
  '{"numRecords":100,"tightBounds":false,"minValues":{"id":-9223372036854775808},"maxValues":{"id":9223372036854775807}}';

export interface RichLake {
  /** A table that goes on. */
  readonly tracked: string;
  readonly plain: string;
}

/** @param name a namespace that is not there yet */
export async function fillLake(lake: TestLake, name = "rich"): Promise<RichLake> {
  const tracked = await newTable(lake, `${name}.tracked`, {
    configuration: {
      "delta.enableRowTracking": "true",
      "delta.enableDeletionVectors": "true",
      "delta.enableInCommitTimestamps": "true",
      "delta.checkpointInterval": "3",
    },
  });
  const big: Record<string, Json> = { size: 9_007_199_254_740_993n, stats: STATS, tags: { "a b": "ü" } };
  await commitTo(lake, tracked, 0, [addOf("a", big), addOf("b%20c", { stats: STATS, unknownField: { x: [1, 2.5] } })]);
  await commitTo(lake, tracked, 1, [removeOf("a"), addOf("a", { ...big, deletionVector: VECTOR })]);
  await commitTo(lake, tracked, 2, [removeOf("b%20c", { extendedFileMetadata: true, tags: { k: "v" } })]);
  await mirrorTable(lake, tracked);

  const plain = await newTable(lake, `${name}.plain`, {
    partitionColumns: ["day"],
  });
  await commitTo(lake, plain, 0, [
    addOf("day=1/x", { partitionValues: { day: "1" } }),
    { cdc: { path: "_change_data/c", partitionValues: { day: "1" }, size: 7, dataChange: false } },
    { txn: { appId: "app é", version: 9_007_199_254_740_995n, lastUpdated: 5 } },
  ]);
  await mirrorTable(lake, plain);
  await commit(
    lake,
    request(
      { tableId: plain, readVersion: 1, actions: [addOf("day=2/y", { partitionValues: { day: "2" } })] },
      {
        tableId: tracked,
        readVersion: 3,
        actions: [
          addOf("z", { stats: STATS }),
          { domainMetadata: { domain: "mine", configuration: "{}", removed: false } },
        ],
      },
    ),
  );
  await commitTo(lake, tracked, 4, [{ domainMetadata: { domain: "mine", configuration: "", removed: true } }]);
  await lake.catalog.markMirrorError(plain, 2, { code: "UNAVAILABLE", message: "an error", failed: true, at: 7 });

  const dropped = await newTable(lake, `${name}.dropped`);
  await commitTo(lake, dropped, 0, [addOf("d1"), addOf("d2")]);
  await mirrorTable(lake, dropped);
  await dropTable(lake, { tableId: dropped });
  await importTable(lake, { name: `${name}.taken`, location: `file:///lake/${name}.dropped`, mode: "full-history" });

  const stopped = await newTable(lake, `${name}.stopped`);
  await mirrorTable(lake, stopped);
  await lake.catalog.setQuarantine(stopped, "a foreign commit");
  await lake.catalog.beginImport({
    tableId: crypto.randomUUID(),
    name: `${name}.coming`,
    location: `file:///lake/${name}.coming`,
    plan: "p",
  });
  await lake.catalog.addKey({
    keyId: crypto.randomUUID().replaceAll("-", "").slice(0, 16),
    name: "robot",
    hash: "0".repeat(64),
    access: "read",
    createdAt: 1,
    expiresAt: 9_007_199_254_740_000,
  });
  return { tracked, plain };
}
