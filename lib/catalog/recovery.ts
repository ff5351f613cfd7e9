/** Recoveries: versions out of a log on top of an active table, and tables that are made again from a checkpoint above their head. */

import { placeTaken } from "../delta/files/locations.ts";
import { MARKER_NAMES, type TableHead } from "../delta/table.ts";
import { LakeError } from "../errors.ts";
import type { Clock, ImportProgress, RecoveredVersion, TransactionParts } from "../ports.ts";
import { answerParts, lostPart, PENDING, pendingPart } from "./commit/answers.ts";
import { type Database, join, type Queries, type Row, raw, sql, uuid } from "./database.ts";
import { tableLock, takeLocks, transactionLock } from "./dialect.ts";
import { importRows } from "./import-requests.ts";
import { applyRows, lineOf, progressOf, RECOVERY_PLAN, removeRows } from "./imports.ts";
import { timeOf } from "./lifecycle.ts";
import { placeLocks, sharedPlaceLocks, takePlace } from "./places.ts";
import { findTransactionRow } from "./reads/transactions.ts";
import { FINGERPRINT_COLUMNS, headOf, markerColumn } from "./rows/heads.ts";
import { integer, optionalText, requireUuid, storedUuid, text } from "./rows/values.ts";
import { tableNotFound } from "./tables.ts";

export async function recoverVersions(
  db: Database,
  tableId: string,
  batches: readonly RecoveredVersion[],
): Promise<void> {
  const requests = batches.map((batch) => {
    const at = { version: batch.commit.version - 1, checkpointActions: 0 };
    return { ...importRows(tableId, batch, at), publishedAt: batch.publishedAt };
  });
  await db.transaction(async (tx) => {
    const answers = await applyRows(tx, requests);
    const refused = answers.findIndex((answer) => answer !== "applied");
    if (answers[refused] === "noImport") throw tableNotFound(tableId);
    if (refused >= 0) throw moved(tableId, requests[refused]?.at.version ?? -1);
  });
}

function moved(tableId: string, head: number): LakeError {
  return new LakeError("conflict", `the head of the table ${tableId} is not version ${head} any more`, {
    code: "RECOVERY_MOVED",
    hint: "Another recovery may be running, or somebody commits. Run it again: it goes on where the table is.",
    facts: { tableId, version: head },
  });
}

/** The columns of a head that rows move, as they are in a table without any. */
const NO_ROWS: Readonly<Record<string, number>> = {
  version: -1,
  base_version: 0,
  timestamp: 0,
  num_files: 0,
  size_in_bytes: 0,
  row_id_high_water_mark: -1,
  import_version: -1,
  import_actions: 0,
  ...Object.fromEntries(MARKER_NAMES.map((name) => [markerColumn(name), -1])),
  ...Object.fromEntries(FINGERPRINT_COLUMNS.map((name) => [name, 0])),
};

export async function beginRecovery(
  db: Database,
  tableId: string,
  { head, plan, to }: { readonly head: number; readonly plan: string; readonly to?: string },
  clock: Clock,
): Promise<ImportProgress> {
  const id = requireUuid(tableId, "table id");
  const own = RECOVERY_PLAN + plan;
  return db.transaction(
    async (tx) => {
      await takeLocks(tx, [tableLock(id), ...placeLocks(to)], sharedPlaceLocks(to));
      const [row] = await tx.read(sql`select * from dl_tables where table_id = ${uuid(id)} and status <> 'DELETED'`);
      if (row === undefined) throw tableNotFound(tableId);
      const begun = optionalText(row, "import_plan");
      if (row.status === "IMPORTING" && begun === own) return progressOf(row);
      const isOpen = row.status === "IMPORTING" && begun?.startsWith(RECOVERY_PLAN);
      if (!isOpen && (row.status !== "ACTIVE" || integer(row, "version") !== head)) throw moved(tableId, head);
      const by = to === undefined ? undefined : await takePlace(tx, row, to, await timeOf(tx, clock));
      if (by !== undefined) throw placeTaken(to ?? "", by);
      await removeRows(tx, id);
      await tx.write(sql`delete from dl_parity where table_id = ${uuid(id)}`);
      const cleared = Object.entries(NO_ROWS).map(([column, value]) => sql`${raw(column)} = ${value}`);
      await tx.write(sql`
        update dl_tables set status = 'IMPORTING', import_plan = ${own}, quarantine = null, ${join(cleared)}
        where table_id = ${uuid(id)}`);
      return progressOf(await lineOf(tx, id));
    },
    { long: true },
  );
}

