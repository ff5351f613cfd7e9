/**
 * The fields of every action (PROTOCOL.md, "Actions"), each once, in the order in which they are written: decode, encode and
 * the API's documentation read this list. Types are the protocol's where Spark's schema of the log has none that is narrower.
 */

import type {
  AddFile,
  CommitInfo,
  DeletionVector,
  DomainMetadata,
  Metadata,
  Protocol,
  RemoveFile,
  StringMap,
  Txn,
} from "../actions.ts";
import type { Int64 } from "../values/int64.ts";
import { type Field, type RecordFields, readRecord, recordKind } from "./fields.ts";
import {
  count,
  flag,
  int,
  long,
  looseTextMap,
  moment,
  nullableTextMap,
  shortCount,
  statistics,
  text,
  textMap,
  texts,
} from "./kinds.ts";

export const DELETION_VECTOR: RecordFields<DeletionVector> = {
  fields: {
    storageType: { kind: text, required: true, about: "u, i or p" },
    pathOrInlineDv: { kind: text, required: true },
    offset: { kind: shortCount },
    sizeInBytes: { kind: shortCount, required: true },
    cardinality: { kind: count, required: true, about: "Rows that it deletes" },
  },
  // Occurs in old checkpoints.
  dropped: ["maxRowIndex"],
};
const deletionVector = recordKind(DELETION_VECTOR);

const PATH: Field<string> = {
  kind: text,
  required: true,
  about: "URI, percent-encoded; relative to the table's location, or absolute",
  example: "part-00000-7d2f.snappy.parquet",
};
const ROW_IDS = { baseRowId: { kind: count }, defaultRowCommitVersion: { kind: count } } as const;

export const ADD: RecordFields<AddFile> = {
  fields: {
    path: PATH,
    partitionValues: { kind: nullableTextMap, default: {}, example: {} },
    size: { kind: count, required: true, about: "Bytes", example: 1024 },
    modificationTime: { kind: moment, required: true, example: 1767225600000 },
    dataChange: { kind: flag, required: true },
    stats: { kind: statistics, about: "JSON text; kept exactly", example: '{"numRecords":3}' },
    tags: { kind: nullableTextMap },
    deletionVector: { kind: deletionVector },
    ...ROW_IDS,
    clusteringProvider: { kind: text },
  },
};

export const REMOVE: RecordFields<RemoveFile> = {
  fields: {
    path: PATH,
    deletionTimestamp: { kind: long, about: "Milliseconds since the epoch" },
    dataChange: { kind: flag, default: true },
    extendedFileMetadata: { kind: flag },
    partitionValues: { kind: nullableTextMap },
    size: { kind: count, about: "Bytes" },
    stats: { kind: statistics },
    tags: { kind: nullableTextMap },
    deletionVector: { kind: deletionVector },
    ...ROW_IDS,
  },
};

/** A file of changed rows. It changes no state, so it is checked and kept as it came. */
export interface ChangeFile {
  readonly path: string;
  readonly partitionValues: StringMap;
  readonly size: Int64;
  readonly dataChange: boolean;
  readonly tags?: StringMap;
}

export const CHANGE_FILE: RecordFields<ChangeFile> = {
  fields: {
    path: PATH,
    partitionValues: { kind: nullableTextMap, required: true },
    size: { kind: count, required: true, about: "Bytes" },
    dataChange: { kind: flag, required: true, about: "Always false" },
    tags: { kind: nullableTextMap },
  },
};

const FORMAT: RecordFields<Metadata["format"]> = {
  fields: { provider: { kind: text, default: "parquet" }, options: { kind: textMap, default: {} } },
};

export const METADATA: RecordFields<Metadata> = {
  fields: {
    id: { kind: text, required: true },
    name: { kind: text },
    description: { kind: text },
    format: { kind: recordKind(FORMAT), default: { provider: "parquet", options: {} } },
    schemaString: { kind: text, about: "JSON text of the schema" },
    partitionColumns: { kind: texts, default: [] },
    configuration: { kind: textMap, default: {} },
    createdTime: { kind: moment },
  },
};

export const PROTOCOL: RecordFields<Protocol> = {
  fields: {
    minReaderVersion: { kind: int, required: true },
    minWriterVersion: { kind: int, required: true },
    readerFeatures: { kind: texts },
    writerFeatures: { kind: texts },
  },
};

export const TXN: RecordFields<Txn> = {
  fields: {
    appId: { kind: text, required: true },
    version: { kind: long, required: true },
    lastUpdated: { kind: long },
  },
};

export const DOMAIN: RecordFields<DomainMetadata> = {
  fields: {
    domain: { kind: text, required: true },
    configuration: { kind: text, default: "" },
    removed: { kind: flag, default: false },
  },
};

type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** What readers know of commitInfo, which is free otherwise (PROTOCOL.md, "Commit Provenance Information"). */
export type KnownCommitInfo = Optional<{
  version: Int64;
  inCommitTimestamp: Int64;
  timestamp: Int64;
  userId: string;
  userName: string;
  operation: string;
  operationParameters: Readonly<Record<string, string>>;
  job: Optional<Record<"jobId" | "jobName" | "jobRunId" | "runId" | "jobOwnerId" | "triggerType", string>>;
  notebook: Optional<{ notebookId: string }>;
  clusterId: string;
  readVersion: Int64;
  isolationLevel: string;
  isBlindAppend: boolean;
  dataChange: boolean;
  operationMetrics: Readonly<Record<string, string>>;
  userMetadata: string;
  tags: Readonly<Record<string, string>>;
  engineInfo: string;
  txnId: string;
  lastManifestCommit: Optional<{ version: Int64; contentRootVersion: Int64 }>;
}>;

/** Spark's class CommitInfo: a field of another type makes the table, or its history, unreadable for it. */
export const COMMIT_INFO: RecordFields<KnownCommitInfo> = {
  fields: {
    version: { kind: long },
    inCommitTimestamp: { kind: moment, about: "Assigned by the service" },
    timestamp: { kind: moment },
    userId: { kind: text },
    userName: { kind: text },
    operation: { kind: text, example: "WRITE" },
    operationParameters: { kind: looseTextMap },
    job: {
      kind: recordKind({
        fields: {
          jobId: { kind: text },
          jobName: { kind: text },
          jobRunId: { kind: text },
          runId: { kind: text },
          jobOwnerId: { kind: text },
          triggerType: { kind: text },
        },
        free: true,
      }),
    },
    notebook: { kind: recordKind({ fields: { notebookId: { kind: text } }, free: true }) },
    clusterId: { kind: text },
    readVersion: { kind: long },
    isolationLevel: { kind: text },
    isBlindAppend: { kind: flag },
    dataChange: { kind: flag },
    operationMetrics: { kind: looseTextMap },
    userMetadata: { kind: text },
    tags: { kind: looseTextMap },
    engineInfo: { kind: text },
    txnId: { kind: text },
    lastManifestCommit: {
      kind: recordKind({ fields: { version: { kind: long }, contentRootVersion: { kind: long } }, free: true }),
    },
  },
  free: true,
};

/**
 * commitInfo as every reader can read it; what a writer puts beside the known fields stays.
 * @throws LakeError invalid where a known field has another type
 */
export function readableCommitInfo(info: CommitInfo, at: string): CommitInfo {
  const { operationParameters, operationMetrics, tags } = readRecord(COMMIT_INFO, info, at, "request");
  return {
    ...info,
    ...(operationParameters && { operationParameters }),
    ...(operationMetrics && { operationMetrics }),
    ...(tags && { tags }),
  };
}
