/** Two releases beside each other: neither fails at a grant or a policy that only the other one knows, and neither permits by it. */

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { OPERATOR_PRIVILEGES } from "../../lib/access/privileges.ts";
import { openRules } from "../../lib/access/rules.ts";
import { raw, sql } from "../../lib/catalog/database.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { type TestDatabase, testEngines } from "../support/catalog-engines.ts";
import { testClock } from "../support/catalog-plans.ts";
import { withDatabase } from "../support/catalog-rows.ts";

/** What code from before the privileges of operators knows: it fails at any other word in dl_grants. */
const KNOWN_BEFORE = ["SELECT", "APPEND", "MODIFY", "ALTER", "CREATE", "DROP", "MANAGE", "OPERATE", "ALL", "OWN"];
const made = { by: "operator", at: 1 };
const of = (privilege: string) => ({ privilege, resource: "catalog", grantee: "user:a" }) as never;

for (const engine of testEngines()) {
  describe(`grants of another release: ${engine.name}`, () => {
    async function migrated(t: TestContext) {
      const database = await engine.create();
      t.after(() => database.drop());
      const catalog = await openCatalog(database.url, testClock());
      t.after(() => catalog.close());
      await catalog.migrate();
      return { database, catalog };
    }

    test("code from before reads only what it knows, and what is newer is revoked by its own name", async (t) => {
      const { database, catalog } = await migrated(t);
      const all = [...OPERATOR_PRIVILEGES, "OPERATE", "SELECT"];
      await catalog.changeAccess({ grant: all.map(of), ...made });
      const before = await withDatabase(database.url, (db) => db.read(sql`select privilege from dl_grants`));
      assert.deepEqual(before.map(({ privilege }) => privilege).sort(), ["OPERATE", "SELECT"]);
      assert.ok(before.every(({ privilege }) => KNOWN_BEFORE.includes(String(privilege))));
      const { grants } = await catalog.readAccess();
      assert.deepEqual(grants.map(({ privilege }) => privilege).sort(), [...all].sort());
      const { changed } = await catalog.changeAccess({ revoke: all.map(of), ...made });
      assert.deepEqual([changed, (await catalog.readAccess()).grants], [all.length, []]);
    });

    test("a privilege of a later release permits nothing, and takes nothing from the others", async (t) => {
      const { database, catalog } = await migrated(t);
      await catalog.changeAccess({ grant: [of("SELECT")], mode: "enforced", ...made });
      await withDatabase(database.url, async (db) => {
        for (const table of ["dl_grants", "dl_operator_grants"]) {
          await db.write(sql`insert into ${raw(table)} (resource, grantee, privilege, made_by, made_at)
            values ('catalog', 'user:a', 'TELEPORT', 'operator', 1)`);
        }
      });
      const judge = await openRules(catalog).engine();
      const may = (privilege: "SELECT" | "VACUUM") =>
        judge?.decide({
          ...{ principal: { id: "user:a", groups: [], proof: "key" }, privilege },
          ...{ resource: { kind: "catalog" }, at: 1 },
        }).allowed;
      assert.deepEqual([may("SELECT"), may("VACUUM")], [true, false]);
    });

    test("where grants are enforced, code that knows none of them is shut out", async (t) => {
      const { database, catalog } = await migrated(t);
      const worksFrom = () => worksFromOf(database, 32);
      for (const [mode, wanted] of [
        ["enforced", 32],
        ["open", 20],
      ] as const) {
        await catalog.changeAccess({ mode, ...made });
        assert.equal(await worksFrom(), wanted, mode);
      }
    });

    test("a policy that code from before cannot judge shuts that code out; one of a later release lets nobody in", async (t) => {
      const { database, catalog } = await migrated(t);
      const worksFrom = () => worksFromOf(database, 69);
      const policy = (action: string) => ({
        name: "p",
        text: `forbid(principal, action == Action::"${action}", resource);`,
      });
      await catalog.changeAccess({ set: [policy("OPERATE")], ...made });
      assert.equal(await worksFrom(), 20);
      await catalog.changeAccess({ set: [policy("VACUUM")], ...made });
      assert.equal(await worksFrom(), 69);
      await catalog.changeAccess({ unset: ["p"], ...made });
      assert.equal(await worksFrom(), 20);
      await catalog.changeAccess({ set: [policy("TELEPORT")], mode: "enforced", ...made });
      await assert.rejects(openRules(catalog).engine(), { kind: "unavailable", code: "POLICY_NOT_UNDERSTOOD" });
    });
  });
}

/** Of a migration. */
async function worksFromOf(database: TestDatabase, id: number): Promise<number> {
  const rows = await withDatabase(database.url, (db) =>
    db.read(sql`select works_from from dl_migrations where id = ${id}`),
  );
  return Number(rows[0]?.works_from);
}
