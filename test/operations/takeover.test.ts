/** A followed table is taken over: fenced first, whole in SQL, then written here; by whoever was killed on the way, too. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { FENCE } from "../../lib/delta/features.ts";
import { commitFileName } from "../../lib/delta/files/log-files.ts";
import { decodeManifest } from "../../lib/delta/manifest.ts";
import { type Json, stringifyJson } from "../../lib/delta/values/json.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { ejectTable } from "../../lib/operations/eject.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { takeOverTable } from "../../lib/operations/takeover.ts";
import type { ObjectStore } from "../../lib/ports.ts";
import { Crash, crashPoint, dying } from "../support/crash.ts";
import { putLog, tableActions } from "../support/foreign-log.ts";
import { addOf, commitTo, newTable, openTestLake, STRIDE, type TestLake } from "../support/lake.ts";

const lake = await openTestLake();
after(() => lake.close());
const DIFF = { lagThresholdSeconds: 0, maxDriftFiles: 0 };
const TIMED = { "delta.enableInCommitTimestamps": "true" };

const placeOf = (name: string) => `file:///lake/${name}`;

function textOf(...actions: Json[]): Uint8Array {
  const info: Json = {
    commitInfo: { inCommitTimestamp: lake.clock.time, operation: "WRITE", timestamp: lake.clock.time },
  };
  return new TextEncoder().encode(`${[info, ...actions].map(stringifyJson).join("\n")}\n`);
}

/** What a writer of the log does. @returns false where the version is taken */
async function theirs(name: string, version: number, ...actions: Json[]): Promise<boolean> {
  lake.clock.time += 10;
  const key = `_delta_log/${commitFileName(version)}`;
  return (await lake.store(placeOf(name)).putIfAbsent(key, textOf(...actions))) === "created";
}

async function followed(name: string, configuration: Record<string, string> = {}): Promise<string> {
  const info: Json = {
    commitInfo: { inCommitTimestamp: lake.clock.time, operation: "CREATE TABLE", timestamp: lake.clock.time },
  };
  await putLog(lake, placeOf(name), [{ actions: [info, ...tableActions(configuration)] }]);
  await theirs(name, 1, addOf("one"));
  const request = { name, location: placeOf(name), mode: "full-history", follow: true } as const;
  return (await importTable(lake, request)).tableId;
}

async function linesOf(name: string, version: number): Promise<Record<string, Json>[]> {
  const bytes = await lake.openLog(placeOf(name)).readCommitBytes(version);
  assert.ok(bytes, `version ${version} of ${name}`);
  const lines = new TextDecoder().decode(bytes).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Record<string, Json>);
}

/** All that a table taken over must be. */
async function assertOurs(name: string, tableId: string, fencedAt: number): Promise<void> {
  const head = await lake.catalog.findTable({ tableId });
  assert.deepEqual([head?.version, head?.followed], [fencedAt, undefined]);
  const [info, { protocol } = {}] = await linesOf(name, fencedAt);
  assert.deepEqual(
    (protocol as { writerFeatures: string[] }).writerFeatures.filter((one) => one === FENCE),
    [FENCE],
  );
  assert.equal((info?.commitInfo as Record<string, Json> | undefined)?.operation, "FENCE");
  assert.equal(await lake.openLog(placeOf(name)).readCommitBytes(fencedAt + 1), undefined);
  assert.equal(await commitTo(lake, tableId, fencedAt, [addOf("ours")]), fencedAt + 1);
  assert.equal((await mirrorTable(lake, tableId)).error, undefined);
  assert.equal((await diffTable(lake, { ref: { tableId }, ...DIFF })).outcome, "ok");
  const manifest = await lake.openLog(placeOf(name)).readManifest();
  assert.equal(manifest && decodeManifest(manifest)?.tableId, tableId);
}

test("what others wrote last is in SQL, the fence is in the log, and commits go on here; again changes nothing", async () => {
  for (const [name, configuration] of [["t.timed", TIMED] as const, ["t.plain", {}] as const]) {
    const tableId = await followed(name, configuration);
    await theirs(name, 2, addOf("two"));
    const taken = await takeOverTable(lake, { name });
    const { pauseMs, ...rest } = taken;
    assert.deepEqual(rest, { tableId, name, location: placeOf(name), version: 3, behind: 1, status: "taken" });
    assert.ok(pauseMs >= 0);
    assert.equal(await theirs(name, 3, addOf("late")), false, "their version is taken by the fence");
    await assertOurs(name, tableId, 3);
    assert.equal((await takeOverTable(lake, { name })).status, "there");
    assert.equal((await lake.catalog.findTable({ tableId }))?.version, 4);
  }
});

