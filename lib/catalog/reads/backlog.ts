/** What the mirror of one table needs to go on, in one round trip: where its log is, what is unpublished, and the commits. */

import type { Backlog } from "../../ports.ts";
import { empty, type Queries, type Row, raw, type Sql, sql, uuid } from "../database.ts";
import { metadataOf } from "../rows/actions.ts";
import { integer, isNull, jsonObject, optionalInteger, optionalText, storedUuid, text } from "../rows/values.ts";
import { commitRows, commitsOf, NO_FILE } from "./commits.ts";

const TABLE_COLUMNS = [
  "name",
  "location",
  "quarantine",
  "num_files",
  "identity_changes",
  "manifest_changes",
  "followed_at",
];

/** Undefined when there is no such table. @param options.after only versions above this one */
export async function readBacklog(
  db: Queries,
  tableId: string,
  maxVersions: number,
  { after }: { readonly after?: number } = {},
): Promise<Backlog | undefined> {
  const id = storedUuid(tableId);
  if (id === undefined) return undefined;
  const above = after === undefined ? empty : sql`and m.version > ${after}`;
  const open = sql`
    select m.version, m.committed_at, m.attempts from dl_mirror_status m
    where m.table_id = ${uuid(id)} and ${raw(db.dialect.isUnpublished)} ${above} order by m.version limit ${maxVersions}`;
  if (db.dialect.rangesByQueries) {
    const bounds = [sql`(select min(version) from backlog)`, sql`(select max(version) from backlog)`] as const;
    return backlogOf(await db.read(backlogRows(db, id, open, bounds)));
  }
  for (;;) {
    const [row] = await db.read(sql`select min(b.version) as first, max(b.version) as last from (${open}) b`);
    const bounds = [row && optionalInteger(row, "first"), row && optionalInteger(row, "last")].map(
      (at) => sql`${at ?? null}`,
    );
    const backlog = backlogOf(await db.read(backlogRows(db, id, open, bounds)));
    // Else others have published or committed in between.
    if (backlog?.commits[0]?.version === backlog?.open[0]?.version) return backlog;
  }
}

function backlogRows(db: Queries, id: string, open: Sql, [from = empty, to = empty]: readonly Sql[]): Sql {
  const { jsonOf } = db.dialect;
  return commitRows(db.dialect, id, {
    before: sql`backlog as (${open}),`,
    from,
    to,
    also: sql`
      union all
      select 'table', t.version, 0, ${NO_FILE}, ${jsonOf("t", TABLE_COLUMNS)}
      from dl_tables t where t.table_id = ${uuid(id)} and t.status = 'ACTIVE'
      union all
      select 'schema', t.version, 0, ${NO_FILE}, m.action
      from dl_tables t join dl_metadata m on m.table_id = t.table_id and m.version = t.metadata_version
      where t.table_id = ${uuid(id)} and t.status = 'ACTIVE'
      union all
      select 'open', b.version, 0, ${NO_FILE}, ${jsonOf("b", ["committed_at", "attempts"])}
      from backlog b`,
  });
}

function backlogOf(rows: readonly Row[]): Backlog | undefined {
  const table = rows.find((row) => row.kind === "table");
  const schema = rows.find((row) => row.kind === "schema");
  if (table === undefined || schema === undefined) return undefined;
  const fields = jsonObject(table, "fields");
  const quarantine = optionalText(fields, "quarantine");
  return {
    table: text(fields, "name"),
    location: text(fields, "location"),
    ...(quarantine === undefined ? {} : { quarantine }),
    isFollowed: !isNull(fields, "followed_at"),
    isManifestDue: integer(fields, "manifest_changes") < integer(fields, "identity_changes"),
    numFiles: integer(fields, "num_files"),
    metadata: metadataOf(schema, "fields"),
    open: rows
      .filter((row) => row.kind === "open")
      .map((row) => {
        const entry = jsonObject(row, "fields");
        const [committedAt, attempts] = [integer(entry, "committed_at"), integer(entry, "attempts")];
        return { version: integer(row, "version"), committedAt, attempts };
      }),
    commits: commitsOf(rows),
  };
}
