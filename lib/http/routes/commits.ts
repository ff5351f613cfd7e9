/** POST /v1/commits: the one way to write. */

import { commit } from "../../operations/commit.ts";
import { decodeCommitRequest, withLocations } from "../../wire/commit-request.ts";
import { commitAnswer, commitAnswerExample, commitExamples, commitRequest } from "../../wire/contracts/commits.ts";
import { problems } from "../../wire/contracts/problem.ts";
import { answers } from "../../wire/contracts/responses.ts";
import { uploadedCommit, uploadedExample } from "../../wire/contracts/uploads.ts";
import { z } from "../../wire/contracts/values.ts";
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
      const asked = decodeCommitRequest(await withUpload(await body(), host));
      concerns(asked.tables.map(({ table }) => ("name" in table ? table.name : table.tableId)));
      const request = await withLocations(asked, host.resolveLocation);
      const result = await commit(host.lake, { ...request, by: principal });
      if (result.status === "conflict") return conflictResponse(result.conflicts);
      const { replayed, status: _, ...answer } = result;
      return json(replayed ? 200 : 201, answer);
    },
  ),
];
