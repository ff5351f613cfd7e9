/** The life of a table beside its versions: it is dropped, comes back, gets another name. Each under the locks of commits and of new tables. */

import { tableChain } from "../access/audit-row.ts";
import { deadlineMs } from "../deadlines.ts";
import type { TableRef } from "../delta/request.ts";
import type {
  Claim,
  Clock,
  DropOptions,
  DropOutcome,
  DroppedHead,
  ListPage,
  Noting,
  RenameOutcome,
  UndropOptions,
  UndropOutcome,
  Whereabouts,
} from "../ports.ts";
import { noteChange } from "./audit.ts";
import { firstClaim, readClaims } from "./claims.ts";
import { type Database, type Queries, type Row, raw, type SqlTransaction, sql, uuid } from "./database.ts";
import { creationLocks, locksAbove, tableLock, takeLocks } from "./dialect.ts";
import { headOf } from "./rows/heads.ts";
import { integer, isNull, optionalInteger, storedUuid, text } from "./rows/values.ts";
import { page, tableNotFound } from "./tables.ts";

/**
 * Under the lock that a commit takes: each commit is either before the drop, and counted, or finds no table.
 * @throws LakeError notFound when no such table is ACTIVE
 */
export async function dropTable(
  db: Database,
  tableId: string,
  { unpublished, publishLast, noting }: DropOptions,
  clock: Clock,
): Promise<DropOutcome> {
  const id = storedUuid(tableId);
  if (id === undefined) throw tableNotFound(tableId);
  const drop = async (tx: SqlTransaction): Promise<DropOutcome> => {
    await takeLocks(tx, [tableLock(id)]);
    const [row] = await tx.read(sql`
      select (select count(*) from dl_mirror_status m where m.table_id = t.table_id and ${raw(tx.dialect.isUnpublished)}) as open_versions
      from dl_tables t where t.table_id = ${uuid(id)} and t.status = 'ACTIVE'`);
    if (row === undefined) throw tableNotFound(tableId);
    const open = integer(row, "open_versions");
    const isFew = publishLast !== undefined && open > 0 && open <= publishLast.atMost;
    const isWhole = open === 0 || (isFew && (await publishLast.publish()));
    if (!isWhole && unpublished === "keep") return { dropped: false, unpublished: open };
    const now = await timeOf(tx, clock);
    if (isWhole && open > 0) {
      await tx.write(sql`
        update dl_mirror_status set status = 'COMPLETE', published_at = ${now}, error_code = null
        where table_id = ${uuid(id)} and status <> 'COMPLETE'`);
    }
    await tx.write(sql`update dl_tables set status = 'DELETED', dropped_at = ${now},
      identity_changes = identity_changes + 1 where table_id = ${uuid(id)}`);
    await noteChange(tx, noting, tableChain(id), { dropped: id, unpublished });
    return { dropped: true, unpublished: isWhole ? 0 : open };
  };
  return db.transaction(drop, publishLast === undefined ? {} : { withinMs: deadlineMs("lockedRound") });
}

export async function undropTable(
  db: Database,
  tableId: string,
  { name: given, windowMs, noting }: UndropOptions,
  clock: Clock,
): Promise<UndropOutcome> {
  const known = await rowOf(db, tableId);
  const location = text(known, "location");
  const wanted: Claim = { tableId: text(known, "table_id"), name: given ?? text(known, "name"), location };
  return db.transaction(async (tx) => {
    await takeLocks(tx, [tableLock(wanted.tableId), ...creationLocks(wanted)], locksAbove(wanted));
    const row = await rowOf(tx, tableId);
    if (row.status === "ACTIVE") return { status: "back", head: headOf(row) };
    const table = droppedOf(row);
    const now = await timeOf(tx, clock);
    if (table.purgedAt !== undefined || table.droppedAt + windowMs < now) return { status: "gone", table };
    const others = (await readClaims(tx, wanted)).filter((other) => other.table_id !== wanted.tableId);
    const by = firstClaim(others, wanted.name);
    if (by !== undefined) return { status: "taken", by, wanted };
    const [since] = await tx.read(sql`
      select * from dl_tables t where t.location = ${location} and t.status = 'DELETED' and t.dropped_at >= ${table.droppedAt}
        and t.table_id <> ${uuid(wanted.tableId)} limit 1`);
    if (since !== undefined) return { status: "reused", by: claimOf(since), wanted };
    await keepName(tx, row, wanted.name, now);
    // Everything is compared again: nobody has looked at its log for a while.
    await tx.write(sql`delete from dl_parity where table_id = ${uuid(wanted.tableId)}`);
    await tx.write(sql`
      update dl_tables set status = 'ACTIVE', dropped_at = null, name = ${wanted.name}, identity_changes = identity_changes + 1
      where table_id = ${uuid(wanted.tableId)}`);
    const { tableId: id, name } = wanted;
    await noteChange(tx, noting, tableChain(id), { tableId: id, name });
    return { status: "back", head: headOf(await rowOf(tx, tableId)) };
  });
}

