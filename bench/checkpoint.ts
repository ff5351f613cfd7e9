/**
 * How long a checkpoint takes, and how much memory: one Markdown table.
 *   node bench/checkpoint.ts [--million] [--stats-as-struct] [--keep DIR]
 * Every size runs in a process of its own, as peak memory cannot be reset.
 */

import { execFileSync } from "node:child_process";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import type { AddFile, Metadata, RemoveFile } from "../lib/delta/actions.ts";
import { putCheckpoint } from "../lib/log/write-checkpoint.ts";
import type { CheckpointContent } from "../lib/ports.ts";
import { openFileStore } from "../lib/storage/file.ts";
import { readOptions } from "./options.ts";
import { inTemporaryFolder, markdownTable } from "./support.ts";

const BATCH = 5000;
const DAYS = 365;

interface Measured {
  readonly adds: number;
  readonly rows: number;
  readonly ms: number;
  /** Of which making the row objects takes this long by itself. */
  readonly feedMs: number;
  readonly peakRssBytes: number;
  readonly bytes: number;
}

const { values } = readOptions({
  run: "node bench/checkpoint.ts",
  about: "How long a checkpoint takes, and how much memory, by size; each in a process of its own.",
  options: {
    million: { flag: false, what: "one of a million files, too" },
    "stats-as-struct": { flag: false, what: "with statistics as columns" },
    keep: { text: "DIR", what: "write it there, and leave it" },
    adds: {
      text: "N",
      what: "one of so many files alone, as JSON",
      check: (adds: string) => (/^[1-9]\d*$/.test(adds) ? undefined : "it is a whole number of at least 1"),
    },
  },
});

if (values.adds === undefined) printTable();
else console.log(JSON.stringify(await measure(Number(values.adds))));

function printTable(): void {
  const sizes = values.million ? [10_000, 100_000, 1_000_000] : [10_000, 100_000];
  const rows = sizes.map((adds) => {
    const args = [fileURLToPath(import.meta.url), ...process.argv.slice(2), "--adds", String(adds)];
    const m: Measured = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
    return {
      adds: m.adds,
      rows: m.rows,
      ms: Math.round(m.ms),
      "of which feed ms": Math.round(m.feedMs),
      "rows/s": Math.round((m.rows / m.ms) * 1000),
      "peak RSS MB": Math.round(m.peakRssBytes / 1e6),
      "file bytes": m.bytes,
    };
  });
  console.log(markdownTable(rows));
}

async function measure(numFiles: number): Promise<Measured> {
  const feedMs = await timeFeed(numFiles);
  const write = (root: string) => putCheckpoint(openFileStore(root), contentOf(numFiles));
  const start = performance.now();
  const written = await (values.keep === undefined ? inTemporaryFolder(write) : write(values.keep));
  return {
    adds: written.numOfAddFiles,
    rows: written.size,
    ms: performance.now() - start,
    feedMs,
    // Kilobytes on every platform, by libuv.
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    bytes: written.sizeInBytes,
  };
}

async function timeFeed(numFiles: number): Promise<number> {
  const start = performance.now();
  let size = 0;
  for await (const batch of batches(numFiles, addAt)) size += batch.length;
  return size === numFiles ? performance.now() - start : Number.NaN;
}

async function* batches<T>(count: number, at: (i: number) => T): AsyncGenerator<readonly T[]> {
  for (let from = 0; from < count; from += BATCH) {
    yield Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => at(from + i));
  }
}

// ---------------------------------------------------------------- content

function contentOf(numFiles: number): CheckpointContent {
  return {
    header: {
      version: 10,
      timestamp: 0,
      protocol: { minReaderVersion: 1, minWriterVersion: 2 },
      metadata: metadata(),
      txns: [],
      domains: [],
      numFiles,
      sizeInBytes: 0,
    },
    adds: batches(numFiles, addAt),
    tombstones: batches(Math.floor(numFiles / 50), removeAt),
  };
}

function metadata(): Metadata {
  const column = (name: string, type: string) => ({ name, type, nullable: true, metadata: {} });
  const fields = [column("id", "long"), column("name", "string"), column("price", "double"), column("at", "timestamp")];
  return {
    id: "7c3b5f5e-6a0f-4f6e-9d0b-6b1f0a3d9c11",
    format: { provider: "parquet", options: {} },
    schemaString: JSON.stringify({ type: "struct", fields: [...fields, column("day", "date")] }),
    partitionColumns: ["day"],
    configuration: { "delta.checkpoint.writeStatsAsStruct": String(values["stats-as-struct"]) },
  };
}

/** Digits that do not compress, the same in every run. */
function scrambled(i: number): string {
  return (Math.imul(i + 1, 0x9e3779b1) >>> 0).toString(16).padStart(8, "0");
}

function addAt(i: number): AddFile {
  const day = new Date(1_700_000_000_000 + (i % DAYS) * 86_400_000).toISOString().slice(0, 10);
  const low = i * 1000;
  const id = scrambled(i);
  const minValues = `{"id":${low},"name":"customer-${id}","price":${(i % 997) / 4},"at":"${day}T00:00:01.000Z"}`;
  const maxValues = `{"id":${low + 999},"name":"customer-${scrambled(i + 7)}","price":${i % 9973},"at":"${day}T23:59:58.000Z"}`;
  const nullCount = '{"id":0,"name":0,"price":12,"at":0}';
  const common = {
    path: `day=${day}/part-${String(i).padStart(5, "0")}-${id}-4b1c-9d2e-${scrambled(i * 31)}-c000.snappy.parquet`,
    partitionValues: { day },
    size: 1_000_000 + (i % 100_000),
    modificationTime: 1_700_000_000_000 + i,
    dataChange: true,
    stats: `{"numRecords":1000,"minValues":${minValues},"maxValues":${maxValues},"nullCount":${nullCount}}`,
  };
  if (i % 50 !== 0) return common;
  const deletionVector = {
    storageType: "u",
    pathOrInlineDv: `${id}${id}abcd`,
    offset: 1,
    sizeInBytes: 36,
    cardinality: 5,
  };
  return { ...common, tags: { INSERTION_TIME: String(i), OPTIMIZED: null }, deletionVector };
}

function removeAt(i: number): RemoveFile {
  const { stats: _stats, tags: _tags, modificationTime, ...file } = addAt(i);
  return { ...file, path: `old-${file.path}`, deletionTimestamp: modificationTime, extendedFileMetadata: true };
}
