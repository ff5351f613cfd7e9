/** What every command gets: the settings from options, environment and file, the output, and a lake on demand. */

import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Command } from "commander";
import type { Config } from "../config.ts";
import { sqliteFile } from "../database-url.ts";
import { DEFAULT_CONFIG } from "../default-config.ts";
import type { TableRef } from "../delta/request.ts";
import { errorText, foundAt, invalid, isLakeError, type LakeError } from "../errors.ts";
import type { LocalLake, LocalLakeOptions } from "../lake/local.ts";
import { tableRef } from "../wire/table-ref.ts";
import { UsageError } from "./failure.ts";
import { lakeOptions } from "./lake-options.ts";
import { type OperatorNote, operatorNote } from "./operator-trail.ts";
import { type Format, Output } from "./output.ts";
import { settingsOf } from "./settings.ts";

export interface GlobalOptions {
  readonly database?: string;
  readonly config?: string;
  readonly format: Format;
}

export interface CommandContext {
  readonly config: Config;
  readonly output: Output;
  /** The database URL. @throws UsageError when none is given */
  database(): string;
  /** Opens the lake, runs `work`, closes it whatever happens. */
  withLake<T>(work: (lake: LocalLake, opened: Opened) => Promise<T>, options?: OpenOptions): Promise<T>;
}

export interface Opened {
  /** True when a catalog has been made where there was none. */
  readonly made: boolean;
}

export interface OpenOptions extends Omit<LocalLakeOptions, "database"> {
  /** May the database be missing? `schema` makes it and brings its schema up to date, `file` leaves the schema alone. */
  readonly create?: "schema" | "file";
}

type Work<O> = (
  context: CommandContext,
  options: O & GlobalOptions,
  args: readonly string[],
) => Promise<number | undefined>;

interface ActionOptions {
  readonly formats?: readonly Format[];
  /** True when the command reads a JSON or YAML document, in which the pointers of errors point. */
  readonly readsDocument?: boolean;
  /** `unread` for what tells of settings itself: it gets the defaults. */
  readonly settings?: "unread";
}

/** Makes a commander action of a command's work: its return value is the exit code. */
export function action<O>(
  work: Work<O>,
  { formats = ["text", "json"], readsDocument = false, settings }: ActionOptions = {},
) {
  return async (...all: unknown[]): Promise<void> => {
    const command = all.at(-1) as Command;
    const options = command.optsWithGlobals<O & GlobalOptions>();
    if (!formats.includes(options.format)) {
      throw new UsageError(`--format ${options.format} is not for dl ${command.name()}; use ${formats.join(" or ")}`);
    }
    const context = openContext(
      options,
      settings === "unread" ? DEFAULT_CONFIG : await settingsOf(options, process.env),
      operatorNote(command, unwritten),
    );
    try {
      process.exitCode = (await work(context, options, command.processedArgs as string[])) ?? 0;
    } catch (error) {
      throw isLakeError(error) && !readsDocument ? withoutPointer(error) : error;
    }
  };
}

/** A pointer into a request means nothing to who has typed options; a file and line does. */
function withoutPointer(error: LakeError): LakeError {
  return error.at?.startsWith("/") ? foundAt(error, undefined) : error;
}

/** The deed is done: its exit code stays. */
function unwritten(error: unknown): void {
  process.stderr.write(`dl: this was done, and could not be written down in the audit trail: ${errorText(error)}\n`);
}

function openContext(options: GlobalOptions, config: Config, note: OperatorNote | undefined): CommandContext {
  const output = new Output(options.format);
  // How S3 is reached is in the environment, as the SDK has it: so threads know it, too.
  const { encryption } = config.storage;
  if (encryption.length > 0) process.env.STORAGE_ENCRYPTION = encryption.join();
  const database = () => {
    const { url } = config.database;
    if (url) return url;
    throw new UsageError("no database is given: use --database FILE_OR_URL, DATABASE_URL, or database.url in --config");
  };
  return {
    config,
    output,
    database,
    async withLake(work, { create, ...rest } = {}) {
      const url = database();
      if (create !== undefined) checkWritable(url);
      let made = !databaseExists(url);
      const { openLocalLake } = await import("../lake/local.ts");
      const lake = await openLocalLake({
        ...lakeOptions(config),
        missing: create === undefined ? "refuse" : "make",
        ...rest,
        database: url,
      });
      try {
        if (create === "schema") made ||= (await lake.catalog.migrate()).applied.includes(FIRST_MIGRATION);
        const result = await work(lake, { made });
        await note?.write(lake, { result });
        return result;
      } catch (error) {
        await note?.write(lake, { error });
        throw error;
      } finally {
        await lake.close();
      }
    },
  };
}

/** Whoever has run it has made the catalog. */
const FIRST_MIGRATION = "0001-initial";

/** False for a file that is not there, or empty; servers are asked when they are needed. */
export function databaseExists(url: string): boolean {
  const file = sqliteFile(url);
  return file === undefined || (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** SQLite opens what it cannot write, too, and would say so at the first commit only. */
function checkWritable(url: string): void {
  const file = sqliteFile(url);
  if (file === undefined) return;
  for (const path of [file, dirname(file)]) {
    try {
      if (existsSync(path)) accessSync(path, constants.W_OK);
    } catch (error) {
      throw invalid(`the database ${file} cannot be written: this user may not write ${path}`, {
        code: "DATABASE_READ_ONLY",
        hint: "SQLite writes the file and its folder: give this user the right to both.",
        cause: error,
      });
    }
  }
}

/** The table that `--table` or `--table-id` names. @throws UsageError */
export function oneTable(options: { readonly table?: string; readonly tableId?: string }): TableRef {
  const { table, tableId } = options;
  if (table !== undefined && tableId !== undefined) throw new UsageError("give --table or --table-id, not both");
  const text = tableId ?? table;
  if (text === undefined) throw new UsageError("no table is given: use --table namespace.name or --table-id UUID");
  return tableRef(text);
}

/** Adds the two options that name a table. */
export function withTableOptions(command: Command): Command {
  return command
    .option("--table <name>", "the table by its name, namespace.name")
    .option("--table-id <uuid>", "the table by its id");
}
