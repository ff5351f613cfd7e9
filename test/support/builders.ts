/** Small builders for tests of the model: each gives a valid whole, and takes what the test is about. */

import assert from "node:assert/strict";
import {
  type AddFile,
  type Commit,
  type CommitActions,
  type DeletionVector,
  type Metadata,
  NO_ACTIONS,
  type Protocol,
  type RemoveFile,
} from "../../lib/delta/actions.ts";
import type { TableCommit } from "../../lib/delta/request.ts";
import { MARKER_NAMES, type Markers, type TableState } from "../../lib/delta/table.ts";
import type { Json, JsonObject } from "../../lib/delta/values/json.ts";
import { type ErrorKind, LakeError } from "../../lib/errors.ts";

export const TABLE_ID = "11111111-1111-4111-8111-111111111111";
export const TRANSACTION_ID = "22222222-2222-4222-8222-222222222222";

export function add(path = "part-0.parquet", more: Partial<AddFile> = {}): AddFile {
  return { path, partitionValues: {}, size: 10, modificationTime: 1_700_000_000_000, dataChange: true, ...more };
}

export function remove(path = "part-0.parquet", more: Partial<RemoveFile> = {}): RemoveFile {
  return { path, deletionTimestamp: 1_700_000_000_000, dataChange: true, ...more };
}

/** A deletion vector in a file: `id` becomes the 20 characters of its UUID. */
export function deletionVector(id = "a", more: Partial<DeletionVector> = {}): DeletionVector {
  return { storageType: "u", pathOrInlineDv: id.padEnd(20, "0"), offset: 1, sizeInBytes: 40, cardinality: 1, ...more };
}

export function field(name: string, type: Json = "long", metadata: JsonObject = {}): JsonObject {
  return { name, type, nullable: true, metadata };
}

export function schemaString(...fields: readonly JsonObject[]): string {
  return JSON.stringify({ type: "struct", fields });
}

/** A table of the columns `id` and `part`, not partitioned. */
export function metadata(more: Partial<Metadata> = {}): Metadata {
  return {
    id: TABLE_ID,
    format: { provider: "parquet", options: {} },
    schemaString: schemaString(field("id"), field("part", "string")),
    partitionColumns: [],
    configuration: {},
    ...more,
  };
}

/** (1, 7), or (3, 7) when reader features are named. */
export function protocol(writerFeatures: readonly string[] = [], readerFeatures: readonly string[] = []): Protocol {
  return readerFeatures.length === 0
    ? { minReaderVersion: 1, minWriterVersion: 7, writerFeatures }
    : {
        minReaderVersion: 3,
        minWriterVersion: 7,
        readerFeatures,
        writerFeatures: [...writerFeatures, ...readerFeatures],
      };
}

export function legacy(minReaderVersion: number, minWriterVersion: number): Protocol {
  return { minReaderVersion, minWriterVersion };
}

export function actions(some: Partial<CommitActions> = {}): CommitActions {
  return { ...NO_ACTIONS, ...some };
}

export function commit(some: Partial<CommitActions> = {}, version = 1): Commit {
  return { version, actions: actions(some), timestamp: 1_700_000_000_000 + version };
}

export function markers(some: Partial<Markers> = {}): Markers {
  return {
    ...(Object.fromEntries(MARKER_NAMES.map((name) => [name, -1])) as Markers),
    metadata: 0,
    protocol: 0,
    ...some,
  };
}

export function tableState(more: Partial<TableState> = {}): TableState {
  return {
    tableId: TABLE_ID,
    name: "sales.orders",
    location: "file:///data/orders",
    status: "ACTIVE",
    version: 0,
    baseVersion: 0,
    timestamp: 1_700_000_000_000,
    numFiles: 0,
    sizeInBytes: 0,
    markers: markers(),
    createdAt: 1_700_000_000_000,
    protocol: protocol(["appendOnly", "invariants", "domainMetadata"]),
    metadata: metadata(),
    ...more,
  };
}

export function tableCommit(some: Partial<CommitActions> = {}, more: Partial<TableCommit> = {}): TableCommit {
  return { table: { tableId: TABLE_ID }, readVersion: 0, at: "/tables/0", actions: actions(some), ...more };
}

/** Asserts that the model refuses, with that error class, at that place. */
export function refuses(
  act: () => unknown,
  expected: { readonly code?: string; readonly at?: string; readonly kind?: ErrorKind; readonly message?: RegExp },
): void {
  assert.throws(act, (error: unknown) => {
    assert.ok(error instanceof LakeError, `a LakeError is expected, not ${String(error)}`);
    assert.equal(error.kind, expected.kind ?? "invalid", error.message);
    assert.equal(error.code, expected.code ?? "INVALID_REQUEST", error.message);
    if (expected.at !== undefined) assert.equal(error.at, expected.at, error.message);
    if (expected.message) assert.match(error.message, expected.message);
    return true;
  });
}
