/** What a change of a table's metadata asks of its files and of its past. */

import type { Metadata } from "../../delta/actions.ts";
import type { FileRequirement } from "../../delta/schema/metadata-change.ts";
import { type Queries, type Sql, sql, uuid } from "../database.ts";
import { metadataOf } from "../rows/actions.ts";
import { text } from "../rows/values.ts";

const LACKS: Readonly<Record<FileRequirement, Sql>> = {
  rowIds: sql`f.base_row_id is null`,
  noDeletionVectors: sql`f.deletion_vector is not null`,
};

/** Paths of at most `limit` files that are live at a version and do not meet a requirement. One round trip. */
export async function pathsLacking(
  db: Queries,
  tableId: string,
  version: number,
  options: { readonly requirement: FileRequirement; readonly limit: number },
): Promise<readonly string[]> {
  const rows = await db.read(sql`
    select f.path from dl_files f
    where f.table_id = ${uuid(tableId)} and f.added_version <= ${version} and f.removed_version > ${version}
      and ${LACKS[options.requirement]}
    order by f.added_version, f.ord limit ${options.limit}`);
  return rows.map((row) => text(row, "path"));
}

/** All metaData actions that SQL holds of a table, oldest first. One round trip. */
export async function metadataHistory(db: Queries, tableId: string): Promise<readonly Metadata[]> {
  const rows = await db.read(sql`select action from dl_metadata where table_id = ${uuid(tableId)} order by version`);
  return rows.map((row) => metadataOf(row, "action"));
}
