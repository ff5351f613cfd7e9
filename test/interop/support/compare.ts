/** Reads versions with every reader and compares rows; where a reader fails, its reading of the original decides whose fault it is. */

import { AT_ONCE, type Engines, type Filter, type Reader, type ReadResult, type Row } from "./engines.ts";
import type { Grid, Verdict } from "./grid.ts";
import { asTrinoGives } from "./trino-spelling.ts";

/** One thing to read, and what must come out of it. */
export interface Reading {
  /** For messages, such as "as mirrored". */
  readonly label: string;
  readonly path: string;
  readonly version?: number;
  readonly where?: Filter;
  readonly rows: readonly Row[];
  /** The same rows in a table that we have not touched: where a reader fails there in the same way, it is not our doing. */
  readonly control?: { readonly path: string; readonly version: number };
}

/**
 * Reads all of it with all readers and records the verdicts.
 * @returns one line for each reading that is wrong because of us
 */
export async function readEverywhere(
  engines: Engines,
  grid: Grid,
  kind: string,
  readings: readonly Reading[],
  readers: readonly Reader[] = AT_ONCE,
): Promise<string[]> {
  const wrong: string[] = [];
  grid.remember(kind, readings);
  await Promise.all(
    readers.flatMap((reader) =>
      readings.map(async (reading) => {
        const { verdict, note } = await judge(engines, reader, reading);
        grid.record(kind, reader, verdict, note);
        if (verdict !== "wrong") return;
        const at = reading.version === undefined ? "newest" : `version ${reading.version}`;
        wrong.push(`${reader}, ${reading.label}, ${at}${filterText(reading.where)}: ${note} [${reading.path}]`);
      }),
    ),
  );
  return wrong.sort();
}

async function judge(
  engines: Engines,
  reader: Reader,
  reading: Reading,
): Promise<{ readonly verdict: Verdict; readonly note?: string }> {
  const { path, version, where, rows, control } = reading;
  const expected = (reader === "Trino" ? rows.map(asTrinoGives) : rows).map(rowText).sort();
  const found = await engines.read(reader, path, version, where);
  const problem = difference(found, expected);
  if (problem === undefined) return { verdict: "ok" };
  if (control === undefined) return { verdict: "wrong", note: problem };
  const original = await engines.read(reader, control.path, control.version, where);
  const same = difference(original, expected);
  if (same === undefined) return { verdict: "wrong", note: `${problem}; it reads the original well` };
  const refuses = "refused" in found && "refused" in original;
  if (!refuses && !sameRows(found, original)) {
    return { verdict: "wrong", note: `${problem}; of the original: ${same}` };
  }
  return { verdict: refuses ? "refuses" : "misreads", note: problem };
}

function difference(found: ReadResult, expected: readonly string[]): string | undefined {
  if ("refused" in found) return found.refused.split("\n")[0]?.slice(0, 220);
  const rows = found.rows.map(rowText).sort();
  if (rows.length === expected.length && rows.every((row, i) => row === expected[i])) return undefined;
  const missing = expected.filter((row) => !rows.includes(row));
  const extra = rows.filter((row) => !expected.includes(row));
  return `${rows.length} rows instead of ${expected.length}; missing ${missing[0] ?? "none"}; extra ${extra[0] ?? "none"}`;
}

function sameRows(a: ReadResult, b: ReadResult): boolean {
  if ("refused" in a || "refused" in b) return false;
  return JSON.stringify(a.rows.map(rowText).sort()) === JSON.stringify(b.rows.map(rowText).sort());
}

/** A row as text, its columns in order of their names: engines need not agree on the order of columns. */
export function rowText(row: Row): string {
  return JSON.stringify(Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))));
}

function filterText(where: Filter | undefined): string {
  return where ? `, where ${where.column} ${where.op} ${JSON.stringify(where.values ?? [])}` : "";
}
