/** POST /v1/commits: the one way to write. */

import { commit } from "../../operations/commit.ts";
import { decodeCommitRequest } from "../commit-request.ts";
import { commitAnswer, commitExamples, commitRequest } from "../contracts/commits.ts";
import { problems } from "../contracts/problem.ts";
import { type Endpoint, endpoint, json } from "../endpoint.ts";
import { conflictResponse } from "../problem.ts";

const answers = (description: string) => ({ description, content: { "application/json": { schema: commitAnswer } } });

export const commitRoutes: readonly Endpoint[] = [
  endpoint(
    {
      method: "post",
      path: "/v1/commits",
      operationId: "commit",
      tags: ["commits"],
      summary: "Commit actions to one or many tables",
      description:
        "All tables move, or none. Send the same request again after a 503 or a lost answer: it counts once.",
      body: { schema: commitRequest, examples: commitExamples },
      responses: {
        201: answers("Committed."),
        200: answers("This transactionId was committed before: its first answer again."),
        ...problems(400, 404, 409, 413, 415, 422),
      },
    },
    async ({ body }, { lake }) => {
      const result = await commit(lake, decodeCommitRequest(await body()));
      if (result.status === "conflict") return conflictResponse(result.conflicts);
      const { replayed, transactionId, committedAt, tables } = result;
      return json(replayed ? 200 : 201, { transactionId, committedAt, tables });
    },
  ),
];
