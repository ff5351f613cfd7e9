/** What the mirror of one table needs to go on, in one round trip: where its log is, what is unpublished, and the commits. */

import type { Backlog } from "../../ports.ts";
import { type Queries, sql, uuid } from "../database.ts";
import { metadataOf } from "../rows/actions.ts";
import { integer, jsonObject, optionalText, storedUuid, text } from "../rows/values.ts";
import { commitRows, commitsOf, NO_FILE } from "./commits.ts";

const TABLE_COLUMNS = ["name", "location", "quarantine", "num_files", "identity_changes", "manifest_changes"];

/** Undefined when there is no such table. */
export async function readBacklog(db: Queries, tableId: string, maxVersions: number): Promise<Backlog | undefined> {
  const id = storedUuid(tableId);
  if (id === undefined) return undefined;
  const { jsonOf } = db.dialect;
  const rows = await db.read(
    commitRows(db.dialect, id, {
      before: sql`backlog as (
        select version, committed_at, attempts from dl_mirror_status
        where table_id = ${uuid(id)} and status <> 'COMPLETE' order by version limit ${maxVersions}
      ),`,
      from: sql`(select min(version) from backlog)`,
      to: sql`(select max(version) from backlog)`,
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
    }),
  );
  const table = rows.find((row) => row.kind === "table");
  const schema = rows.find((row) => row.kind === "schema");
  if (table === undefined || schema === undefined) return undefined;
  const fields = jsonObject(table, "fields");
  const quarantine = optionalText(fields, "quarantine");
  return {
    table: text(fields, "name"),
    location: text(fields, "location"),
    ...(quarantine === undefined ? {} : { quarantine }),
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
