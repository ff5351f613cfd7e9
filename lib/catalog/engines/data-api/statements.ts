/** From a statement to what the Data API takes: named parameters with casts, and results as slices of one JSON text. */

import type { Field, SqlParameter } from "@aws-sdk/client-rds-data";
import { parseJson } from "../../../delta/json.ts";
import { corrupt } from "../../../errors.ts";
import { type Row, type Sql, type SqlValue, Uuid } from "../../database.ts";

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly SqlParameter[];
}

export function statementOf({ strings, values }: Sql): Statement {
  const given = values as readonly SqlValue[];
  const sql = strings.reduce((text, string, i) => `${text}${placeOf(i - 1, given[i - 1])}${string}`);
  return { sql, parameters: given.map(parameterOf) };
}

/** The values of another row for the same statement. */
export function parametersOf(values: readonly SqlValue[]): SqlParameter[] {
  return values.map(parameterOf);
}

/** A text is no UUID to the Data API: the cast stands in the statement. */
function placeOf(i: number, value: SqlValue | undefined): string {
  return value instanceof Uuid ? `:p${i + 1}::uuid` : `:p${i + 1}`;
}

function parameterOf(value: SqlValue, i: number): SqlParameter {
  return { name: `p${i + 1}`, value: fieldOf(value) };
}

function fieldOf(value: SqlValue): Field {
  if (value === null) return { isNull: true };
  if (value instanceof Uuid) return { stringValue: value.text };
  switch (typeof value) {
    case "string":
      return { stringValue: value };
    case "boolean":
      return { booleanValue: value };
    case "bigint":
      // Declared as a number, but the client writes the digits of a bigint as they are.
      return { longValue: value as unknown as number };
    default:
      return Number.isSafeInteger(value) ? { longValue: value } : { doubleValue: value };
  }
}

/**
 * - `read`: returns rows and changes nothing, so that it may be repeated.
 * - `write`: returns rows of what it changed.
 * - `bare`: returns nothing.
 */
export type StatementKind = "read" | "write" | "bare";

export function kindOf(sql: string): StatementKind {
  if (/^\s*(select|with)\b/i.test(sql)) return CALLS_FUNCTION_OF_OURS.test(sql) ? "write" : "read";
  return /^\s*(insert|update|delete)\b[\s\S]*\breturning\b/i.test(sql) ? "write" : "bare";
}

/** All of them write or lock; no table's name stands before a parenthesis in a query. */
const CALLS_FUNCTION_OF_OURS = /\bdl_\w+\s*\(/;

/** As base64 within a row below the limit of 64 KB. */
const SLICE_BYTES = 45_000;
/** Together, as base64, below the limit of 1 MiB for an answer. */
export const SLICES_PER_CALL = 16;

/**
 * The rows of a statement as one JSON text, cut into binary slices: no row is too large, and no integer loses digits, as the
 * client would make doubles of them. The rows are materialized, so that they stay in order.
 */
export function sliced({ sql, parameters }: Statement, options: { readonly all: boolean }): Statement {
  const last = `(length(dl_text.bytes) - 1) / ${SLICE_BYTES}`;
  return {
    sql: `with dl_rows as materialized (
${sql}
), dl_text as materialized (select convert_to(coalesce(json_agg(dl_rows)::text, '[]'), 'UTF8') as bytes from dl_rows)
select length(dl_text.bytes) as total, substring(dl_text.bytes from n * ${SLICE_BYTES} + 1 for ${SLICE_BYTES}) as slice
from dl_text, generate_series(0, ${options.all ? last : `least(${last}, ${SLICES_PER_CALL - 1})`}) n order by n`,
    parameters,
  };
}

export interface Slices {
  readonly bytes: Uint8Array;
  /** Of the whole text. */
  readonly total: number;
}

export function slicesOf(records: readonly (readonly Field[])[]): Slices {
  const slices = records.map(([, slice]) => slice?.blobValue ?? new Uint8Array());
  return { bytes: Buffer.concat(slices), total: records[0]?.[0]?.longValue ?? 0 };
}

export function rowsOf(bytes: Uint8Array): readonly Row[] {
  const rows = parseJson(new TextDecoder().decode(bytes));
  if (!Array.isArray(rows)) throw corrupt("the database answered with no rows");
  return rows as readonly Row[];
}
