/** Data files with rows for tests: made by DuckDB from a query, put into the store of a table. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type { Json } from "../../lib/delta/values/json.ts";
import type { ObjectStore } from "../../lib/ports.ts";
import { addOf } from "./lake.ts";

/** Writes the rows of a query as `path`; answers the add action for it. */
export async function putRows(
  store: ObjectStore,
  path: string,
  query: string,
  more: Readonly<Record<string, Json>> = {},
): Promise<Json> {
  const folder = mkdtempSync(join(tmpdir(), "dl-rows-"));
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  try {
    const file = join(folder, "rows.parquet");
    await connection.run("set TimeZone = 'UTC'");
    await connection.run(`copy (${query}) to '${file}' (format parquet)`);
    const bytes = new Uint8Array(readFileSync(file));
    await store.put(path, bytes);
    const counted = await connection.runAndReadAll(`select count(*) from '${file}'`);
    const stats = JSON.stringify({ numRecords: Number(counted.getRows()[0]?.[0]) });
    return addOf(path, { size: bytes.length, stats, ...more });
  } finally {
    connection.closeSync();
    instance.closeSync();
    rmSync(folder, { recursive: true });
  }
}
