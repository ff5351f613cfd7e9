/** Time travel: files and history by version and by timestamp (docs/delta-rules.md §5, §8.56), snapshots over several tables. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { commit } from "../../lib/operations/commit.ts";
import { tableCommits, tableHistory } from "../../lib/operations/history.ts";
import { listFiles, listTables } from "../../lib/operations/lists.ts";
import { resolveVersion, snapshots } from "../../lib/operations/read.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, request, type TestLake } from "../support/lake.ts";
import { codeOf } from "../support/table-facts.ts";

let lake: TestLake;
let id: string;
const times: number[] = [];
before(async () => {
  lake = await openTestLake();
  id = await newTable(lake, "r.table");
  const steps = [[addOf("a")], [addOf("b")], [removeOf("a"), addOf("c")], [addOf("a")]];
  for (const [v, step] of steps.entries()) {
    lake.clock.time += 1000;
    // PostgreSQL has a clock of its own: two commits of neighbouring milliseconds would leave nothing in between.
    await new Promise((resolve) => setTimeout(resolve, 5));
    await commitTo(lake, id, v, step);
  }
  const history = await tableHistory(lake, { tableId: id }, { limit: 10 });
  times.push(...history.items.map((item) => item.timestamp).reverse());
});
after(() => lake.close());

async function paths(at: { version?: number; timestamp?: number }): Promise<string[]> {
  const { page } = await listFiles(lake, { tableId: id }, { ...at, limit: 100 });
  return page.items.map((file) => file.path).sort();
}

test("every version shows its files, a removed file comes back when it is added again", async () => {
  assert.deepEqual(await paths({ version: 0 }), []);
  assert.deepEqual(await paths({ version: 1 }), ["a"]);
  assert.deepEqual(await paths({ version: 2 }), ["a", "b"]);
  assert.deepEqual(await paths({ version: 3 }), ["b", "c"]);
  assert.deepEqual(await paths({}), ["a", "b", "c"]);
});

test("edge 56: by timestamp: at, one millisecond before and after each commit, before the first and after the last", async () => {
  const [first = 0] = times;
  const last = times.at(-1) ?? 0;
  for (const [version, time] of times.entries()) {
    assert.equal((await resolveVersion(lake, { tableId: id }, { timestamp: time })).version, version);
    if (version > 0)
      assert.equal((await resolveVersion(lake, { tableId: id }, { timestamp: time - 1 })).version, version - 1);
    if (time < last)
      assert.equal((await resolveVersion(lake, { tableId: id }, { timestamp: time + 1 })).version, version);
  }
  assert.equal(await codeOf(paths({ timestamp: first - 1 })), "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION");
  for (const later of [last + 1, lake.clock.now() + 1e9]) {
    assert.equal((await resolveVersion(lake, { tableId: id }, { timestamp: later })).version, times.length - 1);
    const { tables } = await snapshots(lake, { tables: [{ tableId: id }], timestamp: later });
    assert.equal(tables[0]?.version, times.length - 1, "every route takes a moment alike");
  }
  assert.equal(await codeOf(paths({ version: 5 })), "VERSION_NOT_FOUND");
});

test("pages of one file each give every file once", async () => {
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const { page } = await listFiles(lake, { tableId: id }, { limit: 1, ...(cursor === undefined ? {} : { cursor }) });
    seen.push(...page.items.map((file) => file.path));
    cursor = page.next;
  } while (cursor !== undefined);
  assert.deepEqual(seen.sort(), ["a", "b", "c"]);
});

test("all pages show the version of the first, whatever is committed meanwhile; foreign cursors are refused", async () => {
  const paged = await newTable(lake, "r.paged");
  await commitTo(lake, paged, 0, [addOf("a"), addOf("b"), addOf("c")]);
  const first = await listFiles(lake, { tableId: paged }, { limit: 1 });
  await commitTo(lake, paged, 1, [removeOf("a"), removeOf("b"), removeOf("c"), addOf("d"), addOf("e")]);
  const seen = first.page.items.map((file) => file.path);
  for (let cursor = first.page.next; cursor !== undefined; ) {
    const next = await listFiles(lake, { tableId: paged }, { limit: 1, cursor });
    assert.equal(next.version, 1);
    seen.push(...next.page.items.map((file) => file.path));
    cursor = next.page.next;
  }
  assert.deepEqual(seen.sort(), ["a", "b", "c"]);

  const cursor = first.page.next ?? "";
  const refused = (ref: { tableId: string }, more: { version?: number; cursor: string }) =>
    codeOf(listFiles(lake, ref, { limit: 1, ...more }));
  assert.equal(await refused({ tableId: id }, { cursor }), "INVALID_CURSOR");
  assert.equal(await refused({ tableId: paged }, { cursor, version: 2 }), "INVALID_CURSOR");
  const tables = await listTables(lake, { limit: 1 });
  assert.equal(await refused({ tableId: paged }, { cursor: tables.next ?? "" }), "INVALID_CURSOR");
  for (const text of ["", "1.0", "x", `${cursor}1.1`, "files..1.2.3", "9".repeat(1000)]) {
    assert.equal(await refused({ tableId: paged }, { cursor: text }), "INVALID_CURSOR", text);
  }
  assert.equal(await codeOf(listTables(lake, { limit: 1, cursor })), "INVALID_CURSOR");
  const more = await listTables(lake, { limit: 1, cursor: tables.next ?? "" });
  assert.notEqual(more.items[0]?.head.name, tables.items[0]?.head.name);
  assert.equal(
    await codeOf(listTables(lake, { limit: 1, namespace: "q", cursor: tables.next ?? "" })),
    "INVALID_CURSOR",
  );
  const within = await listTables(lake, { limit: 1, namespace: "r" });
  if (within.next)
    assert.equal(await codeOf(listTables(lake, { limit: 1, namespace: "q", cursor: within.next })), "INVALID_CURSOR");
});

test("history is newest first and pages; commits come with their actions", async () => {
  const first = await tableHistory(lake, { tableId: id }, { limit: 2 });
  assert.deepEqual(
    first.items.map((item) => item.version),
    [4, 3],
  );
  const second = await tableHistory(lake, { tableId: id }, { limit: 10, before: 3 });
  assert.deepEqual(
    second.items.map((item) => item.version),
    [2, 1, 0],
  );
  const { commits } = await tableCommits(lake, { tableId: id }, { after: 2, limit: 10 });
  assert.deepEqual(
    commits.map((c) => [c.version, c.actions.adds.length, c.actions.removes.length]),
    [
      [3, 1, 1],
      [4, 1, 0],
    ],
  );
});

test("snapshots never cut a transaction in two", async () => {
  const other = await newTable(lake, "r.other");
  const head = (await lake.catalog.findTable({ tableId: id }))?.version ?? 0;
  const both = request(
    { tableId: id, readVersion: head, actions: [addOf("x")] },
    { tableId: other, readVersion: 0, actions: [addOf("y")] },
  );
  const result = await commit(lake, both);
  assert.ok(result.status === "committed");
  await commitTo(lake, id, head + 1, [addOf("later")]);
  const tables = [{ tableId: id }, { name: "r.other" }];
  const at = await snapshots(lake, { tables, transactionId: both.transactionId });
  assert.deepEqual(
    at.tables.map((t) => t.version),
    [head + 1, 1],
  );
  const before = await snapshots(lake, { tables, timestamp: result.committedAt - 1 });
  assert.deepEqual(
    before.tables.map((t) => t.version),
    [head, 0],
  );
  assert.deepEqual(
    (await snapshots(lake, { tables })).tables.map((t) => t.version),
    [head + 2, 1],
  );
});
