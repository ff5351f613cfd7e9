/** The columns of a table that have statistics (PROTOCOL.md, "Per-file Statistics"), chosen as Spark does. Pure. */

import type { TableDescription } from "../table-configuration.ts";
import type { Json } from "../values/json.ts";
import { splitColumnNames } from "./column-names.ts";
import { memberFields, physicalName, type SchemaField } from "./schema.ts";

/** A column, or a struct of columns. */
export interface IndexedColumn {
  /** The physical one under column mapping. */
  readonly name: string;
  readonly type: Json;
  /** Of a struct. */
  readonly children?: readonly IndexedColumn[];
}

/**
 * The data columns with statistics: those that `delta.dataSkippingStatsColumns` names, else the first
 * `delta.dataSkippingNumIndexedCols` (32; −1 for all) leaves.
 */
export function indexedColumns({ metadata, schema, properties }: TableDescription): readonly IndexedColumn[] {
  const partitions = new Set(metadata.partitionColumns);
  const columns = schema.filter((column) => !partitions.has(column.name));
  const named = splitColumnNames(properties["delta.dataSkippingStatsColumns"] ?? "");
  if (named) return namedColumns(columns, named);
  const number = properties["delta.dataSkippingNumIndexedCols"];
  return firstLeaves(columns, { left: number < 0 ? Number.POSITIVE_INFINITY : number });
}

function firstLeaves(columns: readonly SchemaField[], limit: { left: number }): IndexedColumn[] {
  return columns.flatMap((column) => {
    if (limit.left <= 0) return [];
    const members = memberFields(column.type);
    if (!members) limit.left -= 1;
    return [indexed(column, members && firstLeaves(members, limit))];
  });
}

/** @param names paths of columns; the path of a struct stands for all that is in it */
function namedColumns(columns: readonly SchemaField[], names: readonly (readonly string[])[]): IndexedColumn[] {
  return columns.flatMap((column) => {
    const below = names
      .filter(([first]) => first?.toLowerCase() === column.name.toLowerCase())
      .map((path) => path.slice(1));
    if (below.length === 0) return [];
    const members = memberFields(column.type);
    const whole = below.some((path) => path.length === 0);
    if (!members) return whole ? [indexed(column, undefined)] : [];
    const children = whole ? firstLeaves(members, { left: Number.POSITIVE_INFINITY }) : namedColumns(members, below);
    return [indexed(column, children)];
  });
}

function indexed(column: SchemaField, children: IndexedColumn[] | undefined): IndexedColumn {
  return { name: physicalName(column), type: column.type, ...(children ? { children } : {}) };
}
