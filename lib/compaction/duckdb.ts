/** One DuckDB in a folder of its own, for one piece of work: it sees the files there and nothing else, and holds bounded memory. */

import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { errorText, invalid, isLakeError, unavailable } from "../errors.ts";

export interface Session {
  run(statement: string): Promise<void>;
  /** The first row, by the names of its columns. Whatever is no text is what DuckDB's package makes of it. */
  row(statement: string): Promise<Readonly<Record<string, unknown>>>;
  rows(statement: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Makes a table with one column `row`. */
  numbers(table: string, values: Iterable<number>): Promise<void>;
  close(): void;
}

/** DuckDB takes in so many at once. */
const APPEND_AT_ONCE = 100_000;

/** @throws LakeError invalid where the package is not installed */
export async function openSession(folder: string, memoryMib: number): Promise<Session> {
  const { DuckDBInstance } = await load();
  const instance = await DuckDBInstance.create(join(folder, "rows.duckdb"), {
    // Nothing is fetched from anywhere.
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    memory_limit: `${memoryMib}MiB`,
    threads: "2",
    temp_directory: join(folder, "spilled"),
  });
  const connection = await instance.connect();
  const session = sessionOn(connection, () => {
    connection.closeSync();
    instance.closeSync();
  });
  await session.run(`set allowed_directories = [${quoted(folder)}]`);
  await session.run("set enable_external_access = false");
  // Times without a zone in old files are of UTC.
  await session.run("set TimeZone = 'UTC'");
  return session;
}

function sessionOn(connection: DuckDBConnection, close: () => void): Session {
  const rows: Session["rows"] = (statement) =>
    translated(async () => (await connection.runAndReadAll(statement)).getRowObjectsJS());
  return {
    run: (statement) => translated(async () => void (await connection.run(statement))),
    rows,
    row: async (statement) => (await rows(statement))[0] ?? {},
    numbers: (table, values) =>
      translated(async () => {
        await connection.run(`create table ${table} ("row" bigint)`);
        const appender = await connection.createAppender(table);
        let waiting = 0;
        for (const value of values) {
          appender.appendBigInt(BigInt(value));
          appender.endRow();
          waiting += 1;
          if (waiting % APPEND_AT_ONCE === 0) appender.flushSync();
        }
        appender.closeSync();
      }),
    close,
  };
}

async function load(): Promise<typeof import("@duckdb/node-api")> {
  try {
    return await import("@duckdb/node-api");
  } catch (cause) {
    throw invalid(
      "compaction needs the package @duckdb/node-api, which is not installed or has no binary for this system",
      {
        code: "COMPACTION_UNAVAILABLE",
        hint: "Install it (`npm install @duckdb/node-api`), or let an engine carry out `dl compact --plan`.",
        cause,
      },
    );
  }
}

/** What DuckDB refuses will be refused again, unless it ran out of memory or disk. Its messages begin with the kind of error. */
async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isLakeError(error)) throw error;
    const text = errorText(error).split("\n")[0] ?? "";
    if (/^(IO|Out of Memory) Error/.test(text)) {
      throw unavailable(`DuckDB could not do its work: ${text}`, {
        hint: "It needs room for the files of one group in the folder for temporary files (TMPDIR).",
        cause: error,
      });
    }
    throw invalid(`DuckDB cannot write these files anew: ${text}`, { code: "REWRITE_REFUSED", cause: error });
  }
}

/** As a string in SQL. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** As a name in SQL. */
export function named(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
