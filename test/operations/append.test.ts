/** Appends that share a version: each is a transaction of its own, committed once, and answers for itself. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { AppendRequest, CommitResult } from "../../lib/delta/request.ts";
import { type Json, stringifyJson } from "../../lib/delta/values/json.ts";
import { isLakeError, unavailable } from "../../lib/errors.ts";
import { append } from "../../lib/operations/append.ts";
import { commit } from "../../lib/operations/commit.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import type { Lake } from "../../lib/ports.ts";
import { actions, addOf, commitTo, newTable, openTestLake, request, type TestLake } from "../support/lake.ts";
import { seeded } from "../support/random.ts";
import { assertHistory } from "../support/theorem.ts";

let base: TestLake;
before(async () => {
  base = await openTestLake();
});
after(() => base.close());

/** A server of many clients. Each has a process of its own: what one remembers the other does not. */
function server(more: Partial<Lake> = {}): Lake {
  const clock = { ...base.clock, now: () => base.clock.now(), sleep: (ms: number) => delay(ms) };
  return { ...base, catalog: { ...base.catalog }, clock, coalesces: true, ...more };
}

function appendOf(tableId: string, ...paths: string[]): AppendRequest {
  const table = { table: { tableId }, at: "", actions: actions(...paths.map((path) => addOf(path))) };
  return { transactionId: crypto.randomUUID(), table, maxDelayMs: 20 };
}

type Outcome = CommitResult | { readonly status: "failed"; readonly code: string | undefined };

function outcome(answer: Promise<CommitResult>): Promise<Outcome> {
  return answer.catch((error: unknown) => {
    if (!isLakeError(error)) throw error;
    return { status: "failed" as const, code: error.code };
  });
}

/** Paths of an answer's own adds, as the version has them. */
async function ownPaths(lake: Lake, answer: Outcome): Promise<readonly string[]> {
  assert.ok(answer.status === "committed", stringifyJson(answer));
  const [table] = answer.tables;
  assert.ok(table);
  const [version] = await lake.catalog.readCommits(table.tableId, table.version, table.version);
  const adds = version?.actions.adds.map(({ path }) => path) ?? [];
  return table.adds === undefined ? adds : adds.slice(table.adds.first, table.adds.first + table.adds.count);
}

test("appends of the same time become one version, and each keeps its id, its answer and its files", async () => {
  const lake = server();
  const id = await newTable(base, "p.many");
  await append(lake, appendOf(id, "first"));
  const sent = Array.from({ length: 40 }, (_, i) => {
    return { ...appendOf(id, ...[`f${i}`, `g${i}`, `h${i}`].slice(i % 3)), maxDelayMs: 100 };
  });
  const answers = await Promise.all(sent.map((one) => append(lake, one)));
  const head = await lake.catalog.findTable({ tableId: id });
  assert.ok((head?.version ?? 99) <= 4, `${head?.version} versions`);
  for (const [i, answer] of answers.entries()) {
    assert.ok(answer.status === "committed" && !answer.replayed);
    assert.equal(answer.transactionId, sent[i]?.transactionId);
    const paths = sent[i]?.table.actions.adds.map(({ path }) => path);
    assert.deepEqual(await ownPaths(lake, answer), paths);
    const known = await lake.catalog.findTransaction(answer.transactionId);
    const [{ adds, version, inCommitTimestamp: timestamp } = { version: -1, inCommitTimestamp: -1 }] = answer.tables;
    assert.deepEqual(known?.tables, [{ tableId: id, version, timestamp, ...(adds && { adds }) }]);
  }
  const again = await Promise.all(sent.map((one) => append(lake, one)));
  for (const [i, answer] of again.entries()) {
    assert.ok(answer.status === "committed" && answer.replayed);
    const first = answers[i];
    assert.deepEqual(answer.tables[0]?.adds, first?.status === "committed" ? first.tables[0]?.adds : undefined);
  }
  assert.equal((await lake.catalog.findTable({ tableId: id }))?.version, head?.version, "a repetition adds no version");
  await mirrorTable(base, id);
  await assertHistory(base, id);
});

