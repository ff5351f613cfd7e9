/**
 * Clients of the API and delta-rs write the same two tables at once: the clients with transactions over both, delta-rs through the gateway.
 * What is left is judged as every history is, and by rows: each that was acknowledged is there once, with every mark that it was given.
 */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { startDl } from "../../cli/run.ts";
import { LakeClient, newRecord, pause, type Recorded, type WireFile } from "../../isolation/checker/lake-client.ts";
import { readCommits, versionOf } from "../../isolation/checker/versions.ts";
import { type Attempt, type History, recordAnomalies, type Version } from "../../isolation/history.ts";
import { orderAnomalies } from "../../isolation/order.ts";
import { refereeAnomalies } from "../../isolation/referee.ts";
import { seeded } from "../../support/random.ts";
import { type Engines, openEngines } from "./engines.ts";
import { openWriter, type Writer } from "./gateway-writers.ts";

export interface MixedOptions {
  /** The folder that `setup.sh` prints. */
  readonly cache: string;
  /** Has the settings of delta-rs. */
  readonly document: string;
  readonly seed: number;
  /** Processes of delta-rs, and what each does. */
  readonly engines: number;
  readonly steps: number;
  /** Clients of the API: they go on until delta-rs is done. */
  readonly clients: number;
}

export interface MixedSummary {
  /** Versions of both tables by those who made them. */
  readonly versions: { readonly api: number; readonly engines: number };
  readonly refused: { readonly api: number; readonly engines: number };
  readonly rows: number;
  readonly anomalies: readonly string[];
}

const TABLES = ["lake.a", "lake.b"] as const;
const READERS = ["delta-rs", "DuckDB"] as const;
const FIELDS = ["long", "string"].map((type, i) => ({
  name: "iv"[i] === "i" ? "id" : "v",
  type,
  nullable: true,
  metadata: {},
}));
/** Ids of rows that clients of the API append; those of engines are below. */
const API_IDS = 1_000_000;

/** What must be left: marks by id; undefined for a row that was deleted. */
type Expected = Map<number, number | undefined>;

interface World {
  readonly storage: string;
  readonly record: Recorded;
  readonly expected: Expected;
  readonly refused: { api: number; engines: number };
  /** That engines have done. */
  steps: number;
}

