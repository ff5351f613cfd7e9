/** A table moves with its files while others write to it: nothing is lost or doubled, whoever is killed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { openCatalog } from "../../lib/catalog/open.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { rebuildCatalog } from "../../lib/operations/rebuild.ts";
import { relocateTable } from "../../lib/operations/relocate-table.ts";
import { vacuumTable } from "../../lib/operations/vacuum.ts";
import { SQLITE_ENGINE } from "../support/catalog-engines.ts";
import { crashPoint, dying } from "../support/crash.ts";
import { addOf, newTable, openTestLake, removeOf, STRIDE, type TestLake } from "../support/lake.ts";
import {
  assertMoved,
  commitTo,
  contentOf,
  ELSEWHERE,
  filledTable,
  HEAD,
  MANIFEST,
  MARK,
  manifestAt,
  text,
} from "../support/moving-table.ts";
import { assertTheorem } from "../support/theorem.ts";

test("files, vectors, change data and the whole log go along; the old place stays; a rebuild finds one table", async () => {
  const lake = await openTestLake();
  const table = await filledTable(lake, "r.whole");
  const { tableId, from, to } = table;
  const before = await contentOf(lake.store(from));
  const counted = await relocateTable(lake, { tableId }, to, { move: false });
  assert.deepEqual(
    [counted.status, counted.files, counted.outside, counted.version, counted.from],
    ["counted", 7, 1, HEAD, from],
  );
  assert.deepEqual(await contentOf(lake.store(to)), new Map(), "without yes nothing is written");

  const moved = await relocateTable(lake, { tableId }, to, { move: true });
  assert.deepEqual([moved.status, moved.copied, moved.missing, moved.version], ["moved", 7, 0, HEAD + 1]);
  const head = await assertMoved(lake, table);
  assert.deepEqual([head.version, head.tableId, head.numFiles], [HEAD + 1, tableId, 5]);
  const there = await contentOf(lake.store(to));
  for (const [key, bytes] of before) {
    if (key.endsWith(".json") && key !== MANIFEST && !key.includes("checkpoint"))
      assert.equal(there.get(key), bytes, `the same bytes: ${key}`);
    if (!key.startsWith("_delta_log/")) assert.equal(there.get(key), bytes, key);
  }
  const after = await contentOf(lake.store(from));
  for (const one of [before, after]) for (const key of [MANIFEST, MARK]) one.delete(key);
  assert.deepEqual(after, before, "readers of the old place see what they saw");

  const again = await relocateTable(lake, { tableId }, to, { move: true });
  assert.deepEqual([again.status, again.version, again.from], ["there", HEAD + 1, from]);
  assert.equal(await commitTo(lake, tableId, HEAD + 1, [removeOf("f2"), addOf("f5")]), HEAD + 2);
  await assertMoved(lake, table);

  const database = await SQLITE_ENGINE.create();
  const catalog = await openCatalog(database.url, lake.clock, { schema: "leave" });
  const findTables = async function* () {
    yield* [from, to];
  };
  const made = await rebuildCatalog({ ...lake.with({ catalog }), findTables }, { roots: ["file:///"] });
  assert.deepEqual(
    made.tables.map((one) => [one.tableId, one.location, one.version]),
    [[tableId, to, HEAD + 2]],
  );
  assert.deepEqual(
    made.skipped.map(({ location, why }) => [location, why]),
    [[from, "moved"]],
  );
  await catalog.close();
  await database.drop();
  await lake.close();
});

test("and back again, to a place that has been its own", async () => {
  const lake = await openTestLake();
  const table = await filledTable(lake, "r.back");
  const { tableId, from, to } = table;
  await relocateTable(lake, { tableId }, to, { move: true });
  await lake.store(to).put("f5", text("new"));
  await commitTo(lake, tableId, HEAD + 1, [addOf("f5")]);
  const moved = await relocateTable(lake, { tableId }, from, { move: true });
  assert.deepEqual([moved.status, moved.copied, moved.files], ["moved", 1, 8]);
  await assertMoved(lake, { tableId, from: to, to: from });
  assert.deepEqual(
    (await lake.catalog.formerPlaces(tableId)).map(({ location }) => location),
    [from, to],
  );
  for (const place of [`${to}/in`, "file:///new"]) {
    const moving = relocateTable(lake, { tableId }, place, { move: true });
    await assert.rejects(moving, { code: "LOCATION_OVERLAPS" }, "its log is still at the place that it has left");
  }
  await lake.close();
});

test("killed at any call of a store or of SQL, the table is whole where it is, and the same call finishes", async () => {
  const lake = await openTestLake();
  for (const when of ["before", "after"] as const) {
    for (let at = when === "before" ? 0 : 3, done = false; !done; at += 7 * STRIDE) {
      assert.ok(at < 600, "the loop ends");
      const table = await filledTable(lake, `r.crash_${when}${at}`);
      const { tableId, from, to } = table;
      const point = crashPoint(at, when);
      const dead = lake.with({ catalog: dying(lake.catalog, point), store: (one) => dying(one, point) });
      await relocateTable(dead, { tableId }, to, { move: true }).catch((error: unknown) =>
        assert.match(String(error), /crash at/),
      );
      done = !point.dead;
      const head = await lake.catalog.findTable({ tableId });
      assert.ok(head);
      assert.ok(head.location === from ? head.version === HEAD : head?.version === HEAD + 1);
      await assertTheorem(lake, tableId);
      assert.equal((await mirrorTable(lake, tableId)).error, undefined, "the mirror goes on, wherever the table is");
      // Somebody commits between the two calls.
      assert.equal(
        typeof (await commitTo(lake, tableId, head.version, [addOf("late", { dataChange: false })])),
        "number",
      );
      await lake.store(head.location).put("late", text("late"));
      await relocateTable(lake, { tableId }, to, { move: true });
      await assertMoved(lake, table);
      assert.ok(await lake.store(to).head("late"));
    }
  }
  await lake.close();
});

test("with writers at work throughout, each commit is there once, with its file", async () => {
  const lake = await openTestLake();
  const table = await filledTable(lake, "r.busy");
  const { tableId, to } = table;
  // A server of its own: what it remembers is out of date after the move.
  const server = lake.with({ catalog: new Proxy(lake.catalog, {}) });
  let isOver = false;
  const acknowledged: string[] = [];
  const refused: string[] = [];
  const write = async (on: TestLake, writer: number) => {
    for (let n = 0; !isOver || n < 5; n += 1) {
      const head = await on.catalog.findTable({ tableId });
      assert.ok(head);
      const path = `w${writer}-${n}`;
      await on.store(head.location).put(path, text(path));
      await new Promise((resolve) => setTimeout(resolve, 2));
      const outcome = await commitTo(on, tableId, head.version, [addOf(path)]);
      if (typeof outcome === "number") acknowledged.push(path);
      else refused.push(outcome);
    }
  };
  const writers = [write(lake, 1), write(server, 2)];
  const moved = await relocateTable(lake, { tableId }, to, { move: true });
  isOver = true;
  await Promise.all(writers);
  assert.equal(moved.status, "moved");
  for (const code of refused) assert.equal(code, "DELTA_METADATA_CHANGED");
  assert.ok(refused.length <= 2, "at most one of each writer was under way");
  const head = await assertMoved(lake, table);
  const { items } = await lake.catalog.readFiles(tableId, head.version, { limit: 10_000 });
  const live = items.map(({ path }) => path).filter((path) => path.startsWith("w"));
  assert.deepEqual(live.sort(), acknowledged.sort(), "nothing is lost, nothing doubled");
  for (const { path } of items) {
    if (path !== ELSEWHERE) assert.ok(await lake.store(to).head(path), `${path} is at the new place`);
  }
  await lake.close();
});

test("commits that come faster than they are copied keep the table where it is, whole, and the next call goes on", async () => {
  const lake = await openTestLake();
  const { tableId, from, to } = await filledTable(lake, "r.fast");
  let version = HEAD;
  const catalog = Object.assign(Object.create(lake.catalog), {
    // Between the copies and the lock; so much is not copied while others wait.
    async epoch() {
      const path = `big${version}`;
      await lake.store(from).put(path, text(path));
      version = Number(await commitTo(lake, tableId, version, [addOf(path, { size: 10_000_000 })]));
      return lake.catalog.epoch();
    },
  });
  await assert.rejects(relocateTable(lake.with({ catalog }), { tableId }, to, { move: true }), {
    code: "DELTA_MAX_COMMIT_RETRIES_EXCEEDED",
  });
  assert.equal((await mirrorTable(lake, tableId)).error, undefined);
  assert.deepEqual(
    [(await lake.catalog.findTable({ tableId }))?.location, await assertTheorem(lake, tableId)],
    [from, version],
  );
  const moved = await relocateTable(lake, { tableId }, to, { move: true });
  assert.deepEqual([moved.status, moved.copied, moved.version], ["moved", 1, version + 1]);
  await assertMoved(lake, { tableId, from, to });
  await lake.close();
});

test("who has planned before the move is refused, and a server that remembers the old place finds the new one", async () => {
  const lake = await openTestLake();
  const table = await filledTable(lake, "r.stale");
  const { tableId, to } = table;
  const server = lake.with({ catalog: new Proxy(lake.catalog, {}) });
  const sizes = async (on: TestLake, location: string, key: string) => (await on.store(location).head(key))?.size;
  const looking = {
    ...server,
    files: {
      byDefault: "size" as const,
      open: (location: string) => ({
        sizeOf: (key: string) => sizes(lake, location, key),
        lengthAt: async () => 0,
        footerOf: () => assert.fail("not asked"),
      }),
    },
  };
  await lake.store(table.from).put("g", text("as long as it"));
  assert.equal(await commitTo(looking, tableId, HEAD, [addOf("g", { size: 13 })]), HEAD + 1);
  await relocateTable(lake, { tableId }, to, { move: true });
  await lake.store(table.from).put("h", text("as long as it"));
  assert.equal(await commitTo(looking, tableId, HEAD + 1, [addOf("h", { size: 13 })]), "DELTA_METADATA_CHANGED");
  await relocateTable(lake, { tableId }, table.from, { move: true });
  await relocateTable(lake, { tableId }, to, { move: true });
  await lake.store(to).put("i", text("as long as it"));
  assert.equal(await commitTo(looking, tableId, HEAD + 4, [addOf("i", { size: 13 })]), HEAD + 5);
  await assertMoved(lake, table);
  await lake.close();
});

test("a mirror that read SQL before the move does no harm, at the old place or in SQL", async () => {
  const lake = await openTestLake();
  const { tableId, from, to } = await filledTable(lake, "r.late");
  await commitTo(lake, tableId, HEAD, [addOf("f1")]);
  let isFirst = true;
  const slow = lake.with({
    store: (store) => ({
      ...store,
      async putIfAbsent(key, body, options) {
        if (isFirst && key.endsWith(`${HEAD + 1}.json`)) {
          isFirst = false;
          await relocateTable(lake, { tableId }, to, { move: true });
        }
        return store.putIfAbsent(key, body, options);
      },
    }),
  });
  assert.equal((await mirrorTable(slow, tableId)).error, undefined);
  assert.equal(isFirst, false);
  await assertMoved(lake, { tableId, from, to });
  const old = await lake.openLog(from).list();
  assert.equal(old.commits.at(-1)?.version, HEAD + 1, "what moved it is at the new place alone");
  await lake.close();
});

test("places that are not free, and tables that cannot move, are refused before anything is written", async () => {
  const lake = await openTestLake();
  const { tableId, from, to } = await filledTable(lake, "r.refused");
  await newTable(lake, "r.other");
  const move = (place: string) => relocateTable(lake, { tableId }, place, { move: true });
  for (const [place, code] of [
    ["file:///lake/r.other", "LOCATION_TAKEN"],
    ["file:///lake/r.other/in", "LOCATION_OVERLAPS"],
    ["file:///lake", "LOCATION_OVERLAPS"],
    [`${from}/in`, "LOCATION_OVERLAPS"],
    ["file:///x/_delta_log/t", "INVALID_LOCATION"],
  ] as const) {
    await assert.rejects(move(place), { code }, place);
  }
  await lake.store("file:///full").put("part-0", text("x"));
  await assert.rejects(move("file:///full"), { code: "LOCATION_NOT_EMPTY" });
  await lake.store("file:///log").put("_delta_log/00000000000000000000.json", text('{"commitInfo":{}}\n'));
  await assert.rejects(move("file:///log"), { code: "LOCATION_NOT_EMPTY" });
  for (const place of ["file:///full", "file:///log"])
    assert.equal(await manifestAt(lake, place), undefined, "nothing was written there");

  await lake.store(from).remove(["f3"]);
  await assert.rejects(move(to), { code: "FILE_NOT_FOUND", at: `${from}/f3` });
  await lake.store(from).put("f3", text("r.refused f3"));
  await lake.store(to).put("f4", text("another one"));
  await assert.rejects(move(to), { code: "LOCATION_NOT_EMPTY" });
  await lake.store(to).remove(["f4"]);
  assert.equal((await lake.catalog.findTable({ tableId }))?.location, from);

  await lake.catalog.setQuarantine(tableId, "somebody else wrote");
  await assert.rejects(move(to), { code: "MIRROR_STOPPED" });
  await lake.close();
});

test("a table whose versions name its own files by absolute paths does not move", async () => {
  const lake = await openTestLake();
  const place = "file:///lake/r.absolute";
  const lines = [
    { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
    {
      metaData: {
        id: "x",
        format: { provider: "parquet", options: {} },
        schemaString: '{"type":"struct","fields":[]}',
        partitionColumns: [],
        configuration: {},
      },
    },
    addOf(`${place}/f`),
  ].map((line) => JSON.stringify(line));
  await lake.store(place).put("_delta_log/00000000000000000000.json", text(`${lines.join("\n")}\n`));
  await lake.store(place).put("f", text("f"));
  const { tableId } = await importTable(lake, { name: "r.absolute", location: place, mode: "full-history" });
  await assert.rejects(relocateTable(lake, { tableId }, "file:///new/r.absolute", { move: false }), {
    code: "PATHS_ABSOLUTE",
  });
  await lake.close();
});

test("after a vacuum only what retained versions need goes along", async () => {
  const lake = await openTestLake();
  const table = await filledTable(lake, "r.vacuumed");
  const { tableId, to } = table;
  lake.clock.time += 20 * 86_400_000;
  const done = await vacuumTable(lake, { tableId }, { remove: true, retainMs: 0, force: true });
  assert.ok(done.files > 0);
  const moved = await relocateTable(lake, { tableId }, to, { move: true });
  assert.equal(moved.missing, 0);
  await assertMoved(lake, table);
  assert.equal(await lake.store(to).head("f1"), undefined, "nobody needs it");
  await lake.close();
});
