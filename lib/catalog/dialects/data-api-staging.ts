/** Requests beyond the 4 MiB of a call: a long text goes into dl_staged_requests in parts, and the statement reads it from there. */

import { randomUUID } from "node:crypto";
import type { Statement } from "./data-api-statements.ts";

/** Bytes that a request may have, with room for the rest of the call. */
const REQUEST_BYTES = 3.6 * 1024 * 1024;
/** Below so many characters no text can come near it: a character takes at most six bytes as JSON. */
const SURELY_SMALL = REQUEST_BYTES / 6;
/** UTF-16 units of a part: under 4 MiB whatever they are. */
const PART_UNITS = 600_000;
/** Parts that are sent at once. */
const PARALLEL = 4;
const DAY_MS = 86_400_000;

export interface Staged {
  /** Puts the parts down: each may be sent again, and none means anything by itself. */
  stage(execute: (statement: Statement) => Promise<unknown>): Promise<void>;
  /** The statement, whose long text is now in the database. */
  readonly statement: Statement;
  readonly cleanUp: Statement;
}

/** undefined for a statement that fits into one call */
export function stagedStatement({ text, parameters }: Statement): Staged | undefined {
  const large = parameters.find(
    ({ value }) =>
      "stringValue" in value &&
      value.stringValue.length > SURELY_SMALL &&
      Buffer.byteLength(JSON.stringify(value.stringValue)) > REQUEST_BYTES,
  );
  if (large === undefined || !("stringValue" in large.value)) return undefined;
  const parts = partsOf(large.value.stringValue);
  const requestId = { name: "request", value: { stringValue: randomUUID() } };
  const staged =
    "(select string_agg(body, '' order by part) from dl_staged_requests where request_id = :request::uuid)";
  return {
    async stage(execute) {
      await execute(sweep());
      for (let start = 0; start < parts.length; start += PARALLEL) {
        const some = parts.slice(start, start + PARALLEL);
        await Promise.all(some.map((body, i) => execute(insert(requestId, start + i, body))));
      }
    },
    statement: {
      text: text.replace(new RegExp(`:${large.name}\\b`), () => staged),
      parameters: [...parameters.filter((parameter) => parameter !== large), requestId],
    },
    cleanUp: {
      text: "delete from dl_staged_requests where request_id = :request::uuid",
      parameters: [requestId],
    },
  };
}

/** Never between the two halves of a character. */
function partsOf(text: string): string[] {
  const parts: string[] = [];
  for (let start = 0; start < text.length; ) {
    let end = Math.min(text.length, start + PART_UNITS);
    if (end < text.length && /[\ud800-\udbff]/.test(text[end - 1] ?? "")) end -= 1;
    parts.push(text.slice(start, end));
    start = end;
  }
  return parts;
}

type Named = Statement["parameters"][number];

function insert(requestId: Named, part: number, body: string): Statement {
  return {
    text: `insert into dl_staged_requests (request_id, part, body, created_at)
      values (:request::uuid, :part, :body, floor(extract(epoch from clock_timestamp()) * 1000))
      on conflict (request_id, part) do nothing`,
    parameters: [
      requestId,
      { name: "part", value: { longValue: part } },
      { name: "body", value: { stringValue: body } },
    ],
  };
}

/** What was staged long ago was given up. */
function sweep(): Statement {
  return {
    text: `delete from dl_staged_requests
      where created_at < floor(extract(epoch from clock_timestamp()) * 1000) - ${DAY_MS}`,
    parameters: [],
  };
}
