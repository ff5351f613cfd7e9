/** The files that a commit names and that must be there for it: data files, deletion vectors, change data. Pure. */

import type { CommitActions } from "../actions.ts";
import { deletionVectorEnd, deletionVectorPath, keyInTable } from "../files/file-places.ts";
import { canonicalPath } from "../files/paths.ts";
import { type Int64, isInt64 } from "../values/int64.ts";
import { isJsonObject } from "../values/json.ts";

export interface FileToCheck {
  /** Whose i-th action names it, and in which member. */
  readonly kind: "adds" | "others";
  readonly i: number;
  readonly member: "path" | "deletionVector";
  /** As the action has it. */
  readonly path: string;
  /** Below the root of the table; undefined for what lies elsewhere. */
  readonly key: string | undefined;
  /** Bytes. */
  readonly size?: Int64;
  readonly atLeast?: bigint;
  /** Of a deletion vector: the file has the vector's length at its offset. */
  readonly vector?: { readonly offset: Int64; readonly sizeInBytes: Int64 };
  /** Of a data file. */
  readonly stats?: string;
}

/**
 * One entry a file. A file that the same commit removes with the same size is in the table already, as in an update of its
 * deletion vector: it need not be looked for.
 */
export function filesToCheck(actions: CommitActions, location: string): readonly FileToCheck[] {
  const live = new Map(actions.removes.map(({ path, size }) => [canonicalPath(path), size]));
  const files: FileToCheck[] = [];
  const vectors = new Set<string>();
  for (const [i, { path, size, stats, deletionVector }] of actions.adds.entries()) {
    const key = keyInTable(location, path);
    const file = { kind: "adds" as const, i, member: "path" as const, path, key, size };
    if (live.get(canonicalPath(path)) !== size) files.push(stats === undefined ? file : { ...file, stats });
    const vector = deletionVector && deletionVectorPath(deletionVector);
    if (deletionVector === undefined || vector === undefined) continue;
    // Many vectors share a file; the last byte of each must be in it.
    const atLeast = deletionVectorEnd(deletionVector);
    const { offset = 0, sizeInBytes } = deletionVector;
    const known = `${vector} ${offset} ${sizeInBytes}`;
    if (vectors.has(known)) continue;
    vectors.add(known);
    const place = deletionVector.storageType === "p" ? keyInTable(location, vector) : vector;
    files.push({
      kind: "adds",
      i,
      member: "deletionVector",
      path: vector,
      key: place,
      atLeast,
      vector: { offset, sizeInBytes },
    });
  }
  for (const [i, action] of actions.others.entries()) {
    const { cdc } = action;
    if (!isJsonObject(cdc) || typeof cdc.path !== "string") continue;
    const file = {
      kind: "others" as const,
      i,
      member: "path" as const,
      path: cdc.path,
      key: keyInTable(location, cdc.path),
    };
    files.push(isInt64(cdc.size) ? { ...file, size: cdc.size } : file);
  }
  return files;
}
