/** Which files of a table should become larger ones, from SQL alone: for an engine to carry out, or for compact.ts. */

import type { StringMap } from "../delta/actions.ts";
import { rewriteProblem } from "../delta/checks/rewritable.ts";
import { CLUSTERING_DOMAIN } from "../delta/checks/system-domains.ts";
import {
  type CompactionGroup,
  type CompactionTarget,
  type CompactionWishes,
  compactionTarget,
  type FileTotals,
  packed,
  type SmallFile,
} from "../delta/compaction.ts";
import type { TableRef } from "../delta/request.ts";
import { partitionColumns, partitionText } from "../delta/schema/partition-values.ts";
import { type TableConfiguration, tableConfiguration } from "../delta/table-configuration.ts";
import { isJsonObject, parseJson } from "../delta/values/json.ts";
import { invalid } from "../errors.ts";
import type { Lake, TableState } from "../ports.ts";
import { tableStates } from "./committing/table-states.ts";

export interface CompactionOptions extends CompactionWishes {
  /** Only partitions with these values, by the names of their columns; null for NULL. */
  readonly partition?: Readonly<Record<string, string | null>>;
  /** Bytes: no further group begins once that many are read. */
  readonly maxBytes?: number | undefined;
}

export interface CompactionPlan {
  readonly tableId: string;
  readonly table: string;
  /** All that follows is of this version. */
  readonly version: number;
  readonly target: CompactionTarget;
  /** Of all live files, also those that stay. */
  readonly totals: FileTotals;
  /** Columns by which the table is clustered; absent where it is not. */
  readonly clusteredBy?: readonly string[];
  /** Why `dl compact` leaves the table to an engine; absent where it does not. */
  readonly leftToEngines?: string;
  /** Read while it is walked through, a page of files at a time. */
  readonly groups: AsyncIterable<CompactionGroup>;
}

const PAGE_FILES = 5000;

/** The plan for the head of a table. Two round trips, and one for each page of files. @throws LakeError notFound */
export async function planCompaction(
  lake: Lake,
  ref: TableRef,
  options: CompactionOptions = {},
): Promise<CompactionPlan> {
  const [state] = (await tableStates(lake, [ref], { fresh: true })) as [TableState];
  const { tableId, name, version } = state;
  const table = tableConfiguration(state.protocol, state.metadata);
  const target = compactionTarget(table, state.sizeInBytes, options);
  const problem = rewriteProblem(table);
  const isWanted = partitionFilter(table, options.partition ?? {});
  const clusteredBy = table.features.has("clustering") ? await clusteringOf(lake, state) : undefined;
  return {
    tableId,
    table: name,
    version,
    target,
    totals: await lake.catalog.fileTotals(tableId, version, target),
    ...(clusteredBy === undefined ? {} : { clusteredBy }),
    ...(problem === undefined ? {} : { leftToEngines: problem }),
    groups: limited(packed(smallFiles(lake, state, target, isWanted), target), options.maxBytes),
  };
}

async function* smallFiles(
  lake: Lake,
  { tableId, version }: TableState,
  rule: CompactionTarget,
  isWanted: (values: StringMap) => boolean,
): AsyncGenerator<SmallFile> {
  let cursor: string | undefined;
  do {
    const page = await lake.catalog.smallFiles(tableId, version, {
      rule,
      limit: PAGE_FILES,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const small of page.items) if (isWanted(small.file.partitionValues)) yield small;
    cursor = page.next;
  } while (cursor !== undefined);
}

/** @throws LakeError invalid for what is no partition column, or no value of it */
function partitionFilter(
  table: TableConfiguration,
  wanted: Readonly<Record<string, string | null>>,
): (values: StringMap) => boolean {
  const columns = partitionColumns(table);
  const texts = Object.entries(wanted).map(([name, value]) => {
    const column = columns.find((candidate) => candidate.name === name);
    if (column === undefined) {
      const known = columns.map((candidate) => candidate.name).join(", ");
      throw invalid(`"${name}" is no partition column of this table`, {
        hint: known === "" ? "It has none." : `It has: ${known}.`,
      });
    }
    const text = value === null ? null : column.type.canonical(value);
    if (text === undefined)
      throw invalid(`"${value}" is no value of the partition column "${name}" (${column.type.name})`);
    return { column, text };
  });
  return (values) => texts.every(({ column, text }) => partitionText(values, column) === text);
}

async function* limited(groups: AsyncIterable<CompactionGroup>, maxBytes = Infinity): AsyncGenerator<CompactionGroup> {
  let bytes = 0;
  for await (const group of groups) {
    // The first is always taken, or a table with one large group would never get anywhere.
    if (bytes > 0 && bytes + Number(group.bytes) > maxBytes) return;
    bytes += Number(group.bytes);
    yield group;
  }
}

/** PROTOCOL.md, "Clustered Table": the domain names physical columns, each as a path. */
async function clusteringOf(lake: Lake, { tableId, version }: TableState): Promise<readonly string[]> {
  const { domains } = await lake.catalog.readHeader(tableId, version);
  const domain = domains.find((candidate) => candidate.domain === CLUSTERING_DOMAIN);
  const configuration = domain === undefined ? undefined : parseJson(domain.configuration);
  const columns = isJsonObject(configuration) ? configuration.clusteringColumns : undefined;
  if (!Array.isArray(columns)) return [];
  return columns.map((path) => (Array.isArray(path) ? path.join(".") : String(path)));
}
