/** A database that is older than the log: recovered, it is what it was, byte by byte, and knows who has been answered what. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CommitRequest } from "../../lib/delta/request.ts";
import { isLakeError } from "../../lib/errors.ts";
import { commit } from "../../lib/operations/commit.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { isRecovered, recoverAll, recoverTable } from "../../lib/operations/recover.ts";
import { vacuumTable } from "../../lib/operations/vacuum.ts";
import type { Lake } from "../../lib/ports.ts";
import { addOf, newTable, openTestLake, removeOf, request } from "../support/lake.ts";
import { openLossyLake } from "../support/old-database.ts";
import { assertReplays, lasting, type Sent, send } from "../support/replays.ts";
import { assertHistory, assertTheorem } from "../support/theorem.ts";
import { filled, grow, STATS } from "../support/two-tables.ts";

async function codeOf(attempt: Promise<unknown>): Promise<string | undefined> {
  return attempt.then(
    () => undefined,
    (error: unknown) => (isLakeError(error) ? error.code : String(error)),
  );
}

async function assertParity(lake: Lake, ...ids: readonly string[]): Promise<void> {
  for (const tableId of ids) {
    const report = await diffTable(lake, { ref: { tableId }, lagThresholdSeconds: 5, maxDriftFiles: 5 });
    assert.deepEqual([report.outcome, report.drift.files, report.drift.other], ["ok", [], []]);
    await assertTheorem(lake, tableId);
  }
}

/** All that SQL says of a table, to be compared with what another database says. */
async function described(lake: Lake, tableId: string): Promise<unknown> {
  const head = await lake.catalog.findTable({ tableId });
  assert.ok(head);
  const { items } = await lake.catalog.history(tableId, { limit: 1000 });
  const states = await lake.catalog.readStates([{ tableId }]);
  const snapshots = [];
  for (let version = head.baseVersion; version <= head.version; version += 1) {
    const files = await lake.catalog.readFiles(tableId, version, { limit: 1000 });
    snapshots.push([await lake.catalog.readHeader(tableId, version), files.items]);
  }
  // What the log says besides: the time, where the writer gave none.
  const history = items.map(({ commitInfo: { timestamp: _, deltalakedb: __, ...info } = {}, ...item }) => [item, info]);
  return { states, history, snapshots };
}

test("a recovered database is what the lost one was, and every request of before gets its first answer", async () => {
  const lake = await openLossyLake();
  const { a, b, sent } = await filled(lake);
  const copy = await lake.backup();
  await grow(lake, a, b, sent);
  const old = await lake.onCopy(copy);
  const early = request({ tableId: a, readVersion: 1, actions: [addOf("early", STATS)] });
  assert.equal(await codeOf(commit(old, early)), "CATALOG_BEHIND_LOG");
  const progress: string[] = [];
  const result = await recoverAll(old, {}, ({ phase, done }) => progress.push(`${phase} ${done}`));
  assert.deepEqual(
    result.tables.map(({ table, from, to, logVersion, stop, error }) => [table, from, to, logVersion, stop ?? error]),
    [
      ["r.a", 1, 5, 5, undefined],
      ["r.b", 1, 3, 3, undefined],
    ],
  );
  assert.deepEqual([result.incomplete, isRecovered(result, {})], [[], true]);
  assert.equal(progress.at(-1), "versions 6");
  for (const id of [a, b]) {
    assert.deepEqual(await described(old, id), await described(lake, id));
    await assertHistory(old, id);
    assert.equal((await old.catalog.unpublished(id, 10)).length, 0);
  }
  await assertParity(old, a, b);
  await assertReplays(old, sent);
  assert.deepEqual((await recoverAll(old)).tables, [], "a second time there is nothing to do");
  // Life goes on: with row ids above all that were given out, and in the log.
  await send(old, sent, request({ tableId: a, readVersion: 5, actions: [addOf("f9", STATS)] }));
  assert.equal((await mirrorTable(old, a)).error, undefined);
  await assertParity(old, a);
  const rows = (await old.catalog.readFiles(a, 6, { limit: 10 })).items.map(({ baseRowId }) => baseRowId);
  assert.equal(new Set(rows).size, rows.length);
  await old.close();
  await lake.close();
});

