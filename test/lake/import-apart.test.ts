/** Imports with a thread of their own for the log: what they leave in SQL, say of a broken log, and carry on with after a crash. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { commitFileName } from "../../lib/delta/files/log-files.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { isLakeError } from "../../lib/errors.ts";
import { importApart } from "../../lib/lake/importing/import-apart.ts";
import { openLocalLake, toLocation } from "../../lib/lake/local.ts";
import { stepsUnderWay } from "../../lib/lake/stores.ts";
import { writeCheckpoint } from "../../lib/operations/checkpoint.ts";
import { importTable } from "../../lib/operations/import.ts";
import type { Imports, ImportWork, Lake } from "../../lib/ports.ts";
import { dumpCatalog } from "../support/catalog-dump.ts";
import { findPostgres, SQLITE_ENGINE, type TestDatabase, type TestEngine } from "../support/catalog-engines.ts";
import { Crash, crashPoint, dying } from "../support/crash.ts";
import { tableActions } from "../support/foreign-log.ts";
import { testClock } from "../support/lake.ts";
import { needs } from "../support/skip.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-import-apart-"));
after(() => rmSync(folder, { recursive: true }));

const postgres = findPostgres();
needs("imports apart on PostgreSQL", postgres, "TEST_POSTGRES_URL is not set");
const engines = [SQLITE_ENGINE, postgres].filter((engine) => engine !== undefined);

const BROKEN = 425;
const NOW = Date.UTC(2026, 0, 2);
const TABLE_ID = "0a1b2c3d-0000-4000-8000-00000000000a";

const add = (name: string, more: object = {}): Json => ({
  add: {
    path: `day=1/${name}.parquet`,
    partitionValues: { day: "1", "a\tb": null },
    size: name.length * 1000,
    modificationTime: 1_700_000_000_000,
    dataChange: true,
    stats: '{"numRecords":3,"minValues":{"id":"back\\\\slash \\u00e4 \\n"}}',
    ...more,
  },
});
const remove = (name: string): Json => ({ remove: { path: `day=1/${name}.parquet`, dataChange: true } });
const info = (version: number): Json => ({
  commitInfo: { timestamp: NOW + version, operation: "WRITE", isBlindAppend: version % 2 === 1 },
});

/** Runs of versions that only add, longer than what goes into SQL at once, with those between them that do something else, and one that adds what is there. */
const COMMITS: readonly (readonly Json[])[] = [
  tableActions(),
  // More than one batch of a checkpoint.
  Array.from({ length: 2_500 }, (_, i) => add(`many-${i}`)),
  ...Array.from({ length: 410 }, (_, i) => [add(`${i}-a`), add(`${i}-b`, { tags: { x: "y" } })]),
  [remove("3-a"), add("3-c")],
  [{ txn: { appId: "app", version: 7 } }, add("with-txn")],
  [add("5-a")],
  [{ domainMetadata: { domain: "own", configuration: "{}", removed: false } }],
  ...Array.from({ length: 20 }, (_, i) => [add(`late-${i}`)]),
  // What is looked at before an import begins: it need not read on to what is broken.
  tableActions(),
];

function writeLog(name: string, commits: readonly (readonly Json[])[] = COMMITS): string {
  const table = join(folder, name);
  mkdirSync(join(table, "_delta_log"), { recursive: true });
  for (const [version, actions] of commits.entries()) {
    const lines = [info(version), ...actions].map((action) => `${JSON.stringify(action)}\n`).join("");
    writeFileSync(join(table, "_delta_log", commitFileName(version)), lines);
  }
  return table;
}

interface World {
  readonly database: TestDatabase;
  readonly lake: Lake;
  /** Whether rows that were made ready went into SQL as they were, each time. */
  readonly ready: readonly boolean[];
  end(): Promise<void>;
}

