/** What is particular to PostgreSQL, as data and fragments. */

import { empty, join, raw, sql } from "../../database.ts";
import {
  type ColumnType,
  castAs,
  type Dialect,
  IS_UNPUBLISHED,
  insertOrNothing,
  onConflictClause,
  trimmedToDot,
} from "../../dialect.ts";
import { allowLogin } from "./function-login.ts";
import { commitByFunction } from "./functions/commit.ts";
import { EPOCH } from "./functions/epoch.ts";
import { importBatchesByFunction } from "./functions/import-batch.ts";
import { takeLocks } from "./functions/lock.ts";
import { insertAsJson } from "./insert-rows.ts";
import { allowScratch, emptyScratch } from "./scratch-login.ts";

/** Types to which the texts of a JSON document are cast; an order of letters plays no part there. */
const CAST: Readonly<Record<ColumnType, string>> = {
  uuid: "uuid",
  text: "text",
  name: "text",
  int64: "bigint",
  int32: "integer",
  boolean: "boolean",
  key: "uuid",
};

export const POSTGRES: Dialect = {
  name: "postgres",
  columnTypes: {
    uuid: "uuid",
    text: "text",
    // Bytewise order, as in every other engine, whatever the locale of the database.
    name: 'text collate "C"',
    int64: "bigint",
    int32: "integer",
    boolean: "boolean",
    key: "uuid",
  },
  comments: "statement",
  // Room for new row versions on the same page: with no index on a hot column every update of a head is HOT.
  tableOptions: ({ updatedInPlace }) => (updatedInPlace ? " with (fillfactor = 25)" : ""),
  definitions: undefined,
  definitionsCommit: false,
  locks: "transaction",
  hasTable: (name) => sql`select 1 as one where to_regclass(${name}) is not null`,
  quoted: (text) => `cast(to_json(${text}) as text)`,
  jsonOf: (alias, columns) =>
    raw(`cast(json_build_object(${columns.map((name) => `'${name}', ${alias}.${name}`).join(", ")}) as text)`),
  longIn: (column, member) => raw(`cast(cast(${column} as json) ->> '${member}' as bigint)`),
  bytewise: (column) => raw(`${column} collate "C"`),
  beforeLastDot: trimmedToDot,
  isUnpublished: IS_UNPUBLISHED,
  rangesByQueries: true,
  isAmong: (column, values) => sql`${raw(column)} = any (cast(${`{${values.join(",")}}`} as bigint[]))`,
  pairs: (pairs) =>
    sql`(select cast(e ->> 0 as bigint) as a, cast(e ->> 1 as integer) as b from jsonb_array_elements(cast(${JSON.stringify(pairs)} as jsonb)) e)`,
  hexOf: (column) => raw(`replace(cast(${column} as text), '-', '')`),
  rowsOfJson: (json, columns) => {
    const values = columns.map(({ name, type }, i) => `cast(e ->> ${i} as ${CAST[type]}) as ${name}`);
    return sql`(select ${raw(values.join(", "))} from jsonb_array_elements(cast(${json} as jsonb)) e) r`;
  },
  // It has no such hints; it has the size of the tables.
  useIndex: () => empty,
  usePrimaryKey: empty,
  compareRows: (columns, op, values) => sql`(${raw(columns.join(", "))}) ${raw(op)} (${join(values)})`,
  epoch: raw(EPOCH),
  textList: (texts) =>
    sql`(select ordinality - 1 as n, value as t from jsonb_array_elements_text(cast(${JSON.stringify(texts)} as jsonb)) with ordinality)`,
  keyOf: (hex) => sql`cast(${hex} as uuid)`,
  now: sql`floor(extract(epoch from clock_timestamp()) * 1000)::bigint`,
  singleWriter: false,
  lock: takeLocks,
  tryLock: undefined,
  forUpdate: raw(" for update"),
  updateReturns: true,
  onConflict: onConflictClause,
  insertNew: insertOrNothing,
  cast: castAs,
  materialized: raw("as materialized"),
  random: raw("random()"),
  functions: { commit: commitByFunction, importBatches: importBatchesByFunction, insertRows: insertAsJson },
  tryCommit: undefined,
  doubts: {
    query: sql`select current_setting('fsync') as fsync, current_setting('full_page_writes') as pages`,
    of: ([row]) => [
      ...(row?.fsync === "off"
        ? ["fsync is off: a crash of the server's machine may lose or damage what was committed"]
        : []),
      ...(row?.pages === "off"
        ? ["full_page_writes is off: a crash of the server's machine may damage its pages"]
        : []),
    ],
  },
  allowLogin,
  scratch: { allow: allowScratch, empty: emptyScratch },
};
