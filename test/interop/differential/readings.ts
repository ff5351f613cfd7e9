/** What the four readers make of one version of a table, against the rows that it must have. */

import type { Engines, Row } from "../support/engines.ts";
import { ANY } from "./case.ts";
import { limitOf } from "./rules.ts";

export const QUICK = ["DuckDB", "delta-rs", "Polars"] as const;
export const ALL = [...QUICK, "Spark"] as const;
export type JudgingReader = (typeof ALL)[number];

/** `limit`: the reader says that it lacks a feature of Delta, which is no fault of the table. */
export interface Verdict {
  readonly reader: JudgingReader;
  readonly verdict: "ok" | "limit" | "refuses" | "misreads";
  readonly note: string;
}

/** Reads a version with some of the readers. Without rows they must agree with each other; with `stopAtFirst` until one objects. */
export async function readAll(
  engines: Engines,
  readers: readonly JudgingReader[],
  path: string,
  version: number,
  rows: readonly Row[] | undefined,
  stopAtFirst = false,
): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  let wanted = rows;
  let unknown: string | undefined;
  for (const reader of readers) {
    const found = await engines.read(reader, path, version);
    if ("refused" in found) {
      const limit = limitOf(reader, found.refused);
      verdicts.push({ reader, verdict: limit ? "limit" : "refuses", note: limit ?? firstLine(found.refused) });
    } else {
      wanted ??= found.rows;
      const known = masked(found.rows, wanted);
      const difference = compare(known.rows, wanted);
      const agree = unknown === undefined || unknown === known.unknown;
      unknown ??= known.unknown;
      const note = difference ?? (agree ? "" : `gives ${known.unknown} where another reader gives ${unknown}`);
      const limit = limitOf(reader, note);
      verdicts.push({ reader, verdict: note === "" ? "ok" : limit ? "limit" : "misreads", note: limit ?? note });
    }
    if (stopAtFirst && ["refuses", "misreads"].includes(verdicts.at(-1)?.verdict ?? "")) break;
  }
  return verdicts;
}

/** Values that the case does not know are put aside; all readers must agree on them. */
function masked(
  found: readonly Row[],
  expected: readonly Row[],
): { readonly rows: readonly Row[]; readonly unknown: string } {
  const byId = new Map(expected.map((row) => [row.id, row]));
  const aside: string[] = [];
  const rows = found.map((row) => {
    const wanted = byId.get(row.id);
    const entries = Object.entries(row).map(([name, value]) => {
      if (wanted?.[name] !== ANY) return [name, value];
      aside.push(`${row.id}.${name}=${JSON.stringify(value)}`);
      return [name, ANY];
    });
    return Object.fromEntries(entries) as Row;
  });
  return { rows, unknown: aside.sort().join(" ") };
}

function compare(found: readonly Row[], expected: readonly Row[]): string | undefined {
  const [got, wanted] = [found, expected].map((rows) => rows.map(rowText).sort()) as [string[], string[]];
  if (got.length === wanted.length && got.every((row, i) => row === wanted[i])) return undefined;
  const missing = wanted.filter((row) => !got.includes(row))[0] ?? "none";
  const extra = got.filter((row) => !wanted.includes(row))[0] ?? "none";
  return `${got.length} rows instead of ${wanted.length}; missing ${missing}; extra ${extra}`;
}

function rowText(row: Row): string {
  return JSON.stringify(row, (_key, value) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

/** What tells most of an engine's error: of Java's the last cause, of others the first line that names an error. */
export function firstLine(error: string): string {
  const lines = error
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const cause = lines.findLast((line) => line.startsWith("Caused by:"));
  const named = lines.find((line) => /Exception|Error|DELTA_/.test(line) && !/^Py4JJavaError/.test(line));
  return (cause ?? named ?? lines[0] ?? "").slice(0, 260);
}
