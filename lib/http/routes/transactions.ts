/** GET /v1/transactions/{transactionId}: whether a commit whose answer was lost has happened. */

import { notFound } from "../../errors.ts";
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
    async ({ params: { transactionId } }, { lake }) => {
      const found = await lake.catalog.findTransaction(transactionId);
      if (found === undefined) {
        throw notFound(`there is no transaction ${transactionId}`, {
          code: "TRANSACTION_NOT_FOUND",
          hint: "It has not been committed. Sending the same request again is safe.",
        });
      }
      const tables = found.tables.map(({ tableId, version, timestamp, adds }) => {
        return { tableId, version, inCommitTimestamp: timestamp, ...(adds && { adds }) };
      });
      const { committedAt, lost } = found;
      return json(200, { transactionId, committedAt, tables, ...(lost && { lost }) });
    },
  ),
];