export async function renameTable(
  db: Database,
  tableId: string,
  name: string,
  clock: Clock,
  noting?: Noting,
): Promise<RenameOutcome> {
  const id = storedUuid(tableId);
  if (id === undefined) throw tableNotFound(tableId);
  // A place is neither taken nor given up.
  const [exact, inAnyCase] = creationLocks({ name, location: "" });
  return db.transaction(async (tx) => {
    await takeLocks(tx, [tableLock(id), exact ?? "", inAnyCase ?? ""]);
    const row = await rowOf(tx, tableId);
    if (row.status !== "ACTIVE") throw tableNotFound(tableId);
    const formerName = text(row, "name");
    if (formerName === name) return { status: "renamed", formerName, head: headOf(row) };
    const [other] = await tx.read(sql`
      select * from dl_tables t where lower(t.name) = lower(${name}) and t.status <> 'DELETED' and t.table_id <> ${uuid(id)} limit 1`);
    if (other !== undefined) return { status: "taken", by: claimOf(other) };
    await keepName(tx, row, name, await timeOf(tx, clock));
    await tx.write(sql`
      update dl_tables set name = ${name}, identity_changes = identity_changes + 1 where table_id = ${uuid(id)}`);
    await noteChange(tx, noting, tableChain(id), { tableId: id, name, formerName });
    return { status: "renamed", formerName, head: headOf(await rowOf(tx, id)) };
  });
}

/** Milliseconds, by the clock that commits go by: of two lives at one place the order is to be known. */
export async function timeOf(tx: SqlTransaction, clock: Clock): Promise<number> {
  const { now } = tx.dialect;
  if (now === undefined) return clock.now();
  const [row] = await tx.read(sql`select ${now} as now`);
  return integer(row ?? {}, "now");
}

/** The name that a table is about to lose goes into the history of names. */
async function keepName(tx: SqlTransaction, row: Row, name: string, now: number): Promise<void> {
  const [id, former] = [uuid(text(row, "table_id")), text(row, "name")];
  if (former === name) return;
  const [last] = await tx.read(sql`select max(valid_until) as since from dl_table_names where table_id = ${id}`);
  const since = optionalInteger(last ?? {}, "since") ?? integer(row, "created_at");
  await tx.write(sql`
    insert into dl_table_names (table_id, "change", name, valid_from, valid_until)
    values (${id}, ${integer(row, "identity_changes") + 1}, ${former}, ${since}, ${now})`);
}

export async function whereabouts(db: Queries, ref: TableRef): Promise<Whereabouts | undefined> {
  const id = "tableId" in ref ? storedUuid(ref.tableId) : undefined;
  if ("tableId" in ref && id === undefined) return undefined;
  const dropped = sql`select t.*, 0 as since from dl_tables t where t.status = 'DELETED'`;
  const rows = await db.read(
    "name" in ref
      ? sql`
        select * from (select t.*, n.valid_until as since from dl_table_names n join dl_tables t on t.table_id = n.table_id
          where n.name = ${ref.name} and t.status = 'ACTIVE' order by n.valid_until desc limit 1) r
        union all
        select * from (${dropped} and t.name = ${ref.name} order by t.dropped_at desc limit 1) d`
      : sql`${dropped} and t.table_id = ${uuid(id ?? "")}`,
  );
  if (rows.length === 0) return undefined;
  const renamed = rows.find((row) => row.status === "ACTIVE");
  const gone = rows.find((row) => row.status === "DELETED");
  return {
    ...(renamed && { renamed: { ...claimOf(renamed), since: integer(renamed, "since") } }),
    ...(gone && { dropped: droppedOf(gone) }),
  };
}

/** The cursor is the time of the last one with its id. */
export async function listDropped(
  db: Queries,
  { cursor, limit }: { readonly cursor?: string; readonly limit: number },
): Promise<ListPage<DroppedHead>> {
  const [time, id] = cursor?.split(" ") ?? [];
  const before = storedUuid(id ?? "");
  const after =
    before === undefined
      ? sql`true`
      : sql`(t.dropped_at < ${Number(time)} or t.dropped_at = ${Number(time)} and t.table_id > ${uuid(before)})`;
  const rows = await db.read(sql`
    select t.* from dl_tables t where t.status = 'DELETED' and t.purged_at is null and ${after}
    order by t.dropped_at desc, t.table_id limit ${limit + 1}`);
  return page(rows.map(droppedOf), limit, ({ droppedAt, tableId }) => `${droppedAt} ${tableId}`);
}

/** Of any status but IMPORTING: what is being imported is no table yet. @throws LakeError notFound */
export async function rowOf(db: Queries, tableId: string): Promise<Row> {
  const id = storedUuid(tableId);
  const [row] =
    id === undefined
      ? []
      : await db.read(sql`select * from dl_tables t where t.table_id = ${uuid(id)} and t.status <> 'IMPORTING'`);
  if (row === undefined) throw tableNotFound(tableId);
  return row;
}

export function claimOf(row: Row): Claim {
  return { tableId: text(row, "table_id"), name: text(row, "name"), location: text(row, "location") };
}

export function droppedOf(row: Row): DroppedHead {
  return {
    ...claimOf(row),
    version: integer(row, "version"),
    droppedAt: isNull(row, "dropped_at") ? 0 : integer(row, "dropped_at"),
    ...(isNull(row, "followed_at") ? {} : { isFollowed: true }),
    ...(isNull(row, "purged_at") ? {} : { purgedAt: optionalInteger(row, "purged_at") ?? 0 }),
  };
}