test("what was published and not marked before the backup is marked, and the mirror goes on", async () => {
  const lake = await openLossyLake();
  const { a, b, sent } = await filled(lake);
  const copy = await lake.backup();
  await grow(lake, a, b, sent);
  const old = await lake.onCopy(copy);
  assert.equal((await old.catalog.unpublished(a, 10)).length, 2, "versions 0 and 1");
  await recoverTable(old, { tableId: a });
  assert.deepEqual(await old.catalog.unpublished(a, 10), []);
  await recoverTable(old, { name: "r.b" });
  await assertParity(old, a, b);
  await assertReplays(old, sent);
  await old.close();
  await lake.close();
});

test("until its other table is recovered, a transaction is answered with 503", async () => {
  const lake = await openLossyLake();
  const { a, b, sent } = await filled(lake);
  const copy = await lake.backup();
  await grow(lake, a, b, sent);
  const old = await lake.onCopy(copy);
  await recoverTable(old, { tableId: a });
  const [both] = sent.filter(({ request: { tables } }) => tables.length > 1);
  await assert.rejects(commit(old, both?.request as CommitRequest), { code: "TRANSACTION_INCOMPLETE" });
  await recoverTable(old, { tableId: b });
  await assertReplays(old, sent);
  await old.close();
  await lake.close();
});

test("a transaction of which a part is lost is shown in no table before somebody decides", async () => {
  const lake = await openLossyLake();
  const { a, b, sent } = await filled(lake);
  const c = await newTable(lake, "r.c");
  for (const id of [a, b, c]) await mirrorTable(lake, id);
  const copy = await lake.backup();
  // a and b go together; then b and c: where a stops, c must stop, too. b's part of the first is never published.
  const first = request(
    { tableId: a, readVersion: 1, actions: [addOf("x", STATS)] },
    { tableId: b, readVersion: 1, actions: [addOf("x")] },
  );
  const second = request(
    { tableId: a, readVersion: 2, actions: [addOf("y", STATS)] },
    { tableId: c, readVersion: 0, actions: [addOf("y")] },
  );
  for (const one of [first, second]) await send(lake, sent, one);
  for (const id of [a, c]) await mirrorTable(lake, id);
  const old = await lake.onCopy(copy);
  const held = await recoverAll(old);
  const { transactionId } = first;
  assert.deepEqual(held.incomplete, [{ transactionId, known: [{ tableId: a, version: 2 }], missing: [b] }]);
  assert.deepEqual(
    held.tables.map(({ table, to, stop }) => [table, to, stop]),
    [
      ["r.a", 1, { version: 2, reason: "incomplete", transactionId }],
      ["r.c", 0, { version: 1, reason: "waits", transactionId: second.transactionId }],
    ],
  );
  assert.equal(isRecovered(held, {}), false);
  assert.equal(await old.catalog.findTransaction(transactionId), undefined);
  const taken = await recoverAll(old, { acceptIncomplete: true });
  assert.deepEqual(
    taken.tables.map(({ table, to }) => [table, to]),
    [
      ["r.a", 3],
      ["r.c", 1],
    ],
  );
  assert.ok(isRecovered(taken, { acceptIncomplete: true }));
  const answer = await commit(old, first);
  assert.ok(answer.status === "committed" && answer.replayed);
  assert.deepEqual([answer.tables.map(({ tableId, version }) => [tableId, version]), answer.lost], [[[a, 2]], [b]]);
  await assertReplays(
    old,
    sent.filter(({ request: wanted }) => wanted !== first),
  );
  await assertParity(old, a, b, c);
  assert.deepEqual(await recoverAll(old), { tables: [], seen: 3, identities: [], incomplete: [] });
  await old.close();
  await lake.close();
});

