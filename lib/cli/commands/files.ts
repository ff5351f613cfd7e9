/** dl files: the live files of a table, all or those that a condition needs, page by page, in constant memory. */

import { Command } from "commander";
import type { AddFile } from "../../delta/actions.ts";
import { addFields } from "../../delta/encode.ts";
import { stringifyJson } from "../../delta/values/json.ts";
import { listFiles, nextFiles } from "../../operations/lists.ts";
import { planScan } from "../../operations/plan-scan.ts";
import type { Lake, Page } from "../../ports.ts";
import { PAGE_BYTES } from "../../wire/answer-size.ts";
import { integer, moment } from "../arguments.ts";
import { action, oneTable, withTableOptions } from "../context.ts";
import { formatBytes, formatTime, plural } from "../format.ts";
import type { ListFormat, Output } from "../output.ts";
import { table } from "../table.ts";
import { parseWhere } from "../where.ts";

const PAGE = 1000;

interface Options {
  readonly table?: string;
  readonly tableId?: string;
  readonly version?: number;
  readonly timestamp?: number;
  readonly where?: string;
}

const ABOUT_WHERE = `
A condition names columns and values: = <> < <= > >=, in (…), between … and …, like 'abc%', is null, is not null, and, or, not.
Values that are one word need no quotes. A file is listed unless its partition values and statistics say that no row of it matches.

  dl files --table sales.orders --where "day = 2026-01-31 and id between 5 and 9"
  dl files --table sales.orders --where "city in ('Bern', 'New York') or note is null"`;

export function filesCommand(): Command {
  const command = new Command("files")
    .option("--version <n>", "the state at this version", integer(0))
    .option("--timestamp <time>", "the state at this moment (ISO 8601, or milliseconds)", moment)
    .option("--where <condition>", "only files that may hold rows which fulfil it")
    .addHelpText("after", ABOUT_WHERE);
  return withTableOptions(command).action(
    action<Options>(
      async ({ output, withLake }, options) => {
        await withLake((lake) => printFiles(lake, output, options));
        return 0;
      },
      { formats: ["text", "json", "ndjson"] },
    ),
  );
}

async function printFiles(lake: Lake, output: Output, options: Options): Promise<void> {
  const { version, timestamp, where } = options;
  const asOf = { ...(version === undefined ? {} : { version }), ...(timestamp === undefined ? {} : { timestamp }) };
  const list = where === undefined ? await allFiles(lake, options, asOf) : await filesWhere(lake, options, asOf, where);
  const writer = WRITERS[output.format as ListFormat](list);
  await output.write(writer.begin);
  let count = 0;
  for (let page = list.first; ; ) {
    await output.write(writer.page(page.items, count));
    count += page.items.length;
    if (page.next === undefined) break;
    page = await list.next(page.next);
  }
  const { total } = list;
  await output.write(writer.end(total === undefined ? {} : { totalFiles: total, keptFiles: count }));
  if (output.format !== "text") return;
  const files = total === undefined ? plural(count, "file") : `${count} of ${plural(total, "file")}`;
  output.note(`${files} at version ${list.version} of ${formatTime(list.timestamp)}`);
}

interface AsOf {
  readonly version?: number;
  readonly timestamp?: number;
}

interface FileList extends At {
  readonly first: Page<AddFile>;
  next(cursor: string): Promise<Page<AddFile>>;
  /** Files of the version, where not all of them are listed. */
  readonly total?: number;
}

const LIMITS = { limit: PAGE, maxBytes: PAGE_BYTES };

async function allFiles(lake: Lake, options: Options, asOf: AsOf): Promise<FileList> {
  const { page: first, ...at } = await listFiles(lake, oneTable(options), { ...asOf, ...LIMITS });
  return { ...at, first, next: (cursor) => nextFiles(lake, cursor, LIMITS) };
}

async function filesWhere(lake: Lake, options: Options, asOf: AsOf, where: string): Promise<FileList> {
  const { predicate, explain } = parseWhere(where);
  const plan = (from: AsOf & { readonly cursor?: string }) =>
    planScan(lake, oneTable(options), { ...from, ...LIMITS, predicate });
  try {
    const { page: first, tableId, version, timestamp, total } = await plan(asOf);
    const next = async (cursor: string) => (await plan({ version, cursor })).page;
    return { tableId, version, timestamp, total, first, next };
  } catch (error) {
    throw explain(error, "/predicate");
  }
}

interface At {
  readonly tableId: string;
  readonly version: number;
  readonly timestamp: number;
}

interface Writer {
  readonly begin: string;
  readonly page: (files: readonly AddFile[], before: number) => string;
  /** @param counts further members of the document */
  readonly end: (counts: Readonly<Record<string, number>>) => string;
}

const WRITERS: Record<ListFormat, (at: At) => Writer> = {
  ndjson: () => ({
    begin: "",
    page: (files) => files.map((file) => `${stringifyJson(addFields(file))}\n`).join(""),
    end: () => "",
  }),
  json: ({ tableId, version, timestamp }) => ({
    begin: `${stringifyJson({ tableId, version, timestamp }).slice(0, -1)},"files":[`,
    page: (files, before) =>
      files.map((file, i) => `${before + i === 0 ? "" : ","}\n${stringifyJson(addFields(file))}`).join(""),
    end: (counts) =>
      `]${stringifyJson(counts)
        .slice(1, -1)
        .replace(/^(?=.)/, ",")}}\n`,
  }),
  text: () => ({
    begin: "",
    page: (files) => (files.length === 0 ? "" : `${table(["SIZE", "MODIFIED", "PATH"], files.map(fileRow))}\n`),
    end: () => "",
  }),
};

function fileRow(file: AddFile): string[] {
  const deletes = file.deletionVector ? ` (${plural(file.deletionVector.cardinality, "row")} deleted)` : "";
  return [formatBytes(file.size), formatTime(file.modificationTime), file.path + deletes];
}
