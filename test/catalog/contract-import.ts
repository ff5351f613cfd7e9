/** Contract of imports: batches, resumption at each of them, leniency, and what the table holds in the end. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type CommitActions, NO_ACTIONS } from "../../lib/delta/actions.ts";
import { isLakeError } from "../../lib/errors.ts";
import type { Catalog, ImportBatch } from "../../lib/ports.ts";
import type { CatalogUnderTest } from "../contract/catalog.contract.ts";
import {
  add,
  commitNext,
  creation,
  dv,
  id,
  livePaths,
  metadata,
  PROTOCOL,
  planned,
  remove,
} from "../support/catalog-plans.ts";

const commit = (version: number, actions: Partial<CommitActions>): ImportBatch => ({
  kind: "commit",
  complete: true,
  commit: { version, timestamp: 1000 + version, actions: { ...NO_ACTIONS, ...actions } },
});
const checkpoint = (version: number, complete: boolean, actions: Partial<CommitActions>): ImportBatch => ({
  ...commit(version, actions),
  kind: "checkpoint",
  complete,
});

const HEADER = { protocol: PROTOCOL, metadata: metadata("imported") };
/** A log that starts with a checkpoint at 10 and goes on to 13. */
const BATCHES: readonly ImportBatch[] = [
  checkpoint(10, false, { adds: [add("a"), add("b")], removes: [remove("gone", { deletionTimestamp: 900 })] }),
  checkpoint(10, false, { adds: [add("c"), add("d", { deletionVector: dv("1") })] }),
  checkpoint(10, true, {
    ...HEADER,
    txns: [{ appId: "s", version: 4 }],
    domains: [{ domain: "delta.rowTracking", configuration: '{"rowIdHighWaterMark":99}', removed: false }],
  }),
  commit(11, { removes: [remove("a"), remove("never")], adds: [add("e")], commitInfo: { operation: "DELETE" } }),
  commit(12, { adds: [add("b", { size: 300 })], others: [{ cdc: { path: "x" } }] }),
  commit(13, {
    removes: [remove("d", { deletionVector: dv("1") })],
    adds: [add("d", { deletionVector: dv("2") }), add("e"), add("e", { size: 7 })],
  }),
];

const request = (plan = "full") => {
  const tableId = id();
  return { tableId, name: `imp.${tableId}`, location: `file:///imp/${tableId}`, plan };
};

async function importAll(catalog: Catalog, batches = BATCHES, keepFrom = 10): Promise<string> {
  const { tableId } = await catalog.beginImport(request());
  for (const batch of batches) await catalog.importBatches(tableId, [batch]);
  await catalog.finishImport(tableId, { keepFrom });
  return tableId;
}

