/** The live files of a version as compaction asks for them: in sums, and those that are worth writing again. */

import type { CompactionRule, FileTotals, SmallFile } from "../../delta/compaction.ts";
import { invalid } from "../../errors.ts";
import type { Page } from "../../ports.ts";
import { columnsOf, type Queries, type Row, raw, type Sql, sql, uuid } from "../database.ts";
import { ADD_COLUMNS, addOf } from "../rows/add.ts";
import { integer, long, optionalLong, storedUuid, text } from "../rows/values.ts";
import { tableNotFound } from "../tables.ts";
import { checkVersionHeld } from "./versions.ts";

const COLUMNS = ADD_COLUMNS.filter((column) => column !== "stats");

/** All live files of the version, as rows `f` with `deleted`, the number of their deleted rows. */
function liveFiles(db: Queries, id: string, version: number, columns: Sql): Sql {
  const deleted = db.dialect.longIn("f.deletion_vector", "cardinality");
  return sql`select ${columns}, coalesce(${deleted}, 0) as deleted from dl_files f
    where f.table_id = ${uuid(id)} and f.added_version <= ${version} and f.removed_version > ${version}`;
}

/** One row. @throws LakeError notFound: TABLE_NOT_FOUND, VERSION_NOT_FOUND, VERSION_NOT_RETAINED */
export async function fileTotals(
  db: Queries,
  tableId: string,
  version: number,
  { smallerThan }: CompactionRule,
): Promise<FileTotals> {
  const id = storedUuid(tableId);
  if (id === undefined) throw tableNotFound(tableId);
  const sum = (column: string): Sql => db.dialect.cast(sql`coalesce(sum(${raw(column)}), 0)`, "int64");
  const [row] = await db.read(sql`
    select t.version as head_version, t.base_version, s.*
    from dl_tables t, (
      select count(*) as files, ${sum("size")} as bytes,
        ${sum("num_records")} as num_rows,
        ${sum("deleted")} as deleted_rows,
        coalesce(sum(case when deleted > 0 then 1 else 0 end), 0) as with_deleted,
        coalesce(sum(case when size < ${smallerThan} then 1 else 0 end), 0) as small_files,
        count(distinct partition_values) as partitions
      from (${liveFiles(db, id, version, sql`f.size, f.num_records, f.partition_values`)}) live
    ) s
    where t.table_id = ${uuid(id)} and t.status = 'ACTIVE'`);
  if (row === undefined) throw tableNotFound(tableId);
  checkVersionHeld(tableId, version, integer(row, "base_version"), integer(row, "head_version"));
  return {
    files: integer(row, "files"),
    bytes: long(row, "bytes"),
    rows: long(row, "num_rows"),
    deletedRows: long(row, "deleted_rows"),
    filesWithDeletedRows: integer(row, "with_deleted"),
    smallFiles: integer(row, "small_files"),
    partitions: integer(row, "partitions"),
  };
}

/** In the order of partition (bytes of its JSON text), version and place. Without their statistics, which no plan looks at. */
export async function smallFiles(
  db: Queries,
  tableId: string,
  version: number,
  options: { readonly rule: CompactionRule; readonly cursor?: string; readonly limit: number },
): Promise<Page<SmallFile>> {
  const id = storedUuid(tableId);
  if (id === undefined) throw tableNotFound(tableId);
  const { smallerThan, deletedPercent } = options.rule;
  const partition = db.dialect.bytewise("partition_values");
  const after = options.cursor === undefined ? sql`true` : behind(db, options.cursor, partition);
  // As doubles: counts come from outside, and a product of them need not fit into 64 bits.
  const { cast } = db.dialect;
  const isPicked = sql`(size < ${smallerThan} or (deleted > 0
    and ${cast(sql`deleted`, "double")} * 100 >= ${cast(sql`num_records`, "double")} * ${deletedPercent}))`;
  const columns = sql`f.added_version, f.ord, f.num_records, ${columnsOf("f", COLUMNS)}`;
  const rows = await db.read(sql`
    select * from (${liveFiles(db, id, version, columns)}) live where ${isPicked} and ${after}
    order by ${partition}, added_version, ord limit ${options.limit + 1}`);
  const kept = rows.slice(0, options.limit);
  const last = kept.at(-1);
  return {
    items: kept.map(smallFileOf),
    ...(rows.length > kept.length && last !== undefined ? { next: cursorOf(last) } : {}),
  };
}

function smallFileOf(row: Row): SmallFile {
  const rows = optionalLong(row, "num_records");
  return { file: addOf(row), ...(rows === undefined ? {} : { rows }) };
}

function cursorOf(row: Row): string {
  return JSON.stringify([text(row, "partition_values"), integer(row, "added_version"), integer(row, "ord")]);
}

function behind(db: Queries, cursor: string, partition: Sql): Sql {
  const [values, version, ord] = JSON.parse(cursor) as [unknown, unknown, unknown];
  if (typeof values !== "string" || typeof version !== "number" || typeof ord !== "number") {
    throw invalid("this is not a cursor of this list", { code: "INVALID_CURSOR" });
  }
  return db.dialect.compareRows([partition.text, "added_version", "ord"], ">", [values, version, ord]);
}
