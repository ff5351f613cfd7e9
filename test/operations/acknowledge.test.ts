/** `acknowledge: "mirrored"`: waits as long as waiting helps, claims nothing, and says how the tables are. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { CommitResult } from "../../lib/delta/request.ts";
import { LakeError } from "../../lib/errors.ts";
import { commit } from "../../lib/operations/commit.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import type { Lake } from "../../lib/ports.ts";
import { addOf, newTable, openTestLake, request, type TestLake } from "../support/lake.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

/** Whatever the mirror does, it does at each pause of whoever waits for it. */
function mirroring(at: TestLake, work: () => Promise<unknown>): Lake {
  const sleep = async (ms: number) => {
    await at.clock.sleep(ms);
    await work();
  };
  return { ...at, clock: { now: () => at.clock.now(), newId: at.clock.newId, sleep } };
}

async function mirrored(at: Lake, tableId: string): Promise<{ result: CommitResult; waitedMs: number }> {
  const [facts] = await at.catalog.mirrorFacts([tableId]);
  const asked = request({ tableId, readVersion: facts?.version ?? 0, actions: [addOf(crypto.randomUUID())] });
  const startedAt = lake.clock.time;
  const result = await commit(at, { ...asked, acknowledge: "mirrored" });
  return { result, waitedMs: lake.clock.time - startedAt };
}

function tableOf(result: CommitResult) {
  assert.ok(result.status === "committed");
  const [table] = result.tables;
  assert.ok(table);
  return table;
}

test("it ends when the version is published, and says that all is well", async () => {
  const id = await newTable(lake, "k.fine");
  const { result, waitedMs } = await mirrored(
    mirroring(lake, () => mirrorTable(lake, id)),
    id,
  );
  assert.deepEqual([tableOf(result).mirror, tableOf(result).health?.state], ["COMPLETE", "ok"]);
  assert.equal(tableOf(result).health?.unpublishedVersions, 0);
  assert.ok(waitedMs < 100);
});

test("it ends at the first failure after many, and claims nothing", async () => {
  const id = await newTable(lake, "k.failing");
  const refused = () => Promise.reject(new LakeError("unavailable", "AccessDenied"));
  const refusing = lake.with({ store: (store) => ({ ...store, put: refused, putIfAbsent: refused }) as typeof store });
  for (let i = 0; i < 5; i += 1) await mirrorTable(refusing, id);
  const { result, waitedMs } = await mirrored(
    mirroring(refusing, () => mirrorTable(refusing, id)),
    id,
  );
  assert.deepEqual([tableOf(result).mirror, tableOf(result).health?.code], ["FAILED", "MIRROR_FAILED"]);
  assert.match(tableOf(result).health?.reason ?? "", /6 attempts: AccessDenied/);
  assert.ok(waitedMs < 1000, `${waitedMs} ms`);
});

test("it goes on over a first failure, and ends when somebody else's commit is met", async () => {
  const id = await newTable(lake, "k.foreign");
  await mirrorTable(lake, id);
  let looks = 0;
  const meeting = mirroring(lake, async () => {
    looks += 1;
    if (looks === 1) {
      await lake.catalog.markMirrorError(id, 1, { code: "UNAVAILABLE", message: "slow", failed: false, at: 1 });
      return;
    }
    await lake.store("file:///lake/k.foreign").put(`_delta_log/${"1.json".padStart(25, "0")}`, Buffer.from("{}\n"));
    await mirrorTable(lake, id);
  });
  const { result, waitedMs } = await mirrored(meeting, id);
  assert.equal(looks, 2);
  assert.deepEqual([tableOf(result).mirror, tableOf(result).health?.state], ["FAILED", "quarantined"]);
  assert.ok(waitedMs < 1000);
});

test("it ends with the time, where nobody mirrors; a replay says how the tables are now", async () => {
  const id = await newTable(lake, "k.nobody");
  const asked = {
    ...request({ tableId: id, readVersion: 0, actions: [addOf("f")] }),
    acknowledge: "mirrored" as const,
  };
  const startedAt = lake.clock.time;
  assert.equal(tableOf(await commit(lake, asked)).mirror, "IN_FLIGHT");
  assert.ok(lake.clock.time - startedAt >= 19_000);
  await mirrorTable(lake, id);
  const again = await commit(lake, asked);
  assert.ok(again.status === "committed" && again.replayed);
  assert.deepEqual([tableOf(again).mirror, tableOf(again).health?.state], ["COMPLETE", "ok"]);
});