test("a log that was cleaned above the head gives its state from the checkpoint on", async () => {
  const lake = await openLossyLake();
  const a = await newTable(lake, "r.a", { configuration: { "delta.checkpointInterval": "10" } });
  const sent: Sent[] = [];
  const step = (v: number) => {
    const removes = v > 3 ? [removeOf(`f${v - 3}`)] : [];
    const txn = { txn: { appId: `app${v % 3}`, version: v } };
    return send(lake, sent, request({ tableId: a, readVersion: v, actions: [addOf(`f${v}`), ...removes, txn] }));
  };
  for (let v = 0; v < 4; v += 1) await step(v);
  await mirrorTable(lake, a);
  await step(4);
  const copy = await lake.backup();
  for (let v = 5; v < 12; v += 1) await step(v);
  await mirrorTable(lake, a);
  const log = lake.openLog("file:///lake/r.a");
  for (let v = 0; v < 10; v += 1) assert.ok(await log.removeFile(`${String(v).padStart(20, "0")}.json`));
  const old = await lake.onCopy(copy);
  const { tables } = await recoverAll(old);
  assert.deepEqual(
    tables.map(({ from, to, baseVersion, unproven, stop, error }) => [from, to, baseVersion, unproven, stop ?? error]),
    [[5, 12, 10, [5], undefined]],
  );
  const [now] = await old.catalog.readStates([{ tableId: a }]);
  const [was] = await lake.catalog.readStates([{ tableId: a }]);
  assert.deepEqual({ ...now, baseVersion: 0, markers: 0 }, { ...was, baseVersion: 0, markers: 0 });
  for (let version = 10; version <= 12; version += 1) {
    const files = async (from: Lake) =>
      (await from.catalog.readFiles(a, version, { limit: 100 })).items.map(({ path }) => path).sort();
    assert.deepEqual(await files(old), await files(lake));
  }
  await assert.rejects(old.catalog.readSummary(a, 7), { code: "VERSION_NOT_RETAINED" });
  // What SQL knew before and what the log still says is answered; 6 to 9 are in no place any more.
  await assertReplays(old, [...sent.slice(0, 5), ...sent.slice(9)]);
  await assertParity(old, a);
  await send(old, sent, request({ tableId: a, readVersion: 12, actions: [addOf("later"), removeOf("f11")] }));
  assert.equal((await mirrorTable(old, a)).error, undefined);
  await assertParity(old, a);
  await old.close();
  await lake.close();
});

test("a fork is refused by name, and nothing is changed", async () => {
  const lake = await openLossyLake();
  const { a, b, sent } = await filled(lake);
  for (const id of [a, b]) await mirrorTable(lake, id);
  const copy = await lake.backup();
  await grow(lake, a, b, sent);
  const old = await lake.onCopy(copy);
  // As an older release would: it commits without a look at the log.
  const blind: Lake = { ...old, openLog: () => openLogs("file:///nowhere") };
  const nowhere = await openTestLake();
  const openLogs = nowhere.openLog;
  const fork = request({ tableId: a, readVersion: 1, actions: [addOf("forked", STATS)] });
  assert.equal((await commit(blind, fork)).status, "committed");
  const before = await described(old, a);
  await assert.rejects(recoverTable(old, { tableId: a }), (error: unknown) => {
    assert.ok(isLakeError(error, "conflict"));
    assert.deepEqual([error.code, error.facts], ["LOG_FORKED", { tableId: a, table: "r.a", version: 2 }]);
    return true;
  });
  assert.deepEqual(await described(old, a), before);
  const all = await recoverAll(old);
  assert.equal(all.tables.find(({ tableId }) => tableId === a)?.error?.code, "LOG_FORKED");
  assert.equal(all.tables.find(({ tableId }) => tableId === b)?.to, 1, "shares its version 2 with the fork");
  // The way out: the log counts, and the table comes in again; what it says was committed is answered so.
  await dropTable(old, { tableId: a }, { unpublished: "giveUp" });
  const again = await importTable(old, { location: "file:///lake/r.a", name: "r.a", mode: "full-history" });
  assert.equal(again.version, 5);
  assert.ok(isRecovered(await recoverAll(old), {}));
  for (const { request: wanted, answer } of sent) {
    const { tables, ...rest } = lasting(await commit(old, wanted)) as { tables: readonly object[] };
    const { tables: firsts, ...first } = answer as { tables: readonly object[] };
    assert.deepEqual(rest, first);
    const versions = (some: readonly object[]) => some.map((one) => ({ ...one, tableId: "" }));
    assert.deepEqual(versions(tables), versions(firsts));
  }
  await nowhere.close();
  await old.close();
  await lake.close();
});

