/**
 * Predicates over all columns of a table, as a scan has them: may a file hold rows that match? Judged by partition values and
 * statistics; a file is passed over only when none of its rows can match, whatever its writer and whatever is deleted of it.
 */

import { schemaColumns } from "../schema/schema.ts";
import type { TableDescription } from "../table-configuration.ts";
import type { Json } from "../values/json.ts";
import { nearestName } from "../values/nearest-name.ts";
import { type ColumnTest, compileTest, type Span } from "./column-tests.ts";
import { ANYTHING, type Part } from "./column-values.ts";
import { type JudgedFile, opened, type ScanColumn, scanColumn } from "./scan-column.ts";
import { commonSpans } from "./spans.ts";
import { compileTree, type Forms, malformed } from "./tree.ts";
import { ANY, and, FALSE, not, or, TRUE, type Truths } from "./truths.ts";

/** A row that matches has a value of this column in one of the spans. */
export interface Need {
  readonly column: ScanColumn;
  readonly spans: readonly Span[];
}

export interface FilePredicate {
  /** False only when no row of the file matches. */
  mayMatch(file: JudgedFile): boolean;
  /** All of them hold of a row that matches; at most one a column. */
  readonly needs: readonly Need[];
}

interface Compiled {
  /** Of rows that have such values in the columns of the predicate, in the order of its columns. */
  readonly evaluate: (parts: readonly Part[]) => Truths;
  /** By the places of columns: in which spans a value must be where the predicate is true. */
  readonly needs: ReadonlyMap<number, readonly Span[]>;
}

const NO_NEEDS: Compiled["needs"] = new Map();

/** @throws LakeError invalid with a JSON pointer when it is malformed, or names a column that the table has not */
export function compileFilePredicate(predicate: Json, table: TableDescription, at: string): FilePredicate {
  const columns: ScanColumn[] = [];
  const slotOf = (column: ScanColumn): number => {
    const found = columns.findIndex(({ id }) => id === column.id);
    return found >= 0 ? found : columns.push(column) - 1;
  };
  const forms: Forms<Compiled> = {
    leaf(leaf, place) {
      const column = scanColumn(table, leaf.column);
      if (column === undefined) throw noColumn(leaf.column, table, place);
      checkOperator(leaf.op, column, leaf.column, place);
      return leafOf(compileTest(leaf, leaf.op, column.type, place), slotOf(column));
    },
    and: (items) => ({
      evaluate: (parts) => items.reduce<Truths>((sum, item) => and(sum, item.evaluate(parts)), TRUE),
      needs: needsOfAll(items, columns),
    }),
    or: (items) => ({
      evaluate: (parts) => items.reduce<Truths>((sum, item) => or(sum, item.evaluate(parts)), FALSE),
      needs: needsOfAny(items),
    }),
    not: (item) => ({ evaluate: (parts) => not(item.evaluate(parts)), needs: NO_NEEDS }),
  };
  const { evaluate, needs } = compileTree(predicate, forms, at);
  const all = [...needs].filter(([, spans]) => spans.length <= MAX_SPANS);
  return {
    needs: [...needs].map(([slot, spans]) => ({ column: columns[slot] as ScanColumn, spans })),
    mayMatch(file) {
      const it = opened(file);
      const parts = columns.map((column) => column.parts(it));
      return someRow(parts, evaluate) && all.every(([slot, spans]) => mayMeet(parts[slot] ?? [], spans, columns[slot]));
    },
  };
}

function leafOf({ of, within, spans }: ColumnTest, slot: number): Compiled {
  return {
    evaluate(parts) {
      const part = parts[slot];
      if (part === undefined || part.kind === "any") return ANY;
      return part.kind === "value" ? of(part.value) : within(part.span);
    },
    needs: spans === undefined ? NO_NEEDS : new Map([[slot, spans]]),
  };
}

function needsOfAll(items: readonly Compiled[], columns: readonly ScanColumn[]): Compiled["needs"] {
  const all = new Map<number, readonly Span[]>();
  for (const { needs } of items) {
    for (const [slot, spans] of needs) {
      const { type } = columns[slot] as ScanColumn;
      const before = all.get(slot);
      all.set(slot, before === undefined ? spans : commonSpans(before, spans, type));
    }
  }
  return all;
}

function needsOfAny(items: readonly Compiled[]): Compiled["needs"] {
  const [first, ...rest] = items;
  const shared = [...(first?.needs ?? [])].filter(([slot]) => rest.every(({ needs }) => needs.has(slot)));
  return new Map(
    shared.map(([slot, spans]) => [slot, [spans, ...rest.map(({ needs }) => needs.get(slot) ?? [])].flat()]),
  );
}

/** Kinds of rows that are judged one by one; with more of them, what may be in the last columns is taken for anything. */
const MAX_KINDS = 256;

/**
 * Whether rows of any kind may match. A row has one value in a column wherever the predicate asks for it: so `x >= 5 and x <= 7`
 * is not true of a NaN by its first half and of a number by its second.
 */
function someRow(parts: readonly (readonly Part[])[], evaluate: Compiled["evaluate"]): boolean {
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

/** Spans that are looked at for each file: long lists are judged by the tests of the predicate alone. */
const MAX_SPANS = 20;

/** Whether some value may lie in one of the spans: of several tests of a column together, where each alone may be true. */
function mayMeet(parts: readonly Part[], spans: readonly Span[], column: ScanColumn | undefined): boolean {
  if (column === undefined) return true;
  const { type } = column;
  return parts.some((part) => {
    if (part.kind === "any") return spans.length > 0;
    if (part.kind === "span") return spans.some((span) => commonSpans([part.span], [span], type).length > 0);
    const { value } = part;
    return value !== null && spans.some((span) => commonSpans([{ low: value, high: value }], [span], type).length > 0);
  });
}

function checkOperator(op: string, { isBounded, type }: ScanColumn, name: string, at: string): void {
  if (isBounded || op === "isNull" || /^(string|binary|(var)?char)/.test(type.name)) return;
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
