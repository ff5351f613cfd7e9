/**
 * The same random commits on SQLite (TypeScript), PostgreSQL (PL/pgSQL, over its own protocol and over the Data API) and MySQL (its
 * procedure, and TypeScript for what that leaves), as far as they are there: the same outcomes, versions and fingerprints.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fileFingerprint } from "../../lib/catalog/keys.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { type AddFile, type CommitActions, deletionVectorId, type RemoveFile } from "../../lib/delta/actions.ts";
import { addFingerprint, type Fingerprint, NO_FILES } from "../../lib/delta/fingerprint.ts";
import type { MirrorFacts } from "../../lib/delta/health.ts";
import { MARKER_NAMES } from "../../lib/delta/table.ts";
import type { Catalog, CommitOutcome, PlannedCommit } from "../../lib/ports.ts";
import { findDataApi, findDataApiMysql, findMysql, findPostgres, SQLITE_ENGINE } from "../support/catalog-engines.ts";
import { add, all, creation, dv, id, planned, plannedTable, remove, testClock } from "../support/catalog-plans.ts";
import { readRows } from "../support/catalog-rows.ts";

/** Few paths and deletion vectors, so that most commits meet each other. */
const path = fc.integer({ min: 0, max: 5 }).map((n) => `p${n}`);
const vector = fc.constantFrom(undefined, undefined, "1", "2");
const rowId = fc.constantFrom(undefined, undefined, undefined, 500);
const file = fc.record({ path, vector, n: fc.integer({ min: 0, max: 3 }), rowId });

const tableStep = fc.record({
  behind: fc.constantFrom(0, 0, 0, 0, 0, 1, 2, 5),
  /** Fits its actions to the files that were live at its read version. */
  honest: fc.constantFrom(true, true, true, true, false),
  adds: fc.uniqueArray(file, { selector: (f) => f.path, maxLength: 3 }),
  removes: fc.uniqueArray(file, { selector: (f) => f.path, maxLength: 3 }),
  watch: fc.subarray([...MARKER_NAMES], { maxLength: 2 }),
  isBlindAppend: fc.boolean(),
  assignRowIds: fc.boolean(),
  inCommitTimestamps: fc.boolean(),
  txn: fc.option(fc.constantFrom("a", "b"), { nil: undefined }),
  domain: fc.option(fc.constantFrom("x", "y"), { nil: undefined }),
  metadata: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});
const step = fc.record({
  replayOf: fc.option(fc.nat({ max: 5 }), { nil: undefined, freq: 8 }),
  tables: fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 2 }), tableStep), {
    selector: ([n]) => n,
    minLength: 1,
    maxLength: 3,
  }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type TableStep = Step["tables"][number][1];

const withVector = (n: string | undefined) => (n === undefined ? {} : { deletionVector: dv(n) });

function actionsOf(
  s: TableStep,
  meta: CommitActions["metadata"],
  live: ReadonlyMap<string, AddFile>,
): Partial<CommitActions> {
  const adds = s.adds.map((f) =>
    add(f.path, {
      size: 10 ** f.n,
      stats: `{"numRecords":${f.n}}`,
      ...withVector(f.vector),
      ...(f.rowId === undefined ? {} : { baseRowId: f.rowId }),
    }),
  );
  const wanted = s.honest
    ? [...s.removes.filter((r) => live.has(r.path)), ...s.adds.filter((f) => live.has(f.path))].map((f) => {
        const { path: livePath, deletionVector } = live.get(f.path) ?? add(f.path);
        return remove(livePath, deletionVector === undefined ? {} : { deletionVector });
      })
    : s.removes.map((r) => remove(r.path, withVector(r.vector)));
  const key = (f: RemoveFile | AddFile) => f.path + deletionVectorId(f);
  const added = new Set(adds.map(key));
  const removes = new Map(wanted.filter((r) => !added.has(key(r))).map((r) => [r.path, r]));
  return {
    adds,
    removes: [...removes.values()],
    txns: s.txn === undefined ? [] : [{ appId: s.txn, version: 1 }],
    domains: s.domain === undefined ? [] : [{ domain: s.domain, configuration: "{}", removed: false }],
    ...(s.metadata && meta ? { metadata: meta } : {}),
  };
}

/** Plans against the head of the first catalog; all of them get the plan. */
async function planOf(catalog: Catalog, tables: readonly string[], s: Step): Promise<PlannedCommit> {
  const states = await catalog.readStates(tables.map((tableId) => ({ tableId })));
  const plans = s.tables.map(async ([n, t]) => {
    const tableId = tables[n] ?? "";
    const state = states.find((candidate) => candidate.tableId === tableId);
    const version = state?.version ?? 0;
    const readVersion = Math.max(0, version - t.behind);
    const { items } = await catalog.readFiles(tableId, readVersion, { limit: 1000 });
    return plannedTable(tableId, {
      readVersion,
      checkedVersion: Math.max(readVersion, version - (t.behind > 1 ? 1 : 0)),
      metadataVersion: state?.markers.metadata ?? 0,
      protocolVersion: 0,
      watch: t.watch,
      isBlindAppend: t.isBlindAppend,
      assignRowIds: t.assignRowIds,
      inCommitTimestamps: t.inCommitTimestamps,
      actions: actionsOf(t, state?.metadata, new Map(items.map((f) => [f.path, f]))),
    });
  });
  return planned(await Promise.all(plans));
}

