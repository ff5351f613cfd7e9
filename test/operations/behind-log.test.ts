/** A database that has gone back in time is noticed by whoever has seen more of it. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { commit } from "../../lib/operations/commit.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import type { Catalog } from "../../lib/ports.ts";
import { addOf, commitTo, newTable, openTestLake, request, type TestLake } from "../support/lake.ts";
import { codeOf, headVersion } from "../support/table-facts.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

/** Another process on the same database. */
const otherProcess = () => lake.with({ catalog: Object.create(lake.catalog) as Catalog });

test("a process that has committed or read more than the database has now commits nothing on top of it", async () => {
  const [kept, lost] = [await newTable(lake, "behind.kept"), await newTable(lake, "behind.lost")];
  for (const version of [0, 1, 2]) await commitTo(lake, lost, version, [addOf(`f${version}`)]);
  await commitTo(lake, kept, 0, [addOf("f")]);
  const restored = Object.assign(Object.create(lake.catalog) as Catalog, {
    commit: async (planned: Parameters<Catalog["commit"]>[0]) =>
      lake.catalog.commit({
        ...planned,
        tables: planned.tables.map((table) =>
          // What the statement compares is how far the process has seen; 3 more than there is now says the same as 3 fewer rows.
          table.tableId === lost ? { ...table, seenVersion: (table.seenVersion ?? 0) + 3 } : table,
        ),
      }),
  });
  const process = lake.with({ catalog: restored });
  await commitTo(process, kept, 1, [addOf("g")]);
  const append = request({ tableId: lost, readVersion: 0, actions: [addOf("x")] });
  assert.equal(await codeOf(commit(process, append)), "CATALOG_BEHIND_LOG");
  const both = request(
    { tableId: kept, readVersion: 0, actions: [addOf("y")] },
    { tableId: lost, readVersion: 0, actions: [addOf("y")] },
  );
  assert.equal(await codeOf(commit(process, both)), "CATALOG_BEHIND_LOG");
  assert.deepEqual([await headVersion(lake, kept), await headVersion(lake, lost)], [2, 3]);
});

test("a writer that has read what SQL does not have is told that the database is old, where the log proves it", async () => {
  const tableId = await newTable(lake, "behind.writer");
  await commitTo(lake, tableId, 0, [addOf("f")]);
  await mirrorTable(lake, tableId);
  const ahead = request({ tableId, readVersion: 4, actions: [addOf("g")] });
  assert.equal(await codeOf(commit(otherProcess(), ahead)), "READ_VERSION_AHEAD");
  // What was published before the database was set back.
  const store = lake.store("file:///lake/behind.writer");
  const bytes = new TextEncoder().encode('{"commitInfo":{"operation":"WRITE"}}\n');
  for (const version of [2, 3, 4])
    await store.putIfAbsent(`_delta_log/${String(version).padStart(20, "0")}.json`, bytes);
  assert.equal(await codeOf(commit(otherProcess(), ahead)), "CATALOG_BEHIND_LOG");
  assert.equal(await headVersion(lake, tableId), 1);
});
