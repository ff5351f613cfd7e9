/** The row of a commit, or of another change, in the audit trail stands or falls with it, on every engine: chained under its locks, in its own transaction. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { anchorsOf, verifyAudit } from "../../lib/access/audit.ts";
import { trimAudit } from "../../lib/access/audit-retention.ts";
import { attemptText, hashOfRow, rootOf, tableChain } from "../../lib/access/audit-row.ts";
import { raw, sql } from "../../lib/catalog/database.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import type { AuditFacts, AuditRow, Catalog, CommitOutcome, PlannedCommit } from "../../lib/ports.ts";
import { testEngines } from "../support/catalog-engines.ts";
import {
  add,
  creation,
  id,
  newTable,
  planned,
  plannedTable,
  remove,
  stateOf,
  testClock,
} from "../support/catalog-plans.ts";
import { withDatabase } from "../support/catalog-rows.ts";

const facts: Omit<AuditFacts, "effect"> = {
  at: 5,
  requestId: "r",
  who: "user:etl",
  session: "k",
  client: "127.0.0.1",
  operation: "commit",
  tables: '["sales.orders"]',
  decision: "allowed",
  outcome: "201",
  because: "grant APPEND on table:t to user:etl",
};
const attempt = attemptText(facts);
/** A file of its own for each: nothing in it meets another one. */
const appending = (...tableIds: readonly string[]): PlannedCommit => ({
  ...planned(tableIds.map((tableId) => plannedTable(tableId, { isBlindAppend: true, actions: { adds: [add(id())] } }))),
  attempt,
});

