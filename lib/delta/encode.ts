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
import { ADD, DELETION_VECTOR, DOMAIN, METADATA, PROTOCOL, REMOVE, TXN } from "./fields/actions.ts";
import { writeRecord } from "./fields/fields.ts";
import { withOriginTime } from "./origin.ts";
import type { JsonObject } from "./values/json.ts";
import { stringifyJson } from "./values/json.ts";

/**
 * The lines of `<version>.json`, one action each, without line ends. A pure function of the commit, so a repeated publish
 * writes the same bytes (docs/delta-rules.md §0.8). commitInfo comes first (PROTOCOL.md, "In-Commit Timestamps"), removes
 * come before adds (trinodb/trino#31252).
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
  const { inCommitTimestamp: _assignedByUs, timestamp, ...given } = info;
  const { inCommitTimestamp } = commit;
  return {
    ...(inCommitTimestamp === undefined ? {} : { inCommitTimestamp }),
    timestamp: timestamp ?? commit.timestamp,
    ...(inCommitTimestamp === undefined ? withOriginTime(given, commit.timestamp) : given),
  };
}

export const deletionVectorFields = (dv: DeletionVector): JsonObject => writeRecord(DELETION_VECTOR, dv);
export const addFields = (add: AddFile): JsonObject => writeRecord(ADD, add);
export const removeFields = (remove: RemoveFile): JsonObject => writeRecord(REMOVE, remove);
export const metadataFields = (metadata: Metadata): JsonObject => writeRecord(METADATA, metadata);
export const protocolFields = (protocol: Protocol): JsonObject => writeRecord(PROTOCOL, protocol);
export const txnFields = (txn: Txn): JsonObject => writeRecord(TXN, txn);
export const domainFields = (domain: DomainMetadata): JsonObject => writeRecord(DOMAIN, domain);
