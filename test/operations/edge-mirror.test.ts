/** Edge cases of publishing (docs/delta-rules.md §8): answers that are lost or wrong, a mirror far behind, the hint and its checksum. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { checkpointFileName, commitFileName } from "../../lib/delta/files/log-files.ts";
import { isJsonObject, parseJson } from "../../lib/delta/values/json.ts";
import { unavailable } from "../../lib/errors.ts";
import { jsonChecksum } from "../../lib/log/last-checkpoint.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import type { ObjectStore } from "../../lib/ports.ts";
import { Crash } from "../support/crash.ts";
import { putText } from "../support/foreign-log.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, type TestLake } from "../support/lake.ts";
import { newestCheckpoint, stateOf } from "../support/table-facts.ts";
import { assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const HINT = "_delta_log/_last_checkpoint";

async function tableWith(name: string, versions: number, interval = 1000): Promise<string> {
  const id = await newTable(lake, name, { configuration: { "delta.checkpointInterval": String(interval) } });
  for (let v = 0; v < versions; v += 1) {
    await commitTo(lake, id, v, v % 5 === 4 ? [removeOf(`f${v - 1}`), addOf(`f${v}`)] : [addOf(`f${v}`)], {});
  }
  return id;
}

/** The lake with a store whose conditional puts go wrong. */
function withPut(
  put: (store: ObjectStore, ...args: Parameters<ObjectStore["putIfAbsent"]>) => Promise<"created" | "exists">,
) {
  return lake.with({ store: (store) => ({ ...store, putIfAbsent: (key, body) => put(store, key, body) }) });
}

test("edge 53: SQL has committed, the worker dies before any put: the next one publishes", async () => {
  const id = await tableWith("m.died", 2);
  const dead = withPut(() => Promise.reject(new Crash("putIfAbsent")));
  assert.equal((await mirrorTable(dead, id)).error?.kind, "unavailable");
  assert.equal(await assertTheorem(lake, id), -1);
  assert.deepEqual((await mirrorTable(lake, id)).published, [0, 1, 2]);
  assert.equal(await assertTheorem(lake, id), 2);
});

test("edge 53: the put finds the same bytes there (412): that is success", async () => {
  const id = await tableWith("m.same", 2);
  const forgetful = lake.with({
    catalog: Object.assign(Object.create(lake.catalog), {
      markPublished: () => Promise.reject(unavailable("the database is away")),
    }),
  });
  await assert.rejects(mirrorTable(forgetful, id), /the database is away/);
  assert.equal(await lake.catalog.mirroredVersion(id), -1);
  assert.deepEqual((await mirrorTable(lake, id)).published, [0, 1, 2]);
  assert.equal(await assertTheorem(lake, id), 2);
  assert.equal((await stateOf(lake, id)).quarantine, undefined);
});

test("edge 53: the put finds other bytes there (412): split brain is an alarm, nothing is overwritten", async () => {
  const id = await tableWith("m.other", 1);
  await mirrorTable(lake, id);
  await commitTo(lake, id, 1, [addOf("ours")]);
  const foreign = '{"commitInfo":{"operation":"WRITE"}}\n{"add":{"path":"theirs"}}\n';
  await putText(lake, "file:///lake/m.other", commitFileName(2), foreign);
  const { published, error, quarantined } = await mirrorTable(lake, id);
  assert.deepEqual([published, error?.code], [[], "FOREIGN_COMMIT"]);
  assert.ok(quarantined);
  assert.ok(lake.metricsSeen.some((m) => m.name === "ForeignCommits"));
  const bytes = await lake.openLog("file:///lake/m.other").readCommitBytes(2);
  assert.equal(new TextDecoder().decode(bytes), foreign);
});

test("edge 53: a put refused for a moment (409, 503) leaves the version open; the next call publishes it", async () => {
  const id = await tableWith("m.busy", 3);
  let isBusy = true;
  const busy = withPut((store, key, body) =>
    isBusy && key.endsWith("1.json")
      ? Promise.reject(unavailable("409 ConditionalRequestConflict"))
      : store.putIfAbsent(key, body),
  );
  const first = await mirrorTable(busy, id);
  assert.deepEqual([first.published, first.error?.kind, first.quarantined], [[0], "unavailable", undefined]);
  const [open] = await lake.catalog.unpublished(id, 1);
  assert.deepEqual([open?.version, open?.status, open?.attempts], [1, "IN_FLIGHT", 1]);
  isBusy = false;
  assert.deepEqual((await mirrorTable(busy, id)).published, [1, 2, 3]);
  assert.equal(await assertTheorem(lake, id), 3);
});

test("edge 53: a put that is refused once, with nothing there, is sent again by the same call", async () => {
  const id = await tableWith("m.once", 3);
  const refused = new Set<string>();
  const busy = withPut((store, key, body) => {
    if (refused.has(key)) return store.putIfAbsent(key, body);
    refused.add(key);
    return Promise.reject(unavailable("the time for this try is over"));
  });
  assert.deepEqual((await mirrorTable(busy, id)).published, [0, 1, 2, 3]);
  assert.equal(await assertTheorem(lake, id), 3);
});

