/** A whole catalog in another engine: ids, history, transactions and all; killed copies go on, and what is written meanwhile is noticed. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openCatalog } from "../../lib/catalog/open.ts";
import { openBackups } from "../../lib/lake/backups.ts";
import { systemClock } from "../../lib/lake/clock.ts";
import { openLocalLake } from "../../lib/lake/local.ts";
import { commit } from "../../lib/operations/commit.ts";
import { copyCatalog } from "../../lib/operations/copy-catalog.ts";
import { tableHistory } from "../../lib/operations/history.ts";
import { listFiles } from "../../lib/operations/lists.ts";
import type { Catalog } from "../../lib/ports.ts";
import { findMysql, findPostgres, SQLITE_ENGINE, type TestEngine } from "../support/catalog-engines.ts";
import { actions, addOf, commitTo, newTable } from "../support/lake.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-copy-"));
after(() => rmSync(folder, { recursive: true }));
const postgres = findPostgres();
const mysql = findMysql();
const engines: readonly (readonly [string, TestEngine])[] = [
  ["SQLite", SQLITE_ENGINE],
  ...(postgres ? [["PostgreSQL", postgres] as const] : []),
  ...(mysql ? [["MySQL", mysql] as const] : []),
];
const ways = engines.flatMap(([a, from]) => engines.map(([b, to]) => [a, from, b, to] as const));

for (const [a, fromEngine, b, toEngine] of ways) {
  test(`from ${a} to ${b}`, async () => {
    const [source, target] = await Promise.all([fromEngine.create(), toEngine.create()]);
    const lake = await openLocalLake({ database: source.url, mirror: false, verifyFiles: "off" });
    await lake.catalog.migrate();
    const tableId = await newTable(lake, "shop.sales");
    for (let version = 0; version < 5; version += 1) {
      await commitTo(lake, tableId, version, [addOf(`f${version}`), addOf(`g${version}`)]);
    }
    await newTable(lake, "shop.empty");
    const request = {
      transactionId: crypto.randomUUID(),
      tables: [{ table: { tableId }, readVersion: 5, actions: actions(addOf("h")), at: "/tables/0" }],
    };
    const first = await commit(lake, request);
    assert.equal(first.status, "committed");

    const work = join(folder, crypto.randomUUID());
    const place = await openBackups(work);
    const open = () => openCatalog(target.url, systemClock, { schema: "leave" });
    const copy = async (to: Catalog, onRows: () => Promise<void> = async () => undefined) =>
      copyCatalog({ from: lake.catalog, to, clock: systemClock }, place, { onProgress: () => void onRows() });

    // Killed in the middle: the next one reads nothing anew, and goes on.
    let parts = 0;
    const dying = await open();
    const killed: Catalog = {
      ...dying,
      async restorePart(...args) {
        if (parts === 3) throw new Error("killed");
        parts += 1;
        return dying.restorePart(...args);
      },
    };
    await assert.rejects(copy(killed), /killed/);
    await dying.close();
    const shut = await openLocalLake({ database: target.url, mirror: false });
    await assert.rejects(listFiles(shut, { tableId }, { limit: 10 }), { kind: "unavailable" });
    await shut.close();

    // Written to meanwhile: the copy stays shut.
    const disturbed = await open();
    let once = true;
    const writing: Catalog = {
      ...disturbed,
      async restorePart(...args) {
        if (once) await commitTo(lake, tableId, 6, [addOf("late")]);
        once = false;
        return disturbed.restorePart(...args);
      },
    };
    await assert.rejects(copy(writing), { code: "SOURCE_WRITTEN" });
    await disturbed.close();

    const to = await open();
    const copied = await copy(to);
    assert.deepEqual([copied.tables, copied.goesOn], [2, false], "what was read before is too old");
    await to.close();
    const other = await openLocalLake({ database: target.url, mirror: false, verifyFiles: "off" });
    for (const version of [2, 7]) {
      const [mine, theirs] = await Promise.all(
        [lake, other].map((one) => listFiles(one, { tableId }, { version, limit: 100 })),
      );
      assert.deepEqual(theirs?.page.items, mine?.page.items);
      assert.equal(theirs?.timestamp, mine?.timestamp);
    }
    const [mine, theirs] = await Promise.all(
      [lake, other].map((one) => tableHistory(one, { tableId }, { limit: 100 })),
    );
    assert.deepEqual(JSON.parse(JSON.stringify(theirs)), JSON.parse(JSON.stringify(mine)));
    const again = await commit(other, request);
    assert.ok(first.status === "committed" && again.status === "committed" && again.replayed, "a transaction is known");
    assert.deepEqual([again.committedAt, again.tables[0]?.version], [first.committedAt, first.tables[0]?.version]);
    await commitTo(other, tableId, 7, [addOf("after")]);

    const full = await open();
    await assert.rejects(copy(full), { code: "TARGET_NOT_EMPTY" });
    await full.close();
    await Promise.all([lake.close(), other.close()]);
    await Promise.all([source.drop(), target.drop()]);
  });
}
