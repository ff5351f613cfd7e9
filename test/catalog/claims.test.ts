/** Among ten thousand tables a new one looks into indexes alone; tables within each other from before are kept, and named. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readClaims } from "../../lib/catalog/claims.ts";
import { type Queries, raw, type Sql, sql, uuid } from "../../lib/catalog/database.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { testEngines } from "../support/catalog-engines.ts";
import { commitNext, creation, id, newTable, planned, testClock } from "../support/catalog-plans.ts";
import { withDatabase } from "../support/catalog-rows.ts";

const TABLES = 10_000;
const NUMBERS = {
  sqlite: "with recursive g(i) as (select 1 union all select i + 1 from g where i < 10000) ",
  postgres: "with g as (select generate_series(1, 10000) i) ",
};

for (const engine of testEngines()) {
  const kind = engine.name === "sqlite" ? "sqlite" : "postgres";
  describe(`claims on ${engine.name}`, () => {
    test(`a look at a place among ${TABLES} reads no table from end to end`, async (t) => {
      const database = await engine.create();
      t.after(() => database.drop());
      const catalog = await openCatalog(database.url, testClock());
      t.after(() => catalog.close());
      await catalog.migrate();
      const plan = await withDatabase(database.url, async (db) => {
        const unique = kind === "sqlite" ? "printf('%08d', i)" : "lpad(i::text, 8, '0')";
        const cast = kind === "sqlite" ? "" : "::uuid";
        await db.write(sql`${raw(NUMBERS[kind])} insert into dl_tables (table_id, name, location, status, created_at)
          select ${raw(`(${unique} || '-0000-4000-8000-000000000000')${cast}`)}, 'many.t' || i, 's3://b/many/t' || i, 'ACTIVE', 0 from g`);
        if (kind === "postgres") await db.define("analyze dl_tables");
        // The Data API cannot be asked for a plan: it has those of PostgreSQL.
        if (engine.name === "data-api") return undefined;
        const asked: Sql[] = [];
        const spy = { read: async (query: Sql) => asked.splice(0, 1, query) } as unknown as Queries;
        await readClaims(spy, { tableId: id(), name: "one.more", location: "s3://b/many/one/more" });
        const explain = kind === "sqlite" ? "explain query plan " : "explain ";
        return JSON.stringify(await db.read(sql`${raw(explain)}${asked[0] ?? sql``}`));
      });
      if (plan !== undefined) {
        assert.doesNotMatch(plan, /Seq Scan|SCAN dl_tables/);
        assert.match(plan, /dl_tables_location/);
        assert.match(plan, /dl_tables_name_in_any_case/);
      }
      const place = { name: "one.more", location: "s3://b/many/t77/x" };
      assert.equal((await catalog.findClaim(place))?.location, "s3://b/many/t77");
      assert.equal((await catalog.findClaim({ ...place, location: "s3://b" }))?.location, "s3://b/many/t1");
      assert.deepEqual(await catalog.nestedTables(10), []);
    });

    test("tables within each other that are there go on, are named, and let nobody else in", async (t) => {
      const database = await engine.create();
      t.after(() => database.drop());
      const catalog = await openCatalog(database.url, testClock());
      t.after(() => catalog.close());
      await catalog.migrate();
      const [outer, inner, innermost] = [await newTable(catalog), await newTable(catalog), await newTable(catalog)];
      const places = [
        [outer, "s3://b/old"],
        [inner, "s3://b/old/in"],
        [innermost, "s3://b/old/in/side"],
      ] as const;
      await withDatabase(database.url, async (db) => {
        for (const [tableId, place] of places)
          await db.write(sql`update dl_tables set location = ${place} where table_id = ${uuid(tableId)}`);
      });
      await catalog.migrate();
      const pairs = (await catalog.nestedTables(10)).map((pair) => [pair.outer.tableId, pair.inner.tableId]);
      assert.deepEqual(pairs, [
        [outer, inner],
        [outer, innermost],
        [inner, innermost],
      ]);
      assert.equal((await catalog.nestedTables(1)).length, 1);
      for (const tableId of [outer, inner, innermost]) assert.equal(await commitNext(catalog, tableId, {}), 1);
      const create = { name: "new.t", location: "s3://b/old/other" };
      assert.equal((await catalog.commit(planned([creation(id(), "new.t", { create })]))).status, "rejected");
      await catalog.dropTable(outer, { unpublished: "giveUp" });
      await catalog.dropTable(innermost, { unpublished: "giveUp" });
      assert.deepEqual(await catalog.nestedTables(10), []);
      assert.equal((await catalog.commit(planned([creation(id(), "new.t", { create })]))).status, "committed");
    });
  });
}
