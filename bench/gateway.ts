/**
 * The gateway beside what is behind it, in turn in one run: commits, bytes a second, and its memory under many large uploads.
 * `node bench/gateway.ts [commits] [bytes] [memory] [--uploads 64] [--mb 1024]`; without a word all three.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { link, mkdir, open, unlink } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { readOptions } from "./options.ts";
import { startSlowS3 } from "./slow-s3.ts";
import { inTemporaryFolder, machine, markdownTable, percentile, SCHEMA } from "./support.ts";

const MAIN = fileURLToPath(new URL("../lib/cli/main.ts", import.meta.url));
const SINK = fileURLToPath(new URL("sink-s3.ts", import.meta.url));
/** A zone away is some 5 ms; S3's own puts take 20 to 60. */
const ANSWER_MS = 25;
const ROUNDS = 3;
const COMMITS = 30;
const OBJECT_MB = 256;

const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const ZEROS = Buffer.alloc(1 << 20);

interface Process {
  readonly url: string;
  readonly pid: number;
  close(): Promise<void>;
}

/** One that prints a line with its URL, as JSON or as a text. */
async function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Process> {
  const child: ChildProcess = spawn(process.execPath, args, {
    env: { ...process.env, LOG_LEVEL: "error", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.stdout === null) throw new Error("the process has no output");
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const [url = ""] = /http:\/\/[\d.:]+/.exec(line) ?? [];
  return {
    url,
    pid: child.pid ?? 0,
    async close() {
      child.kill();
      await once(child, "exit");
    },
  };
}

function startGateway(folder: string, upstream: string, env?: NodeJS.ProcessEnv): Promise<Process> {
  const database = join(folder, `${randomUUID()}.sqlite`);
  const args = [MAIN, "gateway", "--database", database, "--upstream", upstream, "--listen", "127.0.0.1:0"];
  return start([...args, "--format", "json"], env);
}

/** Sends the body, reads the answer to its end. @returns its bytes. @throws Error on another status than 200 */
function call(method: string, url: string, body?: { readonly length: number; readonly of: Readable | Buffer }) {
  const headers = {
    "content-length": body?.length ?? 0,
    ...(method === "PUT" && url.endsWith(".json") ? { "if-none-match": "*" } : {}),
  };
  return new Promise<number>((resolve, reject) => {
    const sent = request(url, { method, agent, headers }, (response) => {
      let bytes = 0;
      const said: Buffer[] = [];
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (response.statusCode !== 200 && bytes < 4096) said.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () =>
        response.statusCode === 200
          ? resolve(bytes)
          : reject(new Error(`${method} ${url}: ${response.statusCode} ${Buffer.concat(said)}`)),
      );
    });
    sent.on("error", reject);
    if (body === undefined || Buffer.isBuffer(body.of)) sent.end(body?.of);
    else body.of.pipe(sent);
  });
}

function zeros(bytes: number): { readonly length: number; readonly of: Readable } {
  function* chunks() {
    for (let left = bytes; left > 0; left -= ZEROS.length) yield left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS;
  }
  return { length: bytes, of: Readable.from(chunks(), { objectMode: false, highWaterMark: 1 << 20 }) };
}

const DATA_FILE = Buffer.from("not a Parquet file, of which nobody looks at more than the size");

/** A version of a table with one new file, as an engine puts it. */
function versionOf(version: number): Buffer {
  const lines = [
    { commitInfo: { timestamp: Date.now(), operation: "WRITE", operationParameters: { mode: "Append" } } },
    ...(version > 0
      ? []
      : [
          { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
          {
            metaData: {
              id: randomUUID(),
              format: { provider: "parquet", options: {} },
              schemaString: JSON.stringify(SCHEMA),
              partitionColumns: [],
              configuration: {},
              createdTime: 1,
            },
          },
        ]),
    {
      add: {
        path: `part-${version}.parquet`,
        partitionValues: {},
        size: DATA_FILE.length,
        modificationTime: Date.now(),
        dataChange: true,
        stats: JSON.stringify({ numRecords: 1, minValues: { id: 1 }, maxValues: { id: 1 }, nullCount: { id: 0 } }),
      },
    },
  ];
  return Buffer.from(`${lines.map((line) => JSON.stringify(line)).join("\n")}\n`);
}

const logName = (version: number) => `_delta_log/${String(version).padStart(20, "0")}.json`;

/** As delta-rs makes a version in a folder: a new file, on the disk, under a name that must be free. */
async function putInFolder(folder: string, version: number, bytes: Buffer): Promise<void> {
  const name = join(folder, logName(version));
  const temporary = `${name}.tmp`;
  const file = await open(temporary, "wx");
  await file.write(bytes);
  await file.sync();
  await file.close();
  await link(temporary, name);
  await unlink(temporary);
}

async function commits(folder: string): Promise<void> {
  const s3 = await startSlowS3(ANSWER_MS);
  const direct = process.env.AWS_ENDPOINT_URL_S3 ?? "";
  const overS3 = await startGateway(folder, "s3://lake");
  const overFolder = await startGateway(folder, join(folder, "objects"));
  const bare = join(folder, "bare");
  await mkdir(join(bare, "_delta_log"), { recursive: true });
  const puts = (base: string) => async (version: number, bytes: Buffer) => {
    await call("PUT", `${base}/lake/bench/${logName(version)}`, { length: bytes.length, of: bytes });
  };
  const prepares = (base: string) => async (version: number) => {
    await call("PUT", `${base}/lake/bench/part-${version}.parquet`, { length: DATA_FILE.length, of: DATA_FILE });
  };
  const elsewhere = direct.replace("127.0.0.1", "localhost");
  const ways = [
    { name: "S3, direct", put: puts(`${elsewhere}/direct`), prepare: prepares(`${elsewhere}/direct`) },
    { name: "S3, through the gateway", put: puts(overS3.url), prepare: prepares(overS3.url) },
    { name: "a folder, bare", put: (v: number, b: Buffer) => putInFolder(bare, v, b), prepare: async () => undefined },
    { name: "a folder, through the gateway", put: puts(overFolder.url), prepare: prepares(overFolder.url) },
  ].map((way) => ({ ...way, version: 0, samples: [] as number[] }));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const way of ways) {
      for (let i = 0; i < COMMITS; i += 1, way.version += 1) {
        await way.prepare(way.version);
        const bytes = versionOf(way.version);
        const begin = performance.now();
        await way.put(way.version, bytes);
        if (way.version > 0) way.samples.push(performance.now() - begin);
      }
    }
  }
  const rows = ways.map(({ name, samples }) => ({
    "a version, put to": name,
    "p50 ms": percentile(samples, 0.5).toFixed(1),
    "p95 ms": percentile(samples, 0.95).toFixed(1),
  }));
  console.log(`${markdownTable(rows)}\n`);
  for (const { close } of [overS3, overFolder, s3]) await close();
}

