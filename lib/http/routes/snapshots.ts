/** POST /v1/snapshots: one version per table, consistent across tables. */

import { snapshots } from "../../operations/read.ts";
import { checked } from "../../validation.ts";
import { withoutUndefined } from "../../wire/commit-request.ts";
import { problems } from "../../wire/contracts/problem.ts";
import { READ_EXAMPLES, snapshotAnswer, snapshotExamples, snapshotRequest } from "../../wire/contracts/reads.ts";
import { answers } from "../../wire/contracts/responses.ts";
import { refOf } from "../../wire/table-ref.ts";
import { type Endpoint, endpoint, json } from "../endpoint.ts";
import { checkKnown } from "./transactions.ts";

export const snapshotRoutes: readonly Endpoint[] = [
  endpoint(
    "snapshot",
    {
      tags: ["reads"],
      summary: "One version per table, consistent across tables",
      description: "Of one moment, as a transaction left them, or the newest. A transaction is never cut in two.",
      body: { schema: snapshotRequest, examples: snapshotExamples },
      responses: {
        200: answers("The versions.", snapshotAnswer, READ_EXAMPLES.snapshot),
        ...problems(400, 404, 413, 415),
      },
    },
    async ({ body, guard, concerns }, { lake }) => {
      const request = withoutUndefined(checked(snapshotRequest, await body()));
      const tables = request.tables.map((table, i) => refOf(table, `/tables/${i}`));
      concerns(tables.map((table) => ("name" in table ? table.name : table.tableId)));
      const judged = await guard.tables(tables, ["SELECT"]);
      const { transactionId } = request;
      if (guard.isEnforced && transactionId !== undefined) await checkKnown(guard, lake, transactionId);
      return json(200, await snapshots(lake, { ...request, tables: judged }));
    },
  ),
];
