/** From actions to JSON: the canonical bytes of one version. Keys in the protocol's order, absent fields left out. */

import type {
  AddFile,
  Commit,
  CommitActions,
  CommitInfo,
  DeletionVector,
  DomainMetadata,
  Metadata,
  Protocol,
  RemoveFile,
  Txn,
} from "./actions.ts";
import type { JsonObject } from "./json.ts";
import { stringifyJson } from "./json.ts";

/**
 * The lines of `<version>.json`, one action each, without line ends. A pure function of the commit, so a repeated publish
 * writes the same bytes (delta-rules.md §0.8). commitInfo stands first (PROTOCOL.md, "In-Commit Timestamps"), removes
 * stand before adds (trinodb/trino#31252).
 */
export function* encodeCommitLines(commit: Commit): Generator<string> {
  const { actions } = commit;
  const info = encodeCommitInfo(commit);
  if (info !== undefined) yield stringifyJson({ commitInfo: info });
  if (actions.protocol) yield stringifyJson({ protocol: protocolFields(actions.protocol) });
  if (actions.metadata) yield stringifyJson({ metaData: metadataFields(actions.metadata) });
  for (const txn of actions.txns) yield stringifyJson({ txn: txnFields(txn) });
  for (const domain of actions.domains) yield stringifyJson({ domainMetadata: domainFields(domain) });
  for (const remove of actions.removes) yield stringifyJson({ remove: removeFields(remove) });
  for (const add of actions.adds) yield stringifyJson({ add: addFields(add) });
  for (const other of actions.others) yield stringifyJson(other);
}

/** The bytes of `<version>.json`: UTF-8, each line closed by `\n` (PROTOCOL.md, "Delta Log Entries"). */
export function encodeCommit(commit: Commit): Uint8Array {
  const lines: string[] = [];
  for (const line of encodeCommitLines(commit)) lines.push(line, "\n");
  return new TextEncoder().encode(lines.join(""));
}

/** All action objects of a commit as JSON values, in the order of {@link encodeCommitLines}. */
export function actionObjects(actions: CommitActions): JsonObject[] {
  return [
    ...(actions.commitInfo ? [{ commitInfo: actions.commitInfo }] : []),
    ...(actions.protocol ? [{ protocol: protocolFields(actions.protocol) }] : []),
    ...(actions.metadata ? [{ metaData: metadataFields(actions.metadata) }] : []),
    ...actions.txns.map((txn) => ({ txn: txnFields(txn) })),
    ...actions.domains.map((domain) => ({ domainMetadata: domainFields(domain) })),
    ...actions.removes.map((remove) => ({ remove: removeFields(remove) })),
    ...actions.adds.map((add) => ({ add: addFields(add) })),
    ...actions.others,
  ];
}

/** commitInfo with the fields that the version brings: the in-commit timestamp first, a timestamp if the client sent none. */
export function encodeCommitInfo(commit: Commit): CommitInfo | undefined {
  const info = commit.actions.commitInfo;
  if (info === undefined) return undefined;
  const { inCommitTimestamp: _assignedByUs, timestamp, ...rest } = info;
  return {
    ...(commit.inCommitTimestamp === undefined ? {} : { inCommitTimestamp: commit.inCommitTimestamp }),
    timestamp: timestamp ?? commit.timestamp,
    ...rest,
  };
}

export function deletionVectorFields(dv: DeletionVector): JsonObject {
  return {
    storageType: dv.storageType,
    pathOrInlineDv: dv.pathOrInlineDv,
    offset: dv.offset,
    sizeInBytes: dv.sizeInBytes,
    cardinality: dv.cardinality,
    ...dv.unknown,
  };
}

export function addFields(add: AddFile): JsonObject {
  return {
    path: add.path,
    partitionValues: add.partitionValues,
    size: add.size,
    modificationTime: add.modificationTime,
    dataChange: add.dataChange,
    stats: add.stats,
    tags: add.tags,
    deletionVector: add.deletionVector && deletionVectorFields(add.deletionVector),
    baseRowId: add.baseRowId,
    defaultRowCommitVersion: add.defaultRowCommitVersion,
    clusteringProvider: add.clusteringProvider,
    ...add.unknown,
  };
}

export function removeFields(remove: RemoveFile): JsonObject {
  return {
    path: remove.path,
    deletionTimestamp: remove.deletionTimestamp,
    dataChange: remove.dataChange,
    extendedFileMetadata: remove.extendedFileMetadata,
    partitionValues: remove.partitionValues,
    size: remove.size,
    stats: remove.stats,
    tags: remove.tags,
    deletionVector: remove.deletionVector && deletionVectorFields(remove.deletionVector),
    baseRowId: remove.baseRowId,
    defaultRowCommitVersion: remove.defaultRowCommitVersion,
    ...remove.unknown,
  };
}

export function metadataFields(metadata: Metadata): JsonObject {
  return {
    id: metadata.id,
    name: metadata.name,
    description: metadata.description,
    format: { provider: metadata.format.provider, options: metadata.format.options, ...metadata.format.unknown },
    schemaString: metadata.schemaString,
    partitionColumns: metadata.partitionColumns,
    configuration: metadata.configuration,
    createdTime: metadata.createdTime,
    ...metadata.unknown,
  };
}

export function protocolFields(protocol: Protocol): JsonObject {
  return {
    minReaderVersion: protocol.minReaderVersion,
    minWriterVersion: protocol.minWriterVersion,
    readerFeatures: protocol.readerFeatures,
    writerFeatures: protocol.writerFeatures,
    ...protocol.unknown,
  };
}

export function txnFields(txn: Txn): JsonObject {
  return { appId: txn.appId, version: txn.version, lastUpdated: txn.lastUpdated, ...txn.unknown };
}

export function domainFields(domain: DomainMetadata): JsonObject {
  return { domain: domain.domain, configuration: domain.configuration, removed: domain.removed, ...domain.unknown };
}
