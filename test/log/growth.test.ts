/** Every text that is read on the log's side takes time in proportion to its length, however it was made to be slow. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readConfigFile } from "../../lib/cli/config-file.ts";
import { checkImportable } from "../../lib/delta/checks/importable.ts";
import { sortLogFiles } from "../../lib/delta/files/log-files.ts";
import { canonicalForm, readLastCheckpoint } from "../../lib/log/last-checkpoint.ts";
import { parseCommit } from "../../lib/log/read-commit.ts";
import { putCheckpoint } from "../../lib/log/write-checkpoint.ts";
import { decodeThriftAt } from "../../lib/parquet/thrift.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { assertLinear } from "../support/growth.ts";
import { ADD, contentOf, METADATA } from "./write-checkpoint-support.ts";

const LENGTH = 20_000;

/** Texts of about a length that have made parsers slow. */
const TEXTS: Readonly<Record<string, (length: number) => string>> = {
  digits: (n) => "1".repeat(n),
  "digits and a letter": (n) => `${"1".repeat(n)}x`,
  "digits, a point, digits, a letter": (n) => `${"1".repeat(n / 2)}.${"1".repeat(n / 2)}x`,
  zeros: (n) => `0.${"0".repeat(n)}1`,
  "an exponent of digits": (n) => `1e${"1".repeat(n)}`,
  signs: (n) => "+-".repeat(n / 2),
  blanks: (n) => `${" ".repeat(n)}x`,
  quotes: (n) => '"'.repeat(n),
  "quotes behind backslashes": (n) => '\\"'.repeat(n / 2),
  backslashes: (n) => "\\".repeat(n),
  slashes: (n) => "/".repeat(n),
  folders: (n) => "a/".repeat(n / 2),
  percents: (n) => "%2".repeat(n / 2),
  brackets: (n) => "[".repeat(n),
  braces: (n) => '{"a":'.repeat(n / 5),
  backticks: (n) => "`a`.".repeat(n / 4),
  "open backticks": (n) => "a,`".repeat(n / 3),
  dates: (n) => "2026-01-31T".repeat(n / 11),
  emoji: (n) => "😀".repeat(n / 2),
  placeholders: (n) => "${a:-".repeat(n / 5),
};

const bytes = (text: string) => new TextEncoder().encode(text);
const lineOf = (member: string, text: string) =>
  bytes(JSON.stringify({ add: { path: "f", size: 1, modificationTime: 1, dataChange: true, [member]: text } }));

test("lines of a log: raw text, members, keys", async () => {
  for (const [name, make] of Object.entries(TEXTS)) {
    await assertLinear(
      `a line of ${name}`,
      LENGTH,
      (n) => bytes(make(n)),
      (line) => parseCommit(line, "x"),
    );
    for (const member of ["path", "stats", "clusteringProvider", "future"]) {
      await assertLinear(
        `${member} of ${name}`,
        LENGTH,
        (n) => lineOf(member, make(n)),
        (line) => parseCommit(line, "x"),
      );
    }
    const raw = (n: number) => bytes(`{"add":{"path":"f","size":${make(n)}}}`);
    await assertLinear(`a size of ${name}`, LENGTH, raw, (line) => parseCommit(line, "x"));
  }
  const keys = (n: number) =>
    Object.fromEntries(Array.from({ length: n / 10 }, (_, i) => [`k${i}`, i % 2 ? "v" : null]));
  const shapes: Readonly<Record<string, (n: number) => unknown>> = {
    "many tags": (n) => ({ add: { path: "f", tags: keys(n) } }),
    "many unknown fields": (n) => ({ add: { path: "f", ...keys(n) } }),
    "many settings": (n) => ({ metaData: { id: "t", configuration: keys(n) } }),
    "many actions in a line": (n) => keys(n),
    "a deep value": (n) => ({ future: JSON.parse(`${"[".repeat(n / 2)}${"]".repeat(n / 2)}`) }),
  };
  for (const [name, make] of Object.entries(shapes)) {
    const text = (n: number) => {
      try {
        return bytes(JSON.stringify(make(n)));
      } catch {
        return bytes(`{"future":${"[".repeat(n / 2)}${"]".repeat(n / 2)}}`);
      }
    };
    await assertLinear(name, LENGTH, text, (line) => parseCommit(line, "x"));
  }
  const lines = (n: number) => bytes('{"txn":{"appId":"a","version":1}}\n'.repeat(n / 34));
  await assertLinear("many lines", 50 * LENGTH, lines, (text) => parseCommit(text, "x"));
});

