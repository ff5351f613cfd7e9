/** The clock is set, back or forward, at any time: ages are never negative, and nothing stands still until the clock has caught up. */

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { ageMs, isPast, pauseMs } from "../../lib/delta/values/age.ts";
import { commit } from "../../lib/operations/commit.ts";
import { readLag } from "../../lib/operations/comparing/lag.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { checkParity } from "../../lib/operations/parity.ts";
import { sweepMirrors } from "../../lib/operations/sweep.ts";
import { SQLITE_ENGINE } from "../support/catalog-engines.ts";
import { newTable, openTestLake, type TestLake } from "../support/lake.ts";
import { readText, repositoryFiles } from "../support/source-tree.ts";

const HOUR_MS = 3_600_000;
const THRESHOLDS = { lagThresholdSeconds: 5, maxDriftFiles: 0 };
const lakes: TestLake[] = [];
after(() => Promise.all(lakes.map((lake) => lake.close())));

async function open(): Promise<TestLake> {
  // Its commits go by our clock, which a server's do not.
  const lake = await openTestLake(SQLITE_ENGINE);
  lakes.push(lake);
  return lake;
}

const add = (path: string) => ({ path, partitionValues: {}, size: 100, modificationTime: 1, dataChange: true });

function append(lake: TestLake, tableId: string, path: string, acknowledge: "committed" | "mirrored" = "committed") {
  const actions = { adds: [add(path)] };
  return commitActions(lake, tableId, actions, acknowledge);
}

async function commitActions(lake: TestLake, tableId: string, some: object, acknowledge: "committed" | "mirrored") {
  const { NO_ACTIONS } = await import("../../lib/delta/actions.ts");
  return commit(lake, {
    transactionId: crypto.randomUUID(),
    tables: [{ table: { tableId }, readVersion: 0, at: "/tables/0", actions: { ...NO_ACTIONS, ...some } }],
    acknowledge,
  } as Parameters<typeof commit>[1]);
}

for (const [name, stepMs] of [
  ["an hour back", -HOUR_MS],
  ["ten years back", -87_600 * HOUR_MS],
  ["an hour forward", HOUR_MS],
  ["ten years forward", 87_600 * HOUR_MS],
] as const) {
  describe(`a clock that is set ${name}`, () => {
    test("the sweeper finds what is unpublished, and no age is negative", async () => {
      const lake = await open();
      const tableId = await newTable(lake, "a.b");
      lake.clock.time += stepMs;
      const { enqueued, unsettled } = await sweepMirrors(lake, { overdueMs: 5_000, limit: 10 });
      assert.deepEqual(enqueued, [{ tableId, version: 0 }]);
      assert.ok(unsettled.every(({ health }) => health.lagSeconds >= 0));
      for (const { value } of lake.metricsSeen) assert.ok(value >= 0);
      const { lagSeconds } = await readLag(lake, { tableId, version: 0 });
      assert.ok(lagSeconds >= 0);
      assert.deepEqual((await mirrorTable(lake, tableId)).published, [0]);
    });

    test("a failed attempt from before is followed by another", async () => {
      const lake = await open();
      const tableId = await newTable(lake, "a.b");
      await lake.catalog.markMirrorError(tableId, 0, {
        code: "UNAVAILABLE",
        message: "away",
        failed: false,
        at: lake.clock.now(),
      });
      lake.clock.time += stepMs;
      const { enqueued } = await sweepMirrors(lake, { overdueMs: 5_000, limit: 10 });
      assert.equal(enqueued.length, 1);
    });

    test("timestamps of commits go on, and the comparison of log and SQL is recorded", async () => {
      const lake = await open();
      const tableId = await newTable(lake, "a.b");
      await mirrorTable(lake, tableId);
      await checkParity(lake, { tableId, ...THRESHOLDS });
      lake.clock.time += stepMs;
      await append(lake, tableId, "x");
      await mirrorTable(lake, tableId);
      const summaries = (await lake.catalog.history(tableId, { limit: 10 })).items;
      const [newest, oldest] = summaries;
      assert.ok((newest?.timestamp ?? 0) > (oldest?.timestamp ?? 0));
      await checkParity(lake, { tableId, ...THRESHOLDS });
      const found = await lake.catalog.readParity(tableId);
      assert.equal(found?.version, 1, "the record of before stands in the way");
      assert.equal(found?.outcome, "ok");
    });

    test("waiting ends: for the mirror, and before a drop", async () => {
      const lake = await open();
      const tableId = await newTable(lake, "a.b");
      let sleeps = 0;
      const clock = {
        ...lake.clock,
        now: () => lake.clock.now(),
        async sleep(ms: number) {
          sleeps += 1;
          assert.ok(sleeps < 500, "it waits without an end");
          await lake.clock.sleep(ms);
          if (sleeps === 3) lake.clock.time += stepMs;
        },
      };
      const answer = await append({ ...lake, clock } as unknown as TestLake, tableId, "x", "mirrored");
      assert.equal(answer.status, "committed");
      sleeps = 0;
      await assert.rejects(dropTable({ ...lake, clock }, { tableId }), /in SQL alone/);
    });
  });
}

test("ages: never negative, and what cannot be known counts as past", () => {
  const times = fc.integer({ min: 0, max: 4e12 });
  fc.assert(
    fc.property(times, times, fc.integer({ min: 0, max: 1e9 }), (now, since, ms) => {
      assert.ok(ageMs(now, since) >= 0);
      if (since > now) assert.ok(isPast(now, since, ms));
      else assert.equal(isPast(now, since, ms), ageMs(now, since) >= ms);
      const paused = pauseMs(now, since, ms);
      assert.ok(paused >= ms && paused <= ms + 60_000);
    }),
  );
});

test("ages are computed in one place", () => {
  const found = repositoryFiles()
    .filter((path) => /^lib\/(operations|delta|http)\/.*\.ts$/.test(path) && path !== "lib/delta/values/age.ts")
    .flatMap((path) =>
      [...readText(path).matchAll(/\b(?:clock\.now\(\)|now) - [\w.]+/g)].map(([text]) => `${path}: ${text}`),
    )
    // Differences between moments of one process.
    .filter((line) => !/health-watch|performance/.test(line));
  assert.deepEqual(found, [], "ageMs or isPast of lib/delta/values/age.ts");
});