export async function followMove(
  db: Database,
  tableId: string,
  { from, to, changes }: { readonly from: string; readonly to: string; readonly changes: number },
  clock: Clock,
): Promise<void> {
  const id = requireUuid(tableId, "table id");
  await db.transaction(async (tx) => {
    await takeLocks(tx, [tableLock(id), ...placeLocks(to)], sharedPlaceLocks(to));
    const [row] = await tx.read(sql`select * from dl_tables where table_id = ${uuid(id)} and status = 'ACTIVE'`);
    if (row === undefined) throw tableNotFound(tableId);
    if (text(row, "location") === to) return;
    if (text(row, "location") !== from) throw moved(tableId, integer(row, "version"));
    const by = await takePlace(tx, row, to, await timeOf(tx, clock));
    if (by !== undefined) throw placeTaken(to, by);
    await tx.write(sql`
      update dl_tables set identity_changes = ${changes} where table_id = ${uuid(id)} and identity_changes < ${changes}`);
  });
}

export async function openRecoveries(db: Queries): Promise<readonly TableHead[]> {
  const rows = await db.read(sql`
    select * from dl_tables where status = 'IMPORTING' and import_plan like ${`${RECOVERY_PLAN}%`} order by name`);
  return rows.map(headOf);
}

function partsOf(row: Row): TransactionParts {
  return {
    transactionId: text(row, "transaction_id"),
    ...answerParts(JSON.parse(text(row, "result")) as readonly unknown[]),
  };
}

/** Looks at all transactions: there is no index, as there are none such but in a recovery. */
export async function incompleteTransactions(
  db: Queries,
  { after, limit }: { readonly after?: string; readonly limit: number },
): Promise<readonly TransactionParts[]> {
  const from = after === undefined ? sql`true` : sql`transaction_id > ${uuid(after)}`;
  const rows = await db.read(sql`
    select transaction_id, result from dl_transactions
    where result like ${`%${PENDING}%`} and ${from} order by transaction_id limit ${limit}`);
  return rows.map(partsOf);
}

export async function findTransactionParts(db: Queries, transactionId: string): Promise<TransactionParts | undefined> {
  const row = await findTransactionRow(db, transactionId);
  return row && { transactionId: row.transactionId, ...answerParts(row.tables) };
}

export async function settleTransaction(
  db: Database,
  clock: Clock,
  transactionId: string,
  tableIds: readonly string[],
): Promise<void> {
  const id = storedUuid(transactionId);
  if (id === undefined) return;
  await db.transaction(async (tx) => {
    await takeLocks(tx, [transactionLock(id)]);
    for (const tableId of tableIds) {
      await tx.write(sql`
        update dl_transactions set result = replace(result, ${pendingPart(tableId)}, ${lostPart(tableId)})
        where transaction_id = ${uuid(id)}`);
    }
    // A backup from before the loss has the first answer, which is not the truth any more: no increment goes on from it.
    const known = (await findTransactionParts(tx, transactionId))?.known ?? [];
    const touched = [...known.map(({ tableId }) => tableId), ...tableIds].flatMap((one) => storedUuid(one) ?? []);
    if (touched.length === 0) return;
    const now = clock.now();
    await tx.write(sql`
      update dl_tables set rows_since = case when rows_since < ${now} then ${now} else rows_since + 1 end
      where table_id in (${join(touched.map(uuid))})`);
  });
}
