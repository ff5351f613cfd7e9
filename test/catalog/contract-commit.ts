/** Contract of the commit: heads, markers, transactions, times, row ids. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { lateValues } from "../../lib/delta/in-commit-timestamps.ts";
import { isLakeError } from "../../lib/errors.ts";
import type { MarkerName } from "../../lib/ports.ts";
import type { CatalogUnderTest } from "../contract/catalog.contract.ts";
import {
  add,
  commitNext,
  commitOf,
  creation,
  dv,
  id,
  metadata,
  newTable,
  type Plan,
  PROTOCOL,
  planned,
  plannedTable,
  remove,
  stateOf,
} from "../support/catalog-plans.ts";

export function commitContract({ catalog, clock, engine }: CatalogUnderTest): void {
  creationTests(catalog);
  test("the same transaction again gives the first answer, another request under its id is refused", async () => {
    const tableId = await newTable(catalog());
    const commit = planned([plannedTable(tableId, { actions: { adds: [add("a")] } })]);
    const first = await catalog().commit(commit);
    assert.equal(first.status, "committed");
    assert.equal(first.replayed, false);
    const { mirrors, ...answer } = first;
    assert.equal(mirrors?.length, 1, "of this moment, so no part of the first answer");
    assert.deepEqual(await catalog().commit(commit), { ...answer, replayed: true });
    assert.deepEqual(await catalog().commit({ ...commit, requestHash: "other" }), { status: "otherRequest" });
    const { transactionId, committedAt, tables } = first;
    assert.deepEqual(await catalog().findTransaction(commit.transactionId.toUpperCase()), {
      transactionId,
      requestHash: "hash",
      committedAt,
      tables,
    });
    assert.equal(await catalog().findTransaction(id()), undefined);
    assert.equal((await stateOf(catalog(), tableId)).version, 1);
  });
  markerTests(catalog);
  tableSetTests(catalog);

  test("times grow strictly, also when the clock stops or goes back", async () => {
    const tableId = await newTable(catalog());
    const times: number[] = [];
    for (let i = 0; i < 4; i += 1) {
      if (i === 2) clock.time -= 5000;
      await commitNext(catalog(), tableId, { actions: { adds: [add(`f${i}`)] } });
      times.push((await stateOf(catalog(), tableId)).timestamp);
    }
    assert.ok(
      times.every((time, i) => i === 0 || time > (times[i - 1] ?? 0)),
      String(times),
    );
    if (engine === "sqlite") assert.ok((times[0] ?? 0) >= clock.time);
  });

  test("in-commit timestamps are the commit's timestamp, where the table has them", async () => {
    const tableId = await newTable(catalog());
    await commitNext(catalog(), tableId, { inCommitTimestamps: true, actions: { commitInfo: { operation: "A" } } });
    await commitNext(catalog(), tableId, {});
    const [with_, without] = await catalog().readCommits(tableId, 1, 2);
    assert.equal(with_?.inCommitTimestamp, with_?.timestamp);
    assert.ok(without && !("inCommitTimestamp" in without));
  });
  test("what only the lock decides is put into the metadata", async () => {
    const tableId = await newTable(catalog());
    const transactionId = id();
    const late = lateValues(transactionId.toUpperCase());
    const configuration = { version: late.version, timestamp: late.timestamp, other: "dl:version:" };
    const { metadataVersion, protocolVersion } = plannedTable(tableId, {});
    const table = plannedTable(tableId, { actions: { metadata: { ...metadata(), configuration } } });
    const outcome = await catalog().commit(planned([{ ...table, metadataVersion, protocolVersion }], transactionId));
    assert.ok(outcome.status === "committed");
    const [committed] = await catalog().readCommits(tableId, 1, 1);
    const timestamp = String(outcome.tables[0]?.timestamp);
    assert.deepEqual(committed?.actions.metadata?.configuration, { version: "1", timestamp, other: "dl:version:" });
  });
  rowIdTests(catalog);
}

type Get = CatalogUnderTest["catalog"];

function creationTests(catalog: Get): void {
  test("a creation makes version 0 with head, protocol and metadata", async () => {
    const tableId = id();
    const meta = metadata("sales");
    const outcome = await catalog().commit(
      planned([
        creation(tableId, "shop.sales", { actions: { metadata: meta, adds: [add("a"), add("b", { size: 7 })] } }),
      ]),
    );
    assert.equal(outcome.status, "committed");
    assert.equal(outcome.tables.length, 1);
    assert.equal(outcome.tables[0]?.timestamp, outcome.committedAt);
    const head = await catalog().findTable({ name: "shop.sales" });
    assert.deepEqual(head, {
      tableId,
      name: "shop.sales",
      location: "file:///lake/shop.sales",
      status: "ACTIVE",
      version: 0,
      baseVersion: 0,
      timestamp: outcome.committedAt,
      numFiles: 2,
      sizeInBytes: 107,
      markers: { metadata: 0, protocol: 0, add: 0, nonBlindAdd: 0, remove: -1, txn: -1, domain: -1 },
      createdAt: head?.createdAt,
    });
    assert.deepEqual(await catalog().readStates([{ tableId: tableId.toUpperCase() }, { name: "shop.none" }]), [
      { ...head, protocol: PROTOCOL, metadata: meta },
    ]);
  });

  test("names that differ only by case cannot both be taken, and a look-up stays exact", async () => {
    const tableId = id();
    const name = `Case.${tableId}`;
    await catalog().commit(planned([creation(tableId, name)]));
    for (const other of [`case.${tableId}`, `CASE.${tableId.toUpperCase()}`]) {
      const again = creation(id(), other);
      assert.deepEqual(await catalog().commit(planned([again])), {
        status: "rejected",
        rejections: [{ tableId: again.tableId, reason: "nameTaken", name }],
      });
      assert.equal(await catalog().findTable({ name: other }), undefined);
    }
    assert.equal((await catalog().findTable({ name }))?.tableId, tableId);
    await catalog().dropTable(tableId, { unpublished: "giveUp" });
    const later = await catalog().commit(planned([creation(id(), `case.${tableId}`)]));
    assert.equal(later.status, "committed");
    const twins = planned([creation(id(), `twin.${tableId}`), creation(id(), `Twin.${tableId}`)]);
    await assert.rejects(async () => catalog().commit(twins), /same name/);
  });

  test("of many creations at once whose names differ only by case one succeeds", async () => {
    const spellings = ["race.t", "Race.t", "race.T", "RACE.T"];
    const unique = id();
    const outcomes = await Promise.all(
      spellings.map((spelling) => catalog().commit(planned([creation(id(), `${spelling}-${unique}`)]))),
    );
    assert.equal(outcomes.filter((outcome) => outcome.status === "committed").length, 1);
    assert.ok(outcomes.every((o) => o.status === "committed" || o.status === "rejected"));
  });

  test("names and locations are taken until the table is dropped", async () => {
    const tableId = id();
    const name = `n.${tableId}`;
    await catalog().commit(planned([creation(tableId, name)]));
    const again = creation(id(), name);
    assert.deepEqual(await catalog().commit(planned([again])), {
      status: "rejected",
      rejections: [{ tableId: again.tableId, reason: "nameTaken" }],
    });
    const elsewhere = creation(id(), `${name}2`, { create: { name: `${name}2`, location: `file:///lake/${name}` } });
    assert.deepEqual(await catalog().commit(planned([elsewhere])), {
      status: "rejected",
      rejections: [{ tableId: elsewhere.tableId, reason: "locationTaken", name, location: `file:///lake/${name}` }],
    });
    await catalog().dropTable(tableId, { unpublished: "giveUp" });
    assert.equal(await catalog().findTable({ name }), undefined);
    assert.equal((await catalog().findTable({ name }, { anyStatus: true }))?.status, "DELETED");
    assert.equal((await catalog().commit(planned([again]))).status, "committed");
    assert.equal((await catalog().findTable({ name }, { anyStatus: true }))?.tableId, again.tableId);
    await assert.rejects(catalog().dropTable(tableId, { unpublished: "giveUp" }), (error) =>
      isLakeError(error, "notFound"),
    );
  });

  test("a table that is not there, or not that far, rejects the commit", async () => {
    const missing = id();
    const tableId = await newTable(catalog());
    const outcome = await catalog().commit(
      planned([plannedTable(missing, {}), plannedTable(tableId, { readVersion: 3 })]),
    );
    assert.deepEqual(outcome, {
      status: "rejected",
      rejections: [
        { tableId: missing, reason: "tableNotFound" },
        { tableId, reason: "readVersionAhead", version: 0 },
      ],
    });
  });

  test("ids that are no UUIDs name nothing, and write nothing", async () => {
    assert.equal(await catalog().findTable({ tableId: "x" }), undefined);
    assert.equal(await catalog().findTransaction("x"), undefined);
    await assert.rejects(commitOf(catalog(), "x", {}), (error) => isLakeError(error, "invalid"));
  });
}

function markerTests(catalog: Get): void {
  const moves: readonly (readonly [MarkerName, Plan])[] = [
    ["add", { isBlindAppend: true, actions: { adds: [add("n1")] } }],
    ["nonBlindAdd", { actions: { adds: [add("n2")] } }],
    ["remove", { actions: { removes: [remove("old1")] } }],
    ["txn", { actions: { txns: [{ appId: "app", version: 3 }] } }],
    ["domain", { actions: { domains: [{ domain: "d", configuration: "{}", removed: false }] } }],
  ];
  test("a commit is sent back when a marker that it watches moved, and only then", async () => {
    for (const [marker, winner] of moves) {
      for (const [watched] of moves) {
        const tableId = await newTable(catalog(), [add("old1"), add("old2")]);
        await commitNext(catalog(), tableId, winner);
        const watching = plannedTable(tableId, { watch: [watched], actions: { adds: [add("mine")] } });
        const outcome = await catalog().commit(planned([watching]));
        const moved = watched === marker || (watched === "add" && marker === "nonBlindAdd");
        if (!moved) {
          assert.equal(outcome.status, "committed", `${watched} after ${marker}`);
          continue;
        }
        assert.deepEqual(outcome, { status: "moved", tableIds: [tableId] }, `${watched} after ${marker}`);
        assert.equal((await stateOf(catalog(), tableId)).version, 1);
        const checked = await catalog().commit(planned([{ ...watching, checkedVersion: 1 }]));
        assert.equal(checked.status, "committed", `${watched}, checked up to the winner`);
      }
    }
  });

  test("metadata and protocol are compared with what the commit was validated against", async () => {
    const tableId = await newTable(catalog());
    await commitNext(catalog(), tableId, { actions: { metadata: metadata("second") } });
    const stale = await commitOf(catalog(), tableId, { readVersion: 0, checkedVersion: 1 });
    assert.deepEqual(stale, { status: "moved", tableIds: [tableId] });
    assert.equal((await commitOf(catalog(), tableId, { readVersion: 0, metadataVersion: 1 })).status, "committed");
    await commitNext(catalog(), tableId, { actions: { protocol: { ...PROTOCOL, minWriterVersion: 4 } } });
    assert.equal((await commitOf(catalog(), tableId, { metadataVersion: 1 })).status, "moved");
  });

  test("the row-tracking domain moves no marker, and a re-add counts as a remove", async () => {
    const tableId = await newTable(catalog(), [add("a")]);
    const domain = { domain: "delta.rowTracking", configuration: '{"rowIdHighWaterMark":41}', removed: false };
    await commitNext(catalog(), tableId, { actions: { domains: [domain] } });
    assert.equal((await stateOf(catalog(), tableId)).markers.domain, -1);
    await commitNext(catalog(), tableId, { actions: { adds: [add("a", { stats: '{"numRecords":11}' })] } });
    const head = await stateOf(catalog(), tableId);
    assert.equal(head.markers.remove, 2);
    assert.equal(head.numFiles, 1);
  });
}

function tableSetTests(catalog: Get): void {
  test("a transaction moves all of its tables, with one timestamp, or none", async () => {
    const tables = [await newTable(catalog()), await newTable(catalog(), [add("x")]), id()] as const;
    await commitNext(catalog(), tables[1], {});
    const name = `multi.${tables[2]}`;
    const parts = [
      plannedTable(tables[0], { actions: { adds: [add("a")] } }),
      plannedTable(tables[1], { actions: { removes: [remove("x")] } }),
      creation(tables[2], name),
    ];
    const bad = [
      ...parts.slice(0, 1),
      plannedTable(tables[1], { actions: { removes: [remove("y")] } }),
      ...parts.slice(2),
    ];
    assert.equal((await catalog().commit(planned(bad))).status, "rejected");
    assert.equal((await stateOf(catalog(), tables[0])).version, 0);
    assert.equal(await catalog().findTable({ name }), undefined);

    const outcome = await catalog().commit(planned(parts));
    assert.equal(outcome.status, "committed");
    assert.deepEqual(
      outcome.tables,
      [1, 2, 0].map((version, i) => ({ tableId: tables[i], version, timestamp: outcome.committedAt })),
    );
    const [summary] = (await catalog().history(tables[1], { limit: 1 })).items;
    assert.equal(summary?.transactionId, outcome.transactionId);
    assert.equal(summary?.timestamp, outcome.committedAt);
  });
}

function rowIdTests(catalog: Get): void {
  test("row ids are given out under the lock; a file that follows another keeps that one's", async () => {
    const tableId = await newTable(catalog(), [add("a"), add("b", { stats: '{"numRecords":5}' })], {
      assignRowIds: true,
    });
    await commitNext(catalog(), tableId, { assignRowIds: true, actions: { adds: [add("c", { baseRowId: 999 })] } });
    await commitNext(catalog(), tableId, {
      assignRowIds: true,
      actions: {
        removes: [remove("a")],
        adds: [add("a", { deletionVector: dv("x") }), add("b", { tags: { t: "1" } }), add("d")],
      },
    });
    await commitNext(catalog(), tableId, { assignRowIds: true, actions: { adds: [add("b", { tags: { t: "2" } })] } });
    const commits = await catalog().readCommits(tableId, 0, 3);
    const ids = commits.map((commit) =>
      commit.actions.adds.map((file) => [file.path, file.baseRowId, file.defaultRowCommitVersion]),
    );
    assert.deepEqual(ids, [
      [
        ["a", 0, 0],
        ["b", 10, 0],
      ],
      [["c", 15, 1]],
      [
        ["a", 0, 0],
        ["b", 10, 0],
        ["d", 25, 2],
      ],
      [["b", 10, 0]],
    ]);
    const marks = commits.map((commit) => commit.actions.domains.map((domain) => domain.configuration));
    assert.deepEqual(marks, [
      ['{"rowIdHighWaterMark":14}'],
      ['{"rowIdHighWaterMark":24}'],
      ['{"rowIdHighWaterMark":34}'],
      [],
    ]);
  });

  test("files without row ids get them when they are added again", async () => {
    const tableId = await newTable(catalog(), [add("a")]);
    await commitNext(catalog(), tableId, { assignRowIds: true, actions: { adds: [add("a", { dataChange: false })] } });
    const [commit] = await catalog().readCommits(tableId, 1, 1);
    assert.deepEqual([commit?.actions.adds[0]?.baseRowId, commit?.actions.adds[0]?.defaultRowCommitVersion], [0, 1]);
  });
}