/** Both in front of a server that throws away what it gets and answers with zeros. */
async function withSink<T>(folder: string, work: (sink: Process, gateway: Process) => Promise<T>): Promise<T> {
  const sink = await start([SINK]);
  const keys = { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "x" };
  const gateway = await startGateway(folder, "s3://lake", { AWS_ENDPOINT_URL_S3: sink.url, ...keys });
  try {
    return await work(sink, gateway);
  } finally {
    await gateway.close();
    await sink.close();
  }
}

async function bytes(folder: string): Promise<void> {
  await withSink(folder, async (sink, gateway) => {
    const size = OBJECT_MB << 20;
    const ways = [
      { name: "PUT, direct", run: () => call("PUT", `${sink.url}/lake/t/part.parquet`, zeros(size)) },
      { name: "PUT, through the gateway", run: () => call("PUT", `${gateway.url}/lake/t/part.parquet`, zeros(size)) },
      { name: "GET, direct", run: () => call("GET", `${sink.url}/lake/t/${size}`) },
      { name: "GET, through the gateway", run: () => call("GET", `${gateway.url}/lake/t/${size}`) },
    ].map((way) => ({ ...way, samples: [] as number[] }));
    for (let round = 0; round < ROUNDS * 3; round += 1) {
      for (const { run, samples } of ways) {
        const begin = performance.now();
        await run();
        samples.push(OBJECT_MB / ((performance.now() - begin) / 1000));
      }
    }
    const rows = ways.map(({ name, samples }) => ({
      [`an object of ${OBJECT_MB} MB`]: name,
      "MB/s p50": percentile(samples, 0.5).toFixed(0),
      "MB/s best": Math.max(...samples).toFixed(0),
    }));
    console.log(`${markdownTable(rows)}\n`);
  });
}

/** Kilobytes, of `/proc`. */
function memory(pid: number, field: "VmRSS" | "VmHWM"): number {
  const [, kilobytes = "0"] = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes);
}

async function uploads(folder: string, count: number, megabytes: number): Promise<void> {
  await withSink(folder, async (_sink, gateway) => {
    await call("PUT", `${gateway.url}/lake/t/warm.parquet`, zeros(1 << 20));
    const before = memory(gateway.pid, "VmRSS");
    const begin = performance.now();
    await Promise.all(
      Array.from({ length: count }, (_, n) =>
        call("PUT", `${gateway.url}/lake/t/${n}.parquet`, zeros(megabytes << 20)),
      ),
    );
    const seconds = (performance.now() - begin) / 1000;
    const row = {
      "uploads at once": count,
      "MB each": megabytes,
      "MB/s together": ((count * megabytes) / seconds).toFixed(0),
      "MB before": (before / 1024).toFixed(0),
      "MB at the peak": (memory(gateway.pid, "VmHWM") / 1024).toFixed(0),
    };
    console.log(`${markdownTable([row])}\n`);
  });
}

const { values, words } = readOptions({
  run: "node bench/gateway.ts",
  about: "The gateway beside what is behind it: commits, bytes a second, and its memory under many large uploads.",
  words: { name: "measurement", among: ["commits", "bytes", "memory"] },
  options: {
    uploads: { count: 64, what: "at once, for memory" },
    mb: { count: 1024, what: "of each of them" },
  },
});
const isAsked = (what: string) => words.length === 0 || words.includes(what);
await inTemporaryFolder(async (folder) => {
  if (isAsked("commits")) await commits(folder);
  if (isAsked("bytes")) await bytes(folder);
  if (isAsked("memory")) await uploads(folder, values.uploads, values.mb);
});
agent.destroy();
console.log(machine());
