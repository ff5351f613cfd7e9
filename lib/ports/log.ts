/** The mirror: what is read from and written to one `_delta_log`. */

import type { AddFile, CommitActions, DomainMetadata, Metadata, Protocol, RemoveFile, Txn } from "../delta/actions.ts";
import type { CheckpointFile, ListedFile, LogListing } from "../delta/files/log-files.ts";
import type { Fingerprint } from "../delta/fingerprint.ts";
import type { FileRange } from "../delta/sidecars.ts";
import type { ListPage } from "./page.ts";
import type { SnapshotHeader } from "./snapshots.ts";
import type { RemoveFailure, Replacement } from "./storage.ts";

/** A checkpoint's content apart from file actions. */
export interface CheckpointHeader {
  readonly version: number;
  readonly protocol?: Protocol;
  readonly metadata?: Metadata;
  readonly txns: readonly Txn[];
  readonly domains: readonly DomainMetadata[];
  /** False when the adds carry no JSON statistics, only `stats_parsed` or none. */
  readonly hasJsonStats: boolean;
}

export type FileAction = { readonly add: AddFile } | { readonly remove: RemoveFile };

export interface LogCommit {
  readonly version: number;
  readonly actions: CommitActions;
  /** Milliseconds: the object's modification time. */
  readonly modifiedAt: number;
  readonly bytes: Uint8Array;
}

export interface WrittenCheckpoint {
  readonly version: number;
  /** Number of actions. */
  readonly size: number;
  readonly sizeInBytes: number;
  readonly numOfAddFiles: number;
  /** Of a V2 checkpoint: the file that names its sidecars. Some readers know by this alone that it has any. */
  readonly top?: ListedFile;
}

export interface CheckpointContent {
  readonly header: Omit<SnapshotHeader, "fingerprint">;
  readonly adds: AsyncIterable<readonly AddFile[]>;
  readonly tombstones: AsyncIterable<readonly RemoveFile[]>;
}

/** A file of our V2 checkpoints, with what we have written down about it in the checkpoint that names it. */
export interface Sidecar extends FileRange {
  /** Within the folder of sidecars. */
  readonly path: string;
  readonly sizeInBytes: number;
  /** Milliseconds. */
  readonly modificationTime: number;
  readonly kind: "adds" | "removes";
  /** Of adds: the cursor behind its last file, as lists of files have it. */
  readonly end: string;
  /** Of adds: what they add to the fingerprint of a version. */
  readonly fingerprint: Fingerprint;
}

/** Live files of a V2 checkpoint, in the order of SQL: a sidecar that is named again, or files that are written. */
export type SidecarPart = { readonly kept: Sidecar } | { readonly adds: AsyncIterable<ListPage<AddFile>> };

export interface SidecarContent {
  readonly header: SnapshotHeader;
  readonly parts: readonly SidecarPart[];
  readonly tombstones: AsyncIterable<readonly RemoveFile[]>;
  /** Those of the checkpoint before, as they lie there: what would have the same bytes is named again. */
  readonly known: readonly Sidecar[];
  fingerprintOf(file: AddFile): Fingerprint;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** True: what is there is compared byte by byte, and mended. */
  readonly anew?: boolean;
}

/** The `_delta_log` of one table. */
export interface DeltaLog {
  readonly location: string;
  /** All that is in `_delta_log`, sorted into kinds. @throws LakeError notFound (NO_DELTA_LOG) */
  list(): Promise<LogListing>;
  /**
   * Files of this version and later ones, in one call of the store for every thousand; empty where there are none, or no log.
   * @param options.commitNames true: of commits only the names are asked for; their sizes and times may be 0
   */
  listFrom(version: number, options?: { readonly commitNames?: boolean }): Promise<LogListing>;
  /** @throws LakeError notFound; corrupt with file and line */
  readCommit(version: number): Promise<LogCommit>;
  readCommitBytes(version: number): Promise<Uint8Array | undefined>;
  readCheckpointHeader(checkpoint: CheckpointFile): Promise<CheckpointHeader>;
  /** File actions in a stable order, in batches of bounded size. */
  readCheckpointFiles(checkpoint: CheckpointFile): AsyncIterable<readonly FileAction[]>;
  /** The version that `_last_checkpoint` names; undefined when it is missing or unreadable: it is only a hint. */
  readLastCheckpoint(): Promise<number | undefined>;
  /**
   * Publishes one version: put if absent; `exists` means that other bytes are there. In a folder the file gets the commit's
   * time, in milliseconds; S3 gives it the time of the put.
   * @throws LakeError unavailable when the outcome is unknown: try again
   */
  putCommit(
    version: number,
    bytes: Uint8Array,
    options: { readonly timestamp: number },
  ): Promise<"published" | "exists">;
  /** Puts a commit in the place of bytes that are known to be ours, of a table that was dropped here; false when others are there. */
  replaceCommit(version: number, change: Replacement, options: { readonly timestamp: number }): Promise<boolean>;
  /** Takes a file away that holds these bytes, or what it holds now; false when it does not, or is gone. */
  removeFile(name: string, bytes?: Uint8Array): Promise<boolean>;
  /** Sidecars of checkpoints; empty where there are none. */
  listSidecars(): Promise<readonly ListedFile[]>;
  /** Names, as `listSidecars` has them, of the sidecars that a checkpoint names. */
  readSidecarNames(checkpoint: CheckpointFile): Promise<readonly string[]>;
  /** Takes files away, whatever they hold; names are relative to `_delta_log`. @returns those that are left */
  removeFiles(names: readonly string[]): Promise<readonly RemoveFailure[]>;
  /** Moves a file into another folder below the root of the table; false when there is none of this name. @throws LakeError */
  setAside(name: string, folder: string): Promise<boolean>;
  /** The bytes of the manifest of the table; undefined when there is none. */
  readManifest(): Promise<Uint8Array | undefined>;
  /** Puts a manifest where there was none (`from` undefined), or in the place of these bytes; false when something else is there. */
  putManifest(bytes: Uint8Array, options: { readonly from: Uint8Array | undefined }): Promise<boolean>;
  /** Makes listings tell that the table may have moved (`mayHaveMoved`), until the mark is removed. */
  markMoved(bytes: Uint8Array): Promise<void>;
  /** Writes a classic checkpoint whole, checks it, and moves `_last_checkpoint` forward. Never moves the hint back. */
  putCheckpoint(content: CheckpointContent): Promise<WrittenCheckpoint>;
  /**
   * The sidecars of our V2 checkpoint of a version, which has the name of a classic one; undefined where there is none, where any is
   * not there as it was written, or would be written in other columns by now. Names and sizes are compared with a listing, if not `unchecked`.
   */
  readSidecars(
    version: number,
    metadata: Metadata,
    options?: { readonly unchecked?: boolean },
  ): Promise<readonly Sidecar[] | undefined>;
  /**
   * True where a checkpoint is there whose sidecars are not, or hold something else than was written to them: it can be replaced
   * by {@link putSidecarCheckpoint}. Reads all of ours.
   */
  isBroken(version: number): Promise<boolean>;
  /**
   * Writes the sidecars that are not there, then the checkpoint that names them, under the name of a classic one, and moves
   * `_last_checkpoint` forward. One that is there and whole is left as it is.
   * @throws LakeError corrupt (CHECKPOINT_MISMATCH) when the parts are not the header's version: nothing names what was written
   */
  putSidecarCheckpoint(content: SidecarContent): Promise<WrittenCheckpoint>;
}