test("versions that others wrote stay out unless they are asked for", async () => {
  const lake = await openLossyLake();
  const { a, b, sent } = await filled(lake);
  for (const id of [a, b]) await mirrorTable(lake, id);
  const copy = await lake.backup();
  await send(lake, sent, request({ tableId: b, readVersion: 1, actions: [addOf("ours")] }));
  await mirrorTable(lake, b);
  const foreign = [{ commitInfo: { operation: "WRITE", engineInfo: "other" } }, addOf("theirs")];
  const text = `${foreign.map((line) => JSON.stringify(line)).join("\n")}\n`;
  await lake.store("file:///lake/r.b").put("_delta_log/00000000000000000003.json", new TextEncoder().encode(text));
  const old = await lake.onCopy(copy);
  const { tables } = await recoverAll(old);
  assert.deepEqual(
    tables.map(({ to, stop }) => [to, stop]),
    [[2, { version: 3, reason: "foreign" }]],
  );
  const taken = await recoverAll(old, { foreign: true });
  assert.deepEqual(
    taken.tables.map(({ to, stop }) => [to, stop]),
    [[3, undefined]],
  );
  assert.deepEqual((await old.catalog.readFiles(b, 3, { limit: 10 })).items.map(({ path }) => path).sort(), [
    "g0",
    "ours",
    "theirs",
  ]);
  await assertReplays(old, sent);
  const report = await diffTable(old, { ref: { tableId: b }, lagThresholdSeconds: 5, maxDriftFiles: 5 });
  assert.equal(report.outcome, "ok");
  await send(old, sent, request({ tableId: b, readVersion: 3, actions: [addOf("after")] }));
  assert.equal((await mirrorTable(old, b)).error, undefined);
  await old.close();
  await lake.close();
});

test("a log that cannot be read holds up those that share transactions with it, and nobody else", async () => {
  const lake = await openLossyLake();
  const { a, b, sent } = await filled(lake);
  const c = await newTable(lake, "r.c");
  const copy = await lake.backup();
  await grow(lake, a, b, sent);
  await send(lake, sent, request({ tableId: c, readVersion: 0, actions: [addOf("c1")] }));
  await mirrorTable(lake, c);
  const old = await lake.onCopy(copy);
  const store = lake.store("file:///lake/r.b");
  const key = "_delta_log/00000000000000000003.json";
  const whole = (await store.get(key))?.bytes ?? new Uint8Array();
  await store.put(key, new TextEncoder().encode("{"));
  const { tables, incomplete } = await recoverAll(old);
  assert.deepEqual(
    tables.map(({ table, to, stop, error }) => [table, to, stop?.reason ?? error?.code]),
    [
      ["r.a", 2, "waits"],
      ["r.b", 1, "MALFORMED_JSON"],
      ["r.c", 1, undefined],
    ],
  );
  assert.deepEqual(incomplete, []);
  assert.equal(await codeOf(recoverTable(old, { tableId: b })), "MALFORMED_JSON");
  await store.put(key, whole);
  assert.ok(isRecovered(await recoverAll(old), {}));
  await assertReplays(old, sent);
  await assertParity(old, a, b, c);
  await old.close();
  await lake.close();
});

