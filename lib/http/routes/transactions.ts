/** GET /v1/transactions/{transactionId}: whether a commit whose answer was lost has happened. */

import type { Guard } from "../../access/guard.ts";
import { timeOfId } from "../../delta/transaction-age.ts";
import { type LakeError, notFound } from "../../errors.ts";
import type { Lake, Transaction } from "../../ports.ts";
import { transaction, transactionExample } from "../../wire/contracts/commits.ts";
import { problems } from "../../wire/contracts/problem.ts";
import { answers } from "../../wire/contracts/responses.ts";
import { uuid, z } from "../../wire/contracts/values.ts";
import { type Endpoint, endpoint, json } from "../endpoint.ts";

export const transactionRoutes: readonly Endpoint[] = [
  endpoint(
    "getTransaction",
    {
      tags: ["commits"],
      summary: "What a transaction committed",
      params: z.object({ transactionId: uuid }),
      responses: {
        200: answers("It was committed.", transaction, transactionExample),
        ...problems(400, 404, 503),
      },
    },
    async ({ params: { transactionId }, guard }, { lake }) => {
      const found = await checkKnown(guard, lake, transactionId);
      const tables = found.tables.map(({ tableId, version, timestamp, adds }) => {
        return { tableId, version, inCommitTimestamp: timestamp, ...(adds && { adds }) };
      });
      const { committedAt, lost } = found;
      return json(200, { transactionId, committedAt, tables, ...(lost && { lost }) });
    },
  ),
];

/** @throws LakeError notFound where there is none, or none of which the caller may know all tables */
export async function checkKnown(guard: Guard, lake: Lake, transactionId: string): Promise<Transaction> {
  const found = await lake.catalog.findTransaction(transactionId);
  const seen = await guard.sees((found?.tables ?? []).map(({ tableId }) => tableId));
  if (found !== undefined && seen) return found;
  throw transactionNotFound(transactionId, await lake.catalog.transactionFloor());
}

/** @param floor milliseconds: of ids that were made before, those of committed transactions may be forgotten; 0 for none */
function transactionNotFound(transactionId: string, floor: number): LakeError {
  const isKnown = (timeOfId(transactionId) ?? 0) >= floor;
  const time = new Date(floor).toISOString();
  return notFound(`there is no transaction ${transactionId}`, {
    code: "TRANSACTION_NOT_FOUND",
    hint: isKnown
      ? "It has not been committed. Sending the same request again is safe."
      : `Transactions from before ${time} may be forgotten. A younger one has not been committed, and sending the same request again is safe; an older one is refused then (TRANSACTION_FORGOTTEN), and the history of its table tells.`,
    facts: isKnown ? {} : { forgottenBefore: floor },
  });
}
