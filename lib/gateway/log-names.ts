/** What the objects of a `_delta_log` are to the gateway. Decided by names alone, so that it needs no look at the catalog. */

import { LOG_FOLDER, MANIFEST, MOVED_MARK } from "../delta/files/log-files.ts";

/** An object in a log, or a prefix of such. */
export interface LogPlace {
  /** Key of the table's root, without slashes around it; empty where the table is the bucket. */
  readonly root: string;
  /** Below `_delta_log/`. */
  readonly name: string;
}

/** undefined for what lies in no log. */
export function logPlaceOf(key: string): LogPlace | undefined {
  const segments = key.split("/");
  const at = segments.indexOf(LOG_FOLDER);
  if (at < 0 || at === segments.length - 1) return undefined;
  return { root: segments.slice(0, at).join("/"), name: segments.slice(at + 1).join("/") };
}

/**
 * - `commit`: a version: only the catalog makes them.
 * - `derived`: what follows from versions, and readers take at its word: checkpoints, checksums. The catalog's are the truth.
 * - `passing`: what becomes a derived one by a copy, as Spark makes checksums.
 * - `catalog`: the catalog's own.
 * - `staged`: commits of tables whose commits another catalog orders.
 * - `other`: what readers pass over.
 */
export type LogFile = "commit" | "derived" | "passing" | "catalog" | "staged" | "other";

const COMMIT = /^(\d{20})\.json$/;
const DERIVED =
  /^(?:_last_checkpoint|\d{20}\.(?:checkpoint(?:\..+)?\.(?:parquet|json)|crc|\d{20}\.compacted\.json)|_sidecars\/.+)$/;

const PASSING = /^\.\d{20}\.(?:crc|checkpoint)\..*\.tmp$/;

export function logFileOf(name: string): LogFile {
  if (COMMIT.test(name)) return "commit";
  if (DERIVED.test(name)) return "derived";
  if (PASSING.test(name)) return "passing";
  if (name === MANIFEST || name === MOVED_MARK) return "catalog";
  return /^_staged_commits\/.+/.test(name) ? "staged" : "other";
}

/** The version of a commit file. */
export function versionOf(name: string): number | undefined {
  const digits = COMMIT.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
