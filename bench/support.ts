/** What benchmarks share: commits that look like a writer's, figures, and one Markdown table at the end. */

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import type { Json, JsonObject } from "../lib/delta/values/json.ts";

export const SCHEMA: JsonObject = {
  type: "struct",
  fields: [
    { name: "id", type: "long", nullable: true, metadata: {} },
    { name: "price", type: "double", nullable: true, metadata: {} },
    { name: "name", type: "string", nullable: true, metadata: {} },
    { name: "at", type: "timestamp", nullable: true, metadata: {} },
    { name: "day", type: "string", nullable: true, metadata: {} },
  ],
};
export const PARTITION_COLUMNS = ["day"];

/** The nth file of a table of {@link SCHEMA}, with statistics of all its columns: about 500 bytes of JSON. */
export function addFile(n: number): JsonObject {
  const day = new Date(Date.UTC(2026, 0, 1 + (n % 365))).toISOString().slice(0, 10);
  const stats = {
    numRecords: 100_000,
    minValues: { id: n * 100_000, price: 0.25, name: "Aachen", at: `${day}T00:00:00.000Z` },
    maxValues: { id: n * 100_000 + 99_999, price: 9_999.75, name: "Zwickau", at: `${day}T23:59:59.999Z` },
    nullCount: { id: 0, price: n % 7, name: n % 13, at: 0 },
  };
  return {
    path: `day=${day}/part-${String(n % 100).padStart(5, "0")}-${randomUUID()}.c000.snappy.parquet`,
    partitionValues: { day },
    size: 4_000_000 + n,
    modificationTime: Date.UTC(2026, 0, 1) + n,
    dataChange: true,
    stats: JSON.stringify(stats),
  };
}

/** Runs `work` with a new temporary folder, which is gone afterwards. */
export async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "dl-bench-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

/** The value below which `share` (0…1) of the samples lie. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Says on stderr what is being done, with the seconds since the start: whoever waits sees that something goes on. */
export function progress(text: string): void {
  process.stderr.write(`${String(Math.round(performance.now() / 1000)).padStart(4)} s  ${text}\n`);
}

export function markdownTable(rows: readonly Readonly<Record<string, Json>>[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const body = rows.map((row) => line(columns.map((column) => String(row[column] ?? ""))));
  return [line(columns), line(columns.map(() => "---")), ...body].join("\n");
}

/** The machine, for the line under a table. */
export function machine(): string {
  return `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? "CPU"}, ${new Date().toISOString().slice(0, 10)}`;
}
