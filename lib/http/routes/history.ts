/** /v1/tables/{tableId}/commits, /history and /mirror: the versions of a table, by what is asked of them. */

import type { Commit } from "../../delta/actions.ts";
import { actionObjects, encodeCommitInfo } from "../../delta/encode.ts";
import { findHead, tableCommits, tableHistory } from "../../operations/read.ts";
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
import { PAGE_DEFAULT, tableParams } from "../../wire/contracts/values.ts";
import { tableRef } from "../../wire/table-ref.ts";
import { type Endpoint, endpoint, json } from "../endpoint.ts";

const COMMITS_DEFAULT = 100;

const commits = endpoint(
  "listCommits",
  {
    tags: ["reads"],
    summary: "Versions with all their actions, oldest first",
    description: "The actions as they are, or will be, in `_delta_log`. Ask again with `after` to follow a table.",
    params: tableParams,
    query: commitsQuery,
    responses: { 200: answers("Some versions.", commitsAnswer, READ_EXAMPLES.commits), ...problems(400, 404) },
  },
  async ({ params, query }, { lake }) => {
    const { after = -1, limit = COMMITS_DEFAULT } = query;
    const { tableId, commits } = await tableCommits(lake, tableRef(params.tableId), { after, limit });
    return json(200, { tableId, commits: commits.map(commitAnswer), after: commits.at(-1)?.version ?? after });
  },
);

function commitAnswer(commit: Commit) {
  const { version, timestamp, inCommitTimestamp, actions } = commit;
  const commitInfo = encodeCommitInfo(commit);
  const full = commitInfo === undefined ? actions : { ...actions, commitInfo };
  return { version, timestamp, inCommitTimestamp, actions: actionObjects(full) };
}

const history = endpoint(
  "listHistory",
  {
    tags: ["reads"],
    summary: "Versions without their file actions, newest first",
    params: tableParams,
    query: historyQuery,
    responses: { 200: answers("Some versions.", historyAnswer, READ_EXAMPLES.history), ...problems(400, 404) },
  },
  async ({ params, query: { before, limit = PAGE_DEFAULT } }, { lake }) => {
    const of = before === undefined ? { limit } : { before, limit };
    const page = await tableHistory(lake, tableRef(params.tableId), of);
    const next = page.next === undefined ? undefined : page.items.at(-1)?.version;
    return json(200, { tableId: page.tableId, versions: page.items, next });
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
  async ({ params, query: { after = -1, limit = PAGE_DEFAULT } }, { lake }) => {
    const { tableId, version, quarantine } = await findHead(lake, tableRef(params.tableId));
    const [mirroredVersion, page] = await Promise.all([
      lake.catalog.mirroredVersion(tableId),
      lake.catalog.mirrorStatuses(tableId, { after, limit }),
    ]);
    const statuses = page.items.map(({ tableId: _same, ...status }) => status);
    const next = page.next === undefined ? undefined : page.items.at(-1)?.version;
    return json(200, { tableId, version, mirroredVersion, quarantine, statuses, next });
  },
);

export const historyRoutes: readonly Endpoint[] = [commits, history, mirror];
