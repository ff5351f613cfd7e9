/** From a statement to what the Data API takes: named parameters, and results as slices of one JSON text. */

import type { Field, SqlParameter } from "@aws-sdk/client-rds-data";
import { parseJson } from "../../../delta/values/json.ts";
import { corrupt } from "../../../errors.ts";
import { type Row, type Sql, type SqlValue, Uuid } from "../../database.ts";
import type { Flavour } from "./dialect.ts";

/** What a call answers with. */
export interface Records {
  readonly records: readonly (readonly Field[])[];
  /** Names of the columns, where the call asked for them. */
  readonly columns: readonly string[];
}

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
const SLICES_PER_CALL = 16;

/**
 * A statement that returns its rows as slices of one JSON text: no row is too large then, and no integer loses digits, as the
 * client would make doubles of them. @param columns their names, where the flavour needs them
 */
export function sliced({ sql, parameters }: Statement, flavour: Flavour, columns: readonly string[]): Statement {
  return { sql: flavour.sliced(sql, { bytes: SLICE_BYTES, columns, count: SLICES_PER_CALL }), parameters };
}

/** The same text for a cursor, as many slices as it has. */
export function declared({ sql, parameters }: Statement, flavour: Flavour, columns: readonly string[]): Statement {
  return { sql: flavour.cursor.declare(sql, { bytes: SLICE_BYTES, columns }), parameters };
}

/** The next slices of a cursor, from this place on. */
export function fetched(flavour: Flavour, from: number): Statement {
  return { sql: flavour.cursor.fetch(SLICE_BYTES, from, SLICES_PER_CALL), parameters: [] };
}

export interface Slices {
  readonly bytes: Uint8Array;
  /** Of the whole text; undefined where the server is not set up as it has to be. */
  readonly total: number | undefined;
}

export function slicesOf({ records }: Records): Slices {
  const slices = records.map(([, slice]) => slice?.blobValue ?? new Uint8Array());
  const [total] = records[0] ?? [];
  return { bytes: Buffer.concat(slices), total: total?.isNull ? undefined : (total?.longValue ?? 0) };
}

/** @param columns where rows are lists of values, behind their number */
export function rowsOf(bytes: Uint8Array, columns?: readonly string[]): readonly Row[] {
  const rows = parseJson(new TextDecoder().decode(bytes));
  if (!Array.isArray(rows)) throw corrupt("the database answered with no rows");
  if (columns === undefined) return rows as readonly Row[];
  const [count, ...lists] = rows;
  if (count !== lists.length) throw corrupt(`the database answered with ${lists.length} of ${count} rows`);
  return (lists as readonly (readonly unknown[])[]).map((list) =>
    Object.fromEntries(columns.map((name, i) => [name, list[i]])),
  );
}

/** Rows as fields, with the names of their columns: few and small ones. */
export function plainRowsOf({ records, columns }: Records): readonly Row[] {
  return records.map((record) => Object.fromEntries(columns.map((name, i) => [name, plainValue(record[i])])));
}

function plainValue(field: Field | undefined): unknown {
  if (field === undefined || field.isNull) return null;
  const value = field.stringValue ?? field.longValue ?? field.booleanValue ?? field.doubleValue ?? field.blobValue;
  // The client has made a double of it, so it may be another number.
  if (field.longValue !== undefined && !Number.isSafeInteger(field.longValue)) {
    throw corrupt("the Data API answered with an integer that has lost digits");
  }
  return value;
}
