/** Spark commits by the LogStore of clients/spark-logstore, as docs/writers.md sets it up: `npm run test:gateway`. */

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { SignatureV4 } from "@smithy/signature-v4";
import { Sha256 } from "../../lib/sha256.ts";
import { needs } from "../support/skip.ts";
import { type Engines, openEngines } from "./support/engines.ts";
import { type Service, startService } from "./support/service.ts";

const SUITE = "Spark with the LogStore";
const cache = process.env.INTEROP_CACHE;
const DOCUMENT = fileURLToPath(new URL("../../docs/writers.md", import.meta.url));
const CLIENT = fileURLToPath(new URL("../../clients/spark-logstore", import.meta.url));
const SCRIPT = fileURLToPath(new URL("python/spark_logstore.py", import.meta.url));
const READERS = ["delta-rs", "DuckDB"] as const;

interface Spark {
  sql(text: string): Promise<readonly (readonly string[])[]>;
  close(): Promise<void>;
}

/** As its README says, in a copy: nothing is left beside the sources. */
function buildJar(folder: string): string {
  const copy = join(folder, "spark-logstore");
  cpSync(CLIENT, copy, { recursive: true });
  const quiet = ["--batch-mode", "--quiet", "-Dmaven.test.skip=true"];
  execFileSync("mvn", [...quiet, "package"], { cwd: copy, stdio: "pipe" });
  const target = join(copy, "target");
  const [jar = ""] = readdirSync(target).filter((name) => name.endsWith(".jar"));
  return join(target, jar);
}

/** @param home where Spark's own Python library and the jars of Delta are; those of the readers if absent */
function openSpark(api: string, jar: string, home?: string): Spark {
  const child = spawn(join(cache ?? "", "venv/bin/python"), [SCRIPT, api, jar, DOCUMENT], {
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      ...process.env,
      INTEROP_CACHE: home ?? cache,
      PYTHONDONTWRITEBYTECODE: "1",
      TZ: "UTC",
      ...(home === undefined ? {} : { PYTHONPATH: join(home, "python") }),
    },
  });
  let said = "";
  child.stderr.on("data", (data) => (said = `${said}${data}`.slice(-4000)));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async sql(text) {
      child.stdin.write(`${JSON.stringify({ sql: text })}\n`);
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`the process ended: ${said}`);
        if (!value.startsWith("{")) continue;
        const answer = JSON.parse(value) as { readonly rows?: string[][]; readonly error?: string };
        if (answer.rows === undefined) throw new Error(`${text}: ${answer.error}\n${said}`);
        return answer.rows;
      }
    },
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.stdin.end();
      await once(child, "exit");
    },
  };
}

