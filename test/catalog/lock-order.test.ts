/**
 * Locks on PostgreSQL are taken in ascending order of their keys, whatever the order of the request, and a new table locks the
 * places above its own: seen in pg_locks, not by chance.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { openCatalog } from "../../lib/catalog/open.ts";
import { findPostgres } from "../support/catalog-engines.ts";
import { add, creation, id, newTable, planned, plannedTable, testClock } from "../support/catalog-plans.ts";
import { needs } from "../support/skip.ts";

const postgres = findPostgres();

test(
  "who waits for a lock holds none with a higher key",
  needs("lock order", postgres, "TEST_POSTGRES_URL is not set"),
  async () => {
    const database = await postgres?.create();
    assert.ok(database);
    const catalog = await openCatalog(database.url, testClock());
    await catalog.migrate();
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    try {
      const tables = [await newTable(catalog), await newTable(catalog), await newTable(catalog)];
      const keyed = await holder.query<{ name: string }>(
        "select n as name from unnest($1::text[]) n order by hashtextextended('table:' || n, 0)",
        [tables],
      );
      const ascending = keyed.rows.map((row) => row.name);
      const [lowest] = ascending;
      await holder.query("begin");
      await holder.query("select pg_advisory_xact_lock(hashtextextended('table:' || $1, 0))", [lowest]);
      // The worst order for whoever locks as the request comes: the table that is taken comes last.
      const parts = ascending.toReversed().map((tableId) => plannedTable(tableId, { actions: { adds: [add("f")] } }));
      const committing = catalog.commit(planned(parts, id()));
      const waiting = await untilWaiting(holder);
      await holder.query("commit");
      assert.equal((await committing).status, "committed");
      assert.ok(
        waiting.held.every((key) => key < waiting.wanted),
        `waits for ${waiting.wanted}, holds ${waiting.held}`,
      );
    } finally {
      await holder.end();
      await catalog.close();
      await database.drop();
    }
  },
);

for (const how of ["create", "import"] as const) {
  test(
    `a new table waits for whoever makes one above it, and not for one beside it (${how})`,
    needs("locks of places", postgres, "TEST_POSTGRES_URL is not set"),
    async () => {
      const database = await postgres?.create();
      assert.ok(database);
      const catalog = await openCatalog(database.url, testClock());
      await catalog.migrate();
      const holder = new pg.Client({ connectionString: database.url });
      await holder.connect();
      const make = async (location: string) => {
        const [tableId, name] = [id(), `t.${id()}`];
        if (how === "import") await catalog.beginImport({ tableId, name, location, plan: "full" });
        else await catalog.commit(planned([creation(tableId, name, { create: { name, location } })]));
      };
      try {
        // As the creator of s3://b/x holds them.
        await holder.query("begin");
        await holder.query("select dl_lock_both(array['location:s3://b/x'], array['location:s3://b'])");
        await make("s3://b/y/z");
        const alone = make("s3://b/x/y/z");
        assert.ok((await untilWaiting(holder)).wanted);
        // In one turn, and so in one statement.
        const [within, beside] = [make("s3://b/x/1"), make("s3://b/y/w")];
        await beside;
        assert.equal(await Promise.race([within.then(() => "made"), delay(100, "waits")]), "waits");
        await holder.query("commit");
        await Promise.all([alone, within]);
      } finally {
        await holder.end();
        await catalog.close();
        await database.drop();
      }
    },
  );
}

/** Advisory locks, by their keys, of the one session that the holder keeps waiting. */
async function untilWaiting(holder: pg.Client): Promise<{ wanted: bigint; held: bigint[] }> {
  const blocked = `select l.granted, ((l.classid::bigint << 32) | l.objid::bigint)::text as key from pg_locks l
    where l.locktype = 'advisory' and l.pid in
      (select pid from pg_stat_activity where pg_backend_pid() = any (pg_blocking_pids(pid)))`;
  for (let tries = 0; tries < 400; tries += 1) {
    const { rows } = await holder.query<{ granted: boolean; key: string }>(blocked);
    const wanted = rows.find((row) => !row.granted);
    if (wanted) {
      return { wanted: BigInt(wanted.key), held: rows.filter((row) => row.granted).map((row) => BigInt(row.key)) };
    }
    await delay(25);
  }
  throw new Error("nobody waits for the lock");
}
