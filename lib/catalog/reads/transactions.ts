/** dl_transactions: what a transaction id was answered with. */

import type { Transaction } from "../../ports.ts";
import { type Queries, sql, uuid } from "../database.ts";
import { integer, json, optionalInteger, storedUuid, text } from "../rows/values.ts";

/** As it is stored: parts of it may have no version (commit/answers.ts). */
export async function findTransactionRow(db: Queries, transactionId: string): Promise<Transaction | undefined> {
  const id = storedUuid(transactionId);
  if (id === undefined) return undefined;
  const [row] = await db.read(
    sql`select transaction_id, request_hash, committed_at, result from dl_transactions where transaction_id = ${uuid(id)}`,
  );
  if (row === undefined) return undefined;
  return {
    transactionId: text(row, "transaction_id"),
    requestHash: text(row, "request_hash"),
    committedAt: integer(row, "committed_at"),
    tables: json(row, "result") as unknown as Transaction["tables"],
  };
}

/** Ids that were made before may be those of forgotten transactions; 0 for none. Milliseconds. */
export async function readFloor(db: Queries): Promise<number> {
  const [row] = await db.read(sql`select max(forgotten_before) as floor from dl_tables`);
  return optionalInteger(row ?? {}, "floor") ?? 0;
}
