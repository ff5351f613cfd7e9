/** A column that scans ask for, partition or data: what a file says of its values. */

import type { AddFile } from "../actions.ts";
import { valuesOfText } from "../predicates.ts";
import { partitionColumns, partitionText } from "../schema/partition-values.ts";
import type { TableDescription } from "../table-configuration.ts";
import { isJsonObject, type Json, type JsonObject, parseJson } from "../values/json.ts";
import type { ValueType } from "../values/value-types.ts";
import { ANYTHING, findDataColumn, type Part, partsOf } from "./column-values.ts";

/** What is looked at of a file. */
export type JudgedFile = Pick<AddFile, "partitionValues" | "stats">;

/** A file whose statistics are parsed once, when somebody asks for them. */
export interface OpenedFile {
  readonly file: JudgedFile;
  /** undefined where there are none, and where what is there is none. */
  readonly stats: () => JsonObject | undefined;
}

export interface ScanColumn {
  /** One for all spellings of its name, and the same after it was renamed. */
  readonly id: string;
  readonly type: ValueType;
  readonly parts: (opened: OpenedFile) => readonly Part[];
  /** False where statistics say nothing of its values but whether they are null. */
  readonly isBounded: boolean;
  /** Bounds may leave NaN out. */
  readonly mayBeNaN: boolean;
}

/** @param name in any case; a member of a struct as a path with dots. undefined where the table has none of the name */
export function scanColumn(table: TableDescription, name: string): ScanColumn | undefined {
  const lower = name.toLowerCase();
  const partition = partitionColumns(table).find((column) => column.name.toLowerCase() === lower);
  if (partition) {
    const { key, type } = partition;
    const valuePart = (value: unknown): Part => ({ kind: "value", value });
    // Files of one partition have the same text.
    const known = new Map<string | null, readonly Part[]>();
    const parts = ({ file }: OpenedFile): readonly Part[] => {
      const text = partitionText(file.partitionValues, partition);
      const found = known.get(text) ?? valuesOfText(text, partition)?.map(valuePart) ?? ANYTHING;
      known.set(text, found);
      return found;
    };
    return { id: JSON.stringify(["partition", key]), type, parts, isBounded: true, mayBeNaN: false };
  }
  const column = findDataColumn(table, lower);
  if (column === undefined) return undefined;
  const { path, type, mayBeNaN } = column;
  const parts = ({ stats }: OpenedFile) => partsOf(stats(), column);
  return { id: JSON.stringify(["data", ...path]), type, parts, isBounded: column.bound !== undefined, mayBeNaN };
}

export function opened(file: JudgedFile): OpenedFile {
  let parsed: { readonly stats: JsonObject | undefined } | undefined;
  return {
    file,
    stats() {
      parsed ??= { stats: statsOf(file.stats) };
      return parsed.stats;
    },
  };
}

/** More digits than a double is sure to hold. What has fewer is the same number, however it is written. */
const MANY_DIGITS = /\d[\d.]{15}/;

function statsOf(text: string | undefined): JsonObject | undefined {
  if (text === undefined) return undefined;
  try {
    const stats = MANY_DIGITS.test(text) ? parseJson(text) : (JSON.parse(text) as Json);
    return isJsonObject(stats) ? stats : undefined;
  } catch {
    return undefined;
  }
}