test("file names, hints, schemas, footers", async () => {
  const file = (name: string) => ({ name, size: 1, modifiedAt: 0 });
  const names = (n: number) => Array.from({ length: n / 25 }, (_, i) => file(`${String(i).padStart(20, "0")}.json`));
  await assertLinear("many file names", 20 * LENGTH, names, sortLogFiles);
  for (const [name, make] of Object.entries(TEXTS)) {
    await assertLinear(`a file name of ${name}`, LENGTH, (n) => [file(make(n)), file(`${make(n)}.json`)], sortLogFiles);
    const hint = async (text: string) => {
      const store = openMemoryStore();
      await store.put("_delta_log/_last_checkpoint", bytes(text));
      return readLastCheckpoint(store);
    };
    await assertLinear(`a hint of ${name}`, LENGTH, make, hint);
    await assertLinear(
      `a hint with ${name}`,
      LENGTH,
      (n) => JSON.stringify({ version: 1, x: make(n), checksum: "" }),
      hint,
    );
    const check = (schemaString: string) => checkImportable({ ...METADATA, schemaString });
    await assertLinear(`a schema of ${name}`, LENGTH, make, check);
    const type = (n: number) =>
      JSON.stringify({ type: "struct", fields: [{ name: make(n), type: make(n), nullable: true }] });
    await assertLinear(`a type of ${name}`, LENGTH, type, check);
  }
  const numbers = (n: number) => ({ list: Array.from({ length: n }, (_, i) => i) });
  await assertLinear("a checksum over many values", LENGTH, numbers, canonicalForm);
  await assertLinear(
    "an endless number in a footer",
    LENGTH,
    (n) => new Uint8Array(n).fill(0x80),
    (b) => decodeThriftAt(b, 0),
  );
});

const COLUMNS = [
  "string",
  "long",
  "integer",
  "float",
  "double",
  "date",
  "timestamp",
  "timestamp_ntz",
  "decimal(10,2)",
  "boolean",
];

test("statistics and partition values that a checkpoint takes apart", async () => {
  const schema = COLUMNS.map((type, i) => ({ name: `c${i}`, type, nullable: true, metadata: {} }));
  const metadata = {
    ...METADATA,
    schemaString: JSON.stringify({
      type: "struct",
      fields: [...schema, ...schema.map((f) => ({ ...f, name: `p${f.name}` }))],
    }),
    partitionColumns: schema.map((field) => `p${field.name}`),
    configuration: { "delta.checkpoint.writeStatsAsStruct": "true" },
  };
  const write = (stats: string, text: string) => {
    const partitionValues = Object.fromEntries(schema.map((field) => [`p${field.name}`, text]));
    return putCheckpoint(
      openMemoryStore(),
      contentOf({ header: { metadata }, adds: [{ ...ADD, stats, partitionValues }] }),
    );
  };
  for (const [name, make] of Object.entries(TEXTS)) {
    const values = (value: string) => `{${schema.map((field) => `"${field.name}":${value}`).join(",")}}`;
    const asText = (n: number) => [`{"minValues":${values(JSON.stringify(make(n)))}}`, make(n)] as const;
    await assertLinear(`checkpoint of texts of ${name}`, LENGTH / 2, asText, ([stats, text]) => write(stats, text));
    const asNumber = (n: number) => `{"numRecords":${make(n)},"minValues":${values(make(n))}}`;
    await assertLinear(`checkpoint of numbers of ${name}`, LENGTH / 2, asNumber, (stats) => write(stats, ""));
  }
});

test("settings that name columns, and configuration files", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dl-growth-"));
  try {
    for (const [name, make] of Object.entries(TEXTS)) {
      const named = (n: number) => ({
        ...METADATA,
        configuration: {
          "delta.checkpoint.writeStatsAsStruct": "true",
          "delta.dataSkippingStatsColumns": make(n),
          "delta.dataSkippingNumIndexedCols": make(n),
        },
      });
      await assertLinear(`statistics columns of ${name}`, LENGTH, named, (metadata) =>
        putCheckpoint(openMemoryStore(), contentOf({ header: { metadata }, adds: [ADD] })),
      );
      for (const [extension, text] of [
        ["yaml", (n: number) => make(n)],
        ["yaml", (n: number) => `server:\n  host: ${JSON.stringify(make(n))}\n`],
        ["toml", (n: number) => make(n)],
        ["toml", (n: number) => `[server]\nhost = ${JSON.stringify(make(n))}\n`],
        ["json", (n: number) => JSON.stringify({ server: { host: make(n) } })],
      ] as const) {
        const file = (n: number) => {
          const path = join(folder, `c${n}.${extension}`);
          writeFileSync(path, text(n));
          return path;
        };
        await assertLinear(`${extension} of ${name}`, LENGTH / 4, file, (path) => readConfigFile(path, {}));
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
