/** Every way in which a database becomes older than it was while its URL stays the same, by the real means of each engine. */

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { startProxy, type Proxy as TcpProxy } from "../silence/proxy.ts";
import { dataApiUrl } from "./catalog-engines.ts";
import { startDataApi } from "./data-api/emulator.ts";
import { type OwnPostgres, startOwnPostgres } from "./own-postgres.ts";

/** A database at one address, which can be saved and set back. */
export interface Site {
  /** Catalog URLs of the same database, one for each engine that it is reached by. */
  readonly urls: readonly string[];
  /** Keeps what it holds now. */
  save(): Promise<string>;
  /** What was kept then is what is there now. */
  setBack(saved: string): Promise<void>;
  drop(): Promise<void>;
}

export interface Way {
  readonly name: string;
  /** True: the servers are stopped while it happens. */
  readonly isBetweenServers?: true;
  /** How a server that had the database open refuses, where it cannot go on without a restart. */
  readonly running?: "DATABASE_CHANGED";
  open(): Promise<Site>;
}

// ---------------------------------------------------------------- SQLite

/** Puts a saved file in the place of the database. */
type Replace = (saved: string, path: string) => Promise<void> | void;

function sqliteSite(replace: Replace): () => Promise<Site> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), "dl-older-"));
    const path = join(folder, "catalog.sqlite");
    let saves = 0;
    return {
      urls: [path],
      async save() {
        saves += 1;
        const saved = join(folder, `saved-${saves}.sqlite`);
        onFile(path, (db) => db.exec(`vacuum into '${saved}'`));
        return saved;
      },
      setBack: async (saved) => replace(saved, path),
      drop: async () => rmSync(folder, { recursive: true, force: true }),
    };
  };
}

function onFile<T>(path: string, work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path);
  try {
    return work(db);
  } finally {
    db.close();
  }
}

function replaceTables(saved: string, path: string): void {
  onFile(path, (db) => {
    db.exec(`attach '${saved}' as saved; begin immediate`);
    const made = db.prepare("select type, name, sql from saved.sqlite_schema where sql is not null").all();
    for (const { name } of made.filter(({ type }) => type === "table")) db.exec(`drop table "${name}"`);
    for (const { sql } of made) db.exec(String(sql));
    for (const { name } of made.filter(({ type }) => type === "table")) {
      db.exec(`insert into main."${name}" select * from saved."${name}"`);
    }
    db.exec("commit");
  });
}

export const SQLITE_WAYS: readonly Way[] = [
  {
    name: "SQLite: a backup is copied over the file while no server runs",
    isBetweenServers: true,
    open: sqliteSite((saved, path) => copyFileSync(saved, path)),
  },
  {
    name: "SQLite: a backup is moved into the place of the file under running servers",
    running: "DATABASE_CHANGED",
    open: sqliteSite((saved, path) => {
      copyFileSync(saved, `${path}.new`);
      for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
      renameSync(`${path}.new`, path);
    }),
  },
  {
    name: "SQLite: .restore under running servers",
    open: sqliteSite(async (saved, path) => {
      const source = new DatabaseSync(saved);
      await backup(source, path);
      source.close();
    }),
  },
  { name: "SQLite: tables are made anew from a dump under running servers", open: sqliteSite(replaceTables) },
];

// ---------------------------------------------------------------- PostgreSQL

interface Servers {
  /** One for all sites, each of which makes its database anew. */
  readonly main: OwnPostgres;
  /** Whom clients reach. */
  readonly proxy: TcpProxy;
  readonly others: OwnPostgres[];
}

/** What changes the database `lake` of these servers into what was saved. */
type SetBack = (servers: Servers, saved: string) => Promise<void> | void;

async function openPostgresSite(main: OwnPostgres, save: Save, setBack: SetBack): Promise<Site> {
  const commands = ["drop database if exists lake with (force)", "create database lake"];
  main.run("psql", [...on(main, "postgres"), "-q", ...commands.flatMap((command) => ["-c", command])]);
  const proxy = await startProxy({ host: "127.0.0.1", port: main.port });
  const servers: Servers = { main, proxy, others: [] };
  const url = `postgresql://postgres@127.0.0.1:${proxy.port}/lake`;
  const emulator = await startDataApi(url);
  process.env.AWS_ACCESS_KEY_ID ??= "test";
  process.env.AWS_SECRET_ACCESS_KEY ??= "test";
  return {
    urls: [url, dataApiUrl(url, emulator.endpoint)],
    save: async () => save(servers),
    setBack: async (saved) => setBack(servers, saved),
    async drop() {
      await emulator.close();
      await proxy.close();
      for (const server of servers.others) await server.drop();
    },
  };
}

