/** Delta's kernel for Java reads a table that Unity Catalog's own Java client has found by name. Part of `npm run test:gateway`. */

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { needs } from "../support/skip.ts";
import { type Service, startService } from "./support/service.ts";

const SUITE = "kernel-java by name";
const cache = process.env.INTEROP_CACHE;
const SOURCE = fileURLToPath(new URL("java/kernel-reader", import.meta.url));
const run = promisify(execFile);

/** Compiled in a copy, with what it needs beside it. */
function build(folder: string): string {
  const copy = join(folder, "kernel-reader");
  cpSync(SOURCE, copy, { recursive: true });
  const quiet = ["--batch-mode", "--quiet", "-Dmaven.test.skip=true", "-DoutputDirectory=target/lib"];
  execFileSync("mvn", [...quiet, "compile", "dependency:copy-dependencies"], { cwd: copy, stdio: "pipe" });
  return [join(copy, "target/classes"), join(copy, "target/lib/*")].join(delimiter);
}

describe(SUITE, needs(SUITE, cache, "no readers here: `npm run test:gateway` installs them"), () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-kernel-java-")));
  const python = join(cache ?? "", "venv/bin/python");
  let service: Service;
  let classes = "";
  before(async () => {
    classes = build(folder);
    service = await startService(folder);
  });
  after(async () => {
    await service?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function file(table: string, name: string, rows: readonly (readonly [number, string | null])[]) {
    const make =
      "import sys, json, os, pyarrow as pa, pyarrow.parquet as pq; rows = json.loads(sys.argv[2]);" +
      "t = pa.table({'id': pa.array([i for i, _ in rows], pa.int64()), 'name': pa.array([n for _, n in rows], pa.string())});" +
      "pq.write_table(t, sys.argv[1]); print(os.path.getsize(sys.argv[1]), flush=True); os._exit(0)";
    const path = join(service.storage, table, name);
    const { stdout } = await run(python, ["-c", make, path, JSON.stringify(rows)]);
    return { path: name, partitionValues: {}, size: Number(stdout), modificationTime: 1, dataChange: true };
  }
  const commit = (table: string, readVersion: number, actions: readonly object[]) =>
    service.call("POST", "/v1/commits", {
      transactionId: crypto.randomUUID(),
      acknowledge: "mirrored",
      tables: [{ table, readVersion, actions }],
    });
  async function ask(schema: string, table: string): Promise<Record<string, unknown>> {
    const args = [
      "-cp",
      classes,
      "io.deltalakedb.reader.KernelReader",
      `http://${service.address}`,
      "any",
      schema,
      table,
    ];
    const { stdout } = await run("java", args, { env: { ...process.env, TZ: "UTC" } });
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}");
  }

  test("lists, finds, and reads what we say: rows, columns and version, of a fenced table with files that went", async () => {
    const field = (name: string, type: string) => ({ name, type, nullable: true, metadata: {} });
    const schema = { type: "struct", fields: [field("id", "long"), field("name", "string")] };
    for (const name of ["shop.orders", "shop.eu.parts"]) await service.call("POST", "/v1/tables", { name, schema });
    const big = "9007199254740993";
    const first = await file("shop/orders", "a.parquet", [
      [1, "tea"],
      [2, null],
    ]);
    const second = await file("shop/orders", "b.parquet", [[3, "süß"]]);
    await commit("shop.orders", 0, [{ add: first }, { add: second }]);
    const made = await file("shop/orders", "c.parquet", [[4, big]]);
    const { path } = first;
    await commit("shop.orders", 1, [{ remove: { path, deletionTimestamp: 1, dataChange: true } }, { add: made }]);
    const { rows, ...said } = await ask("shop", "orders");
    const described = await service.call("GET", "/v1/tables/shop.orders");
    const files = await service.call("GET", "/v1/tables/shop.orders/files");
    assert.deepEqual(files.files.map((one) => one.path).sort(), ["b.parquet", "c.parquet"]);
    assert.deepEqual(said, {
      schemas: ["shop", "shop.eu"],
      tables: ["orders"],
      type: "EXTERNAL DELTA",
      columns: [
        ["id", "bigint"],
        ["name", "string"],
      ],
      byDeltaApi: true,
      credentials: "none",
      version: described.version,
    });
    assert.deepEqual(
      (rows as [string, string][]).sort(([a], [b]) => Number(a) - Number(b)),
      [
        ["3", "süß"],
        ["4", big],
      ],
    );
    assert.equal(said.version, 2);
  });

  test("a table that is not there is said to be so", async () => {
    await assert.rejects(ask("shop", "nothing"), /TABLE_NOT_FOUND/);
  });
});
