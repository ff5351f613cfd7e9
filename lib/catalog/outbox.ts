/** dl_mirror_status: the outbox that the commit fills and the mirror empties. */

import { tableChain } from "../access/audit-row.ts";
import type { ListPage, MirrorStatus, Noting } from "../ports.ts";
import { noteChange } from "./audit.ts";
import { type Database, join, type Queries, type Row, raw, sql, uuid } from "./database.ts";
import { tableLock, takeLocks } from "./dialect.ts";
import { VERSIONS_MARKED_AT_ONCE } from "./limits.ts";
import { integer, optionalInteger, optionalText, requireUuid, storedUuid, text } from "./rows/values.ts";
import { isActive, page, tableNotFound } from "./tables.ts";

const COLUMNS = sql`m.table_id, m.version, m.status, m.attempts, m.last_error, m.error_code, m.committed_at, m.published_at`;

function mirrorStatusOf(row: Row): MirrorStatus {
  const lastError = optionalText(row, "last_error");
  const errorCode = optionalText(row, "error_code");
  const publishedAt = optionalInteger(row, "published_at");
  return {
    tableId: text(row, "table_id"),
    version: integer(row, "version"),
    status: text(row, "status") as MirrorStatus["status"],
    attempts: integer(row, "attempts"),
    ...(lastError === undefined ? {} : { lastError }),
    ...(errorCode === undefined ? {} : { errorCode }),
    committedAt: integer(row, "committed_at"),
    ...(publishedAt === undefined ? {} : { publishedAt }),
  };
}

export async function unpublished(db: Queries, tableId: string, limit: number): Promise<readonly MirrorStatus[]> {
  const id = storedUuid(tableId);
  if (id === undefined) return [];
  const rows = await db.read(sql`
    select ${COLUMNS} from dl_mirror_status m
    where m.table_id = ${uuid(id)} and ${isActive(id)} and ${raw(db.dialect.isUnpublished)} order by m.version limit ${limit}`);
  return rows.map(mirrorStatusOf);
}

/** @throws LakeError notFound */
export async function mirroredVersion(db: Queries, tableId: string): Promise<number> {
  const id = storedUuid(tableId);
  const [row] =
    id === undefined
      ? []
      : await db.read(sql`
    select t.version, (select min(m.version) from dl_mirror_status m
      where m.table_id = t.table_id and ${raw(db.dialect.isUnpublished)}) as open_version
    from dl_tables t where t.table_id = ${uuid(id)} and t.status = 'ACTIVE'`);
  if (row === undefined) throw tableNotFound(tableId);
  const open = optionalInteger(row, "open_version");
  return open === undefined ? integer(row, "version") : open - 1;
}

export async function mirrorStatuses(
  db: Queries,
  tableId: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<ListPage<MirrorStatus>> {
  const id = storedUuid(tableId);
  if (id === undefined) return page([], limit, () => "");
  const rows = await db.read(sql`
    select ${COLUMNS} from dl_mirror_status m
    where m.table_id = ${uuid(id)} and ${isActive(id)} and m.version > ${after} order by m.version limit ${limit + 1}`);
  return page(rows.map(mirrorStatusOf), limit, (status) => String(status.version));
}

/** Versions that are published stay as they are, with the time of their first publication. One round trip for those that are not. */
export async function markPublished(
  db: Database,
  tableId: string,
  versions: readonly number[],
  publishedAt: number,
): Promise<boolean> {
  const id = requireUuid(tableId, "table id");
  const marked: Row[] = [];
  for (let start = 0; start < versions.length; start += VERSIONS_MARKED_AT_ONCE) {
    const some = versions.slice(start, start + VERSIONS_MARKED_AT_ONCE);
    const mark = sql`
      update dl_mirror_status set status = 'COMPLETE', published_at = ${publishedAt}, error_code = null
      where table_id = ${uuid(id)} and version in (${join(some)}) and status <> 'COMPLETE'`;
    if (db.dialect.updateReturns) {
      const status = sql`select t.status from dl_tables t where t.table_id = ${uuid(id)}`;
      marked.push(...(await db.writeReturning(sql`${mark} returning (${status}) as table_status`)));
    } else await db.write(mark);
  }
  const [last] = marked.length === versions.length ? marked.slice(-1) : await statusOf(db, id);
  return last?.table_status !== "DELETED";
}

/** Where the statement has not told it: a twin has marked them before, or the engine tells nothing. */
function statusOf(db: Queries, id: string): Promise<readonly Row[]> {
  return db.read(sql`select t.status as table_status from dl_tables t where t.table_id = ${uuid(id)}`);
}

export async function markMirrorError(
  db: Database,
  tableId: string,
  version: number,
  error: { readonly code: string; readonly message: string; readonly failed: boolean; readonly at: number },
): Promise<void> {
  const status = error.failed ? sql`'FAILED'` : sql`status`;
  await db.write(sql`
    update dl_mirror_status set status = ${status}, attempts = attempts + 1, last_error = ${printable(error.message)},
      error_code = ${error.code}, tried_at = ${error.at}
    where table_id = ${uuid(requireUuid(tableId, "table id"))} and version = ${version} and status <> 'COMPLETE'`);
}

export async function markLogFault(
  db: Database,
  tableId: string,
  version: number,
  fault: { readonly code: string; readonly message: string } | undefined,
): Promise<void> {
  const [code, message] = fault === undefined ? [null, null] : [fault.code, printable(fault.message)];
  await db.write(sql`
    update dl_mirror_status set error_code = ${code}, last_error = ${message}
    where table_id = ${uuid(requireUuid(tableId, "table id"))} and version = ${version} and status = 'COMPLETE'`);
}

/** A message of some other program may hold anything, and a very long one helps nobody. */
function printable(message: string): string {
  return message.replaceAll("\0", "\uFFFD").slice(0, 4000).toWellFormed();
}

/**
 * Where it is lifted, what the last parity check found is forgotten: everything is compared again.
 * @throws LakeError notFound
 */
export async function setQuarantine(
  db: Database,
  tableId: string,
  reason: string | undefined,
  noting?: Noting,
): Promise<void> {
  const id = storedUuid(tableId);
  if (id === undefined) throw tableNotFound(tableId);
  const active = sql`where table_id = ${uuid(id)} and status = 'ACTIVE'`;
  await db.transaction(async (tx) => {
    // Nobody else adds to the table's chain of the audit trail meanwhile.
    if (noting !== undefined) await takeLocks(tx, [tableLock(id)]);
    const rows = await tx.writeReturning(sql`select table_id from dl_tables ${active}${tx.dialect.forUpdate}`);
    if (rows.length === 0) throw tableNotFound(tableId);
    if (reason === undefined) await tx.write(sql`delete from dl_parity where table_id = ${uuid(id)}`);
    await tx.write(sql`update dl_tables set quarantine = ${reason === undefined ? null : printable(reason)} ${active}`);
    await noteChange(tx, noting, tableChain(id), reason === undefined ? { resolved: id } : { quarantined: id });
  });
}