type Save = (servers: Servers) => Promise<string> | string;

const on = (server: OwnPostgres, database = "lake") => ["-d", server.url.replace(/postgres$/, database)];

const dump = ({ main }: Servers): string => main.run("pg_dump", [...on(main), "--clean", "--if-exists"]);
const dumpRows = ({ main }: Servers): string => main.run("pg_dump", [...on(main), "--data-only"]);

/** In one transaction. */
function play(server: OwnPostgres, script: string, database?: string): void {
  server.run("psql", [...on(server, database), "-q", "-1", "-v", "ON_ERROR_STOP=1"], script);
}

const EMPTY_ALL = (how: "truncate" | "delete from") => `do $$ declare name text; begin
  for name in select tablename from pg_tables where tablename like 'dl\\_%' loop execute '${how} ' || name; end loop;
end $$;\n`;

const RENAMED = `alter database lake rename to lake_before`;

/** @param main started by the first site; the caller's to drop */
export function postgresWays(programs: string, main: () => Promise<OwnPostgres>): readonly Way[] {
  const way = (name: string, setBack: SetBack, save: Save = dump): Way => ({
    name: `PostgreSQL and Data API: ${name}`,
    open: async () => openPostgresSite(await main(), save, setBack),
  });
  let copies = 0;
  return [
    way("a database is dropped, made anew and filled from a dump", ({ main }, saved) => {
      main.run("psql", [
        ...on(main, "postgres"),
        "-q",
        "-c",
        "drop database lake with (force)",
        "-c",
        "create database lake",
      ]);
      play(main, saved);
    }),
    way("a restored database is renamed into its place", ({ main }, saved) => {
      main.run("psql", [...on(main, "postgres"), "-q", "-c", "create database lake_restored"]);
      play(main, saved, "lake_restored");
      const end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'lake'";
      const commands = [
        "drop database if exists lake_before",
        end,
        RENAMED,
        "alter database lake_restored rename to lake",
      ];
      main.run("psql", [...on(main, "postgres"), "-q", ...commands.flatMap((command) => ["-c", command])]);
    }),
    way("pg_restore --clean into the running database", ({ main }, saved) => play(main, saved)),
    way(
      "tables are emptied, and rows put back",
      ({ main }, saved) => play(main, EMPTY_ALL("truncate") + saved),
      dumpRows,
    ),
    way("rows are deleted, and put back", ({ main }, saved) => play(main, EMPTY_ALL("delete from") + saved), dumpRows),
    way("another cluster comes behind the name", async ({ others, proxy }, saved) => {
      const other = await startOwnPostgres(programs);
      others.push(other);
      other.run("psql", [...on(other, "postgres"), "-q", "-c", "create database lake"]);
      play(other, saved);
      proxy.redirect({ host: "127.0.0.1", port: other.port });
    }),
    way(
      "a failover to a late replica",
      async ({ others, proxy }, saved) => {
        const replica = others[Number(saved)];
        if (replica === undefined) throw new Error("no such replica");
        replica.run("psql", [...on(replica, "postgres"), "-q", "-c", "select pg_promote()"]);
        proxy.redirect({ host: "127.0.0.1", port: replica.port });
      },
      async ({ main, others }) => {
        const replica = await startOwnPostgres(programs, { copyOf: main });
        return String(others.push(replica) - 1);
      },
    ),
    way(
      "the server is started on an older copy of its disk",
      async ({ main }, saved) => {
        await main.stop();
        rmSync(main.data, { recursive: true });
        execFileSync("cp", ["-a", saved, main.data]);
        await main.start();
      },
      async ({ main }) => {
        await main.stop();
        copies += 1;
        const copy = `${main.data}-${copies}`;
        execFileSync("cp", ["-a", main.data, copy]);
        await main.start();
        return copy;
      },
    ),
  ];
}
