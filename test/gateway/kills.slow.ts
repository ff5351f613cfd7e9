/** Writers go on while gateway and API are killed again and again, and clients give up half-way: nothing is lost, nothing doubled. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openLocalLake } from "../../lib/lake/local.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { freePort } from "../support/free-port.ts";
import { seeded } from "../support/random.ts";

const DL = fileURLToPath(new URL("../../lib/cli/main.ts", import.meta.url));
const SEED = Number(process.env.SEED ?? 14);
const KILLS = 6;
const WRITERS = 4;
/** At most, after commits have been acknowledged again: however slow the machine is, there is work to be lost. */
const BETWEEN_KILLS_MS = 700;
const BETWEEN_KILLS_COMMITS = 4;

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-kills-")));
const objects = join(folder, "s3");
const database = join(folder, "catalog.sqlite");
const living = new Set<ChildProcess>();
after(() => {
  for (const child of living) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a process and waits until it listens. */
async function start(args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [DL, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  living.add(child);
  let said = "";
  child.stderr.on("data", (data) => (said = `${said}${data}`.slice(-1000)));
  await Promise.race([
    once(child.stdout, "data"),
    once(child, "exit").then(() => Promise.reject(new Error(`${args[0]} ended: ${said}`))),
  ]);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
  living.delete(child);
}

const schemaString = '{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}}]}';
const metaData = {
  id: crypto.randomUUID(),
  format: { provider: "parquet", options: {} },
  schemaString,
  partitionColumns: [],
  configuration: {},
};
const text = (lines: readonly object[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join("");

test(`seed ${SEED}: what was acknowledged is there, once`, { timeout: 120_000 }, async () => {
  const [apiPort, port] = [await freePort(), await freePort()];
  const api = [
    "serve",
    "--database",
    database,
    "--storage",
    objects,
    "--port",
    String(apiPort),
    "--parity-interval-seconds",
    "0",
  ];
  const gateway = [
    "gateway",
    "--api",
    `http://127.0.0.1:${apiPort}`,
    "--upstream",
    objects,
    "--listen",
    `127.0.0.1:${port}`,
  ];
  const children = [await start(api), await start(gateway)];
  const log = `http://127.0.0.1:${port}/lake/t/_delta_log/`;
  const put = async (version: number, body: string, signal?: AbortSignal): Promise<number> => {
    const init = { method: "PUT", body, headers: { "if-none-match": "*" }, ...(signal ? { signal } : {}) };
    const response = await fetch(`${log}${String(version).padStart(20, "0")}.json`, init);
    const said = await response.text();
    assert.ok([200, 412, 503].includes(response.status), said);
    return response.status;
  };
  assert.equal(await put(0, text([{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData }])), 200);

  /** The data file first, as engines do. */
  const isStored = async (path: string) => {
    const url = `http://127.0.0.1:${port}/lake/t/${path}`;
    const response = await fetch(url, { method: "PUT", body: "PAR1____PAR1" }).catch(() => undefined);
    await response?.text().catch(() => undefined);
    return response?.status === 200;
  };
  const acknowledged = new Map<string, number>();
  const offered = new Set<string>();
  let isOver = false;
  const next = seeded(SEED);
  /** As an engine: the next version that it knows of, the same bytes until there is an answer, a later version after 412. */
  const writer = async (name: string) => {
    let version = 1;
    for (let i = 0; !isOver; i += 1) {
      const path = `${name}-${i}.parquet`;
      const add = { path, partitionValues: {}, size: 12, modificationTime: 1, dataChange: true };
      const body = text([{ commitInfo: { operation: "WRITE", writer: path } }, { add }]);
      offered.add(path);
      // One in eight clients dies within its request, and nobody asks again.
      const dies = next() < 1 / 8;
      while (!isOver && !(await isStored(path))) await sleep(50);
      for (let status = 0; status !== 200 && !isOver; ) {
        status = await put(version, body, dies ? AbortSignal.timeout(4) : undefined).catch((error) => {
          if (error instanceof assert.AssertionError) throw error;
          return 503;
        });
        if (dies && status === 503) break;
        if (status === 200) acknowledged.set(path, version);
        if (status === 412) version += 1;
        if (status === 503) await sleep(50);
      }
    }
  };
  const writers = Array.from({ length: WRITERS }, (_, i) => writer(`w${i}`));
  const working = async () => {
    const before = acknowledged.size;
    while (!isOver && acknowledged.size < before + BETWEEN_KILLS_COMMITS) await sleep(20);
    await sleep(next() * BETWEEN_KILLS_MS);
  };
  const killer = async () => {
    for (let i = 0; i < KILLS; i += 1) {
      await working();
      const which = next() < 0.5 ? 0 : 1;
      await kill(children[which] as ChildProcess);
      children[which] = await start(which === 0 ? api : gateway);
    }
    await working();
  };
  const over = () => {
    isOver = true;
  };
  await Promise.all([...writers.map((ended) => ended.finally(over)), killer().finally(over)]);
  for (const child of children) await kill(child);

  const lake = await openLocalLake({ database, mirror: false });
  const table = await lake.catalog.findTable({ name: "lake.t" });
  const { tableId = "", version: head = -1 } = table ?? {};
  const found = new Map<string, number>();
  for (let version = 1; version <= head; version += 1) {
    const [commit] = await lake.catalog.readCommits(tableId, version, version);
    const paths = commit?.actions.adds.map(({ path }) => path) ?? [];
    assert.equal(paths.length, 1, `version ${version}`);
    assert.ok(!found.has(paths[0] as string), `${paths} is there twice`);
    found.set(paths[0] as string, version);
  }
  for (const [path, version] of acknowledged) assert.equal(found.get(path), version, `${path} was acknowledged`);
  for (const path of found.keys()) assert.ok(offered.has(path), path);
  assert.ok(acknowledged.size >= BETWEEN_KILLS_COMMITS * KILLS, `only ${acknowledged.size} commits were acknowledged`);
  await mirrorTable(lake, tableId);
  const report = await diffTable(lake, { ref: { tableId }, lagThresholdSeconds: 60, maxDriftFiles: 0 });
  await lake.close();
  assert.equal(report.outcome, "ok", JSON.stringify(report));
});