/** @throws Error with what an engine said that was no conflict */
export async function runMixed(options: MixedOptions): Promise<MixedSummary> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-mixed-")));
  const storage = join(folder, "tables");
  const world: World = { storage, record: newRecord(), expected: new Map(), refused: { api: 0, engines: 0 }, steps: 0 };
  const server = await startServer(join(folder, "catalog.sqlite"), storage);
  const readers = await openEngines(options.cache);
  const writers: Writer[] = [];
  try {
    const random = seeded(options.seed);
    const client = () => new LakeClient([server.url], storage, world.record, seeded(Math.floor(random() * 2 ** 32)));
    for (let i = 0; i < options.engines; i += 1) {
      writers.push(openWriter({ ...options, endpoint: server.gateway.replace("http://", "") }));
    }
    for (const [i, table] of TABLES.entries()) {
      await writers[0]?.ask({ engine: "delta-rs", what: "create", table: pathOf(table), with: [[[i, ""]]] });
      world.expected.set(i, 0);
    }
    let busy = writers.length;
    const engines = writers.map(async (writer, i) => {
      await writeAsEngine(writer, world, {
        first: (i + 1) * 10_000,
        steps: options.steps,
        random: seeded(options.seed + i),
      });
      busy -= 1;
    });
    const clients = Array.from({ length: options.clients }, async (_, i) => {
      const mine = client();
      for (let id = API_IDS * (i + 1); busy > 0; id += 2) {
        const { steps } = world;
        await writeAsClient(mine, world, { readers, id });
        // Clients are ten times as fast, and engines would lose to them for ever: so each waits for a step of theirs.
        while (busy > 0 && world.steps === steps) await pause(10);
      }
    });
    await Promise.all([...engines, ...clients]);
    return await judge(client(), world, readers);
  } finally {
    for (const writer of writers) await writer.close();
    await readers.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const pathOf = (table: string) => table.split(".")[1] as string;

async function startServer(database: string, storage: string) {
  const quiet = ["--parity-interval-seconds", "0", "--sweep-interval-seconds", "1"];
  const args = ["serve", "--database", database, "--storage", storage, "--port", "0", "--gateway-port", "0", ...quiet];
  const child: ChildProcess = startDl([...args, "--format", "json"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { LOG_LEVEL: "error" },
  });
  if (child.stdout === null) throw new Error("the server has no output");
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const { url, gateway } = JSON.parse(line) as { readonly url: string; readonly gateway: string };
  return {
    url,
    gateway,
    async close() {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

/** What delta-rs says when it has lost, and has written nothing. */
const LOST = /CommitFailedError|[Cc]onflict|[Cc]oncurrent|number of attempts/;

async function writeAsEngine(
  writer: Writer,
  world: World,
  { first, steps, random }: { readonly first: number; readonly steps: number; readonly random: () => number },
): Promise<void> {
  const { expected, refused } = world;
  const mine: number[] = [];
  const ask = async (what: string, table: string, given: readonly unknown[]) => {
    try {
      return (await writer.ask({ engine: "delta-rs", what, table, with: given })).count ?? 0;
    } catch (error) {
      if (!(error instanceof Error && LOST.test(error.message))) throw error;
      refused.engines += 1;
      return undefined;
    }
  };
  for (let step = 0; step < steps; step += 1, world.steps += 1) {
    const table = random() < 0.5 ? "a" : "b";
    const chance = random();
    const id = mine[Math.floor(random() * mine.length)];
    if (id === undefined || chance < 0.4) {
      // Appends of delta-rs lose to removed files, too; its user tries again.
      while ((await ask("append", table, [[[first + step, ""]]])) === undefined);
      mine.push(first + step);
      expected.set(first + step, 0);
    } else if (chance < 0.75) {
      // Where the row is just now is not known: one table finds it, the other none.
      const marks = await ask("mark", table, [id]);
      const before = expected.get(id);
      if (before !== undefined) expected.set(id, before + (marks ?? 0));
    } else if (chance < 0.9) {
      if (((await ask("delete", table, [id])) ?? 0) === 0) continue;
      expected.set(id, undefined);
      mine.splice(mine.indexOf(id), 1);
    } else await ask("optimize", table, []);
  }
}

async function writeAsClient(
  client: LakeClient,
  { storage, expected, refused }: World,
  { readers, id }: { readonly readers: Engines; readonly id: number },
): Promise<void> {
  const snapshot = await client.snapshot(TABLES);
  const versions = TABLES.map((table) => snapshot.tables.get(table)?.version ?? 0);
  const place = (table: string, path: string) => join(storage, ...table.split("."), path);
  if (client.random() < 0.4) {
    const files = TABLES.map((table, i) => ({ table, id: id + i, path: `api-${crypto.randomUUID()}.parquet` }));
    const made = await readers.make(
      files.map(({ table, path, id }) => ({ path: place(table, path), fields: FIELDS, rows: [{ id, v: "" }] })),
    );
    const { committed } = await client.commit(
      files.map(({ table, path }, i) => ({
        table,
        readVersion: versions[i] ?? 0,
        reads: {},
        adds: [{ path, size: made[i]?.size ?? 0 }],
      })),
    );
    if (committed) for (const { id } of files) expected.set(id, 0);
    return;
  }
  // A file moves from one table into the other: its rows are in one of them at every moment.
  const from = client.random() < 0.5 ? 0 : 1;
  const [source, target] = [TABLES[from], TABLES[1 - from]] as [string, string];
  const files = snapshot.tables.get(source)?.files ?? [];
  if (files.length === 0) return await pause(20);
  const { path, size, stats } = client.pick<WireFile>(files);
  const moved = `moved-${crypto.randomUUID()}.parquet`;
  copyFileSync(place(source, path), place(target, moved));
  const { committed } = await client.commit([
    { table: source, readVersion: versions[from] ?? 0, reads: { files: [path] }, removes: [{ path }] },
    {
      table: target,
      readVersion: versions[1 - from] ?? 0,
      reads: {},
      adds: [{ path: moved, size: size ?? 0, ...(stats === undefined ? {} : { stats }) }],
    },
  ]);
  if (!committed) refused.api += 1;
}

async function judge(client: LakeClient, world: World, readers: Engines): Promise<MixedSummary> {
  const { record, expected } = world;
  const history = new Map<string, Version[]>();
  for (const table of TABLES) history.set(table, (await readCommits(client, table)).map(versionOf));
  const ours = new Set(record.attempts.map(({ transactionId }) => transactionId));
  const theirs = [...history].flatMap(([table, versions]) => byEngines(table, versions, ours));
  const attempts = [...record.attempts, ...theirs];
  const anomalies = [
    ...record.anomalies,
    ...recordAnomalies(history, attempts),
    ...refereeAnomalies(history, attempts),
    ...orderAnomalies(history, record.observations),
  ];
  await mirrored(client, history);
  const rows = [...expected]
    .flatMap(([id, marks]) => (marks === undefined ? [] : [`${id} ${"x".repeat(marks)}`]))
    .sort();
  for (const reader of READERS) {
    const found: string[] = [];
    for (const table of TABLES) {
      const read = await readers.read(reader, join(world.storage, ...table.split(".")));
      if ("refused" in read) anomalies.push(`${reader} refuses ${table}: ${read.refused}`);
      else found.push(...read.rows.map(({ id, v }) => `${id} ${v}`));
    }
    anomalies.push(...differences(rows, found.sort()).map((what) => `${reader}: ${what}`));
  }
  const versions = [...history.values()].flat().filter(({ version }) => version > 0);
  const api = versions.filter(({ transactionId }) => ours.has(transactionId)).length;
  return {
    versions: { api, engines: versions.length - api },
    refused: world.refused,
    rows: rows.length,
    anomalies,
  };
}

/** An engine has judged by what it saw: the version before its own. */
function byEngines(table: string, versions: readonly Version[], ours: ReadonlySet<string>): Attempt[] {
  return versions
    .filter(({ version, transactionId }) => version > 0 && !ours.has(transactionId))
    .map(({ version, transactionId, adds, removes, appIds, changesMetadata, isBlindAppend }) => ({
      transactionId,
      answers: [],
      refusals: [],
      parts: [
        {
          table,
          readVersion: version - 1,
          level: "Serializable" as const,
          reads: { wholeTable: !isBlindAppend },
          ...{ adds, removes, appIds, changesMetadata },
        },
      ],
    }));
}

async function mirrored(client: LakeClient, history: History): Promise<void> {
  for (const [table, versions] of history) {
    while (Number((await client.read(`/v1/tables/${table}`)).mirroredVersion) < versions.length - 1) await pause(50);
  }
}

function differences(wanted: readonly string[], found: readonly string[]): string[] {
  const left = [...found];
  const missing = wanted.filter((row) => {
    const at = left.indexOf(row);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  return [...missing.map((row) => `lost: ${row}`), ...left.map((row) => `too much: ${row}`)];
}