test("what is wrong with one append is told to its client alone", async () => {
  const lake = server();
  const id = await newTable(base, "p.wrong", { partitionColumns: ["day"] });
  const at = (path: string, day: string) => addOf(path, { partitionValues: { day } });
  assert.equal(await commitTo(lake, id, 0, [at("live", "1")]), 1);
  const appendWith = (...objects: Json[]): AppendRequest => {
    return { ...appendOf(id), table: { table: { tableId: id }, at: "", actions: actions(...objects) } };
  };
  const sent = [
    appendWith(at("ok0", "2")),
    // Seen before SQL is asked: the partition column is missing.
    appendWith(addOf("nowhere")),
    appendWith(at("ok1", "2")),
    // Seen by SQL alone: the path is live in another spelling.
    appendWith(at("%6Cive", "1")),
    appendWith(at("x", "1"), { txn: { appId: "a", version: 1 } }),
    appendWith(at("ok2", "2")),
  ];
  const told = await Promise.all(sent.map((one) => outcome(append(lake, one))));
  const codes = told.map((answer) => (answer.status === "failed" ? answer.code : answer.status));
  assert.deepEqual([codes[0], codes[2], codes[5]], ["committed", "committed", "committed"]);
  assert.deepEqual(
    [codes[1], codes[3], codes[4]],
    ["DELTA_INVALID_PARTITION_COLUMN", "PATH_SPELLED_DIFFERENTLY", "APPEND_ADDS_ONLY"],
  );
  await mirrorTable(base, id);
  await assertHistory(base, id);
});

test("two appends of one file, one append sent twice, and one id for two requests", async () => {
  const lake = server();
  const id = await newTable(base, "p.twice");
  const one = appendOf(id, "a");
  const other = { ...appendOf(id, "b"), transactionId: one.transactionId };
  const told = await Promise.all(
    [one, one, other, appendOf(id, "c"), appendOf(id, "c")].map((r) => outcome(append(lake, r))),
  );
  const first = told.slice(0, 3).filter((answer) => answer.status === "committed");
  assert.ok(first.length >= 1 && first.filter((answer) => !answer.replayed).length === 1, stringifyJson(told));
  assert.ok(told.some((answer) => answer.status === "failed" && answer.code === "IDEMPOTENCY_KEY_REUSED"));
  await mirrorTable(base, id);
  await assertHistory(base, id);
  const live = await livePaths(lake, id);
  assert.equal(live.filter((path) => path === "c").length, 1);
  assert.equal(live.filter((path) => path === "a" || path === "b").length, 1);
});

async function livePaths(lake: Lake, tableId: string): Promise<readonly string[]> {
  const head = await lake.catalog.findTable({ tableId });
  const page = await lake.catalog.readFiles(tableId, head?.version ?? 0, { limit: 10_000 });
  return page.items.map(({ path }) => path).sort();
}

test("an append follows a change of the schema, one that names a version conflicts with it", async () => {
  const lake = server();
  const id = await newTable(base, "p.schema");
  await append(lake, appendOf(id, "warm"));
  const [state] = await base.catalog.readStates([{ tableId: id }]);
  assert.ok(state);
  const { unknown: _, ...metadata } = state.metadata;
  const described = { ...metadata, description: "other" };
  // By another process: what this server remembers is old.
  assert.equal(await commitTo(server(), id, 1, [{ metaData: described }]), 2);
  const strictOne = appendOf(id, "late");
  const late = { ...strictOne, table: { ...strictOne.table, readVersion: 1 } };
  const told = await Promise.all([appendOf(id, "a"), late, appendOf(id, "b")].map((one) => outcome(append(lake, one))));
  assert.deepEqual(
    told.map(({ status }) => status),
    ["committed", "conflict", "committed"],
  );
});

