/** The catalog's schema as text: a dump of what an engine holds, and the page docs/sql-schema.md. */

import { type Row, type Sql, sql } from "../../lib/catalog/database.ts";
import { POSTGRES } from "../../lib/catalog/engines/postgres/dialect.ts";
import { SQLITE } from "../../lib/catalog/engines/sqlite/dialect.ts";
import type { TableSpec } from "../../lib/catalog/migrations/ddl.ts";
import { SCHEMA } from "../../lib/catalog/migrations/index.ts";

type All = (query: Sql) => Promise<readonly Row[]>;

export async function dumpSqlite(all: All): Promise<string> {
  const rows = await all(sql`select sql from sqlite_schema where sql is not null order by name`);
  return `${rows.map((row) => `${row.sql};`).join("\n\n")}\n`;
}

/** Columns, keys, indexes, comments and functions as the server's catalog tells them. */
export async function dumpPostgres(all: All): Promise<string> {
  const columns = await all(sql`
    select c.relname as tab, format('  %s %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
        case when a.attcollation <> t.typcollation then ' collate "C"' else '' end,
        case when a.attnotnull then ' not null' else '' end) || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
        || coalesce(' -- ' || col_description(c.oid, a.attnum), '') as line
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 join pg_type t on t.oid = a.atttypid
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' order by c.relname, a.attnum`);
  const tables = await all(sql`
    select c.relname as tab, obj_description(c.oid) as comment, coalesce(' with (' || array_to_string(c.reloptions, ', ') || ')', '') as options
    from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' order by c.relname`);
  const indexes = await all(sql`
    select replace(indexdef, current_schema() || '.', '') || ';' as line from pg_indexes where schemaname = current_schema() order by indexname`);
  const functions = await all(sql`
    select replace(pg_get_functiondef(p.oid), current_schema() || '.', '') as line from pg_proc p
    where p.pronamespace = current_schema()::regnamespace order by p.proname`);
  const created = tables.map((table) =>
    [
      `table ${table.tab}${table.options} -- ${table.comment}`,
      ...columns.filter((column) => column.tab === table.tab).map((column) => column.line),
    ].join("\n"),
  );
  return `${[...created, indexes.map((row) => row.line).join("\n"), ...functions.map((row) => row.line)].join("\n\n")}\n`;
}

const INTRO = `# SQL schema of the catalog

*Made from \`lib/catalog/migrations\` by \`UPDATE_SCHEMA=1 npm test\`; do not edit.*

The tables are a public contract: query them as you like, change them only through the service. Times are milliseconds since
the epoch. A column that is not marked *optional* holds no NULL. JSON is text, exactly as it will be in \`_delta_log\`.
On PostgreSQL every comment below is a \`COMMENT\` in the database, too; in SQLite it is in the text of \`CREATE TABLE\`.

A file is live at version \`v\` when \`added_version <= v and v < removed_version\`; the open end is 9007199254740991 (2^53 - 1).
Write that number into a query as a literal: as a parameter it hides the partial indexes.

\`\`\`sql
-- live files of a table now
select f.path, f.size from dl_tables t join dl_files f on f.table_id = t.table_id
where t.name = 'shop.sales' and t.status = 'ACTIVE' and f.removed_version = 9007199254740991;

-- live files at version 42
select path, size from dl_files where table_id = '…' and added_version <= 42 and removed_version > 42;

-- schema at version 42
select action from dl_metadata where table_id = '…' and version <= 42 order by version desc limit 1;

-- what the mirror has not published yet, and since when
select t.name, m.version, m.status, m.committed_at, m.last_error
from dl_mirror_status m join dl_tables t on t.table_id = m.table_id where m.status <> 'COMPLETE' order by m.committed_at;

-- tables that one transaction moved
select t.name, v.version from dl_versions v join dl_tables t on t.table_id = v.table_id where v.transaction_id = '…';
\`\`\`
`;

export function schemaPage(): string {
  return `${[INTRO, ...SCHEMA.map(tableSection)].join("\n")}`;
}

function tableSection(table: TableSpec): string {
  const columns = table.columns.map(
    (c) =>
      `| \`${c.name}\` | ${SQLITE.columnTypes[c.type]} | ${POSTGRES.columnTypes[c.type]} | ${c.optional ? "optional. " : ""}${c.comment} |`,
  );
  const indexes = (table.indexes ?? []).map(
    (i) =>
      `- \`${i.name}\`${i.unique ? ", unique," : ""} on (${i.columns.join(", ")})${i.where ? ` where ${i.where}` : ""}: ${i.comment}`,
  );
  return [
    `## ${table.name}`,
    "",
    table.comment,
    "",
    `Primary key: ${table.primaryKey.map((column) => `\`${column}\``).join(", ")}.`,
    "",
    "| column | SQLite | PostgreSQL | |",
    "|-|-|-|-|",
    ...columns,
    "",
    ...(indexes.length > 0 ? [...indexes, ""] : []),
  ].join("\n");
}
