/** dl files: the live files of a table, page by page, in constant memory. */

import { Command } from "commander";
import type { AddFile } from "../../delta/actions.ts";
import { addFields } from "../../delta/encode.ts";
import { stringifyJson } from "../../delta/values/json.ts";
import { listFiles, nextFiles } from "../../operations/lists.ts";
import type { Lake } from "../../ports.ts";
import { PAGE_BYTES } from "../../wire/answer-size.ts";
import { integer, moment } from "../arguments.ts";
import { action, oneTable, withTableOptions } from "../context.ts";
import { formatBytes, formatTime, plural } from "../format.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";

const PAGE = 1000;

interface Options {
  readonly table?: string;
  readonly tableId?: string;
  readonly version?: number;
  readonly timestamp?: number;
}

export function filesCommand(): Command {
  const command = new Command("files")
    .option("--version <n>", "the state at this version", integer(0))
    .option("--timestamp <time>", "the state at this moment (ISO 8601, or milliseconds)", moment);
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
  const { version, timestamp } = options;
  const asOf = { ...(version === undefined ? {} : { version }), ...(timestamp === undefined ? {} : { timestamp }) };
  const first = await listFiles(lake, oneTable(options), { ...asOf, limit: PAGE, maxBytes: PAGE_BYTES });
  const writer = WRITERS[output.format](first);
  await output.write(writer.begin);
  let count = 0;
  for (let page = first.page; ; ) {
    await output.write(writer.page(page.items, count));
    count += page.items.length;
    if (page.next === undefined) break;
    page = await nextFiles(lake, page.next, { limit: PAGE, maxBytes: PAGE_BYTES });
  }
  await output.write(writer.end);
  if (output.format === "text")
    output.note(`${plural(count, "file")} at version ${first.version} of ${formatTime(first.timestamp)}`);
}

interface At {
  readonly tableId: string;
  readonly version: number;
  readonly timestamp: number;
}

interface Writer {
  readonly begin: string;
  readonly page: (files: readonly AddFile[], before: number) => string;
  readonly end: string;
}

const WRITERS: Record<Output["format"], (at: At) => Writer> = {
  ndjson: () => ({
    begin: "",
    page: (files) => files.map((file) => `${stringifyJson(addFields(file))}\n`).join(""),
    end: "",
  }),
  json: ({ tableId, version, timestamp }) => ({
    begin: `${stringifyJson({ tableId, version, timestamp }).slice(0, -1)},"files":[`,
    page: (files, before) =>
      files.map((file, i) => `${before + i === 0 ? "" : ","}\n${stringifyJson(addFields(file))}`).join(""),
    end: "]}\n",
  }),
  text: () => ({
    begin: "",
    page: (files) => (files.length === 0 ? "" : `${table(["SIZE", "MODIFIED", "PATH"], files.map(fileRow))}\n`),
    end: "",
  }),
};

function fileRow(file: AddFile): string[] {
  const deletes = file.deletionVector ? ` (${plural(file.deletionVector.cardinality, "row")} deleted)` : "";
  return [formatBytes(file.size), formatTime(file.modificationTime), file.path + deletes];
}
