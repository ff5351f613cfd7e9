/** Lists as columns, read by pyarrow, Polars and DuckDB as they come: `npm run test:interop`. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { needs } from "../support/skip.ts";
import { type Service, startService } from "./support/service.ts";

const SUITE = "readers of Arrow and Parquet";
const cache = process.env.INTEROP_CACHE;
const SCRIPT = fileURLToPath(new URL("python/arrow_lists.py", import.meta.url));
const FILES = 5000;

describe(SUITE, needs(SUITE, cache, "no readers here: `npm run test:interop` installs them"), () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-arrow-")));
  let service: Service;
  before(async () => {
    service = await startService(folder);
    const fields = ["id", "day"].map((name) => ({ name, type: "long", nullable: true, metadata: {} }));
    const schema = { type: "struct", fields };
    await service.call("POST", "/v1/tables", { name: "arrow.lists", schema, partitionColumns: ["day"] });
    const actions = Array.from({ length: FILES }, (_, n) => {
      const stats = JSON.stringify({ numRecords: 1, minValues: { id: n }, maxValues: { id: n }, nullCount: { id: 0 } });
      const rest = { size: n, modificationTime: 1, dataChange: true, stats };
      return { add: { path: `part-${10_000 + n}-é.parquet`, partitionValues: { day: String(n % 2) }, ...rest } };
    });
    const table = { table: "arrow.lists", readVersion: 0, actions };
    const request = { transactionId: crypto.randomUUID(), verifyFiles: false, tables: [table] };
    await service.call("POST", "/v1/commits", request);
  });
  after(async () => {
    await service.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function read(path: string, body?: object): Promise<Record<string, unknown>> {
    const python = join(cache ?? "", "venv/bin/python");
    const url = `http://${service.address}/v1/tables/arrow.lists/${path}`;
    const { stdout } = await promisify(execFile)(python, [SCRIPT, url, ...(body ? [JSON.stringify(body)] : [])]);
    return JSON.parse(stdout);
  }

  test("all files of a table", async () => {
    const all = [FILES, (FILES * (FILES - 1)) / 2, "part-10000-é.parquet"];
    const partitions = ["{'day': '0'}", "{'day': '1'}"];
    const found = { pyarrow: all, polars: all, duckdb: all, partitions };
    assert.deepEqual(await read("files"), { arrow: found, parquet: found });
  });

  test("the files of a scan", async () => {
    const few = [2, 200, "part-10099-é.parquet"];
    const predicate = {
      and: [
        { column: "id", op: "in", values: [99, 101, 102] },
        { column: "day", op: "=", value: 1 },
      ],
    };
    const partitions = ["{'day': '1'}"];
    const found = { pyarrow: few, polars: few, duckdb: few, partitions };
    assert.deepEqual(await read("plan", { predicate }), { arrow: found, parquet: found });
  });
});
