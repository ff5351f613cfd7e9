/** /v1/tables/{tableId}/commits, /history and /mirror: the versions of a table, by what is asked of them. */

import type { Commit } from "../../delta/actions.ts";
import { actionObjects, encodeCommitInfo } from "../../delta/encode.ts";
import type { JsonObject } from "../../delta/values/json.ts";
import { invalid } from "../../errors.ts";
import { type CommitsPage, commitPart, tableCommits, tableHistory } from "../../operations/history.ts";
import { findHead } from "../../operations/read.ts";
import { objectText, PAGE_BYTES, written, writtenPage } from "../../wire/answer-size.ts";
import { withoutUndefined } from "../../wire/commit-request.ts";
import { problems } from "../../wire/contracts/problem.ts";
import {
  commitsAnswer,
  commitsQuery,
  historyAnswer,
  historyQuery,
  mirrorAnswer,
  mirrorQuery,
  READ_EXAMPLES,
} from "../../wire/contracts/reads.ts";
import { answers } from "../../wire/contracts/responses.ts";
import { tableParams } from "../../wire/contracts/values.ts";
import { tableRef } from "../../wire/table-ref.ts";
import { type Endpoint, endpoint, jsonText } from "../endpoint.ts";
import { askedColumns, brokenStream, columnMedia } from "../file-list.ts";
import { pageOf, streamList } from "../list-stream.ts";

const COMMITS_DEFAULT = 100;

const commits = endpoint(
  "listCommits",
  {
    tags: ["reads"],
    summary: "Versions with all their actions, oldest first",
    description:
      "The actions as they are, or will be, in `_delta_log`. Ask again with `after` to follow a table. A version that no answer " +
      "holds comes alone and in parts: `complete` is false, and `next` is the `cursor` of its next part.",
    params: tableParams,
    query: commitsQuery,
    responses: { 200: answers("Some versions.", commitsAnswer, READ_EXAMPLES.commits), ...problems(400, 404) },
  },
  async ({ params, query }, { lake }) => {
    const { limit = COMMITS_DEFAULT, ...from } = withoutUndefined(query);
    if (from.after !== undefined && from.cursor !== undefined) throw invalid("give after or cursor, not both");
    const page = await tableCommits(lake, tableRef(params.tableId), { ...from, limit, maxBytes: PAGE_BYTES });
    const { tableId, commits, cursorAfter } = page;
    if (cursorAfter !== undefined) return jsonText(200, partText(page));
    const texts = written(commits, commitAnswer, PAGE_BYTES);
    const [first] = commits;
    if (first !== undefined && Buffer.byteLength(texts[0] ?? "") > PAGE_BYTES) {
      return jsonText(200, partText(await commitPart(lake, { tableId, version: first.version, maxBytes: PAGE_BYTES })));
    }
    const after = commits[texts.length - 1]?.version ?? from.after ?? -1;
    return jsonText(200, objectText({ tableId }, { commits: texts }, { after }));
  },
);

function commitAnswer(commit: Commit) {
  return { ...commitMembers(commit), actions: commitActions(commit) };
}

function commitMembers({ version, timestamp, inCommitTimestamp }: Commit) {
  return { version, timestamp, inCommitTimestamp };
}

function commitActions(commit: Commit): readonly JsonObject[] {
  const commitInfo = encodeCommitInfo(commit);
  return actionObjects(commitInfo === undefined ? commit.actions : { ...commit.actions, commitInfo });
}

/** Until its last part, a version counts as not read: whoever goes on with `after` alone begins it anew. */
function partText({ tableId, commits, cursorAfter }: CommitsPage): string {
  const [commit] = commits;
  if (commit === undefined) throw new Error("a part of a version is of one");
  const actions = written(commitActions(commit), (action) => action, PAGE_BYTES);
  const next = cursorAfter?.(actions.length);
  const complete = next === undefined;
  const part = objectText(commitMembers(commit), { actions }, { complete });
  return objectText({ tableId }, { commits: [part] }, { after: complete ? commit.version : commit.version - 1, next });
}

const history = endpoint(
  "listHistory",
  {
    tags: ["reads"],
    summary: "Versions without their file actions, newest first",
    description:
      "With `Accept: application/vnd.apache.arrow.stream` or `application/vnd.apache.parquet` all of them come as columns in one stream. With `limit` or `before`, and " +
      "always on AWS, these are one page, and the header Delta-Next, where there is one, is the `before` of the next.",
    params: tableParams,
    query: historyQuery,
    responses: {
      200: {
        description: "Some versions, or all of them as columns.",
        content: {
          "application/json": { schema: historyAnswer, example: READ_EXAMPLES.history },
          ...columnMedia("a column for each member of a version"),
        },
      },
      ...problems(400, 404),
    },
  },
  async ({ params, query: { before, limit }, headers, cutOff }, host) => {
    const { lake, pageSize, streams } = host;
    const of = { limit: limit ?? pageSize, maxBytes: PAGE_BYTES, ...(before === undefined ? {} : { before }) };
    const ref = tableRef(params.tableId);
    const page = await tableHistory(lake, ref, of);
    const columns = askedColumns(headers);
    if (columns !== undefined) {
      const form = (await import("../column-lists.ts")).columnsOfHistory(columns);
      const isPage = limit !== undefined || before !== undefined || streams === false;
      if (isPage) return pageOf(page, form);
      const { tableId } = page;
      const next = (cursor: string) => tableHistory(lake, { tableId }, { ...of, before: Number(cursor) });
      return streamList({ first: page, next, headers: {}, onError: brokenStream(host, cutOff) }, form);
    }
    const { items, next } = writtenPage(page, (version) => version);
    return jsonText(200, objectText({ tableId: page.tableId }, { versions: items }, { next: numberOf(next) }));
  },
);

const mirror = endpoint(
  "listMirrorStatuses",
  {
    tags: ["reads"],
    summary: "How far `_delta_log` has followed, version by version",
    params: tableParams,
    query: mirrorQuery,
    responses: { 200: answers("The mirror's state.", mirrorAnswer, READ_EXAMPLES.mirror), ...problems(400, 404) },
  },
  async ({ params, query: { after = -1, limit } }, { lake, pageSize }) => {
    const { tableId, version, quarantine } = await findHead(lake, tableRef(params.tableId));
    const [mirroredVersion, page] = await Promise.all([
      lake.catalog.mirroredVersion(tableId),
      lake.catalog.mirrorStatuses(tableId, { after, limit: limit ?? pageSize }),
    ]);
    const { items, next } = writtenPage(page, ({ tableId: _same, ...status }) => status);
    const state = { tableId, version, mirroredVersion, quarantine };
    return jsonText(200, objectText(state, { statuses: items }, { next: numberOf(next) }));
  },
);

/** The cursors of these two lists are versions. */
function numberOf(next: string | undefined): number | undefined {
  return next === undefined ? undefined : Number(next);
}

export const historyRoutes: readonly Endpoint[] = [commits, history, mirror];