test("a table that is further behind than allowed is refused, and nothing changes", async () => {
  const tableId = await followed("t.behind");
  for (let version = 2; version < 7; version += 1) await theirs("t.behind", version, addOf(`f${version}`));
  const refused = {
    kind: "conflict",
    code: "TAKEOVER_BEHIND",
    facts: { tableId, version: 1, logVersion: 6, behind: 5, maxBehind: 4 },
  };
  await assert.rejects(takeOverTable(lake, { tableId }, { maxBehind: 4 }), refused);
  assert.equal((await lake.catalog.findTable({ tableId }))?.version, 1);
  assert.equal(await lake.openLog(placeOf("t.behind")).readCommitBytes(7), undefined);
  assert.equal((await takeOverTable(lake, { tableId }, { maxBehind: 5 })).version, 7);
});

test("a writer that is faster again and again is taken along; one that ignores the fence, too", async () => {
  const tableId = await followed("t.race");
  let left = 5;
  const racing = (store: ObjectStore): ObjectStore =>
    new Proxy(store, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== "function") return value;
        if (key !== "putIfAbsent") return value.bind(target);
        return async (...args: Parameters<ObjectStore["putIfAbsent"]>) => {
          const version = Number.parseInt(args[0].slice("_delta_log/".length), 10);
          if (left > 0) await theirs("t.race", version, addOf(`race${version}`));
          left -= 1;
          const outcome = await target.putIfAbsent(...args);
          if (outcome === "created") await theirs("t.race", version + 1, addOf("ignores the fence"));
          return outcome;
        };
      },
    });
  const taken = await takeOverTable(lake.with({ store: racing }), { tableId });
  assert.deepEqual([taken.version, taken.behind], [8, 0]);
  const head = await lake.catalog.findTable({ tableId });
  assert.deepEqual([head?.numFiles, head?.followed], [7, undefined]);
  assert.equal((await diffTable(lake, { ref: { tableId }, ...DIFF })).outcome, "ok");
});

test("a table that is written here is there already; one given back can be followed and taken over again", async () => {
  const tableId = await newTable(lake, "t.here");
  assert.equal((await takeOverTable(lake, { tableId })).status, "there");
  await commitTo(lake, tableId, 0, [addOf("one")]);
  await ejectTable(lake, { tableId });
  const place = { name: "t.here", location: placeOf("t.here"), mode: "full-history", follow: true } as const;
  const again = await importTable(lake, place);
  assert.equal(await theirs("t.here", 3, addOf("theirs")), true);
  const taken = await takeOverTable(lake, { name: "t.here" });
  assert.deepEqual([taken.tableId, taken.version], [again.tableId, 4]);
  await assertOurs("t.here", again.tableId, 4);
});

test("a crash at any call, then the same again: taken over, once, and never written by both", async () => {
  for (const when of ["before", "after"] as const) {
    for (let at = 0, done = false; !done; at += STRIDE) {
      assert.ok(at < 200, "the loop ends");
      const name = `t.${when}${at}`;
      const tableId = await followed(name, TIMED);
      await theirs(name, 2, addOf("two"));
      const point = crashPoint(at, when);
      const doomed: TestLake = lake.with({
        catalog: dying(lake.catalog, point),
        store: (store) => dying(store, point),
      });
      const failed = await takeOverTable(doomed, { name }).catch((error: unknown) => error);
      done = !point.dead;
      assert.ok(done || failed instanceof Crash || failed instanceof Error);
      const head = await lake.catalog.findTable({ tableId });
      const fence = await lake.openLog(placeOf(name)).readCommitBytes(3);
      // Where SQL takes commits, the log has the fence, and SQL has it.
      if (head?.followed === undefined) assert.ok(fence !== undefined && head?.version === 3);
      await takeOverTable(lake, { name });
      await assertOurs(name, tableId, 3);
    }
  }
});
