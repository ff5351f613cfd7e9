/** What a process looks at before it first commits to a table, what that costs, and what it makes of what it sees. */

import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { openCatalog } from "../../lib/catalog/open.ts";
import { commitFileName } from "../../lib/delta/files/log-files.ts";
import { unavailable } from "../../lib/errors.ts";
import { writeDueCheckpoint } from "../../lib/operations/checkpoint.ts";
import { commit } from "../../lib/operations/commit.ts";
import { checkCommitted } from "../../lib/operations/committing/behind-log.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { fenceTable } from "../../lib/operations/fence.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { healthOfTables } from "../../lib/operations/table-health.ts";
import type { Catalog, ObjectStore } from "../../lib/ports.ts";
import { putText } from "../support/foreign-log.ts";
import { addOf, commitTo, newTable, openTestLake, request, SCHEMA, type TestLake } from "../support/lake.ts";
import { codeOf, headVersion } from "../support/table-facts.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const FOREIGN = '{"commitInfo":{"operation":"WRITE"}}\n';
const WRITES = ["commit", "commitLocked"];

/** Another process on the same database and logs, which counts its calls. */
function process(base = lake): { readonly at: TestLake; readonly sql: string[]; readonly store: string[] } {
  const [sql, store]: [string[], string[]] = [[], []];
  const counted = <T extends object>(port: T, calls: string[]): T =>
    new Proxy(port, {
      get(target, key) {
        const method: unknown = Reflect.get(target, key);
        if (typeof method !== "function") return method;
        return (...args: unknown[]) => {
          calls.push(String(key));
          return method.apply(target, args);
        };
      },
    });
  const at = base.with({
    catalog: counted(base.catalog, sql),
    store: (inner) => counted(inner, store),
  });
  return { at, sql, store };
}

/** From the second call on an epoch is answered without asking the database. */
const trips = (sql: readonly string[]) => sql.filter((call) => call !== "epoch");

test("the first commit to a table looks at its log once, the next ones at nothing, however many tables they name", async () => {
  const ids = await Promise.all([1, 2, 3].map((i) => newTable(lake, `first.t${i}`)));
  const { at, sql, store } = process();
  const all = () =>
    request(...ids.map((tableId) => ({ tableId, readVersion: 0, actions: [addOf(crypto.randomUUID())] })));
  await commit(at, all());
  assert.deepEqual(store, ["list", "list", "list"]);
  assert.deepEqual(sql, ["readStates", "epoch", "commit"]);
  for (let i = 0; i < 5; i += 1) {
    [sql.length, store.length] = [0, 0];
    await commit(at, all());
    assert.deepEqual([trips(sql), store], [["commit"], []], "one call of SQL, none of the store");
  }
  lake.clock.time += 11 * 60_000;
  await commit(at, all());
  assert.equal(store.length, 3, "what no epoch tells is looked for again after ten minutes");
});

test("writers of one table who come at once look once", async () => {
  const tableId = await newTable(lake, "first.together");
  const { at, store } = process();
  await Promise.all(Array.from({ length: 16 }, (_, i) => commitTo(at, tableId, 0, [addOf(`f${i}`)])));
  assert.deepEqual(store, ["list"]);
});

test("while the store does not answer, a first commit is refused and may be sent again; a process that has looked goes on", async () => {
  const tableId = await newTable(lake, "first.silent");
  let isSilent = false;
  const silent = (inner: ObjectStore): ObjectStore => ({
    ...inner,
    list: (...args) => {
      if (isSilent) throw unavailable("the storage is silent", { code: "STORAGE_UNAVAILABLE" });
      return inner.list(...args);
    },
  });
  const [warm, cold] = [process(), process()].map(({ at }) => at.with({ store: silent }));
  assert.ok(warm && cold);
  await commitTo(warm, tableId, 0, [addOf("a")]);
  isSilent = true;
  const wanted = request({ tableId, readVersion: 0, actions: [addOf("b")] });
  assert.equal(await codeOf(commit(cold, wanted)), "STORAGE_UNAVAILABLE");
  assert.equal(await headVersion(lake, tableId), 1);
  lake.clock.time += 11 * 60_000;
  assert.equal(await commitTo(warm, tableId, 0, [addOf("c")]), 2);
  isSilent = false;
  assert.equal((await commit(cold, wanted)).status, "committed");
});

