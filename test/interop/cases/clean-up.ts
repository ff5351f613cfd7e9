/** Edge cases of clean-up by other engines on logs of ours (docs/delta-rules.md §8): what a retained version needs is never taken away. */

import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { systemClock } from "../../../lib/lake/clock.ts";
import { openLocalLake } from "../../../lib/lake/local.ts";
import { cleanLog } from "../../../lib/operations/clean-log.ts";
import { findHead } from "../../../lib/operations/read.ts";
import { vacuumTable } from "../../../lib/operations/vacuum.ts";
import { readEverywhere, rowText } from "../support/compare.ts";
import type { ReadResult } from "../support/engines.ts";
import { openGolden } from "../support/golden.ts";
import type { Lab } from "../support/lab.ts";
import { commit, replay } from "../support/replay.ts";
import type { LiveFile } from "../support/service.ts";
import { logFiles } from "../support/variants.ts";

export function cleanUp(lab: Lab): void {
  describe("§8: clean-up by others", () => {
    sharedVectorFile(lab);
    logRetention(lab);
    ownUpkeep(lab);
  });
}

/** Where the deletion vector of a file lies: several may share one `.bin`. */
function vectorFile({ deletionVector }: LiveFile): string | undefined {
  const { storageType, pathOrInlineDv } = (deletionVector ?? {}) as { storageType?: string; pathOrInlineDv?: string };
  return storageType === "u" ? pathOrInlineDv : undefined;
}

function sortedRows(read: ReadResult): string[] {
  assert.ok("rows" in read, "refused" in read ? read.refused : "");
  return read.rows.map(rowText).sort();
}

function sharedVectorFile(lab: Lab): void {
  test("edge 23: of two deletion vectors in one file one is removed: Spark's VACUUM keeps the file", async () => {
    const golden = openGolden("spark/partitioned-deletion-vectors");
    const { name, path } = await replay(lab.service, golden, { name: "edges.shared_vectors" });
    const lowered = await lab.service.dl("fence", name, "off");
    assert.equal(lowered.code, 0, lowered.output);
    const { files, version } = await lab.service.call("GET", `/v1/tables/${name}/files`);
    const shared = files.filter((file) => {
      const own = vectorFile(file);
      return own !== undefined && files.filter((other) => vectorFile(other) === own).length > 1;
    });
    const [gone, kept] = shared;
    assert.ok(gone && kept, "two live files share a file of deletion vectors");
    const { path: removed, partitionValues, size, deletionVector } = gone;
    const remove = {
      ...{ path: removed, partitionValues, size, deletionVector, extendedFileMetadata: true },
      ...{ dataChange: true, deletionTimestamp: 1 },
    };
    await commit(lab.service, name, version, [{ remove }]);
    const before = sortedRows(await lab.engines.read("Spark", path));
    const copy = join(lab.folder, "edges-shared-vectors");
    cpSync(path, copy, { recursive: true, preserveTimestamps: true });
    assert.equal(await lab.engines.write("Spark vacuum", copy), undefined);
    assert.ok(!existsSync(join(copy, decodeURIComponent(removed))), "VACUUM took the removed file away");
    const bins = (folder: string) => readdirSync(folder).filter((file) => /^deletion_vector_.*\.bin$/.test(file));
    assert.ok(bins(copy).length > 0 && bins(copy).length <= bins(path).length);
    assert.deepEqual(sortedRows(await lab.engines.read("Spark", copy)), before);
    assert.deepEqual(sortedRows(await lab.engines.read("kernel-rs", copy)), before);
  });
}

