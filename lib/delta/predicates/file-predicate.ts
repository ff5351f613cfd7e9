/**
 * Predicates over all columns of a table, as a scan has them: may a file hold rows that match? Judged by partition values and
 * statistics; a file is passed over only when none of its rows can match, whatever its writer and whatever is deleted of it.
 */

import type { AddFile } from "../actions.ts";
import { valuesOfText } from "../predicates.ts";
import { partitionColumns, partitionText } from "../schema/partition-values.ts";
import { schemaColumns } from "../schema/schema.ts";
import type { TableDescription } from "../table-configuration.ts";
import { isJsonObject, type Json, type JsonObject, parseJson } from "../values/json.ts";
import { nearestName } from "../values/nearest-name.ts";
import { type ColumnTest, compileTest } from "./column-tests.ts";
import { ANYTHING, type DataColumn, findDataColumn, type Part, partsOf } from "./column-values.ts";
import { compileTree, type Forms, malformed } from "./tree.ts";
import { ANY, and, FALSE, not, or, TRUE, type Truths } from "./truths.ts";

/** What is looked at of a file. */
export type JudgedFile = Pick<AddFile, "partitionValues" | "stats">;

export interface FilePredicate {
  /** False only when no row of the file matches. */
  mayMatch(file: JudgedFile): boolean;
}

/** Of rows that have such values in the columns of the predicate, in the order of its columns. */
type Evaluate = (parts: readonly Part[]) => Truths;

/** One column of the predicate: how a file says what is in it. */
interface Column {
  readonly name: string;
  parts(file: JudgedFile, stats: () => JsonObject | undefined): readonly Part[];
}

/** @throws LakeError invalid with a JSON pointer when it is malformed, or names a column that the table has not */
export function compileFilePredicate(predicate: Json, table: TableDescription, at: string): FilePredicate {
  const columns: Column[] = [];
  const byName = new Map(partitionColumns(table).map((column) => [column.name.toLowerCase(), column]));
  const slotOf = (name: string, make: () => Column): number => {
    const found = columns.findIndex((column) => column.name === name);
    return found >= 0 ? found : columns.push(make()) - 1;
  };
  const forms: Forms<Evaluate> = {
    leaf(leaf, place) {
      const name = leaf.column.toLowerCase();
      const partition = byName.get(name);
      if (partition) {
        const test = compileTest(leaf, leaf.op, partition.type, place);
        const slot = slotOf(name, () => ({
          name,
          parts: remembered(
            (text) => valuesOfText(text, partition)?.map(valuePart) ?? ANYTHING,
            (file) => partitionText(file.partitionValues, partition),
          ),
        }));
        return leafOf(test, slot);
      }
      const column = findDataColumn(table, name);
      if (column === undefined) throw noColumn(leaf.column, table, place);
      checkOperator(leaf.op, column, leaf.column, place);
      const test = compileTest(leaf, leaf.op, column.type, place);
      return leafOf(
        test,
        slotOf(name, () => ({ name, parts: (_file, stats) => partsOf(stats(), column) })),
      );
    },
    and: (items) => (parts) => items.reduce<Truths>((sum, item) => and(sum, item(parts)), TRUE),
    or: (items) => (parts) => items.reduce<Truths>((sum, item) => or(sum, item(parts)), FALSE),
    not: (item) => (parts) => not(item(parts)),
  };
  const evaluate = compileTree(predicate, forms, at);
  return {
    mayMatch(file) {
      const stats = once(() => statsOf(file.stats));
      return someRow(
        columns.map((column) => column.parts(file, stats)),
        evaluate,
      );
    },
  };
}

const valuePart = (value: unknown): Part => ({ kind: "value", value });

function leafOf(test: ColumnTest, slot: number): Evaluate {
  return (parts) => {
    const part = parts[slot];
    if (part === undefined || part.kind === "any") return ANY;
    return part.kind === "value" ? test.of(part.value) : test.within(part.span);
  };
}

/** Kinds of rows that are judged one by one; with more of them, what may be in the last columns is taken for anything. */
const MAX_KINDS = 256;

/**
 * Whether rows of any kind may match. A row has one value in a column wherever the predicate asks for it: so `x >= 5 and x <= 7`
 * is not true of a NaN by its first half and of a number by its second.
 */
function someRow(parts: readonly (readonly Part[])[], evaluate: Evaluate): boolean {
  let kinds = 1;
  const judged = parts.map((ofColumn) => {
    kinds *= ofColumn.length;
    return kinds > MAX_KINDS ? ANYTHING : ofColumn;
  });
  const row: Part[] = [];
  const walk = (slot: number): boolean => {
    const ofColumn = judged[slot];
    if (ofColumn === undefined) return (evaluate(row) & TRUE) !== 0;
    for (const part of ofColumn) {
      row[slot] = part;
      if (walk(slot + 1)) return true;
    }
    return false;
  };
  return walk(0);
}

/** Files of one partition have the same text. */
function remembered(
  read: (text: string | null) => readonly Part[],
  textOf: (file: JudgedFile) => string | null,
): Column["parts"] {
  const known = new Map<string | null, readonly Part[]>();
  return (file) => {
    const text = textOf(file);
    const found = known.get(text) ?? read(text);
    known.set(text, found);
    return found;
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** undefined where there are none, and where what is there is none. */
function statsOf(text: string | undefined): JsonObject | undefined {
  if (text === undefined) return undefined;
  try {
    const stats = parseJson(text);
    return isJsonObject(stats) ? stats : undefined;
  } catch {
    return undefined;
  }
}

function checkOperator(op: string, { bound, type }: DataColumn, name: string, at: string): void {
  if (bound !== undefined || op === "isNull" || /^(string|binary|(var)?char)/.test(type.name)) return;
  throw malformed(`values of the column "${name}" are not compared: its type is ${type.name}`, `${at}/op`, NESTED);
}

const NESTED = 'Name a member of a struct ("address.city"), or ask only whether the column is null.';

function noColumn(name: string, table: TableDescription, at: string): Error {
  const names = [...schemaColumns(table.schema)].flatMap(({ path, inCollection }) =>
    inCollection ? [] : [path.join(".")],
  );
  const near = nearestName(name, names);
  const known = names
    .slice(0, 20)
    .map((known) => `"${known}"`)
    .join(", ");
  const hint =
    near === undefined ? `Its columns are ${known}${names.length > 20 ? " …" : ""}.` : `Did you mean "${near}"?`;
  return malformed(`the table has no column "${name}"`, `${at}/column`, hint);
}