/** Without times, which come from two clocks. */
function comparable(outcome: CommitOutcome): unknown {
  if (outcome.status === "rejected") {
    return outcome.rejections.map((r) => (r.mirror === undefined ? r : { ...r, mirror: timeless(r.mirror) }));
  }
  if (outcome.status !== "committed") return outcome;
  const { committedAt, tables, mirrors, ...rest } = outcome;
  assert.ok(tables.every((table) => table.timestamp === committedAt));
  return {
    ...rest,
    tables: tables.map(({ tableId, version }) => ({ tableId, version })),
    mirrors: mirrors?.map(timeless),
  };
}

function timeless(facts: MirrorFacts): MirrorFacts {
  return { ...facts, now: 0, ...(facts.oldest && { oldest: { ...facts.oldest, committedAt: 0 } }) };
}

const servers = [findPostgres(), findDataApi(), findMysql(), findDataApiMysql()].filter(
  (engine) => engine !== undefined,
);

test("all engines decide and store the same", {
  skip: servers.length > 0 ? false : "TEST_POSTGRES_URL is not set",
  timeout: 300_000,
}, async () => {
  const databases = await Promise.all([SQLITE_ENGINE, ...servers].map((engine) => engine.create()));
  const clock = testClock();
  const catalogs = await Promise.all(databases.map((database) => openCatalog(database.url, clock)));
  for (const catalog of catalogs) await catalog.migrate();
  const seen = new Map<string, number>();
  const scripts = fc.array(step, { minLength: 5, maxLength: 15 });
  await fc.assert(
    fc.asyncProperty(scripts, async (script) => {
      const tables = [id(), id(), id()];
      const onAll = async (plan: PlannedCommit): Promise<CommitOutcome> => {
        const [a, ...others] = await Promise.all(catalogs.map((catalog) => catalog.commit(plan)));
        assert.ok(a && others.length === servers.length);
        for (const other of others) assert.deepEqual(comparable(other), comparable(a));
        const names = a.status === "rejected" ? a.rejections.map((r) => r.reason) : [a.status];
        for (const name of names) seen.set(name, (seen.get(name) ?? 0) + 1);
        return a;
      };
      await onAll(
        planned(
          tables.map((t) =>
            creation(t, `d.${t}`, { actions: { adds: [add("p0"), add("p1", { deletionVector: dv("1") })] } }),
          ),
        ),
      );
      const plans: PlannedCommit[] = [];
      for (const s of script) {
        const old = s.replayOf === undefined ? undefined : plans[s.replayOf];
        const plan = old ?? (await planOf(catalogs[0] as Catalog, tables, s));
        plans.push(plan);
        await onAll(plan);
      }
      for (const tableId of tables)
        await compareTable(
          catalogs,
          databases.map((database) => database.url),
          tableId,
        );
    }),
    { numRuns: Number(process.env.DIFFERENTIAL_RUNS ?? 25) },
  );
  console.log(`# differential outcomes: ${JSON.stringify(Object.fromEntries(seen))}`);
  for (const catalog of catalogs) await catalog.close();
  for (const database of databases) await database.drop();
});

async function compareTable(catalogs: readonly Catalog[], urls: readonly string[], tableId: string): Promise<void> {
  const same = (all: readonly unknown[]) => {
    for (const other of all.slice(1)) assert.deepEqual(other, all[0]);
  };
  const rows = await Promise.all(urls.map((url) => readRows(url, tableId)));
  same(rows);
  const [a] = catalogs;
  assert.ok(a);
  const [head] = await a.readStates([{ tableId }]);
  for (let version = 0; version <= (head?.version ?? 0); version += 1) {
    const files = await Promise.all(
      catalogs.map((catalog) => all((page) => catalog.readFiles(tableId, version, { limit: 4, ...page }))),
    );
    same(files);
    const sum = (files[0] ?? []).reduce<Fingerprint>((lanes, f) => addFingerprint(lanes, fileFingerprint(f)), NO_FILES);
    const row = rows[0]?.versions[version];
    assert.deepEqual(
      [row?.fingerprint_0, row?.fingerprint_1, row?.fingerprint_2, row?.fingerprint_3],
      [...sum],
      `fingerprint of ${version}`,
    );
    assert.equal(row?.num_files, files[0]?.length);
    const tombstones = await Promise.all(
      catalogs.map((catalog) =>
        all((page) => catalog.readTombstones(tableId, version, { limit: 2, newerThan: 0, ...page })),
      ),
    );
    same(tombstones);
  }
  const commits = await Promise.all(catalogs.map((catalog) => catalog.readCommits(tableId, 0, 999)));
  const withoutTimes = commits.map((list) =>
    list.map((c) => [c.version, c.actions, c.inCommitTimestamp === undefined]),
  );
  same(withoutTimes);
}