export function importContract(under: CatalogUnderTest): void {
  const { catalog } = under;
  resultTests(catalog);
  resumptionTests(under);

  test("names and locations that are taken refuse the import", async () => {
    const tableId = id();
    await catalog().commit(planned([creation(tableId, `taken.${tableId}`)]));
    const conflict = (e: unknown) => isLakeError(e, "conflict") && e.code === "TABLE_EXISTS";
    await assert.rejects(catalog().beginImport({ ...request(), name: `taken.${tableId}` }), conflict);
    await assert.rejects(catalog().beginImport({ ...request(), location: `file:///lake/taken.${tableId}` }), conflict);
    await assert.rejects(catalog().beginImport({ ...request(), name: `TAKEN.${tableId}` }), conflict);
    const begun = request();
    await catalog().beginImport(begun);
    await assert.rejects(catalog().beginImport({ ...request(), name: begun.name }), conflict);
    await assert.rejects(catalog().beginImport({ ...begun, tableId: id(), name: begun.name.toUpperCase() }), conflict);
    const create = creation(id(), begun.name);
    const outcome = await catalog().commit(planned([create]));
    assert.deepEqual(outcome.status === "rejected" && outcome.rejections[0]?.reason, "nameTaken");
  });

  test("an aborted import leaves nothing behind", async () => {
    const wanted = request();
    const { tableId } = await catalog().beginImport(wanted);
    for (const batch of BATCHES) await catalog().importBatches(tableId, [batch]);
    assert.equal(await catalog().findTable({ tableId }), undefined);
    assert.equal((await catalog().findTable({ tableId }, { anyStatus: true }))?.status, "IMPORTING");
    assert.equal((await catalog().findTable({ tableId }, { anyStatus: true }))?.version, -1);
    await catalog().abortImport(tableId);
    assert.equal(await catalog().findTable({ tableId }, { anyStatus: true }), undefined);
    assert.equal((await catalog().beginImport(wanted)).version, -1);
    await catalog().abortImport(tableId);
    await catalog().abortImport(tableId);
  });

  test("a log without protocol or metadata is corrupt; a version that was not imported cannot be the base", async () => {
    const { tableId } = await catalog().beginImport(request());
    await catalog().importBatches(tableId, [commit(0, { protocol: PROTOCOL })]);
    await assert.rejects(catalog().finishImport(tableId, { keepFrom: 0 }), (e) => isLakeError(e, "corrupt"));
    await catalog().importBatches(tableId, [commit(1, { metadata: metadata() })]);
    await assert.rejects(catalog().finishImport(tableId, { keepFrom: 5 }), (e) => isLakeError(e, "invalid"));
    assert.equal((await catalog().finishImport(tableId, { keepFrom: 1 })).baseVersion, 1);
  });
}