test("whatever becomes of answers and servers, each append is committed once", async () => {
  const id = await newTable(base, "p.once");
  const random = seeded(7);
  const lossy = (lake: Lake): Lake => ({
    ...lake,
    catalog: {
      ...lake.catalog,
      commit: async (planned) => {
        const fate = random();
        if (fate < 0.2) throw unavailable("refused", { hint: "again" });
        const answer = await lake.catalog.commit(planned);
        if (fate < 0.5) throw unavailable("the answer is lost", { hint: "again" });
        return answer;
      },
    },
  });
  const servers = [lossy(server()), lossy(server()), server()];
  const sent = Array.from({ length: 60 }, (_, i) => appendOf(id, `f${i}`));
  const untilAnswered = async (one: AppendRequest): Promise<CommitResult> => {
    for (;;) {
      const through = servers[Math.floor(random() * servers.length)] as Lake;
      const told = await outcome(append(through, { ...one, maxDelayMs: Math.floor(random() * 10) }));
      if (told.status !== "failed") return told;
    }
  };
  // Every second is sent to two servers at once.
  const answers = await Promise.all(sent.flatMap((one, i) => [one, ...(i % 2 ? [one] : [])]).map(untilAnswered));
  for (const answer of answers) assert.equal(answer.status, "committed");
  assert.deepEqual(await livePaths(base, id), sent.map((_, i) => `f${i}`).sort());
  const owned = await Promise.all(
    sent.map(async ({ transactionId }) => (await base.catalog.findTransaction(transactionId))?.tables[0]),
  );
  for (const [i, table] of owned.entries()) {
    assert.ok(table);
    const [version] = await base.catalog.readCommits(id, table.version, table.version);
    assert.equal(version?.actions.adds[table.adds?.first ?? 0]?.path, `f${i}`);
  }
  await mirrorTable(base, id);
  await assertHistory(base, id);
});

test("a catalog that is made from the log knows each append again", async () => {
  const lake = server();
  await newTable(base, "p.lost");
  const byName = (path: string): AppendRequest => {
    const one = appendOf("", path);
    return { ...one, table: { ...one.table, table: { name: "p.lost" } } };
  };
  const sent = Array.from({ length: 5 }, (_, i) => byName(`f${i}`));
  const answers = await Promise.all(sent.map((one) => append(lake, one)));
  const id = (await lake.catalog.findTable({ name: "p.lost" }))?.tableId ?? "";
  await mirrorTable(base, id);
  const next = await openTestLake();
  try {
    const made: Lake = { ...next, openLog: base.openLog, coalesces: true };
    await importTable(made, { location: "file:///lake/p.lost", name: "p.lost", mode: "full-history" });
    for (const [i, one] of sent.entries()) {
      const again = await append(made, one);
      const first = answers[i];
      assert.ok(again.status === "committed" && again.replayed && first?.status === "committed");
      assert.deepEqual(again.tables[0]?.adds, first.tables[0]?.adds);
      assert.equal(again.tables[0]?.version, first.tables[0]?.version);
      assert.deepEqual(await ownPaths(made, again), [`f${i}`]);
    }
  } finally {
    await next.close();
  }
});

test("a process of one request at a time commits each append alone", async () => {
  const id = await newTable(base, "p.alone");
  const sent = [appendOf(id, "a"), appendOf(id, "b")];
  const lake = server({ coalesces: false });
  const answers = await Promise.all(sent.map((one) => append(lake, one)));
  assert.deepEqual(
    answers.map((answer) => answer.status === "committed" && answer.tables[0]?.adds),
    [undefined, undefined],
  );
  assert.equal((await lake.catalog.findTable({ tableId: id }))?.version, 2);
  const bare = request({ tableId: id, readVersion: 2, actions: [addOf("z")] });
  assert.equal((await commit(lake, bare)).status, "committed");
});
