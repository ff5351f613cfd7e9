/** Files in answers, of whichever list: one page of JSON, of lines or of columns, or all of them as one stream. */

import type { AddFile } from "../delta/actions.ts";
import { addFields } from "../delta/encode.ts";
import { ADD } from "../delta/fields/actions.ts";
import { type JsonObject, stringifyJson } from "../delta/values/json.ts";
import { nearestName } from "../delta/values/nearest-name.ts";
import { invalid } from "../errors.ts";
import type { ListPage, Page } from "../ports.ts";
import { objectText, writtenPage } from "../wire/answer-size.ts";
import { documented } from "../wire/contracts/actions.ts";
import { binary, type Media } from "../wire/contracts/responses.ts";
import { firstNamed } from "./accept.ts";
import { type Host, jsonText } from "./endpoint.ts";
import { type ListForm, pageOf, streamList } from "./list-stream.ts";

const NDJSON = "application/x-ndjson" as const;
export const ARROW = "application/vnd.apache.arrow.stream";
const PARQUET = "application/vnd.apache.parquet";
const COLUMN_TYPES = [ARROW, PARQUET] as const;
export type ColumnType = (typeof COLUMN_TYPES)[number];
/** Files read at once for a stream, if they fit into a page by their bytes, which bounds its memory. */
export const STREAM_PAGE = 4000;

/** The media types beside JSON in which files are answered, for the contract. */
export function fileMedia(example: unknown): Record<string, Media> {
  return {
    [NDJSON]: { schema: documented("AddFile"), example },
    ...columnMedia("a column for each field of an add action"),
  };
}

/** @param columns which there are, for the contract */
export function columnMedia(columns: string): Record<string, Media> {
  return {
    [ARROW]: { schema: binary(`An Arrow IPC stream: ${columns}`) },
    [PARQUET]: { schema: binary(`A Parquet file: ${columns}`) },
  };
}

/** The form of columns that a client asks for by its header, if any. */
export function askedColumns(headers: Headers): ColumnType | undefined {
  return firstNamed(headers, COLUMN_TYPES);
}

const encoder = new TextEncoder();

const ADD_NAMES = Object.keys(ADD.fields);

/** The fields of an add action that are wanted, of those named in a query; all if absent. @throws LakeError invalid */
export function wantedFields(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined;
  const names = text.split(",").map((name) => name.trim());
  for (const name of names) {
    if (ADD_NAMES.includes(name)) continue;
    const near = nearestName(name, ADD_NAMES);
    const hint = near === undefined ? `There are ${ADD_NAMES.join(", ")}.` : `Did you mean "${near}"?`;
    throw invalid(`an add action has no field "${name}"`, { at: "/fields", hint });
  }
  return names;
}

/** How a file is written as JSON. */
export function writeFile(fields: readonly string[] | undefined): (file: AddFile) => JsonObject {
  if (fields === undefined) return addFields;
  return (file) => {
    const all = addFields(file);
    return Object.fromEntries(fields.flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])));
  };
}

/** The form that a client asks for by its header; undefined for JSON. */
export async function askedForm(headers: Headers, fields?: readonly string[]): Promise<ListForm<AddFile> | undefined> {
  const type = firstNamed(headers, [NDJSON, ...COLUMN_TYPES]);
  if (type === undefined) return undefined;
  if (type !== NDJSON) return (await import("./column-lists.ts")).columnsOfFiles(type, fields);
  const write = writeFile(fields);
  const page = (files: readonly AddFile[]) =>
    encoder.encode(files.map((file) => `${stringifyJson(write(file))}\n`).join(""));
  return { contentType: NDJSON, page };
}

/** The form of lines, where the files are JSON texts already. */
export const LINES: ListForm<string> = {
  contentType: NDJSON,
  page: (texts) => Buffer.from(`${texts.join("\n")}\n`),
};

/** A page of files with what is said of the list. */
export interface AnsweredFiles<T = AddFile> {
  readonly tableId: string;
  readonly version: number;
  readonly timestamp: number;
  readonly page: ListPage<T>;
  /** Of a scan: the files of the version, and how many are kept after so many items of the page. */
  readonly total?: number;
  readonly keptAfter?: (count: number) => number;
}

/** One page as JSON, with less on it where that would not fit into an answer. */
export function filesJson(answered: AnsweredFiles, fields?: readonly string[]): Response {
  const { tableId, version, timestamp, page, total, keptAfter } = answered;
  const { items, next } = writtenPage(page, writeFile(fields));
  const counts = { totalFiles: total, keptFiles: keptAfter?.(items.length) };
  return jsonText(200, objectText({ tableId, version, timestamp }, { files: items }, { ...counts, next }));
}

/** One page in another form; where there are more, a header has the cursor of the next. */
export function filesPage(answered: AnsweredFiles, form: ListForm<AddFile>): Response {
  const { page, keptAfter } = answered;
  // As much as fits when it is written as JSON: no other form takes more.
  const { items, next } = writtenPage(page, addFields);
  const files = page.items.slice(0, items.length);
  const kept: Record<string, string> = keptAfter ? { "delta-kept-files": String(keptAfter(files.length)) } : {};
  const cut = { items: files, ...(next === undefined ? {} : { next }) };
  return pageOf(cut, form, { ...kept, ...filesHeaders(answered) });
}

/** All pages, as one body. */
export function filesStream<T>(
  answered: AnsweredFiles<T>,
  form: ListForm<T>,
  stream: { readonly next: (cursor: string) => Promise<Page<T>>; readonly onError: (error: unknown) => boolean },
): Response {
  const { page: first } = answered;
  return streamList({ first, headers: filesHeaders(answered), ...stream }, form);
}

function filesHeaders({ version, timestamp, total }: AnsweredFiles<unknown>): Record<string, string> {
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
