/** dl_transactions: the oldest ones, and how they are forgotten: each table first says how far, so that no repetition is taken for new. */

import type { ForgottenTransactions, OldTransaction, Page, TransactionTable } from "../../ports.ts";
import { answerParts } from "../commit/answers.ts";
import { type Database, join, type Queries, raw, sql, uuid } from "../database.ts";
import { tableLock, takeLocks } from "../dialect.ts";
import { integer, isNull, json, optionalInteger, requireUuid, text } from "../rows/values.ts";

/** Ids in one statement. */
const IDS_AT_ONCE = 500;

export async function oldTransactions(
  db: Queries,
  { before, cursor, limit }: { readonly before: number; readonly cursor?: string; readonly limit: number },
): Promise<Page<OldTransaction>> {
  const [time, id] = cursor?.split(" ") ?? [];
  const after =
    id === undefined
      ? sql`true`
      : db.dialect.compareRows(["r.committed_at", "r.transaction_id"], ">", [Number(time), uuid(id)]);
  const rows = await db.read(sql`
    select r.transaction_id, r.committed_at, r.result from dl_transactions r
    where substr(r.request_hash, 1, 8) <> '00000000' and r.committed_at < ${before} and ${after} order by r.committed_at, r.transaction_id limit ${limit}`);
  const items = rows.map((row): OldTransaction => {
    const { known, pending } = answerParts(json(row, "result") as unknown as readonly unknown[]);
    return {
      transactionId: text(row, "transaction_id"),
      committedAt: integer(row, "committed_at"),
      isWhole: pending.length === 0,
      tables: known.map(({ tableId, version }) => ({ tableId, version })),
    };
  });
  const last = items.at(-1);
  return {
    items,
    ...(last !== undefined && items.length === limit ? { next: `${last.committedAt} ${last.transactionId}` } : {}),
  };
}

export async function transactionTables(
  db: Queries,
  tableIds: readonly string[],
): Promise<readonly TransactionTable[]> {
  const found: TransactionTable[] = [];
  for (let start = 0; start < tableIds.length; start += IDS_AT_ONCE) {
    const some = tableIds.slice(start, start + IDS_AT_ONCE).map(uuid);
    const rows = await db.read(sql`
      select t.table_id, t.name, t.status, t.version, t.purged_at, (select min(m.version) from dl_mirror_status m
        where m.table_id = t.table_id and ${raw(db.dialect.isUnpublished)}) as open_version
      from dl_tables t where t.table_id in (${join(some)})`);
    for (const row of rows) {
      found.push({
        tableId: text(row, "table_id"),
        name: text(row, "name"),
        status: text(row, "status") as TransactionTable["status"],
        isPurged: !isNull(row, "purged_at"),
        publishedVersion: (optionalInteger(row, "open_version") ?? integer(row, "version") + 1) - 1,
      });
    }
  }
  return found;
}

/** Under the locks of the commits: each of them finds its row, or sees how far its tables have forgotten. */
export async function forgetTransactions(
  db: Database,
  { transactionIds, tables, madeBefore }: ForgottenTransactions,
): Promise<void> {
  const floors = tables.map(({ tableId, version }) => ({ id: requireUuid(tableId, "table id"), version }));
  const ids = transactionIds.map((id) => uuid(requireUuid(id, "transaction id")));
  await db.transaction(async (tx) => {
    await takeLocks(
      tx,
      floors.map(({ id }) => tableLock(id)),
    );
    for (const { id, version } of floors) {
      await tx.write(sql`
        update dl_tables set
          forgotten_version = case when forgotten_version < ${version} then ${version} else forgotten_version end,
          forgotten_before = case when forgotten_before < ${madeBefore} then ${madeBefore} else forgotten_before end
        where table_id = ${uuid(id)}`);
    }
    for (let start = 0; start < ids.length; start += IDS_AT_ONCE) {
      await tx.write(sql`
        delete from dl_transactions where transaction_id in (${join(ids.slice(start, start + IDS_AT_ONCE))})`);
    }
  });
}
