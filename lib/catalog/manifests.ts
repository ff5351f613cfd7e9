/** What logs are told of their tables: names, places and whether they are there, and how much of it each log has been told. */

import type { FormerName } from "../delta/manifest.ts";
import type { ManifestFacts } from "../ports.ts";
import { type Database, type Queries, raw, sql, uuid } from "./database.ts";
import { IDENTITY_MIGRATION } from "./rows/identity.ts";
import { integer, optionalInteger, requireUuid, storedUuid, text } from "./rows/values.ts";

export async function readManifestFacts(db: Queries, tableId: string): Promise<ManifestFacts | undefined> {
  const id = storedUuid(tableId);
  if (id === undefined) return undefined;
  const [row] = await db.read(sql`
    select t.table_id, t.name, t.location, t.status, t.dropped_at, t.identity_changes, t.manifest_changes,
      (select m.database_id from dl_migrations m where m.id = ${IDENTITY_MIGRATION}) as catalog_id
    from dl_tables t where t.table_id = ${uuid(id)} and t.status <> 'IMPORTING' and t.purged_at is null
      and t.followed_at is null`);
  if (row === undefined) return undefined;
  const changes = integer(row, "identity_changes");
  const droppedAt = optionalInteger(row, "dropped_at");
  const isDropped = text(row, "status") === "DELETED";
  return {
    told: integer(row, "manifest_changes"),
    manifest: {
      tableId: id,
      name: text(row, "name"),
      formerNames: changes === 0 ? [] : await formerNames(db, id),
      location: text(row, "location"),
      catalogId: text(row, "catalog_id"),
      status: isDropped ? "dropped" : "active",
      ...(isDropped && droppedAt !== undefined ? { droppedAt } : {}),
      changes,
    },
  };
}

/** Oldest first. */
export async function formerNames(db: Queries, id: string): Promise<readonly FormerName[]> {
  const rows = await db.read(
    sql`select name, valid_from, valid_until from dl_table_names where table_id = ${uuid(id)} order by "change"`,
  );
  return rows.map((row) => ({
    name: text(row, "name"),
    since: integer(row, "valid_from"),
    until: integer(row, "valid_until"),
  }));
}

export async function markManifest(db: Database, tableId: string, changes: number): Promise<void> {
  await db.write(sql`
    update dl_tables set manifest_changes = ${changes}
    where table_id = ${uuid(requireUuid(tableId, "table id"))} and manifest_changes < ${changes}`);
}

/**
 * What is unpublished brings the mirror to its table in any case, and at growing intervals. Any of them, so that those of which
 * no log can be written keep nobody from his turn.
 */
export async function dueManifests(
  db: Queries,
  limit: number,
): Promise<readonly { readonly tableId: string; readonly version: number }[]> {
  const rows = await db.read(sql`
    select t.table_id, t.version from dl_tables t
    where t.manifest_changes < t.identity_changes and t.purged_at is null and t.quarantine is null and t.followed_at is null
      and (t.status = 'DELETED' or t.status = 'ACTIVE' and not exists (
        select 1 from dl_mirror_status m where m.table_id = t.table_id and ${raw(db.dialect.isUnpublished)}))
    order by ${db.dialect.random} limit ${limit}`);
  return rows.map((row) => ({ tableId: text(row, "table_id"), version: integer(row, "version") }));
}