test("edge 53: a put that times out and yet took effect is success; so is one that another worker made meanwhile", async () => {
  const id = await tableWith("m.unknown", 3);
  const lost = withPut(async (store, key, body) => {
    await store.putIfAbsent(key, body);
    throw unavailable("timeout");
  });
  assert.deepEqual(await mirrorTable(lost, id), { table: "m.unknown", published: [0, 1, 2, 3], checkpoints: [] });
  assert.equal(await assertTheorem(lake, id), 3);
});

test("edge 53: a crash between checkpoint and hint: the next worker sets the hint", async () => {
  const id = await tableWith("m.hint", 2, 2);
  const location = "file:///lake/m.hint";
  let dead = false;
  const dying = lake.with({
    catalog: Object.assign(Object.create(lake.catalog), {
      markPublished: (...args: Parameters<typeof lake.catalog.markPublished>) =>
        dead ? Promise.reject(new Crash("markPublished")) : lake.catalog.markPublished(...args),
    }),
    store: (store) => ({
      ...store,
      put: async (key) => {
        assert.equal(key, HINT);
        dead = true;
        throw new Crash("put");
      },
    }),
  });
  await assert.rejects(mirrorTable(dying, id), Crash);
  const log = lake.openLog(location);
  assert.deepEqual(
    [(await log.list()).checkpoints.map((c) => c.version), await log.readLastCheckpoint()],
    [[2], undefined],
  );
  assert.deepEqual((await mirrorTable(lake, id)).checkpoints, [2]);
  assert.equal(await log.readLastCheckpoint(), 2);
  assert.equal(await assertTheorem(lake, id), 2);
});

test("edge 54: a mirror 60 versions behind publishes strictly in order: no gap at any moment, for three workers at once", async () => {
  for (const workers of [1, 3]) {
    const name = `m.behind${workers}`;
    const id = await tableWith(name, 60, 10);
    assert.equal((await lake.catalog.unpublished(id, 100)).length, 61);
    const seen: number[] = [];
    const watched = withPut(async (store, key, body) => {
      await Promise.resolve(); // lets the other workers in between
      const outcome = await store.putIfAbsent(key, body);
      const listing = await lake.openLog(`file:///lake/${name}`).list();
      const versions = listing.commits.map((commit) => commit.version);
      assert.deepEqual(versions, [...versions.keys()], "contiguous from 0");
      for (const { version } of listing.checkpoints) assert.ok(version <= (versions.at(-1) ?? -1));
      const version = /(\d{20})\.json$/.exec(key)?.[1];
      if (outcome === "created" && version !== undefined) seen.push(Number(version));
      return outcome;
    });
    await Promise.all(Array.from({ length: workers }, () => mirrorTable(watched, id)));
    assert.deepEqual(
      seen,
      Array.from({ length: 61 }, (_, v) => v),
      "each version once, each after the one before",
    );
    assert.deepEqual(await lake.catalog.unpublished(id, 100), []);
    assert.equal(await assertTheorem(lake, id), 60);
  }
});

test("edge 61: the checksum of the protocol's sample, and of the hint that we write", async () => {
  const sample = parseJson(
    `{"k0":"'v 0'", "checksum": "adsaskfljadfkjadfkj", "k1":{"k2": 2, "k3": ["v3", [1, 2], {"k4": "v4", "k5": ["v5", "v6", "v7"]}]}}`,
  );
  assert.ok(isJsonObject(sample));
  assert.equal(jsonChecksum(sample), "6a92d155a59bf2eecbd4b4ec7fd1f875");
  const id = await tableWith("m.sum", 2, 2);
  await mirrorTable(lake, id);
  const found = await lake.store("file:///lake/m.sum").get(HINT);
  const hint = parseJson(new TextDecoder().decode(found?.bytes));
  assert.ok(isJsonObject(hint));
  assert.equal(hint.checksum, jsonChecksum(hint));
});

test("edge 61: a hint whose checksum does not fit is ignored: the listing decides, and the next checkpoint replaces it", async () => {
  const id = await tableWith("m.tampered", 2, 2);
  await mirrorTable(lake, id);
  const location = "file:///lake/m.tampered";
  const log = lake.openLog(location);
  const text = new TextDecoder().decode((await lake.store(location).get(HINT))?.bytes);
  await putText(lake, location, "_last_checkpoint", text.replace('"version":2', '"version":9'));
  assert.equal(await log.readLastCheckpoint(), undefined);
  assert.equal((await newestCheckpoint(lake, id)).header.version, 2);
  assert.equal(await assertTheorem(lake, id), 2);
  for (const v of [2, 3]) await commitTo(lake, id, v, [addOf(`g${v}`)]);
  assert.deepEqual((await mirrorTable(lake, id)).checkpoints, [4]);
  assert.equal(await log.readLastCheckpoint(), 4);
  assert.ok(await lake.store(location).head(`_delta_log/${checkpointFileName(4)}`));
});