test("what a mirror publishes between the read of a head and the look at the log is ours", async () => {
  const tableId = await newTable(lake, "first.race");
  await mirrorTable(lake, tableId);
  const { at } = process();
  let isFirst = true;
  const racing = at.with({
    store: (inner) => ({
      ...inner,
      async *list(...args) {
        if (isFirst) {
          isFirst = false;
          await commitTo(lake, tableId, 0, [addOf("other")]);
          await mirrorTable(lake, tableId);
        }
        yield* inner.list(...args);
      },
    }),
  });
  assert.equal(await commitTo(racing, tableId, 0, [addOf("mine")]), 2);
});

const ABOVE: Readonly<Record<string, string>> = {
  "a commit": commitFileName(1),
  "a commit with a gap before it": commitFileName(5),
  "a checkpoint alone": `${"4".padStart(20, "0")}.checkpoint.parquet`,
};
const ROADS: Readonly<Record<string, (at: TestLake, id: string, other: string) => Promise<unknown>>> = {
  commit: (at, id) => commitTo(at, id, 0, [addOf("f")]),
  "commit of two tables": (at, id, other) =>
    commit(at, request(...[other, id].map((tableId) => ({ tableId, readVersion: 0, actions: [addOf("f")] })))),
  fence: (at, id) => fenceTable(at, { tableId: id }, "off"),
};
for (const [what, file] of Object.entries(ABOVE)) {
  for (const [road, go] of Object.entries(ROADS)) {
    test(`${what} above the head: no ${road}, until it is gone; then on without a restart`, async () => {
      const [name, other] = [crypto.randomUUID(), await newTable(lake, `other.${crypto.randomUUID()}`)];
      const id = await newTable(lake, `above.${name}`);
      await mirrorTable(lake, id);
      const [cold, warm] = [process(), process()];
      await commitTo(warm.at, other, 0, [addOf("warm")]);
      const location = `file:///lake/above.${name}`;
      await putText(lake, location, file, FOREIGN);
      lake.metricsSeen.length = 0;
      for (const { at, sql } of [cold, warm, cold]) {
        sql.length = 0;
        assert.equal(await codeOf(go(at, id, other)), "CATALOG_BEHIND_LOG");
        assert.ok(!sql.some((call) => WRITES.includes(call)), "the statement is not even sent");
      }
      assert.deepEqual([await headVersion(lake, id), await headVersion(lake, other)], [0, 1]);
      assert.equal((await healthOfTables(lake, [id])).get(id)?.health.state, "behindLog");
      assert.equal(lake.metricsSeen.filter((metric) => metric.name === "CommitsBehindLog").length, 3);
      const store = lake.store(location);
      const found = await store.get(`_delta_log/${file}`);
      if (found) await store.removeIf(`_delta_log/${file}`, found.bytes);
      for (const { at } of [cold, warm]) await commitTo(at, id, 0, [addOf(crypto.randomUUID())]);
      assert.equal(await headVersion(lake, id), 2);
      assert.equal((await healthOfTables(lake, [id])).get(id)?.health.state, "ok");
    });
  }
}

test("what one process has found, others refuse as well, though they have looked before", async () => {
  const id = await newTable(lake, "first.told");
  const location = "file:///lake/first.told";
  await mirrorTable(lake, id);
  const [warm, cold] = [process(), process()];
  await commitTo(warm.at, id, 0, [addOf("a")]);
  await mirrorTable(lake, id);
  await putText(lake, location, commitFileName(2), FOREIGN);
  assert.equal(await codeOf(commitTo(cold.at, id, 0, [addOf("b")])), "CATALOG_BEHIND_LOG");
  assert.equal(await codeOf(commitTo(warm.at, id, 0, [addOf("c")])), "CATALOG_BEHIND_LOG");
  assert.equal(await headVersion(lake, id), 1);
});

test("a fork that was committed unseen stops the table when the mirror meets it: nothing more is acknowledged", async () => {
  const id = await newTable(lake, "first.fork");
  await mirrorTable(lake, id);
  await commitTo(lake, id, 0, [addOf("a")]);
  for (const version of [1, 2, 3]) await putText(lake, "file:///lake/first.fork", commitFileName(version), FOREIGN);
  const { error, quarantined } = await mirrorTable(lake, id);
  assert.deepEqual([error?.code, quarantined], ["LOG_AHEAD", undefined]);
  assert.equal(await codeOf(commitTo(lake, id, 0, [addOf("b")])), "CATALOG_BEHIND_LOG");
  assert.equal(await headVersion(lake, id), 1);
});

