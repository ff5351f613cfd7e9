/** The sweep measures what lasts for as long as it lasts, over all tables, at the price of two reads. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { commitFileName } from "../../lib/delta/files/log-files.ts";
import { LakeError } from "../../lib/errors.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { checkParity } from "../../lib/operations/parity.ts";
import { sweepMirrors } from "../../lib/operations/sweep.ts";
import type { Catalog } from "../../lib/ports.ts";
import { SQLITE_ENGINE } from "../support/catalog-engines.ts";
import { putText } from "../support/foreign-log.ts";
import { addOf, commitTo, newTable, openTestLake, type TestLake } from "../support/lake.ts";

let lake: TestLake;
before(async () => {
  // Model time: that of SQLite is the lake's.
  lake = await openTestLake(SQLITE_ENGINE);
});
after(() => lake.close());

async function measured(at: TestLake = lake): Promise<Record<string, number>> {
  at.metricsSeen.length = 0;
  await sweepMirrors(at, { overdueMs: 10_000, limit: 100 });
  return Object.fromEntries(at.metricsSeen.map(({ name, value }) => [name, value]));
}

test("an unpublished version is seen in every second, also after a try that failed", async () => {
  const id = await newTable(lake, "s.refused");
  await mirrorTable(lake, id);
  await commitTo(lake, id, 0, [addOf("f")]);
  const since = lake.clock.time;
  const refused = () => Promise.reject(new LakeError("unavailable", "S3 says AccessDenied"));
  const refusing = lake.with({ store: (store) => ({ ...store, put: refused, putIfAbsent: refused }) });
  for (let second = 1; second <= 130; second += 1) {
    lake.clock.time = since + second * 1000;
    if (second % 60 === 5) await mirrorTable(refusing, id);
    const { OldestUnpublished, UnpublishedVersions, RetriedTables } = await measured();
    assert.equal(OldestUnpublished, second * 1000);
    assert.deepEqual([UnpublishedVersions, RetriedTables], [1, second >= 5 ? 1 : 0], `after ${second} s`);
  }
  await mirrorTable(lake, id);
  const { OldestUnpublished, RetriedTables } = await measured();
  assert.deepEqual([OldestUnpublished, RetriedTables], [0, 0]);
});

test("a quarantined table is measured as others are, though nobody can be woken up for it", async () => {
  const id = await newTable(lake, "s.foreign", { fenced: false });
  await mirrorTable(lake, id);
  await commitTo(lake, id, 0, [addOf("f")]);
  await putText(lake, "file:///lake/s.foreign", commitFileName(1), '{"commitInfo":{}}\n');
  await mirrorTable(lake, id);
  lake.clock.time += 86_400_000;
  const { OldestUnpublished, TablesQuarantined, OverdueTables, RetriedTables } = await measured();
  assert.deepEqual([TablesQuarantined, RetriedTables, OverdueTables], [1, 1, 0]);
  assert.equal(OldestUnpublished, 86_400_000);
  await lake.catalog.dropTable(id, { unpublished: "giveUp" });
});

test("what a parity check found is measured until another one finds nothing", async () => {
  const id = await newTable(lake, "s.drift");
  await commitTo(lake, id, 0, [addOf("f")]);
  await mirrorTable(lake, id);
  const name = commitFileName(1);
  const bytes = (await lake.openLog("file:///lake/s.drift").readCommitBytes(1)) ?? new Uint8Array();
  const ours = Buffer.from(bytes).toString("utf8");
  const check = () => checkParity(lake, { tableId: id, lagThresholdSeconds: 5, maxDriftFiles: 0, wholeAfterMs: 0 });
  await putText(lake, "file:///lake/s.drift", name, ours.replace('"size":100', '"size":999'));
  await check();
  for (const hours of [1, 5, 23]) {
    lake.clock.time += hours * 3_600_000;
    const { FileDriftCount, MetadataDrift, ProtocolDrift, TablesFailed } = await measured();
    assert.deepEqual([FileDriftCount, MetadataDrift, ProtocolDrift, TablesFailed], [1, 0, 0, 1]);
  }
  await putText(lake, "file:///lake/s.drift", name, ours);
  await check();
  const { FileDriftCount, TablesFailed } = await measured();
  assert.deepEqual([FileDriftCount, TablesFailed], [0, 0]);
});

test("it asks the database twice, however many tables are well", async () => {
  for (let i = 0; i < 20; i += 1) await mirrorTable(lake, await newTable(lake, `s.well${i}`));
  const calls: string[] = [];
  const catalog = new Proxy(lake.catalog, {
    get(target, name: keyof Catalog) {
      const value = target[name];
      if (typeof value !== "function") return value;
      return (...given: unknown[]) => {
        calls.push(name);
        return (value as (...all: unknown[]) => unknown)(...given);
      };
    },
  });
  await measured(lake.with({ catalog }));
  assert.deepEqual(calls, ["listMirrorFacts", "dueManifests"]);
});
