/** dl tables: the tables of the catalog, or one of them in full. */

import { Command } from "commander";
import { describeTable } from "../../operations/read.ts";
import type { TableHead } from "../../ports.ts";
import { descriptionAnswer, headAnswer } from "../../wire/answers.ts";
import { action, oneTable, withTableOptions } from "../context.ts";
import { formatBytes, formatCount, formatTime } from "../format.ts";
import { facts } from "../output.ts";
import { table } from "../table.ts";

const PAGE = 1000;

interface Options {
  readonly namespace?: string;
  readonly table?: string;
  readonly tableId?: string;
}

export function tablesCommand(): Command {
  const command = new Command("tables").option("--namespace <name>", "only tables of this namespace");
  return withTableOptions(command).action(
    action<Options>(async ({ output, withLake }, options) => {
      if (options.table ?? options.tableId) {
        const described = descriptionAnswer(await withLake((lake) => describeTable(lake, oneTable(options))));
        await output.result(described, () => describeText(described));
        return 0;
      }
      const heads = await withLake(async ({ catalog }) => {
        const all: TableHead[] = [];
        let cursor: string | undefined;
        const where = options.namespace === undefined ? {} : { namespace: options.namespace };
        do {
          const page = await catalog.listTables({ ...where, ...(cursor === undefined ? {} : { cursor }), limit: PAGE });
          all.push(...page.items);
          cursor = page.next;
        } while (cursor !== undefined);
        return all;
      });
      await output.result({ tables: heads.map(headAnswer) }, () => listText(heads));
      return 0;
    }),
  );
}

function listText(heads: readonly TableHead[]): string {
  if (heads.length === 0) return "no tables";
  return table(
    ["TABLE", "VERSION", "FILES", "SIZE", "ID", "LOCATION"],
    heads.map((head) => [
      head.quarantine === undefined ? head.name : `${head.name} (mirror quarantined)`,
      head.version,
      head.numFiles,
      formatBytes(head.sizeInBytes),
      head.tableId,
      head.location,
    ]),
  );
}

function describeText(described: ReturnType<typeof descriptionAnswer>): string {
  const { metadata, protocol } = described;
  const features = [protocol.readerFeatures, protocol.writerFeatures].flat().filter((name) => name !== undefined);
  return `${described.name}\n${facts([
    ["id", described.tableId],
    ["location", described.location],
    [
      "version",
      `${described.version} (${formatTime(described.timestamp)}); the catalog holds ${described.baseVersion} and later`,
    ],
    [
      "mirrored",
      described.quarantine
        ? `stopped at ${described.mirroredVersion}: ${described.quarantine}`
        : `up to ${described.mirroredVersion}`,
    ],
    ["files", `${formatCount(described.numFiles)}, ${formatBytes(described.sizeInBytes)}`],
    ["protocol", `reader ${protocol.minReaderVersion}, writer ${protocol.minWriterVersion}`],
    ["features", features.length === 0 ? undefined : [...new Set(features.map(String))].sort().join(", ")],
    ["partitioned by", partitions(metadata.partitionColumns)],
    ["properties", JSON.stringify(metadata.configuration)],
    ["schema", metadata.schemaString === undefined ? undefined : String(metadata.schemaString)],
  ])}`;
}

function partitions(columns: unknown): string | undefined {
  return Array.isArray(columns) && columns.length > 0 ? columns.join(", ") : undefined;
}
