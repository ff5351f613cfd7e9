/** dl snapshot: one version per table, consistent across the tables, with what each holds there. */

import { Command } from "commander";
import { metadataFields, protocolFields } from "../../delta/encode.ts";
import { resolveVersion, snapshots } from "../../operations/read.ts";
import type { Lake } from "../../ports.ts";
import { tableRef } from "../../wire/table-ref.ts";
import { integer, moment, repeated } from "../arguments.ts";
import { action } from "../context.ts";
import { UsageError } from "../failure.ts";
import { formatBytes, formatTime } from "../format.ts";
import { table } from "../table.ts";

interface Options {
  readonly table?: string[];
  readonly tableId?: string[];
  readonly version?: number;
  readonly timestamp?: number;
  readonly transactionId?: string;
}

export function snapshotCommand(): Command {
  return new Command("snapshot")
    .option("--table <name>", "a table by its name; may be repeated", repeated)
    .option("--table-id <uuid>", "a table by its id; may be repeated", repeated)
    .option("--version <n>", "at this version (one table)", integer(0))
    .option("--timestamp <time>", "at this moment (ISO 8601, or milliseconds)", moment)
    .option("--transaction-id <uuid>", "as this transaction left the tables")
    .action(
      action<Options>(async ({ output, withLake }, options) => {
        const tables = await withLake((lake) => read(lake, options));
        await output.result({ tables }, () =>
          table(
            ["TABLE", "VERSION", "TIME", "FILES", "SIZE"],
            tables.map((t) => [t.table, t.version, formatTime(t.timestamp), t.numFiles, formatBytes(t.sizeInBytes)]),
          ),
        );
        return 0;
      }),
    );
}

async function read(lake: Lake, options: Options) {
  const found = await versions(lake, options);
  return Promise.all(
    found.map(async ({ tableId, table, version, timestamp }) => {
      const { numFiles, sizeInBytes, protocol, metadata } = await lake.catalog.readSummary(tableId, version);
      const state = { protocol: protocolFields(protocol), metadata: metadataFields(metadata) };
      return { tableId, table, version, timestamp, numFiles, sizeInBytes, ...state };
    }),
  );
}

async function versions(lake: Lake, options: Options) {
  const { version, timestamp, transactionId } = options;
  const refs = [...(options.table ?? []), ...(options.tableId ?? [])].map(tableRef);
  const [ref] = refs;
  if (ref === undefined) throw new UsageError("no table is given: use --table namespace.name, as often as needed");
  if ([version, timestamp, transactionId].filter((given) => given !== undefined).length > 1) {
    throw new UsageError("give one of --version, --timestamp and --transaction-id");
  }
  if (version !== undefined) {
    if (refs.length > 1) throw new UsageError("--version is for one table; --timestamp is for several");
    const at = await resolveVersion(lake, ref, { version });
    return [{ tableId: at.head.tableId, table: at.head.name, version, timestamp: at.timestamp }];
  }
  const moment = timestamp === undefined ? {} : { timestamp };
  const transaction = transactionId === undefined ? {} : { transactionId: transactionId.toLowerCase() };
  return (await snapshots(lake, { tables: refs, ...moment, ...transaction })).tables;
}
