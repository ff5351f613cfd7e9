/** What is particular to SQLite, as data. */

import { empty, raw, sql } from "../../database.ts";
import { castAs, type Dialect, IS_UNPUBLISHED, onConflictClause, trimmedToDot } from "../../dialect.ts";

export const SQLITE: Dialect = {
  name: "sqlite",
  columnTypes: {
    uuid: "TEXT",
    text: "TEXT",
    name: "TEXT",
    int64: "INTEGER",
    int32: "INTEGER",
    boolean: "INTEGER",
    key: "BLOB",
  },
  comments: "inline",
  tableOptions: ({ clustered }) => (clustered ? " strict, without rowid" : " strict"),
  definitions: undefined,
  definitionsCommit: false,
  locks: "transaction",
  hasTable: (name) => sql`select name from sqlite_schema where name = ${name}`,
  jsonOf: (alias, columns) => raw(`json_object(${columns.map((name) => `'${name}', ${alias}.${name}`).join(", ")})`),
  longIn: (column, member) => raw(`cast(${column} ->> '${member}' as integer)`),
  bytewise: (column) => raw(column),
  beforeLastDot: trimmedToDot,
  isUnpublished: IS_UNPUBLISHED,
  rangesByQueries: true,
  isAmong: (column, values) => sql`${raw(column)} in (select value from json_each(${`[${values.join(",")}]`}))`,
  pairs: (pairs) => sql`(select value ->> 0 as a, value ->> 1 as b from json_each(${JSON.stringify(pairs)}))`,
  hexOf: (column) => raw(`lower(hex(${column}))`),
  rowsOfJson: undefined,
  useIndex: (name) => raw(`indexed by ${name}`),
  // Made by the driver, which knows whether others have written to the file.
  epoch: raw("dl_epoch()"),
  textList: (texts) => sql`(select key as n, value as t from json_each(${JSON.stringify(texts)}))`,
  keyOf: (hex) => sql`unhex(${hex})`,
  // BEGIN IMMEDIATE excludes every other writer.
  now: undefined,
  singleWriter: true,
  lock: undefined,
  tryLock: undefined,
  forUpdate: empty,
  updateReturns: true,
  onConflict: onConflictClause,
  cast: castAs,
  materialized: raw("as materialized"),
  random: raw("random()"),
  functions: undefined,
  tryCommit: undefined,
  doubts: undefined,
  allowLogin: undefined,
  scratch: undefined,
};