test("a table is not made in a place whose log a newer database has filled, nor by a database that was replaced meanwhile", async () => {
  const location = "file:///lake/first.taken";
  await putText(lake, location, commitFileName(0), FOREIGN);
  const wanted = { name: "first.taken", location, schema: SCHEMA };
  assert.equal(await codeOf(createTable(lake, wanted)), "DELTA_LOG_EXISTS");
  let epochs = 0;
  const replaced = lake.with({
    catalog: Object.assign(Object.create(lake.catalog) as Catalog, {
      epoch: async () => `another ${epochs++}`,
    }),
  });
  const free = { ...wanted, name: "first.free", location: "file:///lake/first.free" };
  const error: unknown = await createTable(replaced, free).catch((thrown: unknown) => thrown);
  assert.match(String(error), /started again or replaced/);
  assert.ok(epochs > 1, "tried anew");
  assert.equal(await lake.catalog.findTable({ name: "first.free" }), undefined);
});

test("messages that know more than SQL: the table stops where the log proves it, and each is an alarm", async () => {
  const id = await newTable(lake, "first.message");
  await mirrorTable(lake, id);
  await checkCommitted(lake, { tableId: id, version: 0 });
  lake.metricsSeen.length = 0;
  const alarms = () => lake.metricsSeen.filter(({ name }) => name === "CommitsBehindLog").length;
  assert.equal(await codeOf(checkCommitted(lake, { tableId: crypto.randomUUID(), version: 3 })), "CATALOG_BEHIND_LOG");
  assert.equal(await codeOf(checkCommitted(lake, { tableId: id, version: 3 })), "CATALOG_BEHIND_LOG");
  assert.equal(alarms(), 2);
  assert.equal((await healthOfTables(lake, [id])).get(id)?.health.state, "ok", "what was lost is in no log");
  await putText(lake, "file:///lake/first.message", commitFileName(3), FOREIGN);
  assert.equal(await codeOf(writeDueCheckpoint(lake, { tableId: id, version: 3 })), "CATALOG_BEHIND_LOG");
  assert.equal((await healthOfTables(lake, [id])).get(id)?.health.state, "behindLog");
  assert.equal(alarms(), 3);
  await lake.catalog.dropTable(id, { unpublished: "giveUp" });
  await checkCommitted(lake, { tableId: id, version: 9 });
});

test("SQLite: a file that is copied over in place, under the only server that has it open, takes no commit any more", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "dl-over-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "catalog.sqlite");
  const own = await openTestLake({ name: "sqlite", create: async () => ({ url: path, drop: async () => undefined }) });
  const id = await newTable(own, "over.t");
  const saved = join(folder, "saved.sqlite");
  const db = new DatabaseSync(path);
  db.exec(`vacuum into '${saved}'`);
  db.close();
  // More than a checkpoint of SQLite's own, which is no copy.
  for (let version = 0; version < 60; version += 1) {
    await commitTo(
      own,
      id,
      version,
      Array.from({ length: 20 }, (_, i) => addOf(`f${version}.${i}`)),
    );
  }
  await mirrorTable(own, id);
  copyFileSync(saved, path);
  for (const name of ["x", "y"]) assert.equal(await codeOf(commitTo(own, id, 0, [addOf(name)])), "DATABASE_CHANGED");
  await own.close();
});

test("SQLite: a second server's commits and checkpoints are no copy, and cost a look now and then", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "dl-two-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "catalog.sqlite");
  const one = await openTestLake({ name: "sqlite", create: async () => ({ url: path, drop: async () => undefined }) });
  const two = process(one.with({ catalog: await openCatalog(path, one.clock) }));
  const id = await newTable(one, "two.t");
  for (let i = 0; i < 60; i += 1) {
    for (const at of [one, two.at]) {
      await commitTo(
        at,
        id,
        0,
        Array.from({ length: 20 }, (_, file) => addOf(`${i}.${file}.${at === one}`)),
      );
    }
  }
  assert.equal(await headVersion(one, id), 120);
  assert.ok(two.store.length < 20, `${two.store.length} looks for 60 commits`);
  await two.at.catalog.close();
  await one.close();
});
