/** What the tests of checkpoint writing share: small contents, and two independent readers of what was written. */

import { tableFromIPC, Vector } from "apache-arrow";
import { type FileMetaData, parquetMetadata, parquetReadObjects, parquetSchema, type SchemaTree } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { readParquet } from "parquet-wasm";
import type { AddFile, Metadata, RemoveFile } from "../../lib/delta/actions.ts";
import { checkpointFileName } from "../../lib/delta/files/log-files.ts";
import { int64 } from "../../lib/delta/values/int64.ts";
import type { CheckpointContent, ObjectStore, SnapshotHeader } from "../../lib/ports.ts";

/** Real tables, where they are at hand. */
export const DELTA_DATA = new URL("../../../shared/delta-data/", import.meta.url);

export const METADATA: Metadata = {
  id: "0b6d8c1e-5a3f-4d43-9f0a-3c0e6f1f2a11",
  format: { provider: "parquet", options: {} },
  schemaString: '{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}}]}',
  partitionColumns: [],
  configuration: {},
};

export const ADD: AddFile = {
  path: "part-0.parquet",
  partitionValues: {},
  size: 1000,
  modificationTime: 1_700_000_000_000,
  dataChange: true,
};

export const REMOVE: RemoveFile = { path: "old.parquet", deletionTimestamp: 1_700_000_000_000, dataChange: true };

export interface ContentOptions {
  readonly header?: Partial<SnapshotHeader>;
  readonly adds?: readonly AddFile[];
  readonly removes?: readonly RemoveFile[];
}

/** Batches of uneven sizes, an empty one among them. */
export function contentOf({ header = {}, adds = [], removes = [] }: ContentOptions): CheckpointContent {
  return {
    header: {
      version: 10,
      timestamp: 1_700_000_000_000,
      protocol: { minReaderVersion: 1, minWriterVersion: 2 },
      metadata: METADATA,
      txns: [],
      domains: [],
      numFiles: adds.length,
      sizeInBytes: 0,
      ...header,
    },
    adds: batches(adds),
    tombstones: batches(removes),
  };
}

async function* batches<T>(items: readonly T[]): AsyncGenerator<readonly T[]> {
  yield [];
  for (let i = 0; i < items.length; i += 777) yield items.slice(i, i + 777);
}

export function checkpointKey(version: number): string {
  return `_delta_log/${checkpointFileName(version)}`;
}

export async function readObject(store: ObjectStore, key: string): Promise<Uint8Array> {
  const found = await store.get(key);
  if (!found) throw new Error(`no object ${key}`);
  return found.bytes;
}

export async function readHint(store: ObjectStore): Promise<string | undefined> {
  const found = await store.get("_delta_log/_last_checkpoint");
  return found && new TextDecoder().decode(found.bytes);
}

// ---------------------------------------------------------------- readers

/** One action with its name; absent members left out, 64-bit integers in normal form. */
export type ActionRow = Record<string, unknown>;

export function footerOf(bytes: Uint8Array): FileMetaData {
  return parquetMetadata(new Uint8Array(bytes).buffer);
}

export async function readWithHyparquet(bytes: Uint8Array): Promise<ActionRow[]> {
  const rows = await parquetReadObjects({ file: new Uint8Array(bytes).buffer, compressors });
  return rows.map((row) => present(row) as ActionRow);
}

export function readWithArrow(bytes: Uint8Array): ActionRow[] {
  const table = tableFromIPC(readParquet(bytes).intoIPCStream());
  return Array.from(table, (row) => present(plainArrow(row)) as ActionRow);
}

const MAPS = new Set(["partitionValues", "tags", "options", "configuration"]);

/** Drops nulls, but not those that are the values of a map. */
function present(value: unknown): unknown {
  if (typeof value === "bigint") return int64(value);
  if (Array.isArray(value)) return value.map(present);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  const members = Object.entries(value).filter(([, item]) => item !== null && item !== undefined);
  return Object.fromEntries(
    members.map(([name, item]) => [name, MAPS.has(name) && typeof item === "object" ? { ...item } : present(item)]),
  );
}

function plainArrow(value: unknown): unknown {
  if (value instanceof Vector) return Array.from(value, plainArrow);
  if (!isPairs(value)) return value;
  return Object.fromEntries(Array.from(value, ([name, item]) => [name, plainArrow(item)]));
}

/** Rows of structs and maps iterate over their members. They are proxies: `in` asks for the names of members only. */
function isPairs(value: unknown): value is Iterable<[string, unknown]> {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, Symbol.iterator) === "function";
}

/** Leaf and group columns by path: physical type, annotations and repetition. */
export function schemaOf(bytes: Uint8Array): Map<string, string> {
  const visit = (tree: SchemaTree): [string, string][] => {
    const { type, repetition_type, converted_type, logical_type } = tree.element;
    const shape = [type ?? "group", repetition_type, converted_type, JSON.stringify(logical_type)].join(" ");
    return [[tree.path.join("."), shape], ...tree.children.flatMap(visit)];
  };
  return new Map(parquetSchema(footerOf(bytes)).children.flatMap(visit));
}
