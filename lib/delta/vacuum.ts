/** What vacuum may take away, and what it says of that in the history (docs/delta-rules.md §6). Pure. */

import { invalid } from "../errors.ts";
import type { CommitInfo, Metadata } from "./actions.ts";
import { UUID_LETTERS } from "./files/file-places.ts";
import { tableProperties } from "./properties/properties.ts";
import { encodeZ85 } from "./values/z85.ts";

/** Nobody reads a snapshot, or writes the files of one commit, for longer than this. */
export const SAFE_RETENTION_MS = 24 * 3_600_000;

export interface RetentionOptions {
  /** Milliseconds; that of the table if absent. */
  readonly retainMs?: number;
  /** Less than {@link SAFE_RETENTION_MS} is meant. */
  readonly force?: boolean;
}

/**
 * For how long removed files stay, in milliseconds.
 * @throws LakeError invalid RETENTION_TOO_SHORT
 */
export function vacuumRetention(metadata: Metadata, { retainMs, force = false }: RetentionOptions): number {
  const retention = retainMs ?? tableProperties(metadata)["delta.deletedFileRetentionDuration"];
  if (retention >= SAFE_RETENTION_MS || force) return retention;
  throw invalid(`a retention of ${hours(retention)} takes files from readers and writers that are at work`, {
    code: "RETENTION_TOO_SHORT",
    hint: `Keep them for ${hours(SAFE_RETENTION_MS)} at least (--retain), or say --force when nobody reads or writes the table.`,
  });
}

function hours(ms: number): string {
  return `${Math.round(ms / 360_000) / 10} h`;
}

const CHANGES = "_change_data";

/**
 * True for a file that vacuum never looks at, as in Spark: in a folder, or by a name, that begins with `_` or `.`. Change data
 * is no such file, nor is a partition whose column is named so.
 * @param partitionColumns as the names of folders have them
 */
export function isHiddenFromVacuum(key: string, partitionColumns: readonly string[]): boolean {
  const segments = key.split("/");
  return segments.some((segment, i) => {
    if (!/^[._]/.test(segment)) return false;
    if (i === 0 && segment === CHANGES && segments.length > 1) return false;
    return !partitionColumns.some((column) => segment.startsWith(`${column}=`));
  });
}

/** True for what the change data feed has written. */
export function isChangeData(key: string): boolean {
  return key.startsWith(`${CHANGES}/`);
}

const VECTORS = /^(?:(.*)\/)?deletion_vector_([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\.bin$/;

/** How actions name a file of deletion vectors by its key; undefined for any other file. */
export function vectorNamed(key: string): { readonly storageType: "u"; readonly pathOrInlineDv: string } | undefined {
  const [, prefix = "", uuid] = VECTORS.exec(key) ?? [];
  if (uuid === undefined) return undefined;
  const hex = uuid.replaceAll("-", "");
  const bytes = Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
  const letters = encodeZ85(bytes);
  return letters.length === UUID_LETTERS ? { storageType: "u", pathOrInlineDv: prefix + letters } : undefined;
}

export interface VacuumCount {
  readonly files: number;
  readonly bytes: bigint;
}

/** A parameter of ours: versions below may lack files from then on. So a catalog that is made from the log knows it. */
export const RETAINED_FROM = "retainedFromVersion";

/** As Spark writes it before anything is deleted. @param specifiedMs what the caller asked for, where that is not the table's own */
export function vacuumStart(
  { files, bytes }: VacuumCount,
  {
    metadata,
    specifiedMs,
    checked,
    floor,
  }: {
    readonly floor: number;
    readonly metadata: Metadata;
    readonly specifiedMs?: number;
    readonly checked: boolean;
  },
): CommitInfo {
  const defaultMs = tableProperties(metadata)["delta.deletedFileRetentionDuration"];
  return {
    operation: "VACUUM START",
    operationParameters: {
      retentionCheckEnabled: String(checked),
      ...(specifiedMs === undefined ? {} : { specifiedRetentionMillis: String(specifiedMs) }),
      defaultRetentionMillis: String(defaultMs),
      ...(floor < 0 ? {} : { [RETAINED_FROM]: String(floor) }),
    },
    operationMetrics: { numFilesToDelete: String(files), sizeOfDataToDelete: String(bytes) },
  };
}

/** As Spark writes it afterwards. */
export function vacuumEnd(
  { files }: Pick<VacuumCount, "files">,
  { failed, folders }: { readonly failed: number; readonly folders: number },
): CommitInfo {
  return {
    operation: "VACUUM END",
    operationParameters: { status: failed === 0 ? "COMPLETED" : "FAILED" },
    operationMetrics: { numDeletedFiles: String(files), numVacuumedDirectories: String(folders) },
  };
}