test("processes that have refused commits take them again after a recovery, without a restart", async () => {
  const lake = await openLossyLake();
  const { a, b, sent } = await filled(lake);
  const copy = await lake.backup();
  await grow(lake, a, b, sent);
  const [here, there] = [await lake.onCopy(copy), await lake.onCopy(copy)];
  for (const [i, process] of [here, there].entries()) {
    const wanted = request({ tableId: a, readVersion: 1, actions: [addOf(`early${i}`, STATS)] });
    assert.equal(await codeOf(commit(process, wanted)), "CATALOG_BEHIND_LOG");
  }
  await recoverAll(here);
  let version = 5;
  for (const process of [here, there]) {
    const wanted = request({ tableId: a, readVersion: version, actions: [addOf(`late${version}`, STATS)] });
    const answer = await commit(process, wanted);
    version += 1;
    assert.deepEqual(answer.status === "committed" && answer.tables.map((table) => table.version), [version]);
  }
  await assertReplays(there, sent);
  await there.catalog.close();
  await here.close();
  await lake.close();
});

test("a table that was made after the backup completes its transactions when it is brought in", async () => {
  const lake = await openLossyLake();
  const { a, b, sent } = await filled(lake);
  for (const id of [a, b]) await mirrorTable(lake, id);
  const copy = await lake.backup();
  const made = await newTable(lake, "r.made");
  const shared = request(
    { tableId: a, readVersion: 1, actions: [addOf("x", STATS)] },
    { tableId: made, readVersion: 0, actions: [addOf("x")] },
  );
  await send(lake, sent, shared);
  for (const id of [a, made]) await mirrorTable(lake, id);
  const old = await lake.onCopy(copy);
  const held = await recoverAll(old);
  assert.deepEqual(
    held.incomplete.map(({ missing }) => missing),
    [[made]],
  );
  const { tableId } = await importTable(old, { location: "file:///lake/r.made", name: "r.made", mode: "full-history" });
  assert.equal(await codeOf(commit(old, shared)), "TRANSACTION_INCOMPLETE");
  assert.ok(isRecovered(await recoverAll(old), {}));
  const again = await commit(old, shared);
  assert.ok(again.status === "committed" && again.replayed);
  assert.deepEqual(
    again.tables.map((table) => [table.tableId, table.version]),
    [
      [a, 2],
      [tableId, 1],
    ],
  );
  await assertReplays(old, sent.slice(0, -1));
  await old.close();
  await lake.close();
});

test("what vacuum has taken since is known again: such a file cannot come back", async () => {
  const lake = await openLossyLake();
  const tableId = await newTable(lake, "r.vacuumed");
  await commit(lake, request({ tableId, readVersion: 0, actions: [addOf("gone"), addOf("kept")] }));
  await commit(lake, request({ tableId, readVersion: 1, actions: [removeOf("gone")] }));
  await mirrorTable(lake, tableId);
  const copy = await lake.backup();
  const later = { ...lake, clock: { ...lake.clock, now: () => lake.clock.now() + 8 * 86_400_000 } };
  const vacuumed = await vacuumTable(later, { tableId }, { remove: true });
  assert.deepEqual([vacuumed.files, vacuumed.oldestReadable], [1, 2]);
  await mirrorTable(lake, tableId);
  const old = await lake.onCopy(copy);
  await recoverTable(old, { tableId });
  assert.equal((await old.catalog.readUpkeep([tableId]))[0]?.vacuumFloor, 2);
  const restored = request({ tableId, readVersion: 4, actions: [addOf("gone")] });
  assert.equal(await codeOf(commit(old, restored)), "FILE_VACUUMED");
  await lake.close();
});
