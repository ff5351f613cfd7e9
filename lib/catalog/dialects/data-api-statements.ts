/** Statements for the Data API: named parameters with casts in the text, and rows that come back as JSON in slices. Pure. */

import { isJsonObject, parseJson } from "../../delta/json.ts";
import { corrupt } from "../../errors.ts";
import { type Row, type Sql, type SqlValue, Uuid } from "../database.ts";

/** A parameter, ready for the SDK. */
export interface Parameter {
  readonly name: string;
  readonly value:
    | { readonly isNull: true }
    | { readonly booleanValue: boolean }
    | { readonly longValue: number }
    | { readonly stringValue: string };
}

export interface Statement {
  readonly text: string;
  readonly parameters: readonly Parameter[];
}

/** Puts `:p1`, `:p2` … between the parts of a statement; ids are cast, since a text is never taken for a uuid. */
export function statementOf(query: Sql): Statement {
  const parameters: Parameter[] = [];
  const text = query.strings.reduce((before, part, i) => {
    const value = query.values[i - 1];
    parameters.push(parameterOf(`p${i}`, value instanceof Uuid ? value.text : (value as SqlValue)));
    return `${before}:p${i}${value instanceof Uuid ? "::uuid" : ""}${part}`;
  });
  return { text, parameters };
}

export function parameterOf(name: string, value: SqlValue): Parameter {
  if (value === null) return { name, value: { isNull: true } };
  if (typeof value === "boolean") return { name, value: { booleanValue: value } };
  // The SDK's type says number; a bigint is sent with all its digits.
  if (typeof value !== "string") return { name, value: { longValue: value as number } };
  return { name, value: { stringValue: value } };
}

export type StatementKind = "read" | "rows" | "none";

/** `read`: may be repeated and gives rows; `rows`: changes something and gives rows; `none`: gives none. */
export function kindOf(text: string): StatementKind {
  if (/^\s*(select|with)\b/i.test(text)) return /\bdl_(commit|import_batch|lock)\w*\s*\(/.test(text) ? "rows" : "read";
  return /^\s*(insert|update|delete)\b/i.test(text) && /\breturning\b/i.test(text) ? "rows" : "none";
}

/** Characters of a slice: at most 60 KB, as a result row may have 64. */
const SLICE = 15_000;
/** Slices of an answer: within 1 MiB, also where quotes are escaped and characters take several bytes. */
const SLICES_ASCII = 40;
const SLICES_WIDE = 12;

/**
 * A statement whose rows come as one JSON text, cut into slices: no row is larger than 64 KB, no answer than 1 MiB, and
 * 64-bit integers keep their digits.
 * @param from the first slice
 */
export function inSlices(text: string, from: number): string {
  // Comments go: how AWS reads a colon or semicolon in them is nobody's business. No literal of ours holds two dashes.
  return `with q as (${text.replaceAll(/--[^\n]*/g, "")}),
doc as materialized (select coalesce(json_agg(q), '[]')::text as d from q),
size as (select d, length(d) as total,
  case when octet_length(d) * 4 <= length(d) * 5 then ${SLICES_ASCII} else ${SLICES_WIDE} end as most from doc)
select total, substr(d, i * ${SLICE} + 1, ${SLICE}) as slice
from size, generate_series(${from}, least(${from} + most, (total + ${SLICE - 1}) / ${SLICE}) - 1) as i order by i`;
}

/** What one call brought: slices in order, and the length of the whole in characters. */
export interface Slices {
  readonly total: number;
  readonly slices: readonly string[];
}

export function slicesOf(records: readonly (readonly unknown[])[]): Slices {
  const slices = records.map((record) => (record[1] as { stringValue?: string } | undefined)?.stringValue);
  const total = (records[0]?.[0] as { longValue?: number } | undefined)?.longValue;
  if (total === undefined || slices.includes(undefined)) throw corrupt("the Data API gave no rows where it must");
  return { total, slices: slices as string[] };
}

/** PostgreSQL counts characters, JavaScript their halves beyond U+FFFF. */
export function charactersIn(slices: readonly string[]): number {
  let count = 0;
  for (const slice of slices) {
    count += slice.length;
    for (let i = 0; i < slice.length; i += 1) {
      const unit = slice.charCodeAt(i);
      if (unit >= 0xd800 && unit <= 0xdbff) count -= 1;
    }
  }
  return count;
}

export function rowsOf(json: string): readonly Row[] {
  const rows = parseJson(json);
  if (!Array.isArray(rows) || !rows.every(isJsonObject)) throw corrupt("the Data API gave something other than rows");
  return rows as readonly Row[];
}
