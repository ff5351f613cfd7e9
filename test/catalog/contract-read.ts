/** Contract of the reads: what was committed comes back exactly, at every version. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { AddFile, CommitActions } from "../../lib/delta/actions.ts";
import { addFields } from "../../lib/delta/encode.ts";
import { parseJson, stringifyJson } from "../../lib/delta/values/json.ts";
import { isLakeError } from "../../lib/errors.ts";
import type { CatalogUnderTest } from "../contract/catalog.contract.ts";
import {
  add,
  all,
  commitNext,
  creation,
  dv,
  id,
  livePaths,
  metadata,
  newTable,
  PROTOCOL,
  planned,
  remove,
} from "../support/catalog-plans.ts";

const MAX = 9223372036854775807n;

/** Everything that an action can carry. */
export const RICH: CommitActions = {
  commitInfo: {
    timestamp: 5,
    operation: "MERGE",
    deep: { list: [1, "two", null, true], long: MAX },
    text: "a\u0000b ‑ 😀",
  },
  protocol: {
    minReaderVersion: 3,
    minWriterVersion: 7,
    readerFeatures: ["deletionVectors"],
    writerFeatures: ["deletionVectors"],
    unknown: { later: 1 },
  },
  metadata: {
    ...metadata("rich"),
    description: "quotes ' \" and \\",
    configuration: { "delta.appendOnly": "false" },
    createdTime: 1700000000000,
    unknown: { future: { x: MAX } },
  },
  txns: [
    { appId: "zebra", version: MAX, lastUpdated: 17, unknown: { u: null } },
    { appId: "Äpp", version: -5 },
  ],
  domains: [
    { domain: "z.domain", configuration: '{"a":1.0}', removed: false, unknown: { q: [1] } },
    { domain: "a.domain", configuration: "", removed: true },
  ],
  removes: [
    remove("gone/%20x", {
      extendedFileMetadata: true,
      partitionValues: { p: null, a: "1" },
      size: MAX,
      tags: { t: null },
      unknown: { r: 1 },
    }),
    { path: "bare", dataChange: false },
  ],
  adds: [
    add("z=1/file%20one.parquet", {
      partitionValues: { z: "1", a: null, ü: "ß" },
      size: MAX,
      modificationTime: -9223372036854775808n,
      stats: '{"numRecords": 3, "minValues":{"x":1.0,"y":9223372036854775807}}',
      tags: { b: "2", a: null },
      deletionVector: dv("ab^-aqEH.-t@S}K{vb[*k^"),
      baseRowId: 2n ** 53n,
      defaultRowCommitVersion: 0,
      clusteringProvider: "liquid",
      unknown: { extra: { n: 0.1 } },
    }),
    { path: "a", partitionValues: {}, size: 0, modificationTime: 0, dataChange: false },
  ],
  others: [{ cdc: { path: "_change_data/c", size: MAX } }, { someFutureAction: { a: [null] } }],
};

/** Engines write characters that need not be as they are in several ways. */
const rewritten = (text: string): string => stringifyJson(parseJson(text));
const textOf = (file: AddFile): string => stringifyJson(addFields(file));

