/** dl tables: the tables of the catalog, or one of them in full. */

import { Command } from "commander";

import { type DroppedListed, listDroppedTables } from "../../operations/dropped-tables.ts";
import { listTables } from "../../operations/lists.ts";
import { describeTable, type ListedTable } from "../../operations/read.ts";
import type { Lake } from "../../ports.ts";
import { INLINE } from "../../wire/answer-size.ts";
import { descriptionAnswer, tableAnswer } from "../../wire/answers.ts";

import { action, oneTable, withTableOptions } from "../context.ts";
import { formatBytes, formatCount, formatTime, healthText } from "../format.ts";
import { facts } from "../output.ts";
import { table } from "../table.ts";

const PAGE = 1000;

interface Options {
  readonly namespace?: string;
  readonly table?: string;
  readonly tableId?: string;
  readonly dropped?: true;
}

export function tablesCommand(): Command {
  const command = new Command("tables")
    .option("--namespace <name>", "only tables of this namespace")
    .option("--dropped", "tables that were dropped, and whether they can come back");
  return withTableOptions(command).action(
    action<Options>(async ({ output, withLake }, options) => {
      if (options.dropped) {
        const dropped = await withLake(listDropped);
        await output.result({ tables: dropped }, () => droppedText(dropped));
        return 0;
      }
      if (options.table ?? options.tableId) {
        const described = descriptionAnswer(await withLake((lake) => describeTable(lake, oneTable(options), INLINE)));
        await output.result(described, () => describeText(described));
        return 0;
      }
      const listed = await withLake((lake) => listAll(lake, options.namespace));
      await output.result({ tables: listed.map(tableAnswer) }, () => listText(listed));
      return 0;
    }),
  );
}

async function listAll(lake: Lake, namespace: string | undefined): Promise<readonly ListedTable[]> {
  const all: ListedTable[] = [];
  let cursor: string | undefined;
  do {
    const more = cursor === undefined ? {} : { cursor };
    const page = await listTables(lake, { ...(namespace === undefined ? {} : { namespace }), ...more, limit: PAGE });
    all.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return all;
}

async function listDropped(lake: Lake): Promise<readonly DroppedListed[]> {
  const all: DroppedListed[] = [];
  let cursor: string | undefined;
  do {
    const page = await listDroppedTables(lake, { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
    all.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return all;
}

function droppedText(dropped: readonly DroppedListed[]): string {
  if (dropped.length === 0) return "no dropped tables";
  const time = (at: number | undefined) => (at === undefined ? "not any more" : formatTime(at));
  return table(
    ["TABLE", "VERSION", "DROPPED", "CAN COME BACK UNTIL", "ID", "LOCATION"],
    dropped.map(({ name, version, droppedAt, undropUntil: until, tableId, location }) => [
      name,
      version,
      time(droppedAt),
      time(until),
      tableId,
      location,
    ]),
  );
}

function listText(listed: readonly ListedTable[]): string {
  if (listed.length === 0) return "no tables";
  const rows = table(
    ["TABLE", "STATE", "VERSION", "FILES", "SIZE", "ID", "LOCATION"],
    listed.map(({ head, health }) => [
      head.name,
      health.followed && health.state === "ok" ? "followed" : health.state,
      head.version,
      head.numFiles,
      formatBytes(head.sizeInBytes),
      head.tableId,
      head.location,
    ]),
  );
  const troubled = listed.filter(({ health }) => health.state !== "ok");
  return [rows, ...troubled.map(({ head, health }) => `${head.name}: ${healthText(health)}`)].join("\n");
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
    ["mirrored", `up to ${described.mirroredVersion}`],
    ["health", healthText(described.health)],
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
