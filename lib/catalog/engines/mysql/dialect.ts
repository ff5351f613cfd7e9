/** What is particular to MySQL 8 and MariaDB, as data and fragments. */

import { empty, join, raw, type Sql, type SqlValue, sql } from "../../database.ts";
import type { Conflicting, ConflictRule, Dialect, NewRows } from "../../dialect.ts";
import { BYTEWISE } from "./collation.ts";
import { COLUMN_TYPES, DEFINITIONS } from "./definitions.ts";
import { EPOCH } from "./epoch.ts";
import { takeLocks, tryLocks } from "./locks.ts";
import { allowLogin, allowScratch, emptyScratch } from "./logins.ts";
import { takeSlots, trySlots } from "./slots.ts";
import { tryCommit, tryCommitBySlots } from "./try-commit.ts";

const TYPES = { text: "char", int64: "signed", double: "double" } as const;

/** Indexes that are on the very column, in the place of those which have a condition elsewhere. */
const ORDERED_BY: Readonly<Record<string, string>> = { dl_tables_name: "dl_tables_dropped_name" };

export const MYSQL: Dialect = {
  name: "mysql",
  columnTypes: COLUMN_TYPES,
  comments: "inline",
  tableOptions: () => "",
  definitions: DEFINITIONS,
  definitionsCommit: true,
  locks: "names",
  hasTable: (name) =>
    sql`select 1 as one from information_schema.tables where table_schema = database() and table_name = ${name}`,
  quoted: (text) => `(json_quote(${text}) ${BYTEWISE})`,
  jsonOf: (alias, columns) =>
    raw(`cast(json_object(${columns.map((name) => `'${name}', ${alias}.${name}`).join(", ")}) as char)`),
  longIn: (column, member) => raw(`cast(json_value(${column}, '$.${member}') as signed)`),
  bytewise: (column) => raw(column),
  beforeLastDot: (column) =>
    raw(`left(${column}, char_length(${column}) - char_length(substring_index(${column}, '.', -1)) - 1)`),
  isUnpublished: "m.is_unpublished = 1",
  rangesByQueries: false,
  isAmong: (column, values) => raw(`${column} in (${values.join(", ")})`),
  pairs: (pairs) => sql`(select j.a, j.b from json_table(${JSON.stringify(pairs)},
    '$[*]' columns (a bigint path '$[0]', b int path '$[1]')) j)`,
  hexOf: (column) => raw(`lower(hex(${column}))`),
  rowsOfJson: undefined,
  useIndex: (name) => raw(`force index (${ORDERED_BY[name] ?? name})`),
  usePrimaryKey: raw("force index (primary)"),
  compareRows,
  epoch: raw(EPOCH),
  textList: (texts) => sql`(select j.n - 1 as n, j.t from json_table(${JSON.stringify(texts)},
    '$[*]' columns (n for ordinality, t ${raw(COLUMN_TYPES.text)} path '$')) j)`,
  keyOf: (hex) => sql`unhex(${hex})`,
  now: sql`cast(floor(unix_timestamp(sysdate(3)) * 1000) as signed)`,
  singleWriter: false,
  lock: takeLocks,
  tryLock: tryLocks,
  forUpdate: raw(" for update"),
  updateReturns: false,
  onConflict,
  insertNew,
  cast: (value, type) => sql`cast(${value} as ${raw(TYPES[type])})`,
  materialized: raw("as"),
  random: raw("rand()"),
  functions: undefined,
  tryCommit,
  doubts: {
    query: sql`select @@innodb_flush_log_at_trx_commit as flushes, @@innodb_doublewrite as doublewrite`,
    of: ([row]) => [
      ...(row?.flushes === 1
        ? []
        : ["innodb_flush_log_at_trx_commit is not 1: a crash of the server may lose what was committed"]),
      ...(["0", "OFF", 0].includes(row?.doublewrite as string | number)
        ? ["innodb_doublewrite is off: a crash of the server's machine may damage its pages"]
        : []),
    ],
  },
  allowLogin,
  scratch: { allow: allowScratch, empty: emptyScratch },
};

/** As it is behind the Data API, where no session is ours. */
export const MYSQL_WITHOUT_SESSIONS: Dialect = {
  ...MYSQL,
  locks: "rows",
  lock: takeSlots,
  tryLock: trySlots,
  tryCommit: tryCommitBySlots,
};

/** Sets are made one after the other and see those before them: hence the column of the condition comes last. */
function onConflict(_table: string, { key, set, when }: ConflictRule): Sql {
  const row: Conflicting = { there: (column) => raw(`"${column}"`), given: (column) => raw(`values("${column}")`) };
  const stays = raw(key[0] ?? "");
  const sets = set.map((one) => {
    const [column, value] = typeof one === "string" ? [one, row.given(one)] : [one[0], one[1](row)];
    const chosen = when === undefined ? value : sql`case when ${when(row)} then ${value} else ${row.there(column)} end`;
    return sql`${row.there(column)} = ${chosen}`;
  });
  return sql` on duplicate key update ${sets.length === 0 ? sql`${stays} = ${stays}` : join(sets)}${empty}`;
}

/** ON DUPLICATE KEY asks for the right to change the row, also where it changes nothing. */
function insertNew({ table, columns, key, values }: NewRows): Sql {
  const rows = values.map((row) => {
    const isThere = key.map((column) => sql`${raw(column)} = ${row[columns.indexOf(column)]}`);
    return sql`select ${join(row)} from dual where not exists (select 1 from ${raw(table)} where ${join(isThere, " and ")})`;
  });
  return sql`insert into ${raw(table)} (${raw(columns.join(", "))}) ${join(rows, " union all ")}`;
}

/** Of rows that are compared as such MySQL makes no range: a page would be looked for from the first row on. */
function compareRows(columns: readonly string[], op: ">" | "<=", values: readonly SqlValue[]): Sql {
  const last = columns.length - 1;
  const cases = columns.map((_, i) => {
    const parts = columns.slice(0, i + 1).map((column, n) => {
      const by = n < i ? "=" : i < last ? op.charAt(0) : op;
      return sql`${raw(`${column} ${by} `)}${values[n] ?? null}`;
    });
    return sql`(${join(parts, " and ")})`;
  });
  return sql`(${join(cases, " or ")})`;
}
