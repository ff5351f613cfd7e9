/**
 * Typed predicates: which rows are meant, told precisely. A commit says so what its writer read (`reads.predicates`, over
 * partition columns), and a scan what it looks for (predicates/file-predicate.ts, over all columns).
 *
 *     {"column": "day", "op": "=", "value": "2026-01-31"}      ops: =  <>  <  <=  >  >=  startsWith
 *     {"column": "day", "op": "in", "values": ["2026-01-30", "2026-01-31"]}
 *     {"column": "day", "op": "isNull"}
 *     {"and": […]}  {"or": […]}  {"not": {…}}
 *
 * Values are compared as values of the column's type, with SQL's three-valued logic. An operator that we do not know may
 * match anything. A list of predicates is a list of reads: a file matters when any of them may match it.
 */

import type { StringMap } from "./actions.ts";
import { type ColumnTest, compileTest } from "./predicates/column-tests.ts";
import { compileTree, type Forms, malformed } from "./predicates/tree.ts";
import { ANY, and, FALSE, not, or, TRUE, type Truths } from "./predicates/truths.ts";
import { type PartitionColumn, partitionColumns, partitionText } from "./schema/partition-values.ts";
import type { SchemaField } from "./schema/schema.ts";
import type { TableDescription } from "./table-configuration.ts";
import { isJsonObject, type Json } from "./values/json.ts";
import { STRING } from "./values/value-types.ts";

type Evaluate = (partitionValues: StringMap) => Truths;

/** Whether a file of these partition values may hold rows that the predicate selects. */
export type PartitionPredicate = (partitionValues: StringMap) => boolean;

/**
 * Compiles a predicate. One over a data column says nothing about partitions, so it matches every file.
 * @throws LakeError invalid with a JSON pointer when it is malformed
 */
export function compilePredicate(predicate: Json, table: TableDescription, at: string): PartitionPredicate {
  const { schema } = table;
  const columns = new Map(partitionColumns(table).map((column) => [column.name.toLowerCase(), column]));
  const forms: Forms<Evaluate> = {
    leaf: (leaf, place) => compileColumn(leaf, { schema, columns }, place),
    and: (items) => (values) => items.reduce<Truths>((sum, item) => and(sum, item(values)), TRUE),
    or: (items) => (values) => items.reduce<Truths>((sum, item) => or(sum, item(values)), FALSE),
    not: (item) => (values) => not(item(values)),
  };
  const evaluate = compileTree(predicate, forms, at);
  return (values) => (evaluate(values) & TRUE) !== 0;
}

interface Columns {
  readonly schema: readonly SchemaField[];
  /** Partition columns by their name in lower case. */
  readonly columns: ReadonlyMap<string, PartitionColumn>;
}

function compileColumn(
  predicate: Parameters<Forms<Evaluate>["leaf"]>[0],
  { schema, columns }: Columns,
  at: string,
): Evaluate {
  const { column, op } = predicate;
  const partition = columns.get(column.toLowerCase());
  if (partition === undefined && !isDataColumn(column, schema)) {
    throw malformed(`the table has no column "${column}"`, `${at}/column`);
  }
  const test = compileTest(predicate, op, partition?.type ?? STRING, at);
  if (partition === undefined) return () => ANY;
  // Files of one partition have the same text.
  const known = new Map<string | null, Truths>();
  return (values) => {
    const text = partitionText(values, partition);
    const found = known.get(text) ?? testText(test, text, partition);
    known.set(text, found);
    return found;
  };
}

/** A column, or a member of a struct by its path. */
function isDataColumn(name: string, schema: readonly SchemaField[]): boolean {
  const lower = name.toLowerCase();
  return schema.some((field) => {
    const column = field.name.toLowerCase();
    return lower === column || (isJsonObject(field.type) && lower.startsWith(`${column}.`));
  });
}

function testText(test: ColumnTest, text: string | null, column: PartitionColumn): Truths {
  const values = valuesOfText(text, column);
  return values === undefined ? ANY : values.reduce<Truths>((sum, value) => sum | test.of(value), 0);
}

/**
 * The values, null among them, that readers may find in the text of a partition; undefined where it may be anything. Imported
 * tables may hold empty texts. They are null; but Spark and delta-rs take them for texts where a text can be.
 */
export function valuesOfText(text: string | null, { type, nullable }: PartitionColumn): readonly unknown[] | undefined {
  if (text === null) return [null];
  const value = type.parse(text);
  if (text === "") return value === undefined ? [null] : nullable ? [value, null] : [value];
  return value === undefined ? undefined : [value];
}