/** One thread or two, and nothing else to tell two worlds apart. */
async function open(engine: TestEngine, threads: 1 | 2): Promise<World> {
  const database = await engine.create();
  const clock = { ...testClock(NOW), newId: () => TABLE_ID };
  const opened = await openLocalLake({ database: database.url, clock, mirror: false, verifyFiles: "off" });
  await opened.catalog.migrate();
  const { importApart: _, ...alone } = opened;
  const ready: boolean[] = [];
  const apart = (catalog: Imports, work: ImportWork) => importApart(takingReady(catalog, ready), work, { worth: 0 });
  const lake: Lake = threads === 1 ? alone : { ...alone, importApart: apart };
  return {
    database,
    lake,
    ready,
    async end() {
      await opened.close();
      await database.drop();
    },
  };
}

/** Where an engine takes no such rows, every one of them is asked for again. */
function takingReady(catalog: Imports, ready: boolean[] = []): Imports {
  const importReady: Imports["importReady"] = async (files) => {
    const isWritten = (await catalog.importReady?.(files)) ?? false;
    ready.push(isWritten);
    return isWritten;
  };
  return new Proxy(catalog, { get: (target, key) => (key === "importReady" ? importReady : Reflect.get(target, key)) });
}

const importOf = async (lake: Lake, table: string) =>
  importTable(lake, { name: "t.imported", location: await toLocation(table), mode: "full-history" });

/** Everything in SQL but when the migrations ran. */
async function imported(engine: TestEngine, threads: 1 | 2, table: string) {
  const world = await open(engine, threads);
  try {
    const result = await importOf(world.lake, table).catch((error: unknown) => {
      assert.ok(isLakeError(error), String(error));
      const { kind, code, message, at } = error;
      return { kind, code, message, at };
    });
    const takesReady = engine.name === "postgres";
    if (threads === 2) assert.equal(world.ready.includes(true), takesReady, `${world.ready}`);
    return { result, rows: await dumpCatalog(world.database.url) };
  } finally {
    await world.end();
  }
}

/** The same table from a checkpoint on, in which not every file is an add. */
async function writeCheckpointed(name: string): Promise<string> {
  const [plain, table] = [writeLog(`${name}-source`), join(folder, name)];
  mkdirSync(join(table, "_delta_log"), { recursive: true });
  const { lake, end } = await open(SQLITE_ENGINE, 1);
  const { tableId, version } = await importOf(lake, plain);
  await writeCheckpoint(lake, lake.openLog(await toLocation(table)), tableId, version - 15);
  await end();
  writeLog(name);
  for (let v = 0; v < version - 15; v += 1) unlinkSync(join(table, "_delta_log", commitFileName(v)));
  return table;
}

const commits = writeLog("commits");
const checkpointed = await writeCheckpointed("checkpointed");

for (const engine of engines) {
  describe(`on ${engine.name}`, () => {
    for (const [what, table] of Object.entries({ commits, checkpointed })) {
      test(`${what}: two threads leave what one does`, async () => {
        const [one, two] = [await imported(engine, 1, table), await imported(engine, 2, table)];
        assert.ok("files" in one.result && one.result.files > 400, JSON.stringify(one.result));
        assert.deepEqual(two, one);
      });
    }

    test("a broken file is named as by one thread, and leaves nothing behind", async () => {
      const broken = writeLog("broken");
      writeFileSync(join(broken, "_delta_log", commitFileName(BROKEN)), '{"add":{"path":1}}\n');
      const [one, two] = [await imported(engine, 1, broken), await imported(engine, 2, broken)];
      assert.ok("at" in two.result && two.result.at?.includes(commitFileName(BROKEN)), JSON.stringify(two.result));
      assert.deepEqual(two, one);
      assert.deepEqual(two.rows.dl_files, []);
    });

    test("a crash at any call of the catalog: the same import carries on, and comes to the same", async () => {
      const whole = await imported(engine, 1, checkpointed);
      for (const [first, when] of (["before", "after"] as const).entries()) {
        for (let at = first, done = false; !done; at += 2) {
          assert.ok(at < 100, "the loop ends");
          const { lake, database, end } = await open(engine, 2);
          const point = crashPoint(at, when);
          const crashed = await importOf({ ...lake, catalog: dying(lake.catalog, point) }, checkpointed).catch(
            (error: unknown) => error,
          );
          done = !(crashed instanceof Crash);
          if (!done)
            await importOf(lake, checkpointed).catch((error: unknown) => assert.ok(isLakeError(error, "conflict")));
          assert.deepEqual(await dumpCatalog(database.url), whole.rows, `${when} call ${at}`);
          await end();
        }
      }
    });
  });
}

