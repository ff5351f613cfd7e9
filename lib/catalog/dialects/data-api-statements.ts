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
 * The rows of a statement, each a line of JSON, cut into slices `s`. Lines are gathered before they are cut: finding a place
 * in a text costs as much as the text is long.
 */
function asSlices(text: string): string {
  // Comments go: how AWS reads a colon or semicolon in them is nobody's business. No literal of ours holds two dashes.
  return `with q as (${text.replaceAll(/--[^\n]*/g, "")}),
r as materialized (select row_number() over () as n, row_to_json(q)::text as j from q),
b as (select n, j, ((sum(length(j)) over (order by n))::bigint - 1) / ${SLICE} as bucket from r),
g as (select bucket, string_agg(j, chr(10) order by n) || chr(10) as t from b group by bucket),
s as materialized (
  select row_number() over (order by bucket, i) - 1 as place, substr(t, i * ${SLICE} + 1, ${SLICE}) as slice,
    octet_length(t) * 4 > length(t) * 5 as wide
  from g, generate_series(0, (length(t) - 1) / ${SLICE}) as i)`;
}

const most = (slices: string) =>
  `case when (select bool_or(wide) from ${slices}) then ${SLICES_WIDE} else ${SLICES_ASCII} end`;

/**
 * A statement whose rows come as slices of JSON lines, as many as one answer may have: no row is larger than 64 KB, no answer
 * than 1 MiB, and 64-bit integers keep their digits.
 */
export function inSlices(text: string): string {
  return `${asSlices(text)} select (select count(*) from s) as total, slice from s where place < ${most("s")} order by place`;
}

/** All slices into a table that lives as long as the transaction: made once, however many calls it takes to read. */
export function keptSlices(text: string, table: string): string {
  return `create temporary table ${table} on commit drop as ${asSlices(text)} select * from s`;
}

/** As many of the kept slices as one answer may have. */
export function readSlices(table: string, from: number): string {
  return `select (select count(*) from ${table}) as total, slice from ${table}
    where place >= ${from} and place < ${from} + ${most(table)} order by place`;
}

/** What one call brought: slices in order, and how many there are in all. */
export interface Slices {
  readonly total: number;
  readonly slices: readonly string[];
}

export function slicesOf(records: readonly (readonly unknown[])[]): Slices {
  const slices = records.map((record) => (record[1] as { stringValue?: string } | undefined)?.stringValue);
  if (slices.includes(undefined)) throw corrupt("the Data API gave no text where it must");
  const total = (records[0]?.[0] as { longValue?: number } | undefined)?.longValue ?? 0;
  return { total, slices: slices as string[] };
}

/** The rows in lines of JSON. */
export function rowsOf(lines: string): readonly Row[] {
  const rows = parseJson(`[${lines.trimEnd().replaceAll("\n", ",")}]`);
  if (!Array.isArray(rows) || !rows.every(isJsonObject)) throw corrupt("the Data API gave something other than rows");
  return rows as readonly Row[];
}
