/** From a statement to what the Data API takes: named parameters, and results as slices of one JSON text. */

import type { Field, SqlParameter } from "@aws-sdk/client-rds-data";
import { parseJson } from "../../../delta/values/json.ts";
import { corrupt } from "../../../errors.ts";
import { type Row, type Sql, type SqlValue, Uuid } from "../../database.ts";
import type { Flavour } from "./dialect.ts";

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly SqlParameter[];
}

export function statementOf({ strings, values }: Sql, flavour: Flavour): Statement {
  const given = values as readonly SqlValue[];
  const sql = strings.reduce((text, string, i) => `${text}${placeOf(i - 1, given[i - 1], flavour)}${string}`);
  return { sql, parameters: given.map(parameterOf) };
}

/** The values of another row for the same statement. */
export function parametersOf(values: readonly SqlValue[]): SqlParameter[] {
  return values.map(parameterOf);
}

function placeOf(i: number, value: SqlValue | undefined, flavour: Flavour): string {
  return value instanceof Uuid ? flavour.uuid(`:p${i + 1}`) : `:p${i + 1}`;
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

/** As base64 within a row below the limit of 64 KB. */
const SLICE_BYTES = 45_000;
/** Together, as base64, below the limit of 1 MiB for an answer. */
export const SLICES_PER_CALL = 16;

/**
 * A statement that returns its rows as slices of one JSON text: no row is too large then, and no integer loses digits, as the
 * client would make doubles of them.
 */
export function sliced({ sql, parameters }: Statement, flavour: Flavour, amount: "firstCall" | "all"): Statement {
  const slices = amount === "all" ? undefined : SLICES_PER_CALL;
  return { sql: flavour.sliced(sql, SLICE_BYTES, slices), parameters };
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
