/** Tables of Spark and delta-rs, compacted: the same rows as their writers read, and what must stay with them. */

import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { tableConfiguration } from "../../lib/delta/table-configuration.ts";
import { openFileRewriter } from "../../lib/lake/compaction.ts";
import { type LocalLake, openLocalLake } from "../../lib/lake/local.ts";
import { compactTable } from "../../lib/operations/compact.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { importTable } from "../../lib/operations/import.ts";
import { openFileStore } from "../../lib/storage/file.ts";
import { copyUpTo, type Golden, goldenTables } from "../interop/support/golden.ts";
import { expectedRow, sorted, tableRows } from "../support/table-rows.ts";
import { assertStatistics } from "../support/table-statistics.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-golden-")));
let lake: LocalLake;
before(async () => {
  lake = await openLocalLake({ database: join(folder, "lake.sqlite") });
  await lake.catalog.migrate();
});
after(async () => {
  await lake.close();
  rmSync(folder, { recursive: true });
});

/** Left to engines, by name. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  "spark/clustered": /is clustered/,
  "spark/type-widening": /has the feature typeWidening/,
};

/** Each partition has one file. */
const ALONE: readonly string[] = ["spark/partitioned"];

async function importOf(golden: Golden): Promise<{ readonly tableId: string; readonly path: string }> {
  const path = join(folder, golden.kind);
  copyUpTo(golden, path, golden.head);
  const name = `g.${golden.kind.replace("/", "_")}`;
  const { tableId } = await importTable(lake, { name, location: pathToFileURL(path).href, mode: "snapshot" });
  return { tableId, path };
}

describe("golden tables", () => {
  for (const golden of goldenTables()) {
    test(golden.kind, async () => {
      const { tableId, path } = await importOf(golden);
      const store = openFileStore(path);
      const refusal = REFUSED[golden.kind];
      const rewriter = await openFileRewriter();
      if (refusal) {
        await assert.rejects(compactTable(lake, rewriter, { tableId }), (error: Error) => refusal.test(error.message));
        return;
      }
      const [state] = await lake.catalog.readStates([{ tableId }]);
      assert.ok(state);
      const { schema } = tableConfiguration(state.protocol, state.metadata);
      const wanted = sorted((golden.rows(golden.head) ?? []).map((row) => expectedRow(row, schema)));
      const before = await tableRows(lake, tableId, store);
      assert.deepEqual(sorted(before.map(({ values }) => values)), wanted, "the judge reads what the writer reads");
      const result = await compactTable(lake, rewriter, { tableId });
      const after = await tableRows(lake, tableId, store);
      assert.deepEqual(after, before, "row by row, with ids and versions");
      assert.deepEqual([result.stopped, result.gaveWay, result.leftOutside], [undefined, 0, 0]);
      assert.equal(result.versions.length > 0, !ALONE.includes(golden.kind), "something was compacted");
      await assertStatistics(lake, tableId, store);
      const again = await compactTable(lake, rewriter, { tableId });
      assert.deepEqual(again.versions, [], "nothing is left to do");
      await lake.mirrored();
      const report = await diffTable(lake, { ref: { tableId }, lagThresholdSeconds: 5, maxDriftFiles: 10 });
      assert.equal(report.outcome, "ok", JSON.stringify(report.drift));
    });
  }
});
