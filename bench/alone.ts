/**
 * Where the time of one writer alone goes, ten files a commit: processor time of each process and thread that a commit passes (Linux alone,
 * by /proc, in steps of 10 ms), and what its rows take by themselves. `node bench/alone.ts [--commits N] [--postgres URL]`; Markdown tables.
 */

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import type { Call } from "./calls.ts";
import { endMisused, readOptions } from "./options.ts";
import { reachPostgres, wrongPostgres } from "./postgres-url.ts";
import { startServer } from "./serve.ts";
import { startBareServer } from "./suite/bare-server.ts";
import { openEmbedded } from "./suite/embedded.ts";
import { type Engine, enginesOf } from "./suite/engines.ts";
import { medianOf } from "./suite/floor.ts";
import { addFile, inTemporaryFolder, machine, markdownTable, progress } from "./support.ts";

const PROGRAM = {
  run: "node bench/alone.ts",
  about: "Where the time of one writer alone goes, ten files a commit.",
  options: {
    commits: { count: 2000, what: "that are measured, after half as many" },
    postgres: { text: "URL", what: "this server of this machine, too; databases are made there", check: wrongPostgres },
  },
} as const;
const { values } = readOptions(PROGRAM);
const { commits, postgres } = values;

const FILES = 10;
const TICK_MS = 10;

/** Milliseconds of processor time. @param of a process, or `PID/task/TID` */
function processorMs(of: string | number): number {
  // After the name, which may hold anything: user time is the 12th field, the system's the 13th.
  const fields = readFileSync(`/proc/${of}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

interface Row {
  readonly [column: string]: string | number;
}

/** @param used milliseconds so far, by who */
async function measured(
  head: Row,
  used: () => Promise<Readonly<Record<string, number>>>,
  commit: (n: number) => Promise<void>,
): Promise<Row> {
  await medianOf(commits / 2, commit);
  const before = await used();
  const p50 = await medianOf(commits, (n) => commit(commits / 2 + n));
  const after = await used();
  const each = Object.entries(after).map(([who, ms]) => [who, ((ms - (before[who] ?? 0)) / commits).toFixed(2)]);
  return { ...head, "p50 ms": p50.toFixed(3), ...Object.fromEntries(each) };
}

const adds = () => Array.from({ length: FILES }, (_, n) => ({ add: addFile(n) }));
const madeBefore = <T>(make: () => T): readonly T[] => Array.from({ length: 2 * commits }, make);

/** Of all that are connected to a database. */
async function backendsMs(client: pg.Client | undefined): Promise<number> {
  if (client === undefined) return 0;
  const { rows } = await client.query<{ pid: number }>(
    "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
  );
  return rows.reduce((sum, { pid }) => sum + processorMs(pid), 0);
}

async function connected(engine: Engine, database: string): Promise<pg.Client | undefined> {
  if (engine.name === "SQLite") return undefined;
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  return client;
}

async function inProcess(engine: Engine): Promise<{ readonly row: Row; readonly database: string }> {
  const { database } = await engine.database();
  const embedded = await openEmbedded(database);
  const client = await connected(engine, database);
  const made = madeBefore(adds);
  const used = async () => {
    const { user, system } = process.cpuUsage();
    return { caller: (user + system) / 1000, server: 0, "its other threads": 0, database: await backendsMs(client) };
  };
  const row = await measured({ engine: engine.name, how: "in process" }, used, (n) => embedded.commit(made[n] ?? []));
  await client?.end();
  await embedded.close();
  return { row, database };
}

async function overHttp(engine: Engine): Promise<Row> {
  const { database, folder } = await engine.database();
  const server = await startServer({ database, folder, connections: 1 });
  const client = await connected(engine, database);
  const [tableId] = await server.createTables(1);
  const row = await called({ engine: engine.name, how: "over HTTP" }, server.call, server.pid, tableId, client);
  await client?.end();
  await server.close();
  return row;
}

async function called(head: Row, call: Call, pid: number, tableId = "", client?: pg.Client): Promise<Row> {
  const part = () => ({ tableId, readVersion: 0, actions: adds() });
  const made = madeBefore(() => JSON.stringify({ transactionId: randomUUID(), tables: [part()] }));
  const used = async () => {
    const { user, system } = process.cpuUsage();
    const server = processorMs(`${pid}/task/${pid}`);
    const others = processorMs(pid) - server;
    return { caller: (user + system) / 1000, server, "its other threads": others, database: await backendsMs(client) };
  };
  return measured(head, used, async (n) => {
    const { status, text } = await call("POST", "/v1/commits", made[n]);
    if (status !== 201) throw new Error(`${status} ${text}`);
  });
}

/** Milliseconds of a transaction that adds as many rows of files as a commit does, copies of its first version's, and nothing else. */
async function rowsAlone(engine: Engine, database: string): Promise<Row> {
  const head = { engine: engine.name, what: "ten rows of files and their indexes, no more" };
  const copy = (columns: readonly string[], version: string, key: string) => {
    const others = columns.filter((name) => !["added_version", "path_key"].includes(name)).join(", ");
    return `insert into dl_files (added_version, path_key, ${others})
      select ${version}, ${key}, ${others} from dl_files
      where table_id = (select table_id from dl_tables) and added_version = 1`;
  };
  const versionOf = (n: number) => 1_000_000 + n;
  if (engine.name === "SQLite") {
    const db = new DatabaseSync(database);
    db.exec("pragma synchronous = full");
    const columns = db.prepare("select * from dl_files").columns();
    const insert = db.prepare(
      copy(
        columns.map(({ name }) => name),
        "?",
        "randomblob(16)",
      ),
    );
    const ms = await medianOf(commits, async (n) => void insert.run(versionOf(n)));
    db.close();
    return { ...head, "p50 ms": ms.toFixed(3) };
  }
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  const { fields } = await client.query("select * from dl_files limit 0");
  const text = copy(
    fields.map(({ name }) => name),
    "$1::bigint",
    "gen_random_uuid()",
  );
  const ms = await medianOf(commits, (n) => client.query({ name: "rows", text, values: [versionOf(n)] }));
  await client.end();
  return { ...head, "p50 ms": ms.toFixed(3) };
}

async function floorOf(engine: Engine): Promise<Row> {
  const floor = await engine.floor();
  await floor.latency(commits / 2, FILES);
  const ms = await floor.latency(commits, FILES);
  await floor.close();
  return { engine: engine.name, what: "the floor: one row of the bytes, one head", "p50 ms": ms.toFixed(3) };
}

if (postgres !== undefined) await reachPostgres(postgres).catch((error) => endMisused(PROGRAM, error));
await inTemporaryFolder(async (folder) => {
  const [whole, parts]: [Row[], Row[]] = [[], []];
  const context = { folder, files: 0, loadMs: 0, ...(postgres === undefined ? {} : { postgres }) };
  for await (const engine of enginesOf(context)) {
    progress(`${engine.name}: in process`);
    const { row, database } = await inProcess(engine);
    progress(`${engine.name}: over HTTP`);
    whole.push(row, await overHttp(engine));
    progress(`${engine.name}: rows alone, and the floor`);
    parts.push(await rowsAlone(engine, database), await floorOf(engine));
  }
  const bare = await startBareServer();
  whole.push(await called({ engine: "none", how: "a bare server of Node" }, bare.call, bare.pid));
  await bare.close();
  console.log(`Processor time of a commit of ${FILES} files, ms\n\n${markdownTable(whole)}\n`);
  console.log(`What a transaction takes, ms\n\n${markdownTable(parts)}\n\n${machine()}`);
});
