/** Unmodified engines with access keys of the catalog: each signs as it always does, and does what its key's holder may do. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { newS3Key } from "../../lib/access/s3-key.ts";
import { apiOf, prepareS3Face } from "../../lib/cli/gateway/s3-face.ts";
import type { GatewayServer } from "../../lib/gateway/server.ts";
import { type LocalLake, openLocalLake } from "../../lib/lake/local.ts";
import { changeGrants } from "../../lib/operations/grants.ts";
import { openLogger } from "../../lib/telemetry/log.ts";
import { needs } from "../support/skip.ts";
import { openWriter, type Writer } from "./support/gateway-writers.ts";

const SUITE = "engines with keys of their own";
const cache = process.env.INTEROP_CACHE;
const DOCUMENT = fileURLToPath(new URL("../../docs/writers.md", import.meta.url));
/** DuckDB makes no tables: it appends to that of another. */
const WRITERS = ["delta-rs", "Polars", "DuckDB", "Sail", "Trino", "Spark"] as const;
/** Milliseconds after which what is granted holds. */
const GRANTED_MS = 600;
const FIRST = [
  [1, "a"],
  [2, "b"],
];

describe(SUITE, needs(SUITE, cache, "no engines here: `npm run test:gateway` installs them"), () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-engine-keys-")));
  const objects = join(folder, "s3");
  const master = randomBytes(32);
  const writers: Writer[] = [];
  let lake: LocalLake;
  let face: GatewayServer;

  before(async () => {
    const logger = openLogger({ level: "warn", environment: "test" });
    lake = await openLocalLake({ database: join(folder, "catalog.sqlite") });
    await lake.catalog.migrate();
    await lake.catalog.changeAccess({ mode: "enforced", by: "operator", at: Date.now() });
    const options = { upstream: objects, host: "127.0.0.1", port: 0, ofCatalog: true, creates: true, logger };
    const audit = { note: () => undefined, flush: async () => undefined };
    face = await (await prepareS3Face(options))(await apiOf(lake, objects, { logger, audit, masters: [master] }));
  });
  after(async () => {
    for (const writer of writers) await writer.close();
    await face?.close();
    await lake?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A process with the key of a new user. */
  async function writerOf(name: string, secret?: string): Promise<Writer> {
    const { record, ...key } = newS3Key(master, { name, access: "write", createdAt: Date.now() });
    await lake.catalog.addKey(record);
    const endpoint = face.url.replace("http://", "");
    const given = { ...key, ...(secret === undefined ? {} : { secretAccessKey: secret }) };
    const writer = openWriter({ cache: cache ?? "", endpoint, document: DOCUMENT, key: given });
    writers.push(writer);
    return writer;
  }
  const grant = (privilege: "SELECT" | "APPEND" | "MODIFY" | "CREATE", on: string, to: string) =>
    changeGrants(lake, { grant: [{ privilege, on, to: `user:${to}` }], by: "operator" });
  for (const engine of WRITERS) {
    test(engine, async () => {
      const table = engine.toLowerCase().replace("-", "");
      const name = `lake.${table}`;
      const [maker, appender, reader] = ["maker", "appender", "reader"].map((what) => `${what}-${table}`) as [
        string,
        string,
        string,
      ];
      await grant("CREATE", "namespace:lake", maker);
      await sleep(GRANTED_MS);
      const made = await writerOf(maker);
      const by = engine === "DuckDB" ? "delta-rs" : engine;
      await made.ask({ engine: by, what: "create", table, with: [FIRST] });
      for (const [privilege, who] of [
        ["SELECT", appender],
        ["APPEND", appender],
        ["SELECT", reader],
      ] as const) {
        await grant(privilege, `table:${name}`, who);
      }
      await sleep(GRANTED_MS);
      const append = { engine, what: "append", table, with: [[[3, "c"]]] };
      const before = (await lake.catalog.findTable({ name }))?.version;
      await assert.rejects((await writerOf(reader)).ask(append));
      await assert.rejects((await writerOf(appender, "x".repeat(43))).ask(append));
      assert.equal((await lake.catalog.findTable({ name }))?.version, before);
      const may = await writerOf(appender);
      await may.ask(append);
      const head = await lake.catalog.findTable({ name });
      assert.equal(head?.version, (before ?? 0) + 1);
      const [last] = await lake.catalog.readCommits(head?.tableId ?? "", (before ?? 0) + 1, (before ?? 0) + 1);
      assert.equal(last?.actions.commitInfo?.userId, `user:${appender}`);
    });
  }
});
