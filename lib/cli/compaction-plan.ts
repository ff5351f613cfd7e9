/** A compaction plan on stdout: a table for people, one JSON document or a line for each group for engines. */

import { deletionVectorId } from "../delta/actions.ts";
import type { CompactionGroup } from "../delta/compaction.ts";
import { type JsonObject, stringifyJson } from "../delta/values/json.ts";
import type { CompactionPlan } from "../operations/compact-plan.ts";
import { formatBytes, plural } from "./format.ts";
import type { ListFormat, Output } from "./output.ts";
import { table } from "./table.ts";

interface PlanWriter {
  plan(plan: CompactionPlan): Promise<void>;
  end(): Promise<void>;
}

/** Each writes group by group, so that a plan may be of any length. */
export const COMPACTION_WRITERS: Readonly<Record<ListFormat, (output: Output) => PlanWriter>> = {
  json: (output) => {
    let tables = 0;
    return {
      async plan(plan) {
        await output.write(tables === 0 ? '{"tables":[\n' : ",\n");
        tables += 1;
        await output.write(`${stringifyJson(headOf(plan)).slice(0, -1)},"groups":[`);
        let groups = 0;
        for await (const group of plan.groups) {
          await output.write(`${groups === 0 ? "\n" : ",\n"}${stringifyJson(groupFields(group))}`);
          groups += 1;
        }
        await output.write("]}");
      },
      end: () => output.write(tables === 0 ? '{"tables":[]}\n' : "]}\n"),
    };
  },
  ndjson: (output) => ({
    async plan({ tableId, table: name, version, groups }) {
      for await (const group of groups) {
        await output.write(`${stringifyJson({ tableId, table: name, version, ...groupFields(group) })}\n`);
      }
    },
    end: async () => undefined,
  }),
  text: (output) => ({
    async plan(plan) {
      await output.write(`${summary(plan)}\n`);
      const rows = [...(await sumsByPartition(plan.groups)).values()];
      if (rows.length === 0) return output.write("  nothing is worth writing again\n");
      return output.write(
        `${table(
          ["PARTITION", "FILES", "BYTES", "NEW FILES", "NEW BYTES"],
          rows.map((row) => [
            row.partition,
            `${row.files}`,
            formatBytes(row.bytes),
            `${row.groups}`,
            formatBytes(row.left),
          ]),
        )}\n`,
      );
    },
    end: async () => undefined,
  }),
};

function headOf({ groups: _, ...head }: CompactionPlan): JsonObject {
  return head as unknown as JsonObject;
}

function groupFields({ partitionValues, files, bytes, rows, result }: CompactionGroup): JsonObject {
  return {
    partitionValues,
    bytes,
    ...(rows === undefined ? {} : { rows }),
    result: { ...result },
    files: files.map(({ file, rows: ofFile }) => ({
      path: file.path,
      size: file.size,
      ...(ofFile === undefined ? {} : { rows: ofFile }),
      ...(file.deletionVector === undefined
        ? {}
        : { deletionVectorId: deletionVectorId(file), deletedRows: file.deletionVector.cardinality }),
    })),
  };
}

interface PartitionSums {
  readonly partition: string;
  files: number;
  bytes: number;
  groups: number;
  left: number;
}

async function sumsByPartition(groups: AsyncIterable<CompactionGroup>): Promise<Map<string, PartitionSums>> {
  const sums = new Map<string, PartitionSums>();
  for await (const { partitionValues, files, bytes, result } of groups) {
    const partition = Object.entries(partitionValues)
      .map(([column, value]) => `${column}=${value ?? "NULL"}`)
      .join(", ");
    const sum = sums.get(partition) ?? { partition: partition || "(all)", files: 0, bytes: 0, groups: 0, left: 0 };
    sums.set(partition, sum);
    sum.files += files.length;
    sum.bytes += Number(bytes);
    sum.groups += 1;
    sum.left += result.bytes;
  }
  return sums;
}

function summary({ table: name, version, totals, target, clusteredBy, leftToEngines }: CompactionPlan): string {
  const { files, bytes, rows, deletedRows, smallFiles, partitions } = totals;
  const share = Number(rows) > 0 ? ((Number(deletedRows) * 100) / Number(rows)).toFixed(1) : "0.0";
  return [
    `${name} at version ${version}: ${plural(files, "file")} of ${formatBytes(bytes)} in ${plural(partitions, "partition")}`,
    `  ${plural(smallFiles, "file")} smaller than ${formatBytes(target.smallerThan)}; new files of ${formatBytes(target.targetBytes)}`,
    `  ${share} % of the rows are deleted by deletion vectors`,
    ...(clusteredBy === undefined ? [] : [`  clustered by ${clusteredBy.join(", ") || "no column"}`]),
    ...(leftToEngines === undefined ? [] : [`  for an engine: the table ${leftToEngines}`]),
  ].join("\n");
}