export function readContract({ catalog, clock }: CatalogUnderTest): void {
  rebuildTests(catalog);

  test("files, tombstones and header at every version are those of a replay", async () => {
    const tableId = await newTable(catalog(), [add("a"), add("b")]);
    const steps: Partial<CommitActions>[] = [
      { adds: [add("c"), add("d")], txns: [{ appId: "s", version: 1 }] },
      {
        removes: [remove("a"), remove("b", { deletionTimestamp: 500 })],
        domains: [{ domain: "d", configuration: "1", removed: false }],
      },
      {
        adds: [add("a")],
        txns: [
          { appId: "s", version: 2 },
          { appId: "r", version: 7 },
        ],
      },
      {
        removes: [remove("c")],
        adds: [add("c", { deletionVector: dv("1") })],
        domains: [{ domain: "d", configuration: "1", removed: true }],
      },
      { removes: [remove("a", { deletionTimestamp: 3000 })], metadata: metadata("later") },
    ];
    for (const actions of steps) await commitNext(catalog(), tableId, { actions });
    const files = [0, 1, 2, 3, 4, 5].map((version) => livePaths(catalog(), tableId, version));
    assert.deepEqual(await Promise.all(files), [
      ["a", "b"],
      ["a", "b", "c", "d"],
      ["c", "d"],
      ["a", "c", "d"],
      ["a", "c", "d"],
      ["c", "d"],
    ]);
    const tombstones = async (version: number, newerThan: number) =>
      (await all((page) => catalog().readTombstones(tableId, version, { newerThan, limit: 1, ...page }))).map(
        (r) => r.path,
      );
    assert.deepEqual(await tombstones(1, 0), []);
    assert.deepEqual(await tombstones(2, 0), ["a", "b"]);
    assert.deepEqual(await tombstones(2, 500), ["a"]);
    assert.deepEqual(await tombstones(3, 0), ["b"]);
    assert.deepEqual(await tombstones(4, 0), ["b", "c"]);
    assert.deepEqual(await tombstones(5, 0), ["b", "c", "a"]);
    const headers = await Promise.all([1, 3, 5].map((version) => catalog().readHeader(tableId, version)));
    assert.deepEqual(
      headers.map((h) => h.txns.map((t) => [t.appId, t.version])),
      [
        [["s", 1]],
        [
          ["r", 7],
          ["s", 2],
        ],
        [
          ["r", 7],
          ["s", 2],
        ],
      ],
    );
    assert.deepEqual(
      headers.map((h) => h.domains.length),
      [0, 1, 0],
    );
    assert.deepEqual(
      headers.map((h) => [h.numFiles, h.sizeInBytes, h.metadata.name]),
      [
        [4, 400, "test"],
        [3, 300, "test"],
        [2, 200, "later"],
      ],
    );
  });

  test("lists come in pages, in a stable order", async () => {
    const adds = Array.from({ length: 7 }, (_, i) => add(`f${i}`));
    const tableId = await newTable(catalog(), adds);
    const first = await catalog().readFiles(tableId, 0, { limit: 3 });
    assert.deepEqual(
      first.items.map((f) => f.path),
      ["f0", "f1", "f2"],
    );
    assert.ok(first.next);
    assert.deepEqual(await all((page) => catalog().readFiles(tableId, 0, { limit: 3, ...page })), adds);
    assert.equal((await catalog().readFiles(tableId, 0, { limit: 7 })).next, undefined);
    await assert.rejects(catalog().readFiles(tableId, 0, { limit: 3, cursor: "'; --" }), (e) =>
      isLakeError(e, "invalid"),
    );

    const space = `ns${id().slice(0, 8)}`;
    const names = ["b", "a", "Z", "ü"].map((name) => `${space}.${name}`);
    for (const name of [...names, `${space}x.c`]) await catalog().commit(planned([creation(id(), name)]));
    const tables = await all((page) => catalog().listTables({ namespace: space, limit: 2, ...page }));
    assert.deepEqual(
      tables.map((table) => table.name),
      ["Z", "a", "b", "ü"].map((name) => `${space}.${name}`),
    );
  });

  test("files as texts are what writing the files makes, page by page", async () => {
    const everyCharacter = Array.from({ length: 0x2fff }, (_, i) => String.fromCharCode(i + 1)).join("");
    const odd = [
      add(`${everyCharacter}😀`, { stats: `{"a":"${everyCharacter}"}`, clusteringProvider: '\\"' }),
      { path: "bare", partitionValues: {}, size: 0, modificationTime: 0, dataChange: false },
      add("unknown", { unknown: {} }),
      add("pairs", { partitionValues: { '"': "\n", "\\": null }, tags: {} }),
      ...Array.from({ length: 9 }, (_, i) => add(`f${i}`)),
    ];
    const tableId = await newTable(catalog(), odd);
    const files = (await catalog().readFiles(tableId, 0, { limit: 99 })).items;
    assert.equal(files.length, odd.length);
    for (const page of [{ limit: 99 }, { limit: 2 }, { limit: 99, maxBytes: 400 }, { limit: 99, maxBytes: 1e6 }]) {
      const texts = await all((at) => catalog().readFileTexts(tableId, 0, { ...page, ...at }));
      assert.deepEqual(texts.map(rewritten), files.map(textOf));
    }
    for (const fields of [["path"], ["stats"], ["tags", "path", "tags"], ["deletionVector", "baseRowId"]]) {
      const { items } = await catalog().readFileTexts(tableId, 0, { limit: 99, fields });
      assert.deepEqual(
        items.map(rewritten),
        files.map((file) => {
          const written = addFields(file);
          return stringifyJson(Object.fromEntries(fields.flatMap((f) => (f in written ? [[f, written[f]]] : []))));
        }),
      );
    }
    await assert.rejects(catalog().readFileTexts(tableId, 1, { limit: 1 }), (e) => isLakeError(e, "notFound"));
  });

  test("history runs backwards, and a timestamp finds the newest version at or before it", async () => {
    const tableId = await newTable(catalog());
    for (let i = 1; i <= 4; i += 1) {
      clock.time += 1000;
      await commitNext(catalog(), tableId, {
        isBlindAppend: true,
        actions: { adds: [add(`f${i}`)], commitInfo: { operation: `op${i}` } },
      });
    }
    const page = await catalog().history(tableId, { limit: 2 });
    assert.deepEqual(
      page.items.map((v) => [v.version, v.commitInfo?.operation, v.numAdds, v.isBlindAppend]),
      [
        [4, "op4", 1, true],
        [3, "op3", 1, true],
      ],
    );
    const rest = await catalog().history(tableId, { limit: 5, before: 3 });
    assert.deepEqual(
      rest.items.map((v) => v.version),
      [2, 1, 0],
    );
    assert.equal(rest.next, undefined);
    const third = page.items[1]?.timestamp ?? 0;
    assert.deepEqual(await catalog().versionAt(tableId, third), { version: 3, timestamp: third });
    assert.equal((await catalog().versionAt(tableId, third - 1))?.version, 2);
    assert.equal(await catalog().versionAt(tableId, 5), undefined);
  });

  test("what is not there is not found, by a code", async () => {
    const tableId = await newTable(catalog());
    const code = (wanted: string) => (e: unknown) => isLakeError(e, "notFound") && e.code === wanted;
    await assert.rejects(catalog().readHeader(tableId, 1), code("VERSION_NOT_FOUND"));
    await assert.rejects(catalog().readFiles(tableId, 1, { limit: 1 }), code("VERSION_NOT_FOUND"));
    await assert.rejects(catalog().readTombstones(id(), 0, { limit: 1, newerThan: 0 }), code("TABLE_NOT_FOUND"));
    assert.deepEqual(await catalog().readCommits(tableId, 1, 9), []);
    await catalog().dropTable(tableId, { unpublished: "giveUp" });
    await assert.rejects(catalog().readHeader(tableId, 0), code("TABLE_NOT_FOUND"));
    await assert.rejects(catalog().readFiles(tableId, 0, { limit: 1 }), code("TABLE_NOT_FOUND"));
    await assert.rejects(catalog().readCommits(tableId, 0, 0), code("TABLE_NOT_FOUND"));
    assert.deepEqual((await catalog().history(tableId, { limit: 1 })).items, []);
    assert.deepEqual(await catalog().readStates([{ tableId }]), []);
    assert.deepEqual(await catalog().readStates([{ tableId: "no uuid" }]), []);
    const many = Array.from({ length: 1000 }, (_, i) =>
      i % 2 === 0 ? { name: `no.t${i}` } : { tableId: crypto.randomUUID() },
    );
    assert.deepEqual(await catalog().readStates(many), [], "as many as a request may name");
  });
}

