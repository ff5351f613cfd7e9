/** The columns of a classic checkpoint: names, order and types as Spark writes them, every one nullable (PROTOCOL.md, "Checkpoint Schema"). */

import type { AddFile, DeletionVector, DomainMetadata, Metadata, Protocol, RemoveFile, Txn } from "../delta/actions.ts";
import { type TableDescription, tableDescription } from "../delta/table-configuration.ts";
import type { Int64 } from "../delta/values/int64.ts";
import { corrupt, isLakeError } from "../errors.ts";
import {
  booleanColumn,
  type Column,
  field,
  intColumn,
  longColumn,
  type StructField,
  structColumn,
  textColumn,
  textListColumn,
  textMapColumn,
} from "../parquet/write/columns.ts";
import { parsedPartitionValues, parsedStats } from "./checkpoint-stats.ts";

/** One column per kind of action; each row has a value in exactly one of them. */
export type CheckpointColumns = {
  readonly txn: Column<Txn>;
  readonly add: Column<AddFile>;
  readonly remove: Column<RemoveFile>;
  readonly metaData: Column<Metadata>;
  readonly protocol: Column<Protocol>;
  readonly domainMetadata: Column<DomainMetadata>;
};

/** @param metadata decides which statistics are written, and their types */
export function openCheckpointColumns(metadata: Metadata): CheckpointColumns {
  return {
    txn: txnColumn(),
    add: addColumn(metadata),
    remove: removeColumn(),
    metaData: metadataColumn(),
    protocol: protocolColumn(),
    domainMetadata: domainColumn(),
  };
}

/** What the top file of a V2 checkpoint has besides (PROTOCOL.md, "V2 Spec"). */
export type TopColumns = CheckpointColumns & {
  readonly checkpointMetadata: Column<CheckpointMetadata>;
  readonly sidecar: Column<SidecarAction>;
};

export interface CheckpointMetadata {
  readonly version: number;
  readonly tags: Readonly<Record<string, string>>;
}

