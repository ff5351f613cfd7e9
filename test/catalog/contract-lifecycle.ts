/** Contract of drop, undrop and rename: atomic, under the locks of commits and of new tables, with a history of names. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Catalog } from "../../lib/ports.ts";
import type { CatalogUnderTest } from "../contract/catalog.contract.ts";
import { add, creation, id, planned, plannedTable } from "../support/catalog-plans.ts";

const WINDOW_MS = 60_000;
const drop = (catalog: Catalog, tableId: string) => catalog.dropTable(tableId, { unpublished: "giveUp" });

async function create(catalog: Catalog, name: string, location = `s3://b/${name}`): Promise<string> {
  const tableId = id();
  const outcome = await catalog.commit(planned([creation(tableId, name, { create: { name, location } })]));
  assert.equal(outcome.status, "committed", name);
  return tableId;
}

export function lifecycleContract({ catalog, reopen, engine, clock }: CatalogUnderTest): void {
  const name = () => `life.${id().replaceAll("-", "")}`;
  const undrop = (tableId: string, options: { name?: string; windowMs?: number } = {}) =>
    catalog().undropTable(tableId, { windowMs: WINDOW_MS, ...options });

  test("a dropped table comes back as it was; again it is left as it is", async () => {
    const named = name();
    const tableId = await create(catalog(), named);
    const before = await catalog().findTable({ tableId });
    await drop(catalog(), tableId);
    assert.equal(await catalog().findTable({ tableId }), undefined);
    const { dropped } = (await catalog().whereabouts({ name: named })) ?? {};
    assert.deepEqual([dropped?.tableId, dropped?.name, dropped?.version], [tableId, named, 0]);
    assert.deepEqual((await catalog().whereabouts({ tableId }))?.dropped, dropped);
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual(await undrop(tableId), { status: "back", head: before });
    }
    assert.deepEqual(await catalog().findTable({ name: named }), before);
    assert.equal(await catalog().whereabouts({ tableId }), undefined);
    assert.equal(await catalog().whereabouts({ tableId: id() }), undefined);
    assert.equal(await catalog().whereabouts({ tableId: "no uuid" }), undefined);
    await assert.rejects(undrop(id()), { code: "TABLE_NOT_FOUND" });
  });

  test("a name or a place that is taken keeps a table away, another name lets it in", async () => {
    const [a, root] = [name(), `s3://b/${id()}`];
    const tableId = await create(catalog(), a, `${root}/a`);
    await drop(catalog(), tableId);
    const namesake = await create(catalog(), a.toUpperCase());
    const byName = await undrop(tableId);
    assert.ok(byName.status === "taken" && byName.by.tableId === namesake);
    const inner = await create(catalog(), name(), `${root}/a/b`);
    const byPlace = await undrop(tableId, { name: `${a}2` });
    assert.ok(byPlace.status === "taken" && byPlace.by.tableId === inner);
    await drop(catalog(), inner);
    const back = await undrop(tableId, { name: `${a}2` });
    assert.ok(back.status === "back" && back.head.name === `${a}2`);
    const facts = await catalog().readManifestFacts(tableId);
    assert.deepEqual(
      [facts?.manifest.name, facts?.manifest.formerNames.map((former) => former.name), facts?.manifest.changes],
      [`${a}2`, [a], 2],
    );
  });

  test("a table does not come back where another one has lived since, nor after the window", async () => {
    const location = `s3://b/${id()}`;
    const first = await create(catalog(), name(), location);
    await drop(catalog(), first);
    clock.time += 1;
    const second = await create(catalog(), name(), location);
    await drop(catalog(), second);
    const reused = await undrop(first);
    assert.ok(reused.status === "reused" && reused.by.tableId === second);
    assert.equal((await undrop(second)).status, "back");
    await drop(catalog(), second);
    const late = await undrop(second, { windowMs: -1 });
    assert.ok(late.status === "gone" && late.table.tableId === second);
  });

  test("a rename keeps the former name in mind until somebody takes it", async () => {
    const [a, b, c] = [name(), name(), name()];
    const tableId = await create(catalog(), a);
    for (const [from, to] of [
      [a, b],
      [b, b],
      [b, b.toUpperCase()],
      [b.toUpperCase(), c],
    ] as const) {
      const renamed = await catalog().renameTable(tableId, to);
      assert.ok(renamed.status === "renamed" && renamed.formerName === from && renamed.head.name === to);
    }
    for (const former of [a, b]) {
      assert.equal(await catalog().findTable({ name: former }), undefined);
      assert.equal((await catalog().whereabouts({ name: former }))?.renamed?.name, c);
    }
    const { manifest } = (await catalog().readManifestFacts(tableId)) ?? {};
    assert.deepEqual(
      manifest?.formerNames.map((former) => former.name),
      [a, b, b.toUpperCase()],
    );
    for (const [i, former] of manifest?.formerNames.entries() ?? []) {
      assert.ok(former.since <= former.until);
      if (i > 0) assert.equal(former.since, manifest?.formerNames[i - 1]?.until);
    }
    const heir = await create(catalog(), a, `s3://b/${id()}`);
    const taken = await catalog().renameTable(heir, c.toUpperCase());
    assert.ok(taken.status === "taken" && taken.by.tableId === tableId);
    assert.equal((await catalog().findTable({ name: a }))?.tableId, heir);
    await drop(catalog(), tableId);
    await assert.rejects(catalog().renameTable(tableId, name()), { code: "TABLE_NOT_FOUND" });
    assert.equal((await catalog().whereabouts({ name: b }))?.renamed, undefined);
  });

  test("a commit by a name that belongs to another table by now is for neither", async () => {
    const [a, b] = [name(), name()];
    const [first, second] = [await create(catalog(), a), await create(catalog(), b)];
    const byName = (tableId: string, as: string) => planned([plannedTable(tableId, { name: as, readVersion: 0 })]);
    assert.equal((await catalog().commit(byName(first, a))).status, "committed");
    await catalog().renameTable(first, `${a}x`);
    await catalog().renameTable(second, a);
    const outcome = await catalog().commit(byName(first, a));
    assert.deepEqual(outcome, { status: "rejected", rejections: [{ tableId: first, reason: "tableNotFound" }] });
    assert.equal((await catalog().commit(byName(second, a))).status, "committed");
    assert.equal((await catalog().findTable({ tableId: first }))?.version, 1);
  });

  test("a purge begins when the window is over, takes rows away batch by batch, and leaves the table known", async () => {
    const [named, location] = [name(), `s3://b/${id()}/t`];
    const tableId = id();
    const adds = Array.from({ length: 25 }, (_, i) => add(`f${i}`));
    const outcome = await catalog().commit(
      planned([creation(tableId, named, { create: { name: named, location }, actions: { adds } })]),
    );
    assert.equal(outcome.status, "committed");
    const inner = await create(catalog(), name(), `s3://b/${id()}`);
    await assert.rejects(catalog().beginPurge(tableId, { windowMs: -1 }), { code: "TABLE_NOT_FOUND" });
    assert.equal(await catalog().purgeRows(tableId, 10), false);
    assert.equal((await catalog().findTable({ tableId }))?.numFiles, 25);
    await drop(catalog(), tableId);
    assert.equal((await catalog().beginPurge(tableId, { windowMs: WINDOW_MS })).status, "canComeBack");
    assert.equal(await catalog().purgeRows(tableId, 10), false, "nothing of a table that can come back");
    assert.equal((await undrop(tableId)).status, "back");
    assert.equal((await catalog().readFiles(tableId, 0, { limit: 100 })).items.length, 25);
    await drop(catalog(), tableId);
    const grant = [{ privilege: "SELECT", resource: `table:${tableId}`, grantee: "user:a" }] as const;
    const { version } = await catalog().changeAccess({ grant, by: "operator", at: 1 });
    const begun = await catalog().beginPurge(tableId, { windowMs: -1 });
    const { version: after, grants } = await catalog().readAccess();
    assert.deepEqual(
      [after, grants.filter(({ resource }) => resource === `table:${tableId}`)],
      [version + 1, []],
      "nobody holds anything on what cannot come back",
    );
    assert.deepEqual(await catalog().beginPurge(tableId, { windowMs: WINDOW_MS }), begun, "it is begun once");
    assert.equal((await undrop(tableId)).status, "gone");
    let batches = 0;
    while (await catalog().purgeRows(tableId, 10)) batches += 1;
    assert.equal(batches, 2, "ten of twenty-five files at a time");
    assert.deepEqual(await catalog().formerCommits(location, 0), []);
    assert.ok((await catalog().whereabouts({ name: named }))?.dropped?.purgedAt);
    assert.equal(await catalog().readManifestFacts(tableId), undefined);
    assert.equal((await catalog().findTable({ tableId: inner }))?.version, 0);
    assert.deepEqual(
      await catalog()
        .findTransaction(outcome.status === "committed" ? outcome.transactionId : "")
        .then((t) => t?.tables.length),
      1,
    );
    await assert.rejects(catalog().beginPurge(id(), { windowMs: 0 }), { code: "TABLE_NOT_FOUND" });
  });

  test("a place is shared with whoever lives, or may come back, there or around it", async () => {
    const root = `s3://b/${id()}`;
    const tableId = await create(catalog(), name(), `${root}/a/b`);
    await drop(catalog(), tableId);
    assert.equal(await catalog().sharesPlace(tableId, `${root}/a/b`), undefined);
    await create(catalog(), name(), `${root}/a/b/c`);
    assert.equal(await catalog().sharesPlace(tableId, `${root}/a/b`), undefined, "what lies within is kept by itself");
    const outer = await create(catalog(), name(), `${root}x`);
    assert.equal(await catalog().sharesPlace(tableId, `${root}/a/b`), undefined);
    await drop(catalog(), outer);
    const around = await create(catalog(), name(), `${root}/z`);
    await drop(catalog(), around);
    assert.equal((await catalog().sharesPlace(tableId, `${root}/z/b`))?.tableId, around);
    await catalog().beginPurge(around, { windowMs: -1 });
    assert.equal(await catalog().sharesPlace(tableId, `${root}/z`), undefined);
  });

  test("dropped tables are listed, the last dropped first, page by page", async () => {
    const made: string[] = [];
    for (let i = 0; i < 3; i += 1) {
      made.push(await create(catalog(), name()));
      await drop(catalog(), made.at(-1) ?? "");
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await catalog().listDropped({ limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.items.map(({ tableId }) => tableId));
      cursor = page.next;
    } while (cursor !== undefined);
    assert.equal(new Set(seen).size, seen.length);
    assert.deepEqual(
      made.filter((tableId) => !seen.includes(tableId)),
      [],
    );
  });

  test("of those who want one name or place at one time one gets it, however they come to it", async () => {
    const other = await reopen();
    try {
      for (let round = 0; round < (engine === "data-api" ? 2 : 5); round += 1) {
        const [wanted, location] = [name(), `s3://b/${id()}`];
        const dropped = await create(catalog(), wanted, location);
        await drop(catalog(), dropped);
        const [x, y] = [await create(catalog(), name()), await create(catalog(), name())];
        const outcomes = await Promise.all([
          catalog().undropTable(dropped, { windowMs: WINDOW_MS }),
          other.renameTable(x, wanted),
          catalog().renameTable(y, wanted),
          other.commit(planned([creation(id(), wanted, { create: { name: wanted, location: `${location}2` } })])),
        ]);
        const won = outcomes.filter(({ status }) => ["back", "renamed", "committed"].includes(status));
        assert.equal(won.length, 1, JSON.stringify(outcomes));
        const places = await Promise.all([
          other.undropTable(dropped, { name: name(), windowMs: WINDOW_MS }),
          catalog().commit(planned([creation(id(), name(), { create: { name: name(), location } })])),
        ]);
        if (outcomes[0].status === "back") continue;
        assert.equal(places.filter(({ status }) => ["back", "committed"].includes(status)).length, 1);
      }
    } finally {
      await other.close();
    }
  });
}
