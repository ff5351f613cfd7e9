/** Clients of Unity Catalog find and read our tables by name, set up as docs/unity.md says; and what was given back, others write. Part of `npm run test:gateway`. */

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

const SUITE = "clients of Unity Catalog";
const cache = process.env.INTEROP_CACHE;
const SCRIPT = fileURLToPath(new URL("python/unity_clients.py", import.meta.url));
const DOCUMENT = fileURLToPath(new URL("../../docs/unity.md", import.meta.url));
const run = promisify(execFile);

const field = (name: string, type: unknown) => ({ name, type, nullable: true, metadata: {} });
const FIELDS = [
  field("id", "long"),
  field("name", "string"),
  field("price", "decimal(12,2)"),
  field("days", { type: "array", elementType: "date", containsNull: true }),
];
const ROWS = [
  [1, "tea"],
  [2, null],
];

describe(SUITE, needs(SUITE, cache, "no clients here: `npm run test:gateway` installs them"), () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-unity-")));
  const python = join(cache ?? "", "venv/bin/python");
  let service: Service;
  before(async () => {
    service = await startService(folder);
    for (const name of ["shop.orders", "shop.eu.orders", "attic.t"]) {
      await service.call("POST", "/v1/tables", { name, schema: { type: "struct", fields: FIELDS } });
    }
    const file = join(service.storage, "shop/orders/a.parquet");
    const make =
      "import sys, pyarrow as pa, pyarrow.parquet as pq, os, datetime;" +
      "t = pa.table({'id': pa.array([1, 2], pa.int64()), 'name': ['tea', None]," +
      " 'price': pa.array([None, None], pa.decimal128(12, 2)), 'days': pa.array([[], None], pa.list_(pa.date32()))});" +
      "pq.write_table(t, sys.argv[1]); print(os.path.getsize(sys.argv[1]))";
    const { stdout } = await run(python, ["-c", make, file]);
    const add = { path: "a.parquet", partitionValues: {}, size: Number(stdout), modificationTime: 1, dataChange: true };
    await service.call("POST", "/v1/commits", {
      transactionId: crypto.randomUUID(),
      acknowledge: "mirrored",
      tables: [{ table: "shop.orders", readVersion: 0, actions: [{ add }] }],
    });
    // DuckDB passes over a catalog of which one table has no log yet.
    for (const name of ["shop.eu.orders", "attic.t"]) {
      const made = { table: name, readVersion: 0, actions: [{ txn: { appId: "test", version: 1 } }] };
      await service.call("POST", "/v1/commits", {
        transactionId: crypto.randomUUID(),
        acknowledge: "mirrored",
        tables: [made],
      });
    }
  });
  after(async () => {
    await service?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What a client says, after what else it prints. */
  async function ask(client: string): Promise<Record<string, unknown>> {
    const { stdout } = await run(python, [SCRIPT, client, service.address, DOCUMENT], {
      env: { ...process.env, INTEROP_CACHE: cache, PYTHONDONTWRITEBYTECODE: "1", TZ: "UTC" },
    });
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}");
  }

  /** Runs `work` while versions are published one after the other. */
  async function besideCommits<T>(work: () => Promise<T>): Promise<T> {
    let isOver = false;
    const committing = (async () => {
      for (let version = 1; !isOver; version += 1) {
        const actions = [{ txn: { appId: `beside-${version}`, version } }];
        await service.call("POST", "/v1/commits", {
          transactionId: crypto.randomUUID(),
          acknowledge: "mirrored",
          tables: [{ table: "attic.t", readVersion: 0, actions }],
        });
      }
    })();
    try {
      return await work();
    } finally {
      isOver = true;
      await committing;
    }
  }

  test("DuckDB attaches the catalog, lists, reads, and does not write past the fence, beside commits", async () => {
    const { tables, rows, insert } = await besideCommits(() => ask("duckdb"));
    const types = ["BIGINT", "VARCHAR", "DECIMAL(12,2)", "DATE[]"];
    assert.deepEqual(tables, [
      ["attic", "t", types],
      ["shop", "orders", types],
      ["shop.eu", "orders", types],
    ]);
    assert.deepEqual(rows, ROWS);
    assert.match(String(insert), /deltalakedb\.managed/);
  });

  test("delta-rs is kept off by the fence, and writes what was given back", async () => {
    const place = join(folder, "back");
    // A process in which pyarrow has read a table's files aborts at its end now and then: its own threads still run.
    const append =
      "import os, sys, deltalake, pyarrow as pa;" +
      "deltalake.write_deltalake(sys.argv[1], pa.table({'id': pa.array([7], pa.int64())}), mode='append');" +
      "print(deltalake.DeltaTable(sys.argv[1]).to_pyarrow_table().to_pylist(), flush=True); os._exit(0)";
    await run(python, ["-c", append, place]);
    for (const args of [
      ["import", place, "--name", "shop.back"],
      ["fence", "shop.back", "on"],
    ]) {
      const done = await service.dl(...args);
      assert.equal(done.code, 0, done.output);
    }
    await assert.rejects(run(python, ["-c", append, place]), /deltalakedb\.managed/);
    const ejected = await service.dl("eject", "shop.back");
    assert.equal(ejected.code, 0, ejected.output);
    const { stdout } = await run(python, ["-c", append, place]);
    assert.equal(stdout.trim(), "[{'id': 7}, {'id': 7}]");
    assert.equal((await service.request("GET", "/v1/tables/shop.back")).status, 404);
  });

  test("Sail lists and reads", async () => {
    assert.deepEqual(await ask("sail"), { tables: [["shop", "orders"]], rows: ROWS });
  });

  test("Unity's own Python client finds schemas page by page, tables and their columns", async () => {
    assert.deepEqual(await ask("unity"), {
      schemas: ["attic", "shop", "shop.eu"],
      tables: [["shop", "orders"]],
      columns: [
        ["id", "LONG", "bigint"],
        ["name", "STRING", "string"],
        ["price", "DECIMAL", "decimal(12,2)"],
        ["days", "ARRAY", "array<date>"],
      ],
      missing: "TABLE_NOT_FOUND",
    });
  });
});
