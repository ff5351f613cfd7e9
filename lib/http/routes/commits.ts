/** POST /v1/commits and /v1/tables/{tableId}/appends: the ways to write. */

import { commitNeeds } from "../../access/commit-needs.ts";
import type { Guard } from "../../access/guard.ts";
import { namespaceOf } from "../../access/privileges.ts";
import type { CommitActions } from "../../delta/actions.ts";
import type { AppendRequest, CommitRequest, CommitResult, TableRef } from "../../delta/request.ts";
import { append } from "../../operations/append.ts";
import { commit } from "../../operations/commit.ts";
import type { Allowed } from "../../operations/committing/author.ts";
import { coalescedAppend, decodeAppendRequest, decodeCommit, withLocations } from "../../wire/commit-request.ts";
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
import { tableRef } from "../../wire/table-ref.ts";
import { type Endpoint, endpoint, json } from "../endpoint.ts";
import { ownerOf } from "../owner.ts";
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
    async ({ body, principal, guard, concerns, attempt, noted }, host) => {
      const decoded = decodeCommit(await withUpload(await body(), host));
      const asked = decoded.request;
      concerns(asked.tables.map(({ table }) => ("name" in table ? table.name : table.tableId)));
      const shared = coalescedAppend(decoded);
      if (shared)
        return answered(
          await append(host.lake, { ...(await allowedAppend(guard, shared)), by: principal, attempt }),
          noted,
        );
      await checkCreations(guard, asked);
      const request = await withLocations(asked, host.resolveLocation);
      return answered(
        await commit(host.lake, {
          ...request,
          by: principal,
          attempt,
          ...allowedBy(guard),
          ...ownerOf(guard, principal, host),
        }),
        noted,
      );
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
    async ({ params: { tableId }, body, principal, guard, concerns, attempt, noted }, { lake }) => {
      const request = decodeAppendRequest(await body(), tableRef(tableId));
      concerns([tableId]);
      return answered(await append(lake, { ...(await allowedAppend(guard, request)), by: principal, attempt }), noted);
    },
  ),
];

function answered(result: CommitResult, noted: () => void): Response {
  if (result.status === "conflict") return conflictResponse(result.conflicts);
  const { replayed, status: _, ...answer } = result;
  if (!replayed) noted();
  return json(replayed ? 200 : 201, answer);
}

/** Before anybody looks at the place of a table that is to be made, or tries to write there. */
async function checkCreations(guard: Guard, { tables }: CommitRequest): Promise<void> {
  for (const { table, create } of tables) {
    if (create !== undefined && "name" in table) await guard.namespace(namespaceOf(table.name), "CREATE");
  }
}

function allowedBy(guard: Guard): Allowed {
  if (!guard.isEnforced) return {};
  return {
    async allow(doing) {
      const appended = new Set<string>();
      for (const { asked, tableId, name, creates, actions } of doing) {
        if (creates) await guard.namespace(namespaceOf(name), "CREATE");
        else if (await addsOnly(guard, { tableId }, actions, asked)) appended.add(tableId);
      }
      return appended;
    },
  };
}

/** An append is for the table that has been judged, whoever has its name when it is committed. */
async function allowedAppend(
  guard: Guard,
  request: AppendRequest,
): Promise<AppendRequest & { readonly asked?: TableRef }> {
  if (!guard.isEnforced) return request;
  const { table } = request;
  const [judged = table.table] = await guard.tables([table.table], []);
  const newFilesOnly = await addsOnly(guard, judged, table.actions, table.table);
  return { ...request, asked: table.table, table: { ...table, table: judged, newFilesOnly } };
}

/**
 * Whoever may replace files may add some; whoever may only add some must not replace any.
 * @returns true where only files may be added that were never in the table. @throws LakeError forbidden, notFound
 */
async function addsOnly(guard: Guard, ref: TableRef, actions: CommitActions, asked: TableRef): Promise<boolean> {
  const needs = commitNeeds(actions);
  const rest = needs.filter((privilege) => privilege !== "APPEND");
  await guard.tables([ref], rest, [asked]);
  if (!needs.includes("APPEND") || (await guard.mayOnTable(ref, "MODIFY"))) return false;
  await guard.tables([ref], ["APPEND"], [asked]);
  return true;
}
