/** POST /v1/commits and /v1/tables/{tableId}/appends: the ways to write. */

import type { CommitResult } from "../../delta/request.ts";
import { append } from "../../operations/append.ts";
import { commit } from "../../operations/commit.ts";
import { coalescedAppend, decodeAppendRequest, decodeCommitRequest, withLocations } from "../../wire/commit-request.ts";
import {
  appendExamples,
  appendRequest,
  commitAnswer,
  commitAnswerExample,
  commitExamples,
  commitRequest,
} from "../../wire/contracts/commits.ts";
import { problems } from "../../wire/contracts/problem.ts";
import { answers } from "../../wire/contracts/responses.ts";
import { uploadedCommit, uploadedExample } from "../../wire/contracts/uploads.ts";
import { tableParams, z } from "../../wire/contracts/values.ts";
import { type Endpoint, endpoint, json } from "../endpoint.ts";
import { conflictResponse } from "../problem.ts";
import { withUpload } from "./uploads.ts";

export const commitRoutes: readonly Endpoint[] = [
  endpoint(
    "commit",
    {
      tags: ["commits"],
      summary: "Commit actions to one or many tables",
      description:
        "All tables move, or none. A request that is too large to be sent is uploaded, and named. Send the same request again after a 503 or a lost answer: it counts once.",
      body: {
        schema: z.union([commitRequest, uploadedCommit]),
        examples: { ...commitExamples, uploaded: uploadedExample },
      },
      responses: {
        201: answers("Committed.", commitAnswer, commitAnswerExample),
        200: answers(
          "This transactionId was committed before: its first answer again.",
          commitAnswer,
          commitAnswerExample,
        ),
        ...problems(400, 404, 409, 413, 415, 422),
      },
    },
    async ({ body, principal, concerns }, host) => {
      const given = await withUpload(await body(), host);
      const asked = decodeCommitRequest(given);
      concerns(asked.tables.map(({ table }) => ("name" in table ? table.name : table.tableId)));
      const shared = coalescedAppend(given, asked);
      if (shared) return answered(await append(host.lake, { ...shared, by: principal }));
      const request = await withLocations(asked, host.resolveLocation);
      return answered(await commit(host.lake, { ...request, by: principal }));
    },
  ),
  endpoint(
    "append",
    {
      tags: ["commits"],
      summary: "Add files to a table, in a version that may be shared",
      description:
        "Many small appends become one version: each waits for others, `maxDelayMs` at most, and stays a transaction of its own, with its own " +
        "answer; `adds` says which of the version's add actions are whose. What is wrong with one is told to its client alone. No version " +
        "is named: the append is for the table as it is. Send the same request again after a 503 or a lost answer: it counts once.",
      params: tableParams,
      body: { schema: appendRequest, examples: appendExamples },
      responses: {
        201: answers("Committed.", commitAnswer, commitAnswerExample),
        200: answers(
          "This transactionId was committed before: its first answer again.",
          commitAnswer,
          commitAnswerExample,
        ),
        ...problems(400, 404, 409, 413, 415, 422),
      },
    },
    async ({ params: { tableId }, body, principal, concerns }, { lake }) => {
      const request = decodeAppendRequest(await body(), { tableId });
      concerns([tableId]);
      return answered(await append(lake, { ...request, by: principal }));
    },
  ),
];

function answered(result: CommitResult): Response {
  if (result.status === "conflict") return conflictResponse(result.conflicts);
  const { replayed, status: _, ...answer } = result;
  return json(replayed ? 200 : 201, answer);
}