for (const engine of testEngines()) {
  describe(`commits and their rows in the trail on ${engine.name}`, () => {
    const clock = testClock();
    let catalog: Catalog;
    let url = "";
    let drop = async (): Promise<void> => undefined;
    before(async () => {
      const database = await engine.create();
      [url, drop] = [database.url, () => database.drop()];
      catalog = await openCatalog(url, clock);
      await catalog.migrate();
    });
    after(async () => {
      await catalog.close();
      await drop();
    });
    const rowsOf = (tableId: string) => catalog.auditOf(tableChain(tableId), { after: 0, limit: 500 });
    const effectsOf = async (tableId: string) => (await rowsOf(tableId)).map(({ effect }) => effect);
    const effect = (transactionId: string, ...tables: readonly (readonly [tableId: string, version: number])[]) =>
      JSON.stringify({ transactionId, tables: tables.map(([tableId, version]) => ({ tableId, version })) });
    const commit = async (request: PlannedCommit): Promise<CommitOutcome> => {
      const outcome = await catalog.commit(request);
      assert.equal(outcome.status, "committed", JSON.stringify(outcome));
      return outcome;
    };

    test("of a new table, of one, of many, and of one whose locks are held by its reader", async () => {
      const tableId = id();
      const made = { ...planned([creation(tableId, `t.${tableId}`)]), attempt };
      await commit(made);
      const [one, both] = [appending(tableId), appending(tableId, await newTable(catalog))];
      await commit(one);
      await commit(both);
      const locked = appending(tableId);
      const read = [{ tableId, after: 0 }];
      assert.equal((await catalog.commitLocked(locked.transactionId, read, () => locked)).status, "committed");
      const [, other = ""] = both.tables.map((table) => table.tableId);
      assert.deepEqual(await effectsOf(other), [], "one row says all of it");
      const rows = await rowsOf(tableId);
      const versions = [...(await effectsOf(tableId))].map((text) => JSON.parse(text).transactionId);
      assert.deepEqual(
        versions,
        [made, one, both, locked].map(({ transactionId }) => transactionId),
      );
      const { version } = await stateOf(catalog, tableId);
      assert.equal(rows.at(-1)?.effect, effect(locked.transactionId, [tableId, version]));
      assert.equal(rows[2]?.effect, effect(both.transactionId, [tableId, version - 1], [other, 1]));
      for (const [i, row] of rows.entries()) {
        const { shard, seq, previous, hash, effect: _, ...told } = row;
        assert.deepEqual(told, facts);
        assert.deepEqual([shard, seq, hash], [tableChain(tableId), i + 1, hashOfRow(row)]);
        assert.equal(previous, i === 0 ? rootOf(shard) : rows[i - 1]?.hash);
      }
      assert.deepEqual((await verifyAudit(catalog)).faults, []);
    });

    test("of each append of a batch, by whom it is, and none of the batch", async () => {
      const tableId = await newTable(catalog);
      const [mine, theirs, silent] = [id(), id(), id()];
      const append = (transactionId: string, first: number, more: object) => {
        return { transactionId, requestHash: "hash", adds: { first, count: 1 }, ...more };
      };
      const adds = [add("a"), add("b"), add("c")];
      await commit({
        ...planned([plannedTable(tableId, { isBlindAppend: true, actions: { adds } })]),
        appends: [
          append(mine, 0, { attempt }),
          append(theirs, 1, { attempt: attemptText({ ...facts, who: "user:other", requestId: "s" }) }),
          append(silent, 2, {}),
        ],
      });
      assert.deepEqual(
        (await rowsOf(tableId)).map(({ who, requestId, effect: told }) => [who, requestId, told]),
        [
          ["user:etl", "r", effect(mine, [tableId, 1])],
          ["user:other", "s", effect(theirs, [tableId, 1])],
        ],
      );
      assert.deepEqual((await verifyAudit(catalog)).faults, []);
    });

    test("what is refused, has moved or is repeated has none, and what fails as a whole has changed nothing", async () => {
      const tableId = await newTable(catalog, [add("x")]);
      const refused = planned([plannedTable(tableId, { actions: { removes: [remove("none")] } })]);
      assert.equal((await catalog.commit({ ...refused, attempt })).status, "rejected");
      const moved = planned([plannedTable(tableId, { metadataVersion: 7, actions: { adds: [add("y")] } })]);
      assert.equal((await catalog.commit({ ...moved, attempt })).status, "moved");
      assert.deepEqual(await effectsOf(tableId), []);
      const request = appending(tableId);
      await commit(request);
      const again = await commit(request);
      assert.equal(again.status === "committed" && again.replayed, true);
      assert.equal((await effectsOf(tableId)).length, 1);

      await withDatabase(url, (db) => db.define("alter table dl_audit rename to dl_audit_away"));
      const lost = appending(tableId);
      await assert.rejects(catalog.commit(lost));
      await withDatabase(url, (db) => db.define("alter table dl_audit_away rename to dl_audit"));
      assert.equal((await stateOf(catalog, tableId)).version, 1);
      assert.equal(await catalog.findTransaction(lost.transactionId), undefined);
      await commit(lost);
      assert.equal((await effectsOf(tableId)).length, 2);
    });

    test("of a change of name, a drop, a return, and of grants: with the change, or neither", async () => {
      const tableId = await newTable(catalog);
      let written = 0;
      const noting = {
        attempt: () => attempt,
        written() {
          written += 1;
        },
      };
      const made = { by: "user:etl", at: 1 };
      const grant = [{ privilege: "SELECT", resource: `table:${tableId}`, grantee: "user:x" }] as const;
      const changes = [
        () => catalog.renameTable(tableId, `r.${tableId}`, noting),
        () => catalog.dropTable(tableId, { unpublished: "giveUp", noting }),
        () => catalog.undropTable(tableId, { windowMs: 1e12, noting }),
        () => catalog.changeAccess({ ...made, grant, noting: { ...noting, effect: { grant } } }),
      ];
      for (const change of changes) {
        await withDatabase(url, (db) => db.define("alter table dl_audit rename to dl_audit_away"));
        await assert.rejects(change());
        await withDatabase(url, (db) => db.define("alter table dl_audit_away rename to dl_audit"));
        await change();
      }
      assert.equal(written, 4);
      const name = `r.${tableId}`;
      assert.deepEqual(
        (await effectsOf(tableId)).map((told) => JSON.parse(told)),
        [
          { tableId, name, formerName: `t.${tableId}` },
          { dropped: tableId, unpublished: "giveUp" },
          { tableId, name },
        ],
      );
      const granted = await catalog.auditOf("access", { after: 0, limit: 9 });
      assert.deepEqual(
        granted.map(({ effect: told }) => JSON.parse(told)),
        [{ grant }],
      );
      // Nothing is changed any more.
      await catalog.renameTable(tableId, name, noting);
      await catalog.undropTable(tableId, { windowMs: 1e12, noting });
      await catalog.changeAccess({ ...made, grant, noting: { ...noting, effect: { grant } } });
      assert.equal(written, 4);
      assert.deepEqual((await verifyAudit(catalog)).faults, []);
    });

    test("of many at once each, in chains without a gap", async () => {
      const tables = [await newTable(catalog), await newTable(catalog)] as const;
      const other = await openCatalog(url, clock);
      const catalogs = [catalog, other];
      const requests = Array.from({ length: 40 }, (_, i) =>
        appending(...(i % 5 === 0 ? tables : [tables[i % 2] ?? ""])),
      );
      const outcomes = await Promise.all(requests.map((request, i) => catalogs[i % 2]?.commit(request)));
      await other.close();
      assert.ok(outcomes.every((outcome) => outcome?.status === "committed"));
      const told = (await Promise.all(tables.map(effectsOf))).flat().map((text) => JSON.parse(text).transactionId);
      assert.deepEqual(told.sort(), requests.map(({ transactionId }) => transactionId).sort());
      assert.deepEqual((await verifyAudit(catalog)).faults, []);
    });

    test("whatever stands in it", async () => {
      const tableId = await newTable(catalog);
      const odd = `"'\\ \n\t\u0007 ü 😀 \uD800 \0 %$[0] \${x} /*!80017 */`;
      const texts = { who: odd, session: odd, client: odd, because: odd.repeat(300), requestId: "", tables: "[]" };
      await commit({ ...appending(tableId), attempt: attemptText({ ...facts, ...texts }) });
      const [row] = await rowsOf(tableId);
      const stored = `"'\\ \n\t\u0007 ü 😀 \uFFFD \uFFFD %$[0] \${x} /*!80017 */`;
      assert.deepEqual([row?.who, row?.requestId, row?.tables], [stored, "", "[]"]);
      assert.ok((row?.because.length ?? 0) <= 2001 && row?.because.endsWith("…"));
      assert.deepEqual((await verifyAudit(catalog)).faults, []);
    });

    test("any field of any row that is changed, and any row that is taken out or put in, is found", async () => {
      const tableId = await newTable(catalog);
      for (let i = 0; i < 3; i += 1) await commit(appending(tableId));
      const rows = await rowsOf(tableId);
      const anchors = (await anchorsOf(catalog)).filter(({ shard }) => shard === tableChain(tableId));
      const mine = { ...catalog, auditShards: async () => (await catalog.auditShards()).filter(isMine) };
      const isMine = ({ shard }: { readonly shard: string }) => shard.startsWith(tableChain(tableId));
      const faults = async () => (await verifyAudit(mine, anchors)).faults;
      assert.deepEqual(await faults(), []);
      const restore = async () => {
        await withDatabase(url, (db) =>
          db.write(sql`delete from dl_audit where shard like ${`${tableChain(tableId)}%`}`),
        );
        await catalog.addAudit(rows);
      };
      const columns = { requestId: "request_id" } as Readonly<Record<string, string>>;
      for (const row of rows) {
        for (const [field, value] of Object.entries(row) as [keyof AuditRow, string | number][]) {
          const changed = typeof value === "number" ? value + 100 : `${value}x`;
          const column = raw(columns[field] ?? field);
          await withDatabase(url, (db) =>
            db.write(sql`update dl_audit set ${column} = ${changed} where shard = ${row.shard} and seq = ${row.seq}`),
          );
          assert.notDeepEqual(await faults(), [], `${field} of ${row.seq}`);
          await restore();
        }
        await withDatabase(url, (db) =>
          db.write(sql`delete from dl_audit where shard = ${row.shard} and seq = ${row.seq}`),
        );
        assert.notDeepEqual(await faults(), [], `without ${row.seq}`);
        await restore();
      }
      const last = rows.at(-1) ?? assert.fail();
      await catalog.addAudit([{ ...last, seq: 5 }]);
      assert.notDeepEqual(await faults(), []);
      await restore();
      assert.deepEqual(await faults(), []);
    });

    test("a chain that is trimmed goes on from its last row", async () => {
      const tableId = await newTable(catalog);
      for (let i = 0; i < 3; i += 1) await commit(appending(tableId));
      const anchors = await anchorsOf(catalog);
      const options = { shard: id(), before: 1000, now: () => 1000, onError: assert.fail };
      assert.ok((await trimAudit(catalog, options)) >= 2);
      await commit(appending(tableId));
      assert.deepEqual(
        (await rowsOf(tableId)).map(({ seq }) => seq),
        [3, 4],
      );
      assert.deepEqual((await verifyAudit(catalog, anchors)).faults, []);
    });

    // On AWS there is a login that may add rows and nothing else.
    if (engine.name === "mysql") console.log("not on mysql: no login there may add rows to the trail and nothing else");
    else {
      test("rows at the last places of a chain hold up no change, and are found", async () => {
        const tableId = await newTable(catalog);
        await commit(appending(tableId));
        const [first] = await rowsOf(tableId);
        const last = { ...(first ?? assert.fail()), hash: "" };
        const places = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1];
        await catalog.addAudit(places.map((seq) => ({ ...last, seq })));
        for (let i = 0; i < 2; i += 1) await commit(appending(tableId));
        await catalog.dropTable(tableId, { unpublished: "giveUp", noting: { attempt: () => attempt, written() {} } });
        assert.ok((await verifyAudit(catalog)).faults.some((fault) => fault.startsWith(tableChain(tableId))));
      });
    }
  });
}
