/** Contract of places: no table lies within another, whoever makes them, in whatever order and at the same time. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isLakeError, type LakeError } from "../../lib/errors.ts";
import type { Catalog, CommitOutcome, PlannedTable } from "../../lib/ports.ts";
import type { CatalogUnderTest } from "../contract/catalog.contract.ts";
import { creation, id, planned } from "../support/catalog-plans.ts";

const at = (location: string, name = `place.${id()}`): PlannedTable =>
  creation(id(), name, { create: { name, location } });

const create = (catalog: Catalog, location: string): Promise<CommitOutcome> => catalog.commit(planned([at(location)]));

/** Begins an import there; the error where it is refused. */
async function beginImport(catalog: Catalog, location: string): Promise<LakeError | undefined> {
  const tableId = id();
  try {
    await catalog.beginImport({ tableId, name: `place.${tableId}`, location, plan: "full" });
    return undefined;
  } catch (error) {
    assert.ok(isLakeError(error, "conflict"), String(error));
    return error;
  }
}

/** Either way to make a table; true when it was made. */
async function make(catalog: Catalog, location: string, how: "create" | "import"): Promise<boolean> {
  if (how === "import") return (await beginImport(catalog, location)) === undefined;
  return (await create(catalog, location)).status === "committed";
}

export function placeContract({ catalog, reopen }: CatalogUnderTest): void {
  test("a table within another is refused, and one around it; the refusal names who is there", async () => {
    const root = `s3://b/${id()}`;
    const [table] = [at(`${root}/a/b`, `place.${id()}`)];
    await catalog().commit(planned([table as PlannedTable]));
    const there = { name: table?.create?.name, location: `${root}/a/b` };
    for (const location of [root, `${root}/a`, `${root}/a/b`, `${root}/a/b/c`, `${root}/a/b/c/d/e`]) {
      const wanted = at(location);
      assert.deepEqual(await catalog().commit(planned([wanted])), {
        status: "rejected",
        rejections: [{ tableId: wanted.tableId, reason: "locationTaken", ...there }],
      });
      const refusal = await beginImport(catalog(), location);
      assert.equal(refusal?.code, location === there.location ? "TABLE_EXISTS" : "LOCATION_OVERLAPS");
      assert.equal(refusal?.facts.location, there.location);
      assert.equal((await catalog().findClaim({ name: "no.such", location }))?.location, there.location);
    }
    // Beside it, though the letters begin alike.
    for (const near of ["a/b0", "a/b-", "a/b.", "a/b!", "a/b c", "a/B", "a/bb/c", "a/c", "b"]) {
      assert.equal((await create(catalog(), `${root}/${near}`)).status, "committed", near);
    }
    assert.equal(await catalog().findClaim({ name: "no.such", location: `${root}/a/bc` }), undefined);
  });

  test("a dropped table is in nobody's way, an import under way is", async () => {
    const root = `s3://b/${id()}`;
    const outer = at(root);
    await catalog().commit(planned([outer]));
    await catalog().dropTable(outer.tableId, { unpublished: "giveUp" });
    const tableId = id();
    await catalog().beginImport({ tableId, name: `place.${tableId}`, location: `${root}/a`, plan: "full" });
    assert.equal((await create(catalog(), root)).status, "rejected");
    assert.equal((await create(catalog(), `${root}/a/b`)).status, "rejected");
    assert.equal((await beginImport(catalog(), `${root}/a/b`))?.code, "LOCATION_OVERLAPS");
    // The import itself is not in its own way.
    const again = await catalog().beginImport({
      tableId: id(),
      name: `place.${tableId}`,
      location: `${root}/a`,
      plan: "full",
    });
    assert.equal(again.tableId, tableId);
    await catalog().abortImport(tableId);
    assert.equal((await create(catalog(), root)).status, "committed");
  });

  test("of two new tables in one transaction none lies within the other", async () => {
    const root = `s3://b/${id()}`;
    for (const other of [`${root}/a`, root]) {
      await assert.rejects(
        async () => catalog().commit(planned([at(`${root}/x`), at(other), at(root)])),
        (error) => isLakeError(error, "invalid") && error.code === "LOCATION_OVERLAPS",
      );
    }
    assert.equal((await catalog().commit(planned([at(`${root}/x`), at(`${root}/xy`)]))).status, "committed");
  });

  test("random trees: whoever comes first stays, and what touches his place is refused", async () => {
    const folder = fc.constantFrom("a", "b", "a0", "a-", "ä", "%2F", " ", "A");
    const path = fc.array(folder, { minLength: 1, maxLength: 4 });
    const step = fc.record({ path, how: fc.constantFrom("create", "import"), drop: fc.boolean() });
    const within = (inner: readonly string[], outer: readonly string[]) => outer.every((name, i) => inner[i] === name);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 10 }), async (steps) => {
        const root = `s3://b/${id()}`;
        let live: { path: readonly string[]; tableId: string }[] = [];
        for (const { path: wanted, how, drop } of steps) {
          const location = `${root}/${wanted.join("/")}`;
          const free = !live.some((other) => within(wanted, other.path) || within(other.path, wanted));
          const claim = await catalog().findClaim({ name: "no.such", location });
          assert.equal(claim === undefined, free, `a look at ${location}`);
          assert.equal(await make(catalog(), location, how as "create"), free, `${how} at ${location}`);
          if (!free) continue;
          const made = await catalog().findClaim({ name: "no.such", location });
          assert.equal(made?.location, location);
          if (!drop || how === "import") live = [...live, { path: wanted, tableId: made?.tableId ?? "" }];
          else await catalog().dropTable(made?.tableId ?? "", { unpublished: "giveUp" });
        }
        const nested = (await catalog().nestedTables(1000)).filter(({ outer }) => outer.location.startsWith(root));
        assert.deepEqual(nested, []);
      }),
      { numRuns: 12 },
    );
  });

  test("creators and importers at one time: places that touch are given to one of them, others to all", async () => {
    const other = await reopen();
    try {
      for (let round = 0; round < 6; round += 1) {
        const root = `s3://b/${id()}`;
        const paths = ["a", "a/b", "a/b/c", "a/b/c/d", "a", "a/b", "z/1", "z/2", "z/3/x"];
        const made = await Promise.all(
          paths.map((path, i) =>
            make(i % 2 ? catalog() : other, `${root}/${path}`, (i + round) % 3 === 0 ? "import" : "create"),
          ),
        );
        assert.equal(made.slice(0, 6).filter(Boolean).length, 1, `of the nested ones: ${made}`);
        assert.deepEqual(made.slice(6), [true, true, true]);
      }
    } finally {
      await other.close();
    }
  });
}