function resultTests(catalog: CatalogUnderTest["catalog"]): void {
  test("an import holds every version from its base on", async () => {
    const tableId = await importAll(catalog());
    const head = await catalog().findTable({ tableId });
    assert.deepEqual(
      [head?.version, head?.baseVersion, head?.status, head?.numFiles, head?.sizeInBytes, head?.timestamp],
      [13, 10, "ACTIVE", 4, 100 + 300 + 100 + 7, 1013],
    );
    assert.deepEqual(head?.markers, {
      metadata: 10,
      protocol: 10,
      add: 13,
      nonBlindAdd: 13,
      remove: 13,
      txn: 10,
      domain: -1,
    });
    const live = await Promise.all([10, 11, 12, 13].map((version) => livePaths(catalog(), tableId, version)));
    assert.deepEqual(live, [
      ["a", "b", "c", "d"],
      ["b", "c", "d", "e"],
      ["b", "c", "d", "e"],
      ["b", "c", "d", "e"],
    ]);
    const tombstones = await catalog().readTombstones(tableId, 13, { newerThan: 0, limit: 10 });
    assert.deepEqual(
      tombstones.items.map((r) => r.path),
      ["gone", "a", "never", "d"],
    );
    const [, twelve] = await catalog().readCommits(tableId, 11, 12);
    assert.deepEqual(twelve?.actions, { ...NO_ACTIONS, ...BATCHES[4]?.commit.actions });
    assert.equal(twelve?.timestamp, 1012);
    assert.equal((await catalog().readHeader(tableId, 13)).txns[0]?.version, 4);
    assert.deepEqual(
      (await catalog().history(tableId, { limit: 9 })).items.map((v) => v.numFiles),
      [4, 4, 4, 4],
    );
    assert.equal(await catalog().mirroredVersion(tableId), 13);
    assert.deepEqual(await catalog().unpublished(tableId, 9), []);
    const version = await commitNext(catalog(), tableId, {
      assignRowIds: true,
      actions: { adds: [add("mine")], removes: [remove("c")] },
    });
    assert.equal(version, 14);
    const [next] = await catalog().readCommits(tableId, 14, 14);
    assert.equal(next?.actions.adds[0]?.baseRowId, 100);
    assert.equal(await catalog().mirroredVersion(tableId), 13);
  });

  test("files of a checkpoint are the same whether something else is in their batch or not; a file that is named twice is there once", async () => {
    const rich = add("rich", {
      ...{ size: 9_007_199_254_740_993n, modificationTime: 5, dataChange: false, partitionValues: { p: "1", q: null } },
      ...{
        stats: '{"numRecords":3,"maxValues":{"x":1.0,"t":"\\u0001 \u{1F600} \\"}}',
        tags: { k: "v" },
        clusteringProvider: "liquid",
      },
      ...{ deletionVector: dv("r"), baseRowId: 7, defaultRowCommitVersion: 2, unknown: { more: [1, null] } },
    });
    const first = [add("a"), rich, add("b")];
    const second = [add("a", { size: 7 }), add("c")];
    const whole = (extra: Partial<CommitActions>) => [
      checkpoint(5, false, { ...extra, adds: first }),
      checkpoint(5, false, { ...extra, adds: second }),
      checkpoint(5, true, HEADER),
    ];
    const imported = await Promise.all(
      [whole({}), whole({ txns: [{ appId: "s", version: 4 }] })].map((batches) => importAll(catalog(), batches, 5)),
    );
    const [alone, mixed] = await Promise.all(
      imported.map(async (tableId) => {
        const { items } = await catalog().readFiles(tableId, 5, { limit: 9 });
        const {
          tableId: _,
          name: __,
          location: ___,
          createdAt: ____,
          ...head
        } = (await catalog().findTable({ tableId })) ?? {};
        const { fingerprint } = await catalog().readHeader(tableId, 5);
        return { items, fingerprint, head: { ...head, markers: undefined } };
      }),
    );
    assert.deepEqual(alone, mixed);
    const byPath = (files: readonly { readonly path: string }[] = []) =>
      [...files].sort((x, y) => (x.path < y.path ? -1 : 1));
    assert.deepEqual(byPath(alone?.items), byPath([rich, add("b"), ...second]));
    assert.equal((await catalog().findTable({ tableId: imported[0] ?? "" }))?.numFiles, 4);
  });

  test("versions that only add are the same whether others go with them or not, and whatever is in their texts", async () => {
    const odd = ["\\N", "\\.", "tab\tand\nnew\r\nline", "\\t \\\\", '"quoted"', "\u{1F600} \u00e4 \u2028", "null", ""];
    const versions = odd.map((text, i) =>
      commit(i + 1, {
        commitInfo: { operation: text, isBlindAppend: i % 2 === 0 },
        adds: [
          add(`v${i}`),
          add(`w${i}`, { stats: text, size: 2n ** 58n, partitionValues: { p: text }, tags: { k: text } }),
        ],
      }),
    );
    const plain: readonly ImportBatch[] = [...versions, commit(odd.length + 1, {})];
    const first = commit(0, HEADER);
    const last = commit(odd.length + 2, { txns: [{ appId: "s", version: 4 }] });
    const again = commit(odd.length + 3, { adds: [add("v0", { size: 7 })] });
    const ways: readonly (readonly (readonly ImportBatch[])[])[] = [
      [[first], plain, [last], [again]],
      [[first, ...plain, last, again]],
      [[first], ...plain.map((one) => [one]), [last], [again]],
      [[first], [...plain, last], [again]],
    ];
    const found = [];
    for (const groups of ways) {
      const { tableId } = await catalog().beginImport(request());
      for (const group of groups) await catalog().importBatches(tableId, group);
      const { version } = await catalog().finishImport(tableId, { keepFrom: 0 });
      const head = await catalog().findTable({ tableId });
      found.push({
        history: (await catalog().history(tableId, { limit: 99 })).items,
        commits: await catalog().readCommits(tableId, 0, version),
        files: (await catalog().readFiles(tableId, version, { limit: 99 })).items,
        fingerprints: await Promise.all(
          [1, version].map(async (v) => (await catalog().readHeader(tableId, v)).fingerprint),
        ),
        head: [head?.version, head?.timestamp, head?.numFiles, head?.sizeInBytes, head?.markers],
      });
    }
    for (const other of found.slice(1)) assert.deepEqual(other, found[0]);
    assert.deepEqual(
      found[0]?.commits.map(({ actions }) => actions),
      [first, ...plain, last, again].map((one) => one.commit.actions),
    );
  });

  test("an import can leave older versions out", async () => {
    const tableId = await importAll(catalog(), BATCHES, 13);
    assert.equal((await catalog().findTable({ tableId }))?.baseVersion, 13);
    assert.deepEqual(await livePaths(catalog(), tableId, 13), ["b", "c", "d", "e"]);
    assert.equal((await catalog().readTombstones(tableId, 13, { newerThan: 0, limit: 10 })).items.length, 4);
    const gone = (e: unknown) =>
      isLakeError(e, "notFound") && e.code === "VERSION_NOT_RETAINED" && e.hint !== undefined;
    await assert.rejects(catalog().readFiles(tableId, 12, { limit: 1 }), gone);
    await assert.rejects(catalog().readHeader(tableId, 12), gone);
    await assert.rejects(catalog().readCommits(tableId, 12, 13), gone);
    assert.equal((await catalog().history(tableId, { limit: 9 })).items.length, 1);
    assert.equal(await catalog().versionAt(tableId, 1012), undefined);
  });
}