export interface SidecarAction {
  readonly path: string;
  /** Bytes. */
  readonly sizeInBytes: number;
  /** Milliseconds. */
  readonly modificationTime: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** Those of file actions are there and empty, as Spark has them. */
export function openTopColumns(metadata: Metadata): TopColumns {
  return {
    ...openCheckpointColumns(metadata),
    checkpointMetadata: structColumn<CheckpointMetadata>([
      field("version", longColumn(), (checkpoint) => checkpoint.version),
      field("tags", textMapColumn(), (checkpoint) => checkpoint.tags),
    ]),
    sidecar: structColumn<SidecarAction>([
      field("path", textColumn(), (sidecar) => sidecar.path),
      field("sizeInBytes", longColumn(), (sidecar) => sidecar.sizeInBytes),
      field("modificationTime", longColumn(), (sidecar) => sidecar.modificationTime),
      field("tags", textMapColumn(), (sidecar) => sidecar.tags),
    ]),
  };
}

export function openSidecarColumns(metadata: Metadata): Pick<CheckpointColumns, "add" | "remove"> {
  return { add: addColumn(metadata), remove: removeColumn() };
}

const txnColumn = (): Column<Txn> =>
  structColumn<Txn>([
    field("appId", textColumn(), (txn) => txn.appId),
    field("version", longColumn(), (txn) => txn.version),
    field("lastUpdated", longColumn(), (txn) => txn.lastUpdated),
  ]);

function addColumn(metadata: Metadata): Column<AddFile> {
  return structColumn<AddFile>([
    field("path", textColumn(), (add) => add.path),
    field("partitionValues", textMapColumn(), (add) => add.partitionValues),
    field("size", longColumn(), (add) => add.size),
    field("modificationTime", longColumn(), (add) => add.modificationTime),
    field("dataChange", booleanColumn(), (add) => add.dataChange),
    field("tags", textMapColumn(), (add) => add.tags),
    deletionVectorField(),
    field("baseRowId", longColumn(), (add) => add.baseRowId),
    field("defaultRowCommitVersion", longColumn(), (add) => add.defaultRowCommitVersion),
    field("clusteringProvider", textColumn(), (add) => add.clusteringProvider),
    ...statsFields(metadata),
  ]);
}

/**
 * Writers of version 3 and above must obey both properties (PROTOCOL.md, "Checkpoint Schema"). JSON statistics are left out
 * only when the parsed ones replace them: a table must never lose its statistics by a checkpoint.
 */
function statsFields(metadata: Metadata): StructField<AddFile>[] {
  const json = field("stats", textColumn(), (add: AddFile) => add.stats);
  const table = describe(metadata);
  if (!table?.properties["delta.checkpoint.writeStatsAsStruct"]) return [json];
  const kept = table.properties["delta.checkpoint.writeStatsAsJson"] ? [json] : [];
  return [...kept, ...parsedPartitionValues(table), parsedStats(table)];
}

/** undefined for a schema that cannot be read, as in tables imported long ago: a checkpoint of these has JSON statistics. */
function describe(metadata: Metadata): TableDescription | undefined {
  try {
    return tableDescription(metadata);
  } catch (error) {
    if (isLakeError(error, "invalid")) return undefined;
    throw error;
  }
}

/** Without `stats` and `tags`, which the protocol keeps out of checkpoints. */
const removeColumn = (): Column<RemoveFile> =>
  structColumn<RemoveFile>([
    field("path", textColumn(), (remove) => remove.path),
    field("deletionTimestamp", longColumn(), (remove) => remove.deletionTimestamp),
    field("dataChange", booleanColumn(), (remove) => remove.dataChange),
    field("extendedFileMetadata", booleanColumn(), hasExtendedMetadata),
    field("partitionValues", textMapColumn(), (remove) => remove.partitionValues),
    field("size", longColumn(), (remove) => remove.size),
    deletionVectorField(),
    field("baseRowId", longColumn(), (remove) => remove.baseRowId),
    field("defaultRowCommitVersion", longColumn(), (remove) => remove.defaultRowCommitVersion),
  ]);

/** A promise without the fields that it promises has broken readers (delta-io/delta-rs#427). */
function hasExtendedMetadata(remove: RemoveFile): boolean | undefined {
  if (!remove.extendedFileMetadata) return remove.extendedFileMetadata;
  return remove.partitionValues !== undefined && remove.size !== undefined;
}

const deletionVectorField = (): StructField<AddFile | RemoveFile> =>
  field(
    "deletionVector",
    structColumn<DeletionVector>([
      field("storageType", textColumn(), (dv) => dv.storageType),
      field("pathOrInlineDv", textColumn(), (dv) => dv.pathOrInlineDv),
      field("offset", intColumn(), (dv) => (dv.offset === undefined ? undefined : int32(dv.offset, dv))),
      field("sizeInBytes", intColumn(), (dv) => int32(dv.sizeInBytes, dv)),
      field("cardinality", longColumn(), (dv) => dv.cardinality),
    ]),
    (file) => file.deletionVector,
  );

function int32(value: Int64, dv: DeletionVector): number {
  if (typeof value === "number" && Math.abs(value) < 2 ** 31) return value;
  throw corrupt(`the deletion vector "${dv.pathOrInlineDv}" has an offset or size of ${value}, beyond 32 bits`, {
    hint: "The Delta protocol stores both as 32-bit integers; rewrite the deletion vector.",
  });
}

const metadataColumn = (): Column<Metadata> =>
  structColumn<Metadata>([
    field("id", textColumn(), (metadata) => metadata.id),
    field("name", textColumn(), (metadata) => metadata.name),
    field("description", textColumn(), (metadata) => metadata.description),
    field(
      "format",
      structColumn<Metadata["format"]>([
        field("provider", textColumn(), (format) => format.provider),
        field("options", textMapColumn(), (format) => format.options),
      ]),
      (metadata) => metadata.format,
    ),
    field("schemaString", textColumn(), (metadata) => metadata.schemaString),
    field("partitionColumns", textListColumn(), (metadata) => metadata.partitionColumns),
    field("configuration", textMapColumn(), (metadata) => metadata.configuration),
    field("createdTime", longColumn(), (metadata) => metadata.createdTime),
  ]);

/** The lists of features are there exactly when the versions call for them; readers refuse anything else. */
const protocolColumn = (): Column<Protocol> =>
  structColumn<Protocol>([
    field("minReaderVersion", intColumn(), (protocol) => protocol.minReaderVersion),
    field("minWriterVersion", intColumn(), (protocol) => protocol.minWriterVersion),
    field("readerFeatures", textListColumn(), (protocol) =>
      protocol.minReaderVersion >= 3 ? (protocol.readerFeatures ?? []) : undefined,
    ),
    field("writerFeatures", textListColumn(), (protocol) =>
      protocol.minWriterVersion >= 7 ? (protocol.writerFeatures ?? []) : undefined,
    ),
  ]);

const domainColumn = (): Column<DomainMetadata> =>
  structColumn<DomainMetadata>([
    field("domain", textColumn(), (domain) => domain.domain),
    field("configuration", textColumn(), (domain) => domain.configuration),
    field("removed", booleanColumn(), (domain) => domain.removed),
  ]);