describe(SUITE, needs(SUITE, cache, "no engines here: `npm run test:gateway` installs them"), () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-logstore-")));
  const closing: (() => Promise<void>)[] = [];
  let service: Service;
  let engines: Engines;
  let jar: string;
  let spark: Spark;
  const open = (home?: string): Spark => {
    const spark = openSpark(`http://${service.address}`, jar, home);
    closing.push(() => spark.close());
    return spark;
  };
  before(async () => {
    jar = buildJar(folder);
    service = await startService(folder);
    engines = await openEngines(cache ?? "");
    spark = open();
  });
  after(async () => {
    for (const close of closing) await close();
    await engines?.close();
    await service?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const placeOf = (name: string) => join(service.storage, "shop", name);

  /** The rows as plain readers have them from the folder, and SQL against the log. */
  async function check(name: string, expected: ReadonlyMap<number, string>): Promise<void> {
    const wanted = [...expected].map(([id, v]) => `${id}=${v}`).sort();
    for (const reader of READERS) {
      const read = await engines.read(reader, placeOf(name));
      assert.ok("rows" in read, `${reader}: ${"refused" in read ? read.refused : ""}`);
      assert.deepEqual(read.rows.map(({ id, v }) => `${id}=${v}`).sort(), wanted, reader);
    }
    const { code, output } = await service.dl("diff", "--table", `shop.${name}`);
    assert.equal(code, 0, output);
  }
  async function versionOf(name: string): Promise<number> {
    const { tables } = (await service.call("GET", "/v1/tables?namespace=shop")) as unknown as {
      readonly tables: readonly { readonly name: string; readonly version: number }[];
    };
    return tables.find((table) => table.name === `shop.${name}`)?.version ?? -1;
  }

  test("each operation is a commit of the catalog, and plain readers see its rows", async () => {
    const t = `delta.\`file:${placeOf("orders")}\``;
    const rows = new Map<number, string>();
    let version = -1;
    const step = async (text: string, change: () => unknown, isCommit = true) => {
      await spark.sql(text);
      change();
      const now = await versionOf("orders");
      assert.ok(isCommit ? now > version : now >= version, `${text}: version ${now}`);
      version = now;
      if (rows.size > 0) await check("orders", rows);
    };
    await step(`CREATE TABLE ${t} (id BIGINT, v STRING) USING delta`, () => undefined);
    await step(`INSERT INTO ${t} VALUES (1, 'a'), (2, 'b'), (3, 'c')`, () => rows.set(1, "a").set(2, "b").set(3, "c"));
    await step(`INSERT INTO ${t} VALUES (4, 'd')`, () => rows.set(4, "d"));
    const appended = version;
    await step(`UPDATE ${t} SET v = 'z' WHERE id = 2`, () => rows.set(2, "z"));
    await step(`DELETE FROM ${t} WHERE id = 3`, () => rows.delete(3));
    const merged = "WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v)";
    const source = "(SELECT * FROM VALUES (4, 'm'), (9, 'n') AS s(id, v))";
    await step(`MERGE INTO ${t} t USING ${source} s ON t.id = s.id ${merged}`, () => rows.set(4, "m").set(9, "n"));
    await step(`OPTIMIZE ${t}`, () => undefined);
    await step(`ALTER TABLE ${t} ADD COLUMNS (w DOUBLE)`, () => undefined);
    await step(`RESTORE TABLE ${t} TO VERSION AS OF ${appended}`, () => {
      rows.clear();
      rows.set(1, "a").set(2, "b").set(3, "c").set(4, "d");
    });
    await step(`INSERT OVERWRITE ${t} (id, v) VALUES (7, 'o')`, () => {
      rows.clear();
      rows.set(7, "o");
    });
    // Beyond the next checkpoint.
    for (let id = 20; id < 26; id += 1) {
      await spark.sql(`INSERT INTO ${t} (id, v) VALUES (${id}, 'x')`);
      rows.set(id, "x");
    }
    await check("orders", rows);
    assert.deepEqual(await spark.sql(`SELECT count(*) FROM ${t}`), [[String(rows.size)]]);
    const log = readdirSync(join(placeOf("orders"), "_delta_log"));
    assert.ok(log.some((name) => name.includes(".checkpoint.")));
  });

  test("Spark 3.5 commits as well, and beside Spark 4 at once: every row is there, once", async () => {
    const t = `delta.\`file:${placeOf("race")}\``;
    const older = open(join(cache ?? "", "spark35"));
    assert.match(String(await older.sql("SELECT version()")), /^3\.5\./);
    await older.sql(`CREATE TABLE ${t} (id BIGINT, v STRING) USING delta`);
    await older.sql(`INSERT INTO ${t} VALUES (1, 'a'), (2, 'b'), (3, 'c')`);
    await older.sql(`UPDATE ${t} SET v = 'z' WHERE id = 2`);
    await older.sql(`DELETE FROM ${t} WHERE id = 3`);
    const rows = new Map([
      [1, "a"],
      [2, "z"],
    ]);
    assert.equal(await versionOf("race"), 3);
    await Promise.all(
      [spark, older].map(async (spark, racer) => {
        for (let i = 0; i < 6; i += 1) {
          const id = 100 + racer * 100 + i;
          await spark.sql(`INSERT INTO ${t} VALUES (${id}, 'r${racer}')`);
          rows.set(id, `r${racer}`);
        }
      }),
    );
    assert.equal(await versionOf("race"), 15);
    await check("race", rows);
  });

  test("what the catalog refuses ends the job with its reason", async () => {
    const t = `delta.\`file:${placeOf("gone")}\``;
    await spark.sql(`CREATE TABLE ${t} (id BIGINT, v STRING) USING delta`);
    assert.equal((await service.dl("drop", "shop.gone")).code, 0);
    await assert.rejects(
      spark.sql(`INSERT INTO ${t} VALUES (1, 'a')`),
      /no table of the catalog lives at file:.*dl import/,
    );
  });

  test("requests are signed as API Gateway checks them", async () => {
    const credentials = {
      accessKeyId: "AKIDEXAMPLE",
      secretAccessKey: "wJalrXUtnFEMI/K7MDENG",
      sessionToken: "a/token+of=some",
    };
    const signer = new SignatureV4({
      credentials,
      region: "eu-central-1",
      service: "execute-api",
      applyChecksum: false,
      sha256: Sha256,
    });
    const seen: string[] = [];
    const gate = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      const url = new URL(request.url ?? "", `http://${request.headers.host}`);
      const time = String(request.headers["x-amz-date"]);
      const signingDate = new Date(time.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"));
      const wanted = await signer.sign(
        {
          method: request.method ?? "",
          protocol: "http:",
          hostname: url.hostname,
          path: url.pathname,
          query: Object.fromEntries(url.searchParams),
          headers: { host: String(request.headers.host), "content-type": "application/json" },
          body,
        },
        { signingDate },
      );
      const isRight = wanted.headers.authorization === request.headers.authorization;
      seen.push(`${request.method} ${isRight}`);
      const init = { method: request.method ?? "", headers: { "content-type": "application/json" } };
      const answer = isRight
        ? await fetch(`http://${service.address}${request.url}`, body.length > 0 ? { ...init, body } : init)
        : new Response('{"code":"FORBIDDEN","detail":"the signature is wrong"}', { status: 403 });
      response.writeHead(answer.status, { "content-type": "application/json" });
      response.end(Buffer.from(await answer.arrayBuffer()));
    });
    await new Promise<void>((done) => gate.listen(0, "127.0.0.1", done));
    closing.push(async () => void gate.close());
    // Settings of the session: as `spark.hadoop.…`, without a Spark of its own.
    const set = {
      "deltalakedb.api": `http://127.0.0.1:${(gate.address() as AddressInfo).port}`,
      "deltalakedb.signing.region": "eu-central-1",
      "fs.s3a.access.key": credentials.accessKeyId,
      "fs.s3a.secret.key": credentials.secretAccessKey,
      "fs.s3a.session.token": credentials.sessionToken,
    };
    for (const [key, value] of Object.entries(set)) await spark.sql(`SET ${key}=${value}`);
    // It has another name than its place would give it: the place is asked for.
    await service.call("POST", "/v1/tables", {
      name: "other.signed",
      location: `file://${placeOf("signed")}`,
      schema: {
        type: "struct",
        fields: [
          { name: "id", type: "long", nullable: true, metadata: {} },
          { name: "v", type: "string", nullable: true, metadata: {} },
        ],
      },
      fenced: false,
    });
    // The LogStore reads what is published.
    const { address } = service;
    for (const until = Date.now() + 20_000; ; await pause(20)) {
      const table = (await (await fetch(`http://${address}/v1/tables/other.signed`)).json()) as {
        mirroredVersion: number;
      };
      if (table.mirroredVersion === 0) break;
      assert.ok(Date.now() < until, "version 0 is published");
    }
    const t = `delta.\`file:${placeOf("signed")}\``;
    await spark.sql(`INSERT INTO ${t} (id, v) VALUES (70, 'signed')`);
    assert.deepEqual([...new Set(seen)].sort(), ["GET true", "POST true"]);
  });
});
