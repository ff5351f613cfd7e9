/** dl_transactions: what a transaction id was answered with. */

import type { Transaction } from "../../ports.ts";
import { type Queries, sql, uuid } from "../database.ts";
import { storedUuid, transactionOf } from "../rows.ts";

export async function findTransactionRow(db: Queries, transactionId: string): Promise<Transaction | undefined> {
  const id = storedUuid(transactionId);
  if (id === undefined) return undefined;
  const [row] = await db.all(
    sql`select transaction_id, request_hash, committed_at, result from dl_transactions where transaction_id = ${uuid(id)}`,
  );
  return row && transactionOf(row);
}
