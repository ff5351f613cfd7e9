/** Drop: what was acknowledged is in the log first, or the drop says how much is not. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { unavailable } from "../../lib/errors.ts";
import { commit } from "../../lib/operations/commit.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import type { Lake } from "../../lib/ports.ts";
import { addOf, commitTo, newTable, openTestLake, request, SCHEMA, type TestLake } from "../support/lake.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

/** The lake with a mirror behind its queue, as a server has one. */
function mirrored(base: TestLake, publish = (tableId: string) => mirrorTable(base, tableId)): Lake {
  return {
    ...base,
    queue: {
      async enqueue(tables) {
        for (const { tableId } of tables) await publish(tableId).catch(() => undefined);
      },
    },
  };
}

test("a drop publishes first: whoever imports the place finds all that was acknowledged", async () => {
  const id = await newTable(lake, "d.published");
  for (const v of [0, 1, 2]) await commitTo(lake, id, v, [addOf(`f${v}`)]);
  const location = "file:///lake/d.published";
  assert.deepEqual(await dropTable(mirrored(lake), { tableId: id }), {
    tableId: id,
    name: "d.published",
    location,
    givenUp: 0,
  });
  const back = await importTable(lake, { name: "d.published", location, mode: "full-history" });
  assert.deepEqual([back.version, back.files], [3, 3]);
});

test("a drop that nobody publishes for answers with the number of versions, and leaves the table as it was", async () => {
  const id = await newTable(lake, "d.unpublished");
  await commitTo(lake, id, 0, [addOf("f")]);
  const from = lake.clock.now();
  const refused = { kind: "conflict", code: "UNPUBLISHED_VERSIONS", facts: { tableId: id, unpublished: 2 } };
  await assert.rejects(dropTable(lake, { tableId: id }), refused);
  assert.ok(lake.clock.now() - from <= 10_000, "it does not wait for ever");
  assert.ok(
    lake.enqueued.some(({ tableId }) => tableId === id),
    "the mirror was asked",
  );
  assert.equal(await commitTo(lake, id, 1, [addOf("g")]), 2);
  const away = mirrored(
    lake.with({ store: (store) => ({ ...store, putIfAbsent: () => Promise.reject(unavailable("away")) }) }),
  );
  await assert.rejects(dropTable(away, { tableId: id }), { code: "UNPUBLISHED_VERSIONS" });
  const dropped = await dropTable(lake, { tableId: id }, { unpublished: "giveUp" });
  assert.equal(dropped.givenUp, 3);
});

test("a quarantined table is not waited for", async () => {
  const id = await newTable(lake, "d.quarantined");
  await lake.catalog.setQuarantine(id, "a foreign commit");
  const from = lake.clock.now();
  await assert.rejects(dropTable(lake, { tableId: id }), /d.quarantined" has 1 version .*a foreign commit/);
  assert.equal(lake.clock.now(), from);
});

test("a commit that comes while a drop waits is waited for, too; one that comes after it finds no table", async () => {
  const id = await newTable(lake, "d.commits");
  let commits = 0;
  const busy = mirrored(lake, async (tableId) => {
    if (commits++ === 0) assert.equal(await commitTo(lake, id, 0, [addOf("late")]), 1);
    return mirrorTable(lake, tableId);
  });
  assert.equal((await dropTable(busy, { tableId: id })).givenUp, 0);
  const listing = await lake.openLog("file:///lake/d.commits").list();
  assert.deepEqual(
    listing.commits.map(({ version }) => version),
    [0, 1],
  );
  const late = request({ tableId: id, readVersion: 1, actions: [addOf("later")] });
  await assert.rejects(commit(lake, late), { kind: "notFound" });
});

test("a drop that is repeated finds no table, and the place of a dropped table is that of its log", async () => {
  const id = await newTable(lake, "d.twice");
  const server = mirrored(lake);
  await dropTable(server, { tableId: id });
  await assert.rejects(dropTable(server, { tableId: id }), { kind: "notFound", code: "TABLE_NOT_FOUND" });
  await assert.rejects(dropTable(server, { name: "d.twice" }), { kind: "notFound" });
  const again = { name: "d.twice", location: "file:///lake/d.twice", schema: SCHEMA };
  await assert.rejects(createTable(lake, again), { code: "DELTA_LOG_EXISTS" });
});
