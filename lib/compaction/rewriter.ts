/** Writes many data files anew as one, with DuckDB: rows pass through a folder for temporary files, memory is bounded. */

import { createReadStream } from "node:fs";
import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AddFile } from "../delta/actions.ts";
import { materializedColumns } from "../delta/checks/rewritable.ts";
import { keyInTable } from "../delta/files/file-places.ts";
import type { TableConfiguration } from "../delta/table-configuration.ts";
import { corrupt } from "../errors.ts";
import type { FileRewriter, ObjectStore, RewriteJob, RewrittenFile } from "../ports.ts";
import { type DataColumn, dataColumns } from "./columns.ts";
import { deletedRows } from "./deleted-rows.ts";
import { named, openSession, quoted, type Session } from "./duckdb.ts";
import { statisticsOf } from "./statistics.ts";

/** Read from a store at once. */
const SLICE_BYTES = 8 * 1024 ** 2;
const MEMORY_MIB = 1024;

/** What a codec of `delta.parquet.compression.codec` is called here; the default is Spark's. */
const CODECS: Readonly<Record<string, string>> = { none: "uncompressed", lz4: "lz4_raw", lzo: "snappy" };

export interface RewriterOptions {
  /** The store of a table, rooted at its location. */
  readonly openStore: (location: string) => ObjectStore;
  readonly memoryMib?: number;
}

export function openRewriter({ openStore, memoryMib = MEMORY_MIB }: RewriterOptions): FileRewriter {
  return {
    async rewrite(job) {
      const folder = await mkdtemp(join(tmpdir(), "dl-compact-"));
      let session: Session | undefined;
      try {
        session = await openSession(folder, memoryMib);
        return await rewriteIn(folder, session, openStore(job.location), job);
      } finally {
        session?.close();
        await rm(folder, { recursive: true, force: true });
      }
    },
    async discard({ location, key }) {
      await openStore(location).remove([key]);
    },
  };
}

async function rewriteIn(
  folder: string,
  session: Session,
  store: ObjectStore,
  { location, table, files, key }: RewriteJob,
): Promise<RewrittenFile | undefined> {
  const columns = dataColumns(table);
  await session.run(`create table rows (${columns.map(({ name, type }) => `${named(name)} ${type}`).join(", ")})`);
  for (const file of files) await takeIn(folder, session, store, { location, table, columns, file });
  const { n } = await session.row("select cast(count(*) as varchar) as n from rows");
  if (n === "0") return undefined;
  const out = join(folder, "out.parquet");
  const ids = columns.flatMap(({ name, fieldIds }) => (fieldIds === undefined ? [] : [`${named(name)}: ${fieldIds}`]));
  const codec = table.properties["delta.parquet.compression.codec"] ?? "snappy";
  const options = [
    "format parquet",
    `compression ${quoted(CODECS[codec] ?? codec)}`,
    ...(ids.length > 0 ? [`field_ids {${ids.join(", ")}}`] : []),
  ];
  await session.run(`copy rows to ${quoted(out)} (${options.join(", ")})`);
  const stats = await statisticsOf(session, table);
  const { size } = await stat(out);
  const outcome = await store.putIfAbsent(key, createReadStream(out));
  if (outcome !== "created") throw corrupt(`there is a file "${key}" already, and its name was made for a new one`);
  return { size, stats };
}

interface Source {
  readonly location: string;
  readonly table: TableConfiguration;
  readonly columns: readonly DataColumn[];
  readonly file: AddFile;
}

/** Puts the rows of one file that are not deleted behind those that are there, in their order. */
async function takeIn(folder: string, session: Session, store: ObjectStore, source: Source): Promise<void> {
  const { location, table, columns, file } = source;
  const copy = join(folder, "in.parquet");
  await download(store, location, file, copy);
  const from = `read_parquet(${quoted(copy)}, file_row_number = true, hive_partitioning = false)`;
  const described = await session.rows(`describe select * from ${from}`);
  const there = new Set(described.map(({ column_name: name }) => String(name)));
  const kept = keptIds(table, file, there);
  const selected = columns.map(({ name, type }) => {
    const own = kept.get(name) ?? (there.has(name) ? named(name) : "null");
    return `cast(${own} as ${type})`;
  });
  // A join keeps no order, a scan does.
  let which = "";
  if (file.deletionVector) {
    await session.numbers("deleted", await deletedRows(store, location, file));
    which = 'where file_row_number not in (select "row" from deleted) order by file_row_number';
  }
  await session.run(`insert into rows select ${selected.join(", ")} from ${from} ${which}`);
  if (which !== "") await session.run("drop table deleted");
  await rm(copy);
}

/** PROTOCOL.md, "Row Tracking": a row that moves keeps its id and the version that last changed it, in columns of the file. */
function keptIds(table: TableConfiguration, file: AddFile, there: ReadonlySet<string>): ReadonlyMap<string, string> {
  const kept = materializedColumns(table);
  if (kept === undefined) return new Map();
  const { path, baseRowId, defaultRowCommitVersion } = file;
  if (baseRowId === undefined || defaultRowCommitVersion === undefined) {
    throw corrupt(`the table tracks rows, and "${path}" has no baseRowId or no defaultRowCommitVersion`, {
      facts: { path },
    });
  }
  const first = (name: string, otherwise: string) =>
    there.has(name) ? `coalesce(${named(name)}, ${otherwise})` : otherwise;
  return new Map([
    [kept.rowId, first(kept.rowId, `${baseRowId} + file_row_number`)],
    [kept.commitVersion, first(kept.commitVersion, String(defaultRowCommitVersion))],
  ]);
}

async function download(store: ObjectStore, location: string, { path, size }: AddFile, to: string): Promise<void> {
  const key = keyInTable(location, path);
  if (key === undefined) throw corrupt(`"${path}" lies outside the table`, { facts: { path } });
  const file = await open(to, "w");
  try {
    for (let at = 0; at < Number(size); ) {
      const bytes = await store.getRange(key, at, Math.min(at + SLICE_BYTES, Number(size)));
      if (bytes.length === 0)
        throw corrupt(`"${path}" has ${at} bytes, and its action says ${size}`, { facts: { path } });
      await file.write(bytes);
      at += bytes.length;
    }
  } finally {
    await file.close();
  }
}
