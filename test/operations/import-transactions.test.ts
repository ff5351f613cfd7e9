/** Transactions of ours that an import finds in a log: asked again, they get their first answer; a copy takes none away. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeCommit } from "../../lib/delta/encode.ts";
import type { CommitRequest, CommitResult } from "../../lib/delta/request.ts";
import { isLakeError } from "../../lib/errors.ts";
import { commit } from "../../lib/operations/commit.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import type { Lake } from "../../lib/ports.ts";
import { addOf, newTable, openTestLake, request } from "../support/lake.ts";

/** A request that names its tables: ids change with an import. */
function named(tables: Record<string, number>, file: string): CommitRequest {
  const parts = Object.values(tables).map((readVersion) => ({ tableId: "", readVersion, actions: [addOf(file)] }));
  const made = request(...parts);
  const names = Object.keys(tables);
  return { ...made, tables: made.tables.map((table, i) => ({ ...table, table: { name: names[i] ?? "" } })) };
}

interface Sent {
  readonly request: CommitRequest;
  readonly answer: Extract<CommitResult, { status: "committed" }>;
}

/** Two tables with commits of their own and one of both, all published; and another catalog beside the same logs. */
async function lostDatabase() {
  const before = await openTestLake();
  const ids = [await newTable(before, "m.a"), await newTable(before, "m.b")];
  const sent: Sent[] = [];
  const send = async (wanted: CommitRequest) => {
    const answer = await commit(before, wanted);
    assert.equal(answer.status, "committed");
    sent.push({ request: wanted, answer });
  };
  await send(named({ "m.a": 0 }, "a1"));
  await send(named({ "m.a": 1, "m.b": 0 }, "both"));
  await send(named({ "m.b": 1 }, "b2"));
  for (const id of ids) await mirrorTable(before, id);
  const after = await openTestLake();
  const lake: Lake = { ...after, openLog: before.openLog };
  const close = async () => {
    await before.close();
    await after.close();
  };
  return { before, lake, sent, close };
}

const importAs = (lake: Lake, table: "a" | "b", name = `m.${table}`) =>
  importTable(lake, { location: `file:///lake/m.${table}`, name, mode: "full-history" });

async function codeOf(attempt: Promise<unknown>): Promise<string | undefined> {
  return attempt.then(
    () => undefined,
    (error: unknown) => (isLakeError(error) ? error.code : String(error)),
  );
}

test("a repeated request gets its first answer from a catalog that was made from logs", async () => {
  const { lake, sent, close } = await lostDatabase();
  const ids: Record<string, string> = {};
  for (const table of ["a", "b"] as const) ids[`m.${table}`] = (await importAs(lake, table)).tableId;
  for (const { request: wanted, answer } of sent) {
    const again = await commit(lake, wanted);
    assert.ok(again.status === "committed" && again.replayed);
    assert.equal(again.committedAt, answer.committedAt);
    assert.deepEqual(
      again.tables.map(({ tableId, version, inCommitTimestamp }) => [tableId, version, inCommitTimestamp]),
      answer.tables.map(({ version, inCommitTimestamp }, i) => {
        const ref = wanted.tables[i]?.table ?? { name: "" };
        return ["name" in ref ? ids[ref.name] : "", version, inCommitTimestamp];
      }),
    );
    const found = await lake.catalog.findTransaction(wanted.transactionId);
    assert.deepEqual(
      found?.tables.map(({ version }) => version),
      answer.tables.map(({ version }) => version),
    );
    const other = { ...wanted, tables: wanted.tables.map((table) => ({ ...table, readVersion: 0, reads: {} })) };
    assert.equal(await codeOf(commit(lake, other)), "IDEMPOTENCY_KEY_REUSED");
  }
  for (const [name, tableId] of Object.entries(ids)) {
    const head = await lake.catalog.findTable({ tableId });
    assert.equal(await lake.catalog.firstOwnVersion(tableId), 0, "SQL has the bytes of all");
    for (const own of await lake.catalog.readCommits(tableId, 0, head?.version ?? -1)) {
      const bytes = await lake.openLog(`file:///lake/${name}`).readCommitBytes(own.version);
      assert.deepEqual(encodeCommit(own), bytes);
    }
  }
  await close();
});

