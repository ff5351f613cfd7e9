/** Recoveries that are killed at every call, or run beside each other: nothing false is said meanwhile, and the next one finishes. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { encodeCommit } from "../../lib/delta/encode.ts";
import { isLakeError } from "../../lib/errors.ts";
import { commit } from "../../lib/operations/commit.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { isRecovered, recoverAll, recoverTable } from "../../lib/operations/recover.ts";
import type { Lake } from "../../lib/ports.ts";
import type { TestDatabase } from "../support/catalog-engines.ts";
import { Crash, crashPoint, dying } from "../support/crash.ts";
import { addOf, newTable, removeOf, request } from "../support/lake.ts";
import { type LossyLake, openLossyLake } from "../support/old-database.ts";
import { assertReplays, lasting, type Sent, send } from "../support/replays.ts";
import { assertHistory, assertTheorem } from "../support/theorem.ts";

const MAX_CALLS = 300;
/** Copies of a schema take their time. */
const STEP = process.env.TEST_ENGINE === "postgres" ? 7 : 1;

let lake: LossyLake;
let copy: TestDatabase;
let again: (copy: TestDatabase) => Promise<TestDatabase>;
const ids: string[] = [];
/** All that were acknowledged, and of which something is left. */
const sent: Sent[] = [];
/** Versions at the end. */
const heads = new Map<string, number>();

/** a and b share transactions, c lost its commits 1 and 2 to retention, of d a part was never published. */
before(async () => {
  lake = await openLossyLake();
  const configuration = { "delta.checkpointInterval": "4" };
  for (const name of ["a", "b", "c", "d"]) ids.push(await newTable(lake, `k.${name}`, { configuration }));
  const [a = "", b = "", c = "", d = ""] = ids;
  await send(lake, sent, request({ tableId: a, readVersion: 0, actions: [addOf("a1")] }));
  for (const id of ids) await mirrorTable(lake, id);
  copy = await lake.backup();
  again = async (from) => lake.copyOf(from);
  await send(lake, sent, request(...[a, b].map((tableId) => ({ tableId, readVersion: 0, actions: [addOf("ab")] }))));
  const forgotten: Sent[] = [];
  for (let v = 0; v < 6; v += 1) {
    const actions = [addOf(`c${v}`), ...(v > 1 ? [removeOf(`c${v - 2}`)] : [])];
    await send(lake, v < 3 ? forgotten : sent, request({ tableId: c, readVersion: v, actions }));
  }
  await send(lake, sent, request(...[a, d].map((tableId) => ({ tableId, readVersion: 0, actions: [addOf("ad")] }))));
  await send(lake, sent, request(...[a, b].map((tableId) => ({ tableId, readVersion: 1, actions: [addOf("ab2")] }))));
  for (const id of [a, b, c]) await mirrorTable(lake, id);
  const log = lake.openLog("file:///lake/k.c");
  for (const v of [0, 1, 2]) assert.ok(await log.removeFile(`${String(v).padStart(20, "0")}.json`));
  for (const [id, version] of [
    [a, 4],
    [b, 2],
    [c, 6],
    [d, 0],
  ] as const)
    heads.set(id, version);
});
after(async () => {
  await copy.drop();
  await lake.close();
});

const accept = { acceptIncomplete: true };

/** What a client may be told at any moment: its first answer, or to come again. */
async function assertNoFalsehood(old: Lake): Promise<void> {
  for (const { request: wanted, answer } of sent) {
    const told = await commit(old, wanted).catch((error: unknown) => error);
    if (isLakeError(told)) {
      assert.ok(["CATALOG_BEHIND_LOG", "TRANSACTION_INCOMPLETE", "TABLE_NOT_FOUND"].includes(told.code), told.code);
    } else {
      const { lost: _, tables, ...rest } = lasting(told as never) as { lost?: unknown; tables: readonly object[] };
      const { tables: first, ...firstRest } = answer as { tables: readonly object[] };
      assert.deepEqual(rest, firstRest);
      for (const part of tables) assert.ok(first.some((one) => JSON.stringify(one) === JSON.stringify(part)));
    }
  }
  for (const tableId of ids) {
    const head = await old.catalog.findTable({ tableId });
    if (head === undefined) continue;
    await assertHistory(old, tableId);
    const log = old.openLog(head.location);
    const firstOwn = (await old.catalog.firstOwnVersion(tableId)) ?? head.version + 1;
    for (const own of await old.catalog.readCommits(tableId, firstOwn, head.version)) {
      const bytes = await log.readCommitBytes(own.version);
      if (bytes) assert.deepEqual(bytes, encodeCommit(own));
    }
  }
}

async function assertWhole(old: Lake): Promise<void> {
  const [, , , d = ""] = ids;
  for (const [tableId, version] of heads) {
    assert.equal((await old.catalog.findTable({ tableId }))?.version, version);
    await assertHistory(old, tableId);
    await assertTheorem(old, tableId);
  }
  const expected = sent.map(({ request: wanted, answer }) => {
    const { tables, ...rest } = answer as { tables: readonly { tableId: string }[] };
    const left = tables.filter(({ tableId }) => tableId !== d);
    return {
      request: wanted,
      answer: { ...rest, tables: left, ...(left.length < tables.length ? { lost: [d] } : {}) },
    };
  });
  await assertReplays(old, expected);
  assert.deepEqual(await recoverAll(old), { tables: [], seen: 4, identities: [], incomplete: [] });
}

for (const when of ["before", "after"] as const) {
  test(`killed ${when} any call, a recovery is carried on by the next one`, async () => {
    for (let at = 0, done = false; !done; at += STEP) {
      assert.ok(at < MAX_CALLS, "the loop ends");
      const old = await lake.onCopy(await again(copy));
      const point = crashPoint(at, when);
      const doomed = old.with({ catalog: dying(old.catalog, point), store: (store) => dying(store, point) });
      await recoverAll(doomed, accept).catch((error: unknown) => assert.ok(error instanceof Crash || point.dead));
      // Some calls answer no promise, and cannot die after it.
      done = point.calls <= at;
      await assertNoFalsehood(old);
      const result = await recoverAll(old, accept);
      assert.ok(isRecovered(result, accept), `after a crash ${when} call ${at}: ${JSON.stringify(result)}`);
      await assertWhole(old);
      await old.close();
    }
  });
}

test("two recoveries at once do no harm to each other", async () => {
  const old = await lake.onCopy(await again(copy));
  const other = { ...old };
  const both = await Promise.allSettled([recoverAll(old, accept), recoverAll(other, accept)]);
  assert.ok(both.some(({ status }) => status === "fulfilled"));
  await recoverAll(old, accept);
  await assertWhole(old);
  await old.close();
});

test("a table whose rows were being made again is found by its name, and by nobody else", async () => {
  const old = await lake.onCopy(await again(copy));
  const [, , c = ""] = ids;
  const dies: Lake = {
    ...old,
    catalog: { ...old.catalog, importBatches: () => Promise.reject(new Crash("importBatches")) },
  };
  await assert.rejects(recoverTable(dies, { tableId: c }), Crash);
  assert.equal(await old.catalog.findTable({ tableId: c }), undefined);
  await assert.rejects(recoverTable(old, { name: "k.none" }), { code: "TABLE_NOT_FOUND" });
  const { tables } = await recoverTable(old, { name: "k.c" });
  assert.deepEqual(
    tables.map(({ tableId, to, baseVersion }) => [tableId, to, baseVersion]),
    [[c, 6, 4]],
  );
  await old.close();
});
