/** Snapshots: the state of a table at one version. */

import type { AddFile, DomainMetadata, Metadata, Protocol, RemoveFile, Txn } from "../delta/actions.ts";
import type { Fingerprint } from "../delta/fingerprint.ts";
import type { FileRequirement } from "../delta/schema/metadata-change.ts";
import type { Int64 } from "../delta/values/int64.ts";
import type { ListPage, Page, PageLimits } from "./page.ts";

export interface Snapshots {
  /** @throws LakeError notFound for a version that SQL does not hold */
  readHeader(tableId: string, version: number): Promise<SnapshotHeader>;
  /** As `readHeader` without the lists, of which a table may have any number. One round trip. @throws LakeError notFound */
  readSummary(tableId: string, version: number): Promise<SnapshotSummary>;
  /** Of each application its newest txn action at a version, by its id; with `updatedAfter` (ms) as {@link StateSizes} says. */
  readTxns(
    tableId: string,
    version: number,
    options: PageLimits & { readonly cursor?: string; readonly updatedAfter?: number },
  ): Promise<ListPage<Txn>>;
  /** The domains at a version that are not removed, by name. A page may have fewer than it could, and yet not be the last. */
  readDomains(
    tableId: string,
    version: number,
    options: PageLimits & { readonly cursor?: string },
  ): Promise<ListPage<DomainMetadata>>;
  /** How long the lists of a version are. One round trip. */
  stateSizes(tableId: string, version: number, options: { readonly updatedAfter?: number }): Promise<StateSizes>;
  /** What a live file adds to the fingerprint of a version. No round trip. */
  fingerprintOf(file: AddFile): Fingerprint;
  /** Live files at a version, in a stable order: what is added later comes behind. @param options.upTo a cursor where the list ends */
  readFiles(
    tableId: string,
    version: number,
    options: PageLimits & { readonly cursor?: string; readonly upTo?: string },
  ): Promise<ListPage<AddFile>>;
  /**
   * As `readFiles`, each as the JSON text of `addFields` (delta/encode.ts), made where the rows are: of a long list it costs a quarter of what
   * making the files and writing them does.
   * @param options.fields those alone, in this order
   */
  readFileTexts(
    tableId: string,
    version: number,
    options: PageLimits & { readonly cursor?: string; readonly fields?: readonly string[] },
  ): Promise<ListPage<string>>;
  /**
   * Which ranges of the files that were live at a version have lost some until another; it may name more where much has changed.
   * @param options.ends cursors of `readFiles` where the ranges end, ascending; what lies behind the last is not looked at
   * @returns places in `ends`
   */
  rangesLosing(
    tableId: string,
    options: { readonly after: number; readonly upTo: number; readonly ends: readonly string[] },
  ): Promise<ReadonlySet<number>>;
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

/** Numbers of items. */
export interface StateSizes {
  /** With `updatedAfter` only those that were last updated after that moment: others have expired. */
  readonly txns: number;
  readonly domains: number;
}

/** State of a table at one version, without its files. */
export interface SnapshotHeader extends SnapshotSummary {
  /** Also those that have expired (lib/delta/txns.ts). */
  readonly txns: readonly Txn[];
  /** Without the removed ones. */
  readonly domains: readonly DomainMetadata[];
}

/** State of a table at one version, without its lists. */
export interface SnapshotSummary {
  readonly version: number;
  readonly timestamp: number;
  readonly inCommitTimestamp?: number;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly numFiles: number;
  readonly sizeInBytes: Int64;
  /** Of the live files. */
  readonly fingerprint: Fingerprint;
}