test("while one of its tables is not in, a transaction is neither committed again nor unknown", async () => {
  const { lake, sent, close } = await lostDatabase();
  await importAs(lake, "a");
  const both = sent[1]?.request ?? named({}, "");
  assert.equal(await codeOf(commit(lake, both)), "TRANSACTION_INCOMPLETE");
  assert.equal(await codeOf(lake.catalog.findTransaction(both.transactionId)), "TRANSACTION_INCOMPLETE");
  assert.equal((await lake.catalog.findTable({ name: "m.a" }))?.version, 2);
  await importAs(lake, "b");
  const again = await commit(lake, both);
  assert.ok(again.status === "committed" && again.replayed);
  await close();
});

test("a copy of a living table takes none of its transactions, and has none itself", async () => {
  const { before, sent, close } = await lostDatabase();
  const copied = "file:///lake/copy";
  for await (const { key } of before.store("file:///lake/m.a").list("")) {
    const file = await before.store("file:///lake/m.a").get(key);
    await before.store(copied).put(key, file?.bytes ?? new Uint8Array());
  }
  const firsts = await Promise.all(sent.map(({ request: r }) => before.catalog.findTransaction(r.transactionId)));
  const { tableId } = await importTable(before, { location: copied, name: "m.copy", mode: "full-history" });
  const { items } = await before.catalog.history(tableId, { limit: 10 });
  assert.deepEqual(
    items.map(({ transactionId }) => transactionId),
    [undefined, undefined, undefined],
  );
  const now = await Promise.all(sent.map(({ request: r }) => before.catalog.findTransaction(r.transactionId)));
  assert.deepEqual(now, firsts);
  // The original comes first where neither is known, and the copy changes nothing of it.
  const fresh = await openTestLake();
  const lake: Lake = { ...fresh, openLog: before.openLog };
  const original = await importAs(lake, "a");
  await importTable(lake, { location: copied, name: "m.copy", mode: "full-history" });
  const found = await lake.catalog.findTransaction(sent[0]?.request.transactionId ?? "");
  assert.deepEqual(
    found?.tables.map((table) => table.tableId),
    [original.tableId],
  );
  await fresh.close();
  await close();
});

test("an import that fails leaves no transaction behind, and none of another table is lost with it", async () => {
  const { before, lake, sent, close } = await lostDatabase();
  await importAs(lake, "a");
  const log = before.store("file:///lake/m.b");
  const key = "_delta_log/00000000000000000002.json";
  const whole = (await log.get(key))?.bytes ?? new Uint8Array();
  await log.put(key, new TextEncoder().encode('{"add":{"path":5}}\n'));
  assert.equal(await codeOf(importAs(lake, "b")), "MALFORMED_ACTION");
  const [alone, both, last] = sent.map(({ request: { transactionId } }) => transactionId);
  assert.ok(await lake.catalog.findTransaction(alone ?? ""));
  assert.equal(await codeOf(lake.catalog.findTransaction(both ?? "")), "TRANSACTION_INCOMPLETE");
  assert.equal(await lake.catalog.findTransaction(last ?? ""), undefined);
  await log.put(key, whole);
  await importAs(lake, "b");
  for (const id of [alone, both, last]) assert.ok(await lake.catalog.findTransaction(id ?? ""));
  await close();
});

test("a client that sends its request while the log is being imported is answered once it is in", async () => {
  const { lake, sent, close } = await lostDatabase();
  const answers: string[] = [];
  const [first] = sent;
  const slow: Lake = {
    ...lake,
    catalog: {
      ...lake.catalog,
      async importBatches(tableId, batches) {
        for (const batch of batches) {
          await lake.catalog.importBatches(tableId, [batch]);
          const code = await codeOf(commit(lake, first?.request ?? named({}, "")));
          answers.push(code ?? `answered at version ${batch.commit.version}`);
        }
      },
    },
  };
  await importAs(slow, "a");
  assert.deepEqual(answers, ["TABLE_NOT_FOUND", "answered at version 1", "answered at version 2"]);
  await close();
});