test("a thread that ends before its import is told of, and the import can be carried on", async () => {
  const { lake, end } = await open(SQLITE_ENGINE, 1);
  const thread = new URL("data:text/javascript,process.exit(3)");
  const ending = (catalog: Imports, work: ImportWork) => importApart(takingReady(catalog), work, { worth: 0, thread });
  await assert.rejects(importOf({ ...lake, importApart: ending }, commits), (error) =>
    isLakeError(error, "unavailable"),
  );
  assert.equal((await importOf(lake, commits)).version, COMMITS.length - 1);
  await end();
});

test("a thread that ends while its files are written: what they ask of it is answered", {
  timeout: 60_000,
}, async () => {
  const { lake, end } = await open(SQLITE_ENGINE, 1);
  const source = `import { parentPort } from "node:worker_threads"; parentPort.postMessage({ kind: "files", id: 1, files: {} });`;
  const thread = new URL(`data:text/javascript,${encodeURIComponent(`${source} parentPort.close();`)}`);
  const hasGone = Promise.withResolvers<void>();
  // The files are refused when nobody is left who has them in full.
  const refusing: Imports = new Proxy(lake.catalog, {
    get: (target, key) => (key === "importReady" ? () => hasGone.promise.then(() => false) : Reflect.get(target, key)),
  });
  process.once("worker", (worker) => worker.once("exit", () => setImmediate(hasGone.resolve)));
  const ending = (_: Imports, work: ImportWork) => importApart(refusing, work, { worth: 0, thread });
  await assert.rejects(importOf({ ...lake, importApart: ending }, commits), (error) =>
    isLakeError(error, "unavailable"),
  );
  assert.equal((await importOf(lake, commits)).version, COMMITS.length - 1);
  await end();
});

test("a folder that hangs: the import fails in time, and nobody waits for the thread", async () => {
  const { lake, end } = await open(SQLITE_ENGINE, 1);
  const table = writeLog("hanging", COMMITS.slice(0, 1));
  const pipe = join(table, "_delta_log", commitFileName(1));
  execFileSync("mkfifo", [pipe]);
  const commit = (version: number) => ({ name: commitFileName(version), version, size: 1, modifiedAt: NOW });
  const location = await toLocation(table);
  const request = { tableId: TABLE_ID, name: "t.hanging", location, plan: "test" };
  const progress = { ...(await lake.catalog.beginImport(request)), location };
  const work: ImportWork = {
    start: { segment: { version: 1, commits: [commit(0), commit(1)] } },
    progress,
    onProgress: () => {},
  };
  await assert.rejects(
    importApart(takingReady(lake.catalog), work, { worth: 0 }),
    (error) => isLakeError(error, "unavailable") && error.code === "STORAGE_SILENT",
  );
  assert.equal(stepsUnderWay(), 1, "who ends this program knows of it");
  // Somebody to read from: the step returns, and with it the thread.
  closeSync(openSync(pipe, "w"));
  while (stepsUnderWay() > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await end();
});

test("a small log, and a catalog that takes no ready rows, need no thread", async () => {
  const { lake, end } = await open(SQLITE_ENGINE, 1);
  const asked: boolean[] = [];
  const thread = new URL("data:text/javascript,process.exit(3)");
  for (const [takes, worth] of [
    [takingReady, undefined],
    [(catalog: Imports) => catalog, 0],
  ] as const) {
    const apart = async (catalog: Imports, work: ImportWork) => {
      asked.push(await importApart(takes(catalog), work, { thread, ...(worth === undefined ? {} : { worth }) }));
      return false;
    };
    const name = `t.small${asked.length}`;
    const table = writeLog(name, COMMITS.slice(0, 10));
    await importTable(
      { ...lake, clock: { ...lake.clock, newId: () => crypto.randomUUID() }, importApart: apart },
      {
        name,
        location: await toLocation(table),
        mode: "full-history",
      },
    );
  }
  assert.deepEqual(asked, [false, false]);
  await end();
});
