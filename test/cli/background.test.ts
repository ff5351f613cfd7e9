/** What runs behind the API of a server: on a thread of its own, which may fail at any time and is started again. */

import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Background, openBackground } from "../../lib/cli/serve/background/background.ts";
import { parseConfig } from "../../lib/config/resolve.ts";
import { LakeError } from "../../lib/errors.ts";
import { type LocalLake, openLocalLake } from "../../lib/lake/local.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { outcomeOf, resultOf } from "../../lib/outcome.ts";
import type { Metrics } from "../../lib/ports.ts";
import type { Logger } from "../../lib/telemetry/log.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-background-")));
after(() => rmSync(folder, { recursive: true }));

const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };

interface Server {
  readonly background: Background;
  readonly lake: LocalLake;
  readonly errors: string[];
  readonly metrics: string[];
  end(): Promise<void>;
}

async function open(file: string): Promise<Server> {
  const errors: string[] = [];
  const seen: string[] = [];
  const logger = { error: (_: unknown, text: string) => errors.push(text) } as unknown as Logger;
  const metrics: Metrics = { record: (name) => void seen.push(name) };
  const background = openBackground({ logger, metrics });
  const lake = await openLocalLake({ database: file, mirror: background.queue, verifyFiles: "off" });
  return {
    background,
    lake,
    errors,
    metrics: seen,
    async end() {
      await background.stop({ withinMs: 5000 });
      await lake.close();
    },
  };
}

const taskFor = (database: string) => ({
  database,
  settings: parseConfig({
    logging: { level: "fatal" },
    mirror: { sweep_interval_seconds: 0.2, overdue_seconds: 0 },
    parity: { interval_seconds: 0.2 },
  }).config,
  asksToWrite: true,
});

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = performance.now() + 20_000; !(await holds()); ) {
    assert.ok(performance.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const table = (lake: LocalLake, name: string) =>
  createTable(lake, { name, location: `file://${folder}/${name}`, schema });

test("a message wakes it up; what it writes, the connection of the API writes; what it measures is counted", async () => {
  const server = await open(join(folder, "a.sqlite"));
  const { lake, background, metrics } = server;
  background.start(taskFor(join(folder, "a.sqlite")), lake);
  const writes: string[] = [];
  const { markPublished } = lake.catalog;
  Object.assign(lake.catalog, {
    markPublished: (...values: Parameters<typeof markPublished>) => {
      writes.push(values[0]);
      return markPublished(...values);
    },
  });
  const { tableId } = await table(lake, "a.b");
  await until("it is published", async () => (await lake.catalog.mirroredVersion(tableId)) === 0);
  assert.deepEqual(writes, [tableId]);
  await until("it is compared", async () => (await lake.catalog.readParity(tableId))?.outcome === "ok");
  await until("its log knows it", async () => {
    const facts = await lake.catalog.readManifestFacts(tableId);
    return facts?.told === facts?.manifest.changes;
  });
  await until("its lag is counted", () => metrics.includes("MirrorLag"));
  assert.deepEqual(await background.hanging(), { folders: [], tables: [] });
  await server.end();
});

test("a thread that fails is started again, and finds what was committed meanwhile", async () => {
  const [file, elsewhere] = [join(folder, "b.sqlite"), join(folder, "elsewhere.sqlite")];
  const { lake, background, errors } = await open(file);
  const { tableId } = await table(lake, "c.d");
  const writer = { catalog: lake.catalog };
  background.start(taskFor(elsewhere), writer);
  await until("it has failed", () => errors.length > 0);
  assert.match(errors[0] ?? "", /the mirror's thread has failed: there is no database/);
  await assert.rejects(background.hanging(), { code: "UNAVAILABLE" });
  await lake.close();
  renameSync(file, elsewhere);
  const again = await openLocalLake({ database: elsewhere, mirror: background.queue, verifyFiles: "off" });
  writer.catalog = again.catalog;
  await until("it is published", async () => (await again.catalog.mirroredVersion(tableId)) === 0);
  await background.stop({ withinMs: 5000 });
  await again.close();
});

test("an error that crosses threads keeps what a caller reacts to", async () => {
  const error = new LakeError("unavailable", "full", { code: "DISK_FULL", hint: "Free some.", facts: { left: 1n } });
  const outcome = structuredClone(await outcomeOf(() => Promise.reject(error)));
  assert.throws(() => resultOf(outcome), error);
  assert.equal(resultOf(structuredClone(await outcomeOf(async () => 7n))), 7n);
  assert.throws(() => resultOf({ error: { kind: "internal", message: "oops" } }), { kind: "internal" });
});
