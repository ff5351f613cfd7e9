/** GET /v1/tables/{tableId}/files and POST …/plan: the live files of a table, all of them or those that a scan needs. */

import { canonicalJson, type Json } from "../../delta/values/json.ts";
import { beginList, listFiles, listFileTexts, nextFiles, nextFileTexts } from "../../operations/lists.ts";
import { planScan } from "../../operations/plan-scan.ts";
import { checked } from "../../validation.ts";
import { checkPredicateBounds } from "../../wire/action-bounds.ts";
import { PAGE_BYTES } from "../../wire/answer-size.ts";
import { withoutUndefined } from "../../wire/commit-request.ts";
import { problems } from "../../wire/contracts/problem.ts";
import { filesAnswer, filesQuery, READ_EXAMPLES } from "../../wire/contracts/reads.ts";
import { PLAN_EXAMPLES, planAnswer, planExamples, planRequest } from "../../wire/contracts/scans.ts";
import { tableParams } from "../../wire/contracts/values.ts";
import { tableRef } from "../../wire/table-ref.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import {
  askedForm,
  brokenStream,
  fileMedia,
  filesJson,
  filesPage,
  filesStream,
  LINES,
  STREAM_PAGE,
  wantedFields,
} from "../file-list.ts";
import { isPinned, keptAnswer, versionedAnswer } from "../versioned.ts";

const list = endpoint(
  "listFiles",
  {
    tags: ["reads"],
    summary: "The live files of a table",
    description:
      "At a version, at a moment, or the newest. With `Accept: application/x-ndjson` all files come in one stream, one add " +
      "object a line; the headers Delta-Version and Delta-Timestamp say of which version. With `limit` or `cursor`, and " +
      "always on AWS, the lines are one page, and the header Delta-Next, where there is one, is the cursor of the next. " +
      "`Accept: application/vnd.apache.arrow.stream` or `application/vnd.apache.parquet` gives the same as columns.",
    params: tableParams,
    query: filesQuery,
    responses: {
      200: {
        description: "One page of files, or all of them as lines or columns.",
        content: {
          "application/json": { schema: filesAnswer, example: READ_EXAMPLES.files },
          ...fileMedia(READ_EXAMPLES.file),
        },
      },
      ...problems(400, 404),
    },
  },
  async ({ params, asked, query, headers, cutOff }, host) => {
    const { lake, pageSize, streams } = host;
    const ref = tableRef(params.tableId);
    const { limit, fields: named, ...from } = withoutUndefined(query);
    const fields = wantedFields(named);
    const form = await askedForm(headers, fields);
    const inOne = form !== undefined && limit === undefined && from.cursor === undefined && streams !== false;
    const page = { maxBytes: PAGE_BYTES, limit: limit ?? (inOne ? STREAM_PAGE : pageSize) };
    const onError = brokenStream(host, cutOff);
    if (inOne && form.contentType === LINES.contentType) {
      const answered = await listFileTexts(lake, ref, { ...from, ...page, fields });
      const next = (cursor: string) => nextFileTexts(lake, cursor, { ...page, fields });
      return filesStream(answered, LINES, { next, onError });
    }
    if (inOne) {
      const answered = await listFiles(lake, ref, { ...from, ...page });
      const next = (cursor: string) => nextFiles(lake, cursor, page);
      return filesStream(answered, form, { next, onError });
    }
    return versionedAnswer(host, {
      headers,
      key: ["files", page.limit, from.cursor, form?.contentType, fields],
      isPinned: isPinned(tableRef(asked.tableId), from),
      find: async () => (await beginList(lake, ref, "files", { ...from, ...page })).at,
      async make() {
        const answered = await listFiles(lake, ref, { ...from, ...page });
        return { at: answered, answer: form === undefined ? filesJson(answered, fields) : filesPage(answered, form) };
      },
    });
  },
);

const plan = endpoint(
  "planScan",
  {
    tags: ["reads"],
    summary: "The files that a scan needs: those that may hold rows which a predicate selects",
    description:
      "Judged by partition values and statistics; a file that is left out holds no such row, whoever wrote it. Pages and lines are " +
      "those of `GET …/files`; `cursor` goes with the same predicate. A page may have fewer files than `limit` and yet a `next`.",
    params: tableParams,
    body: { schema: planRequest, examples: planExamples },
    responses: {
      200: {
        description: "One page of files, or all of them as lines or columns.",
        content: {
          "application/json": { schema: planAnswer, example: PLAN_EXAMPLES.plan },
          ...fileMedia(READ_EXAMPLES.file),
        },
      },
      ...problems(400, 404, 413, 415),
    },
  },
  async ({ params, body, headers, cutOff }, host) => {
    const { lake, pageSize, streams } = host;
    const ref = tableRef(params.tableId);
    const { limit, predicate, ...rest } = withoutUndefined(checked(planRequest, await body()));
    checkPredicateBounds([predicate as Json], "/predicate");
    const { onUnindexed } = host;
    const scan = { ...rest, predicate: predicate as Json, ...(onUnindexed ? { onUnindexed } : {}) };
    const form = await askedForm(headers);
    const inOne = form !== undefined && limit === undefined && rest.cursor === undefined && streams !== false;
    const page = { maxBytes: PAGE_BYTES, limit: limit ?? (inOne ? STREAM_PAGE : pageSize) };
    if (!inOne) {
      return keptAnswer(host, {
        key: ["plan", page.limit, rest.cursor, form?.contentType, canonicalJson(predicate), rest.columns],
        find: async () => (await beginList(lake, ref, "plan", { ...rest, ...page })).at,
        async make() {
          const planned = await planScan(lake, ref, { ...scan, ...page });
          return { at: planned, answer: form === undefined ? filesJson(planned) : filesPage(planned, form) };
        },
      });
    }
    const planned = await planScan(lake, ref, { ...scan, ...page });
    const { tableId, version } = planned;
    const next = async (cursor: string) => {
      const { page: following } = await planScan(lake, { tableId }, { ...scan, ...page, ...{ version, cursor } });
      return following;
    };
    return filesStream(planned, form, { next, onError: brokenStream(host, cutOff) });
  },
);

export const fileRoutes: readonly Endpoint[] = [list, plan];
