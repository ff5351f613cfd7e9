/** Snapshots: the state of a table at one version. */

import type { AddFile, DomainMetadata, Metadata, Protocol, RemoveFile, Txn } from "../delta/actions.ts";
import type { Fingerprint } from "../delta/fingerprint.ts";
import type { Int64 } from "../delta/int64.ts";
import type { FileRequirement } from "../delta/metadata-change.ts";
import type { Page } from "./page.ts";

export interface Snapshots {
  /** @throws LakeError notFound for a version that SQL does not hold */
  readHeader(tableId: string, version: number): Promise<SnapshotHeader>;
  /** What a live file adds to the fingerprint of a version. No round trip. */
  fingerprintOf(file: AddFile): Fingerprint;
  /** Live files at a version, in a stable order. */
  readFiles(
    tableId: string,
    version: number,
    options: { readonly cursor?: string; readonly limit: number },
  ): Promise<Page<AddFile>>;
  /** All metaData actions that SQL holds of a table, oldest first. One round trip. */
  metadataHistory(tableId: string): Promise<readonly Metadata[]>;
  /** Paths of at most `limit` live files that do not meet a requirement. One round trip. */
  pathsLacking(
    tableId: string,
    version: number,
    options: { readonly requirement: FileRequirement; readonly limit: number },
  ): Promise<readonly string[]>;
  /** Files removed at or before a version and not live at it, with deletionTimestamp > `newerThan` (ms), in a stable order. */
  readTombstones(
    tableId: string,
    version: number,
    options: { readonly newerThan: number; readonly cursor?: string; readonly limit: number },
  ): Promise<Page<RemoveFile>>;
}

/** State of a table at one version, without its files. */
export interface SnapshotHeader {
  readonly version: number;
  readonly timestamp: number;
  readonly inCommitTimestamp?: number;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly txns: readonly Txn[];
  /** Without the removed ones. */
  readonly domains: readonly DomainMetadata[];
  readonly numFiles: number;
  readonly sizeInBytes: Int64;
  /** Of the live files. */
  readonly fingerprint: Fingerprint;
}