function rebuildTests(catalog: CatalogUnderTest["catalog"]): void {
  test("readCommits rebuilds exactly what was committed", async () => {
    const tableId = await newTable(catalog(), [add("gone/%20x"), add("bare")]);
    const version = await commitNext(catalog(), tableId, { actions: RICH });
    const [commit] = await catalog().readCommits(tableId, version, version);
    assert.deepEqual(commit?.actions, RICH);
    assert.deepEqual(Object.keys(commit?.actions.adds[0]?.partitionValues ?? {}), ["z", "a", "ü"]);
    const { items } = await catalog().readFiles(tableId, version, { limit: 10 });
    assert.deepEqual(items, RICH.adds);
    const texts = await catalog().readFileTexts(tableId, version, { limit: 10 });
    assert.deepEqual(texts.items.map(rewritten), RICH.adds.map(textOf));
    const tombstones = await catalog().readTombstones(tableId, version, { limit: 10, newerThan: 0 });
    assert.deepEqual(tombstones.items, RICH.removes.slice(0, 1));
    const header = await catalog().readHeader(tableId, version);
    assert.deepEqual(header.metadata, RICH.metadata);
    assert.deepEqual(header.protocol, RICH.protocol);
    assert.deepEqual(header.txns, [RICH.txns[0], RICH.txns[1]]);
    assert.deepEqual(header.domains, [RICH.domains[0]]);
    assert.equal(header.sizeInBytes, MAX);
  });

  test("an empty commit is a version, too", async () => {
    const tableId = await newTable(catalog());
    await commitNext(catalog(), tableId, {});
    const [, empty] = await catalog().readCommits(tableId, 0, 1);
    assert.deepEqual(empty?.actions, { txns: [], domains: [], removes: [], adds: [], others: [] });
  });

  test("readCommitsOf reads many tables as readCommits reads each", async () => {
    const tables: string[] = [];
    for (let i = 0; i < 23; i += 1) {
      const tableId = await newTable(catalog(), [add("gone/%20x"), add("bare")]);
      for (let v = 0; v < i % 4; v += 1)
        await commitNext(catalog(), tableId, { actions: { txns: [{ appId: `app${i}`, version: v }] } });
      await commitNext(catalog(), tableId, { actions: RICH });
      tables.push(tableId);
    }
    const ranges = tables.map((tableId, i) => ({ tableId, from: 1, to: 1 + (i % 5) }));
    const each = await Promise.all(ranges.map(({ tableId, from, to }) => catalog().readCommits(tableId, from, to)));
    const read = await catalog().readCommitsOf(ranges);
    assert.deepEqual(
      read.map((commits) => commits.map(({ removedPartitionValues: _, ...commit }) => commit)),
      each,
    );
    assert.deepEqual(await catalog().readCommitsOf([]), []);
    await catalog().dropTable(tables[20] ?? "", { unpublished: "giveUp" });
    const gone = (e: unknown) => isLakeError(e, "notFound") && e.code === "TABLE_NOT_FOUND";
    await assert.rejects(catalog().readCommitsOf(ranges), gone);
  });

  test("readCommitsOf tells for each remove what its file had, and readCommits what the action says", async () => {
    const [one, two, three] = [{ p: "1" }, { p: "2" }, { p: null }];
    const vector = { storageType: "u", pathOrInlineDv: "v".repeat(20), offset: 1, sizeInBytes: 1, cardinality: 1 };
    const files = [add("a", { partitionValues: one }), add("b", { partitionValues: two }), add("c")];
    const tableId = await newTable(catalog(), files);
    await commitNext(catalog(), tableId, {
      actions: { removes: [remove("b"), remove("a", { partitionValues: two })] },
    });
    // Another deletion vector, and the same path once more.
    const marked = add("c", { deletionVector: vector, partitionValues: three });
    await commitNext(catalog(), tableId, { actions: { removes: [remove("c")], adds: [marked] } });
    await commitNext(catalog(), tableId, { actions: { adds: [add("a", { partitionValues: three })] } });
    const removes = [remove("a"), remove("c", { deletionVector: vector })];
    await commitNext(catalog(), tableId, { actions: { removes } });
    const [read = []] = await catalog().readCommitsOf([{ tableId, from: 0, to: 9 }]);
    assert.deepEqual(
      read.slice(1).map((commit) => commit.removedPartitionValues),
      [[two, one], [{}], undefined, [three, three]],
    );
    assert.equal(read[2]?.actions.removes[0]?.partitionValues, undefined);
    const plain = await catalog().readCommits(tableId, 0, 9);
    assert.ok(plain.every((commit) => commit.removedPartitionValues === undefined));
  });

  test("readCommits stops at the bound of actions, but never before one whole version", async () => {
    const tableId = await newTable(catalog());
    for (let i = 0; i < 4; i += 1) {
      await commitNext(catalog(), tableId, { actions: { adds: [1, 2, 3].map((n) => add(`f${i}-${n}`)) } });
    }
    const versions = async (from: number, to: number, maxActions: number) =>
      (await catalog().readCommits(tableId, from, to, { maxActions })).map((c) => [c.version, c.actions.adds.length]);
    assert.deepEqual(await versions(1, 4, 1), [[1, 3]]);
    assert.deepEqual(await versions(1, 4, 8), [
      [1, 3],
      [2, 3],
    ]);
    assert.deepEqual(await versions(1, 3, 1000), [
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    assert.deepEqual(
      (await versions(0, 99, 1000)).map(([version]) => version),
      [0, 1, 2, 3, 4],
    );
  });

  test("a size that 64 bits cannot hold is refused, and nothing is written", async () => {
    const tableId = await newTable(catalog(), [add("a", { size: MAX })]);
    await assert.rejects(commitNext(catalog(), tableId, { actions: { adds: [add("b", { size: 1 })] } }), (e) =>
      isLakeError(e, "invalid"),
    );
    assert.deepEqual(await livePaths(catalog(), tableId, 0), ["a"]);
    assert.equal((await catalog().findTable({ tableId }))?.version, 0);
  });

  test("text that not every engine can store is refused", async () => {
    const tableId = await newTable(catalog());
    const bad = { actions: { protocol: PROTOCOL, adds: [add("a\0b")] } };
    await assert.rejects(commitNext(catalog(), tableId, bad), (e) => isLakeError(e, "invalid"));
  });

  test("namespaces are what tables lie in, page by page; a namespace's own tables are not those within it", async () => {
    const names = ["ns_a.t", "ns_a.b.t", "ns_a.b.u", "ns_a.z", "ns-a.t", "ns_a.b.c.t", "NS.t"];
    for (const name of names) {
      const outcome = await catalog().commit(planned([creation(id(), name)]));
      assert.equal(outcome.status, "committed", name);
    }
    const namespaces = await all((page) => catalog().listNamespaces({ limit: 2, ...page }));
    assert.deepEqual(
      namespaces.filter((name) => /^ns/i.test(name)),
      ["NS", "ns-a", "ns_a", "ns_a.b", "ns_a.b.c"],
    );
    const direct = async (namespace: string) =>
      (await all((page) => catalog().listTables({ namespace, isDirect: true, limit: 1, ...page }))).map((t) => t.name);
    assert.deepEqual(await direct("ns_a"), ["ns_a.t", "ns_a.z"]);
    assert.deepEqual(await direct("ns_a.b"), ["ns_a.b.t", "ns_a.b.u"]);
    assert.deepEqual(await direct("ns"), []);
  });
}
