/**
 * A table comes and goes while it is written: by direct writers, followed, taken over, by clients of the catalog, given back, by direct
 * writers again. In a real folder, with writers that know nothing of us. Nothing that was acknowledged is lost, nothing is there twice.
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isLakeError } from "../../lib/errors.ts";
import { openLocalLake } from "../../lib/lake/local.ts";
import { toLocation } from "../../lib/lake/location.ts";
import { commit } from "../../lib/operations/commit.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { ejectTable } from "../../lib/operations/eject.ts";
import { importTable } from "../../lib/operations/import.ts";
import { sweepMirrors } from "../../lib/operations/sweep.ts";
import { takeOverTable } from "../../lib/operations/takeover.ts";
import type { Lake } from "../../lib/ports.ts";
import { addsIn, append, BYTES, makeTable, WriterRefused } from "../support/direct-writer.ts";
import { actions, addOf } from "../support/lake.ts";

const WRITERS = 3;
const NAME = "shop.orders";
const scratch = mkdtempSync(join(tmpdir(), "dl-coming-"));
after(() => rmSync(scratch, { recursive: true }));

/** What writers were told is committed: by which way, and when. */
interface Acknowledged {
  readonly path: string;
  readonly way: "direct" | "catalog";
  readonly at: number;
}

/** Not this way (any more): the table is written the other one. */
class OtherWay extends Error {}

async function byCatalog(lake: Lake, folder: string, path: string): Promise<void> {
  await writeFile(join(folder, path), BYTES);
  const head = await lake.catalog.findTable({ name: NAME });
  if (head === undefined) throw new OtherWay();
  const part = { table: { tableId: head.tableId }, readVersion: head.version, at: "/tables/0" };
  try {
    const result = await commit(lake, {
      transactionId: crypto.randomUUID(),
      tables: [{ ...part, actions: actions(addOf(path, { size: BYTES.length })) }],
    });
    assert.equal(result.status, "committed", "appends conflict with nothing");
  } catch (error) {
    const code = isLakeError(error) ? error.code : "";
    if (code === "TABLE_FOLLOWED" || code === "TABLE_NOT_FOUND") throw new OtherWay();
    throw error;
  }
}

function startWriters(lake: Lake, folder: string) {
  const acknowledged: Acknowledged[] = [];
  let stopped = false;
  const writer = async (id: number) => {
    let way: Acknowledged["way"] = "direct";
    for (let n = 0; !stopped; n += 1) {
      for (;;) {
        const path = `w${id}-${n}.parquet`;
        try {
          await (way === "direct" ? append(folder, path) : byCatalog(lake, folder, path));
          acknowledged.push({ path, way, at: performance.now() });
          break;
        } catch (error) {
          if (!(error instanceof OtherWay || error instanceof WriterRefused)) throw error;
          way = way === "direct" ? "catalog" : "direct";
          await sleep(1);
        }
      }
      // Slower than a mirror publishes on a busy machine, checkpoints included.
      await sleep(60);
    }
  };
  const all = Promise.all(Array.from({ length: WRITERS }, (_, id) => writer(id)));
  return {
    acknowledged,
    /** Waits until each has written so much more this way. */
    async wrote(way: Acknowledged["way"], more: number) {
      const before = acknowledged.length;
      const isEnough = () => acknowledged.slice(before).filter((one) => one.way === way).length >= more;
      while (!isEnough()) await Promise.race([sleep(5), all]);
    },
    async stop() {
      stopped = true;
      await all;
    },
  };
}

test("direct, followed, taken over, by the catalog, given back, direct: 0 lost, 0 doubled", {
  timeout: 60_000,
}, async () => {
  const folder = join(scratch, "orders");
  await makeTable(folder);
  const location = await toLocation(folder);
  const lake = await openLocalLake({ database: join(scratch, "catalog.db") });
  await lake.catalog.migrate();
  const writers = startWriters(lake, folder);
  try {
    await writers.wrote("direct", 30);
    const { tableId } = await importTable(lake, { name: NAME, location, mode: "full-history", follow: true });
    for (let round = 0; round < 5; round += 1) {
      await writers.wrote("direct", 10);
      await sweepMirrors(lake, { overdueMs: 1000, limit: 100 });
      await lake.mirrored();
    }
    const { version: followed = 0 } = (await lake.catalog.findTable({ tableId })) ?? {};
    assert.ok(followed > 30, `it is followed while it is written: version ${followed}`);
    const { pauseMs, version: fencedAt } = await takeOverTable(lake, { tableId });
    assert.ok(pauseMs < 5000, `nobody could write for ${pauseMs} ms`);
    await writers.wrote("catalog", 60);
    const report = await diffTable(lake, { ref: { tableId }, lagThresholdSeconds: 60, maxDriftFiles: 0 });
    assert.deepEqual([report.outcome, report.drift.fileCount], ["ok", 0]);
    const ejected = await ejectTable(lake, { tableId });
    assert.ok(ejected.version > fencedAt);
    await writers.wrote("direct", 30);
    await writers.stop();
  } finally {
    await writers.stop();
    await lake.close();
  }
  const paths = writers.acknowledged.map(({ path }) => path).sort();
  assert.deepEqual([...(await addsIn(folder))].sort(), paths, "in the log is what was acknowledged, each once");
  assert.equal(new Set(paths).size, paths.length);
});