function resumptionTests({ catalog, reopen }: CatalogUnderTest): void {
  test("a killed import goes on where it was, at each batch, and no batch is applied twice", async () => {
    const whole = await importAll(catalog());
    for (let killedAfter = 0; killedAfter <= BATCHES.length; killedAfter += 1) {
      const wanted = request();
      const first = await reopen();
      await first.beginImport(wanted);
      for (const batch of BATCHES.slice(0, killedAfter)) await first.importBatches(wanted.tableId, [batch]);
      const second = await reopen();
      const progress = await second.beginImport({ ...wanted, tableId: id() });
      assert.equal(progress.tableId, wanted.tableId);
      assert.equal(progress.version, killedAfter < 3 ? -1 : killedAfter + 7);
      assert.equal(progress.checkpointActions, [0, 3, 5][killedAfter] ?? 5);
      assert.equal(progress.timestamp, killedAfter < 3 ? -1 : 1007 + killedAfter);
      for (const batch of BATCHES.slice(killedAfter)) await second.importBatches(wanted.tableId, [batch]);
      const late = BATCHES[killedAfter];
      if (late)
        await assert.rejects(
          first.importBatches(wanted.tableId, [late]),
          (e) => isLakeError(e, "conflict") && e.code === "IMPORT_MOVED",
        );
      await second.finishImport(wanted.tableId, { keepFrom: 10 });
      const versions = async (tableId: string) => (await catalog().history(tableId, { limit: 20 })).items;
      assert.deepEqual(await versions(wanted.tableId), await versions(whole), `killed after ${killedAfter}`);
      assert.deepEqual(await livePaths(catalog(), wanted.tableId, 13), await livePaths(catalog(), whole, 13));
      await first.close();
      await second.close();
    }
  });

  test("another plan for the same table begins anew", async () => {
    const wanted = request("snapshot");
    await catalog().beginImport(wanted);
    await catalog().importBatches(wanted.tableId, [BATCHES[0] as ImportBatch]);
    const tableId = id();
    const progress = await catalog().beginImport({ ...wanted, tableId, plan: "full" });
    assert.deepEqual(progress, { tableId, plan: "full", version: -1, checkpointActions: 0, timestamp: -1 });
    assert.equal(await catalog().findTable({ tableId: wanted.tableId }, { anyStatus: true }), undefined);
  });

  test("a batch out of order is refused", async () => {
    const { tableId } = await catalog().beginImport(request());
    await assert.rejects(catalog().importBatches(tableId, [commit(3, {})]), (e) => isLakeError(e, "invalid"));
  });
}
