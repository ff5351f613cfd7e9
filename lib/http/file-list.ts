/** Files in answers, of whichever list: one page of JSON, one page of lines, or all of them as one stream. */

import type { AddFile } from "../delta/actions.ts";
import { addFields } from "../delta/encode.ts";
import { stringifyJson } from "../delta/values/json.ts";
import type { ListPage, Page } from "../ports.ts";
import { objectText, writtenPage } from "../wire/answer-size.ts";
import { documented } from "../wire/contracts/actions.ts";
import type { Media } from "../wire/contracts/responses.ts";
import { acceptedTypes } from "./accept.ts";
import { type Host, jsonText } from "./endpoint.ts";
import { type ListForm, streamList } from "./list-stream.ts";

const NDJSON = "application/x-ndjson";
/** Files read at once for a stream; bounds its memory. */
export const STREAM_PAGE = 1000;

/** The media types beside JSON in which files are answered, for the contract. */
export function fileMedia(example: unknown): Record<string, Media> {
  return { [NDJSON]: { schema: documented("AddFile"), example } };
}

const encoder = new TextEncoder();

/** By media type. */
const FORMS: Readonly<Record<string, () => ListForm<AddFile>>> = {
  [NDJSON]: () => ({
    contentType: NDJSON,
    page: (files) => encoder.encode(files.map((file) => `${stringifyJson(addFields(file))}\n`).join("")),
  }),
};
const ALIASES: Readonly<Record<string, string>> = { "application/jsonl": NDJSON };

/** The form that a client asks for by its header; undefined for JSON. */
export function askedForm(headers: Headers): (() => ListForm<AddFile>) | undefined {
  const asked = acceptedTypes(headers).map((type) => ALIASES[type] ?? type);
  const type = asked.find((known) => Object.hasOwn(FORMS, known));
  return type === undefined ? undefined : FORMS[type];
}

/** A page of files with what is said of the list. */
export interface AnsweredFiles {
  readonly tableId: string;
  readonly version: number;
  readonly timestamp: number;
  readonly page: ListPage<AddFile>;
  /** Of a scan: the files of the version, and how many are kept after so many items of the page. */
  readonly total?: number;
  readonly keptAfter?: (count: number) => number;
}

/** One page as JSON, with less on it where that would not fit into an answer. */
export function filesJson({ tableId, version, timestamp, page, total, keptAfter }: AnsweredFiles): Response {
  const { items, next } = writtenPage(page, addFields);
  const counts = { totalFiles: total, keptFiles: keptAfter?.(items.length) };
  return jsonText(200, objectText({ tableId, version, timestamp }, { files: items }, { ...counts, next }));
}

/** One page in another form; where there are more, a header has the cursor of the next. */
export function filesPage(answered: AnsweredFiles, form: ListForm<AddFile>): Response {
  const { page, keptAfter } = answered;
  // As much as fits when it is written as JSON: no other form takes more.
  const { items, next } = writtenPage(page, addFields);
  const files = page.items.slice(0, items.length);
  const parts = [form.begin?.(), form.page(files), form.end?.()].filter((part) => part !== undefined);
  const more: Record<string, string> = next === undefined ? {} : { "delta-next": next };
  if (keptAfter) more["delta-kept-files"] = String(keptAfter(files.length));
  return new Response(Buffer.concat(parts), {
    headers: {
      ...more,
      ...filesHeaders(answered),
      "content-type": form.contentType,
    },
  });
}

/** All pages, as one body. */
export function filesStream(
  answered: AnsweredFiles,
  form: ListForm<AddFile>,
  stream: { readonly next: (cursor: string) => Promise<Page<AddFile>>; readonly onError: (error: unknown) => boolean },
): Response {
  const { page: first } = answered;
  return streamList({ first, headers: filesHeaders(answered), ...stream }, form);
}

function filesHeaders({ version, timestamp, total }: AnsweredFiles): Record<string, string> {
  const counted: Record<string, string> = total === undefined ? {} : { "delta-total-files": String(total) };
  return { ...counted, "delta-version": String(version), "delta-timestamp": String(timestamp) };
}

/** What is done about an error in the midst of a stream. */
export function brokenStream(host: Host, cutOff: () => boolean): (error: unknown) => boolean {
  return (error) => {
    host.onIncident?.(error, host.lake.clock.newId());
    return cutOff();
  };
}