function logRetention(lab: Lab): void {
  test("edge 57: no log retention, a checkpoint every 10 of 25 commits: every retained version loads everywhere", async () => {
    const golden = openGolden("delta-rs/history");
    const none = "interval 0 days";
    const retention = { "delta.logRetentionDuration": none, "delta.deletedFileRetentionDuration": none };
    const configuration = { "delta.checkpointInterval": "10", ...retention };
    const { name, path } = await replay(lab.service, golden, { name: "edges.log_retention", configuration });
    const { version } = await lab.service.call("GET", `/v1/tables/${name}`);
    let head = version;
    while (head < 25) head = await commit(lab.service, name, head, [{ commitInfo: { operation: "NOTE" } }]);
    const copy = join(lab.folder, "edges-log-retention");
    cpSync(path, copy, { recursive: true, preserveTimestamps: true });
    // As the log lies there 60 days later: engines go by the age of files, and some hold retention to a minimum.
    const log = join(copy, "_delta_log");
    const longAgo = new Date(Date.now() - 60 * 24 * 3_600_000);
    for (const file of readdirSync(log)) utimesSync(join(log, file), longAgo, longAgo);
    assert.equal(await lab.engines.write("delta-rs log cleanup", copy), undefined);
    const left = logFiles(copy);
    assert.ok(left.commits.length < logFiles(path).commits.length, "the clean-up took commits away");
    const [oldest = -1] = left.checkpoints;
    assert.ok(oldest >= version, "what is left begins with a checkpoint after the last change of data");
    const rows = golden.rows(golden.head) ?? [];
    const readings = left.commits
      .filter((v) => v >= oldest)
      .map((v) => ({ label: "log cleaned up", path: copy, version: v, rows, control: controlOf(golden) }));
    assert.deepEqual(readings.at(-1)?.version, 25);
    assert.deepEqual(await readEverywhere(lab.engines, lab.grid, "log retention 0", readings), []);
  });
}

/** Our own upkeep: vacuum and clean-up as of a version in the midst of the history. */
function ownUpkeep(lab: Lab): void {
  const asOf = { "delta-rs/history": 0.5, "spark/change-feed": 1 };
  for (const [kind, share] of Object.entries(asOf)) {
    test(`our vacuum and log clean-up leave every retained version of ${kind} readable everywhere`, async () => {
      const golden = openGolden(kind);
      const configuration = { "delta.checkpointInterval": "2" };
      const own = `edges.own_upkeep_${kind.replace(/\W/g, "_")}`;
      const { name, path, versions } = await replay(lab.service, golden, { name: own, configuration });
      const before = logFiles(path).commits.length;
      const middle = versions.get(Math.ceil(golden.head * share)) ?? 0;
      const clock = { ...systemClock, now: () => Date.now() + 2 * 24 * 3_600_000 };
      const lake = await openLocalLake({ database: join(lab.folder, "catalog.sqlite"), clock });
      try {
        const { timestamp } = await lake.catalog.readSummary((await findHead(lake, { name })).tableId, middle);
        const vacuumed = await vacuumTable(
          lake,
          { name },
          { remove: true, force: true, retainMs: clock.now() - timestamp },
        );
        assert.ok(vacuumed.files > 0 && vacuumed.failed === 0);
        // As if what came after the middle were younger than the log's retention.
        const catalog = { ...lake.catalog, versionAt: async () => ({ version: middle, timestamp }) };
        const none = { ...clock, now: () => clock.now() + 31 * 24 * 3_600_000 };
        const cleaned = await cleanLog({ ...lake, catalog, clock: none }, { name }, { remove: true });
        assert.ok(cleaned.commits > 0 && cleaned.oldestVersion <= middle, JSON.stringify(cleaned));
        await lake.mirrored();
        const oldest = Math.max(vacuumed.oldestReadable, cleaned.oldestVersion);
        const readings = [...versions]
          .filter(([original, version]) => version >= oldest && golden.rows(original) !== undefined)
          .map(([original, version]) => ({
            ...{ label: "vacuumed and cleaned", path, version },
            ...{ rows: golden.rows(original) ?? [], control: { path: golden.path, version: original } },
          }));
        assert.ok(readings.length > 0 && logFiles(path).commits.length < before + 2);
        assert.deepEqual(await readEverywhere(lab.engines, lab.grid, "our upkeep", readings), []);
      } finally {
        await lake.close();
      }
    });
  }
}

function controlOf({ path, head }: { readonly path: string; readonly head: number }) {
  return { path, version: head };
}
