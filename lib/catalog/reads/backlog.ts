/** What the mirror of one table needs to go on, in one round trip: where its log is, what is unpublished, and the commits. */

import type { Backlog } from "../../ports.ts";
import { type Queries, type Sql, sql, uuid } from "../database.ts";
import { integer, metadataOf, optionalText, storedUuid, text } from "../rows.ts";
import { commitRows, commitsOf } from "./commits.ts";

/** Undefined when there is no such table. */
export async function readBacklog(db: Queries, tableId: string, maxVersions: number): Promise<Backlog | undefined> {
  const id = storedUuid(tableId);
  if (id === undefined) return undefined;
  const rows = await db.all(
    commitRows(id, {
      before: sql`backlog as (
        select version, committed_at, attempts from dl_mirror_status
        where table_id = ${uuid(id)} and status <> 'COMPLETE' order by version limit ${maxVersions}
      ),`,
      from: sql`(select min(version) from backlog)`,
      to: sql`(select max(version) from backlog)`,
      also: sql`${tableRow(id)} ${OPEN_ROWS}`,
    }),
  );
  const table = rows.find((row) => row.kind === "table");
  if (table === undefined) return undefined;
  const quarantine = optionalText(table, "partition_values");
  return {
    location: text(table, "path"),
    ...(quarantine === undefined ? {} : { quarantine }),
    numFiles: integer(table, "size"),
    metadata: metadataOf(table, "stats"),
    open: rows
      .filter((row) => row.kind === "open")
      .map((row) => ({
        version: integer(row, "version"),
        committedAt: integer(row, "size"),
        attempts: integer(row, "modification_time"),
      })),
    commits: commitsOf(rows),
  };
}

/** path: location; partition_values: quarantine; size: number of files; stats: metadata of the head */
const tableRow = (id: string): Sql => sql`
  union all
  select 'table', t.version, 0, t.location, t.quarantine, t.num_files, cast(null as bigint), cast(null as boolean), m.action,
    cast(null as text), cast(null as text), cast(null as bigint), cast(null as bigint), cast(null as text), cast(null as text)
  from dl_tables t join dl_metadata m on m.table_id = t.table_id and m.version = t.metadata_version
  where t.table_id = ${uuid(id)} and t.status = 'ACTIVE'`;

/** size: time of the commit; modification_time: attempts */
const OPEN_ROWS: Sql = sql`
  union all
  select 'open', b.version, 0, cast(null as text), cast(null as text), b.committed_at, cast(b.attempts as bigint),
    cast(null as boolean), cast(null as text), cast(null as text), cast(null as text), cast(null as bigint), cast(null as bigint),
    cast(null as text), cast(null as text)
  from backlog b`;
