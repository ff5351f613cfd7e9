/** GET /v1/tables/{tableId}/files: the live files of a table, by pages of JSON or as one stream of lines. */

import type { AddFile } from "../../delta/actions.ts";
import { addFields } from "../../delta/encode.ts";
import type { TableRef } from "../../delta/request.ts";
import { stringifyJson } from "../../delta/values/json.ts";
import { listFiles, nextFiles } from "../../operations/lists.ts";
import type { Lake, Page } from "../../ports.ts";
import { objectText, PAGE_BYTES, writtenPage } from "../../wire/answer-size.ts";
import { withoutUndefined } from "../../wire/commit-request.ts";
import { documented } from "../../wire/contracts/actions.ts";
import { problems } from "../../wire/contracts/problem.ts";
import { filesAnswer, filesQuery, READ_EXAMPLES } from "../../wire/contracts/reads.ts";
import { PAGE_DEFAULT, tableParams } from "../../wire/contracts/values.ts";
import { tableRef } from "../../wire/table-ref.ts";
import { acceptedTypes } from "../accept.ts";
import { type Endpoint, endpoint, jsonText } from "../endpoint.ts";

const NDJSON = "application/x-ndjson";
/** Files read at once for a stream; bounds its memory. */
const STREAM_PAGE = 1000;

export const fileRoutes: readonly Endpoint[] = [
  endpoint(
    "listFiles",
    {
      tags: ["reads"],
      summary: "The live files of a table",
      description:
        "At a version, at a moment, or the newest. With `Accept: application/x-ndjson` all files come in one stream, one add " +
        "object a line; the headers Delta-Version and Delta-Timestamp say of which version. With `limit` or `cursor`, and " +
        "always on AWS, the lines are one page, and the header Delta-Next, where there is one, is the cursor of the next.",
      params: tableParams,
      query: filesQuery,
      responses: {
        200: {
          description: "One page of files, or all of them as lines.",
          content: {
            "application/json": { schema: filesAnswer, example: READ_EXAMPLES.files },
            [NDJSON]: { schema: documented("AddFile"), example: READ_EXAMPLES.file },
          },
        },
        ...problems(400, 404),
      },
    },
    async ({ params, query, headers, cutOff }, host) => {
      const { lake, streams } = host;
      const ref = tableRef(params.tableId);
      const { limit, cursor, ...asOf } = withoutUndefined(query);
      const from = { ...asOf, ...(cursor === undefined ? {} : { cursor }), maxBytes: PAGE_BYTES };
      const asLines = asksForLines(headers);
      if (asLines && limit === undefined && cursor === undefined && streams !== false) {
        const onError = (error: unknown): boolean => {
          host.onIncident?.(error, lake.clock.newId());
          return cutOff();
        };
        return streamFiles(lake, ref, asOf, onError);
      }
      const { page, ...at } = await listFiles(lake, ref, { ...from, limit: limit ?? PAGE_DEFAULT });
      const { items, next } = writtenPage(page, addFields);
      if (asLines) return lines(items, at, next);
      return jsonText(200, objectText(at, { files: items }, { next }));
    },
  ),
];

/** One page of lines; where there are more, a header has the cursor of the next. */
function lines(
  items: readonly string[],
  { version, timestamp }: { readonly version: number; readonly timestamp: number },
  next: string | undefined,
): Response {
  const more: Record<string, string> = next === undefined ? {} : { "delta-next": next };
  return new Response(items.map((item) => `${item}\n`).join(""), {
    headers: {
      ...more,
      "content-type": NDJSON,
      "delta-version": String(version),
      "delta-timestamp": String(timestamp),
    },
  });
}

function asksForLines(headers: Headers): boolean {
  const types = acceptedTypes(headers);
  return types.includes(NDJSON) || types.includes("application/jsonl");
}

/**
 * The first page is read before the answer begins, so that errors still have a status of their own.
 * @param onError told of an error later than that; true when it has broken the connection
 */
async function streamFiles(
  lake: Lake,
  ref: TableRef,
  asOf: { version?: number; timestamp?: number },
  onError: (error: unknown) => boolean,
): Promise<Response> {
  const first = await listFiles(lake, ref, { ...asOf, limit: STREAM_PAGE, maxBytes: PAGE_BYTES });
  const { version, timestamp } = first;
  const encoder = new TextEncoder();
  let page: Page<AddFile> | undefined = first.page;
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    if (page && page.items.length > 0) {
      controller.enqueue(encoder.encode(page.items.map((file) => `${stringifyJson(addFields(file))}\n`).join("")));
    }
    const cursor = page?.next;
    page =
      cursor === undefined ? undefined : await nextFiles(lake, cursor, { limit: STREAM_PAGE, maxBytes: PAGE_BYTES });
    if (page === undefined) controller.close();
  };
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) =>
      pull(controller).catch((error) => {
        if (onError(error)) controller.close();
        else controller.error(error);
      }),
  });
  return new Response(body, {
    headers: { "content-type": NDJSON, "delta-version": String(version), "delta-timestamp": String(timestamp) },
  });
}
