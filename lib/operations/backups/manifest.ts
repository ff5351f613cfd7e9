/**
 * The manifest of a backup: what it holds, and the checksums of it. It is written last, so a backup without one does not exist. A
 * backup is a folder `<id>/` with `manifest.json` and parts: lines of JSON, one array a row, compressed.
 */

import { hash } from "node:crypto";
import { canonicalJson, isJsonObject, parseJson, stringifyJson } from "../../delta/values/json.ts";
import { invalid, isLakeError, LakeError } from "../../errors.ts";
import type { BackupPlace, VersionMark } from "../../ports.ts";

/** Readers refuse a format that they do not know. */
export const BACKUP_FORMAT = 1;
export const MANIFEST = "manifest.json";

/** Times are milliseconds since the epoch. */
export interface Manifest {
  readonly format: number;
  /** Begins with the time of the cut, so that ids are in the order of time. */
  readonly backupId: string;
  readonly kind: "full" | "incremental";
  /** The backup that an incremental one goes on from. */
  readonly baseId?: string;
  /** Identity of the catalog. */
  readonly catalogId: string;
  /** Migrations that the catalog had. */
  readonly migrations: readonly number[];
  /** When the heads were read: what was committed by then is in the backup. */
  readonly cutAt: number;
  readonly finishedAt: number;
  readonly tables: readonly ManifestTable[];
  /** Names of tables that were being imported, and are not in it. */
  readonly leftOut: readonly string[];
  /** Sets of which it has every row: those of the backups before do not count. */
  readonly whole: readonly string[];
  /** Columns of the rows of each set. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
  readonly parts: readonly ManifestPart[];
  /** All parts together; bytes as they lie there. */
  readonly rows: number;
  readonly bytes: number;
  /** Which key its parts are encrypted with. */
  readonly keyId?: string;
}

/** A table at the cut. */
export interface ManifestTable extends VersionMark {
  readonly name: string;
  readonly status: string;
  readonly baseVersion: number;
  readonly numFiles: number;
  /** When all of its rows were last made from a log, in milliseconds; absent for never. */
  readonly rowsSince?: number;
  /** Transactions that made versions up to this one may be missing; absent where none are. */
  readonly forgottenVersion?: number;
  readonly firstUnpublished?: number;
  /** Rows up to this version are in the backups before; absent where this backup has all of them. */
  readonly after?: number;
}

export interface ManifestPart {
  /** Within the folder of the backup. */
  readonly name: string;
  readonly set: string;
  readonly rows: number;
  /** Bytes of the object, and SHA-256 (hex) of them. */
  readonly bytes: number;
  readonly sha256: string;
}

export function sha256Of(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex");
}

/** Names of objects are part of what is sealed: a part cannot take the place of another, nor that of another backup. */
export function partKey(backupId: string, part: string): string {
  return `${backupId}/${part}`;
}

/** The commit point of a backup. @throws LakeError conflict when there is a manifest of this id */
export async function putManifest(place: BackupPlace, manifest: Manifest): Promise<void> {
  const mac = place.mac?.(canonicalBytes(manifest));
  const text = stringifyJson({ sha256: digestOf(manifest), ...(mac === undefined ? {} : { mac }), manifest });
  const put = await place.store.putIfAbsent(
    partKey(manifest.backupId, MANIFEST),
    new TextEncoder().encode(`${text}\n`),
  );
  if (put === "created") return;
  const there = await getManifest(place, manifest.backupId);
  if (there !== undefined && digestOf(there) === digestOf(manifest)) return;
  throw new LakeError("conflict", `there is a backup ${manifest.backupId} already`, { code: "BACKUP_EXISTS" });
}

/** undefined where there is no such backup. @throws LakeError corrupt BACKUP_DAMAGED; invalid BACKUP_FORMAT */
export async function getManifest(place: BackupPlace, backupId: string): Promise<Manifest | undefined> {
  const key = partKey(backupId, MANIFEST);
  const found = await place.store.get(key);
  if (found === undefined) return undefined;
  const { manifest, mac } = parsed(key, found.bytes);
  if (manifest.format !== BACKUP_FORMAT) {
    throw new LakeError("invalid", `the backup ${backupId} has the format ${manifest.format}`, {
      code: "BACKUP_FORMAT",
      hint: `This release reads format ${BACKUP_FORMAT}: use a newer one.`,
    });
  }
  if (manifest.keyId !== undefined && manifest.keyId === place.keyId) {
    if (mac !== place.mac?.(canonicalBytes(manifest))) throw damaged(key, "was not written by a holder of the key");
  }
  if (manifest.backupId !== backupId) throw damaged(key, `is the manifest of the backup ${manifest.backupId}`);
  return manifest;
}

function parsed(key: string, bytes: Uint8Array): { readonly manifest: Manifest; readonly mac: unknown } {
  try {
    const value = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (isJsonObject(value) && isJsonObject(value.manifest) && value.sha256 === digestOf(value.manifest)) {
      return { manifest: value.manifest as unknown as Manifest, mac: value.mac };
    }
  } catch (error) {
    if (isLakeError(error)) throw error;
  }
  throw damaged(key, "is not as it was written: its checksum differs");
}

/** SHA-256 (hex) of the manifest, whatever the order of its members. */
function digestOf(manifest: object): string {
  return sha256Of(canonicalBytes(manifest));
}

function canonicalBytes(manifest: object): Uint8Array {
  return new TextEncoder().encode(canonicalJson(manifest));
}

/** That the key is the one that the backup was made with. @throws LakeError invalid: BACKUP_KEY_MISSING, BACKUP_KEY_WRONG */
export function checkKey({ keyId }: BackupPlace, { backupId, keyId: wanted }: Manifest): void {
  if (keyId === wanted) return;
  if (wanted === undefined) {
    throw invalid(`the backup ${backupId} is not encrypted, and a key is given`, {
      code: "BACKUP_KEY_WRONG",
      hint: "Leave the key out, if you trust whoever could have put this backup there.",
    });
  }
  throw invalid(`the backup ${backupId} is encrypted with the key ${wanted}, and ${keyId ?? "none"} is given`, {
    code: keyId === undefined ? "BACKUP_KEY_MISSING" : "BACKUP_KEY_WRONG",
    hint: "Give that key by --key-file or DL_BACKUP_KEY.",
  });
}

export function damaged(key: string, why: string): LakeError {
  return new LakeError("corrupt", `${key} ${why}`, {
    code: "BACKUP_DAMAGED",
    hint: "Restore an earlier backup (`dl backup list`), and make a full one now.",
    facts: { key },
  });
}

/** The bytes of a part, checked. @throws LakeError corrupt BACKUP_DAMAGED */
export async function getPart(place: BackupPlace, backupId: string, part: ManifestPart): Promise<Uint8Array> {
  const key = partKey(backupId, part.name);
  const found = await place.store.get(key);
  if (found === undefined) throw damaged(key, "is missing");
  if (found.bytes.length !== part.bytes || sha256Of(found.bytes) !== part.sha256) {
    throw damaged(key, "is not as it was written: its checksum differs");
  }
  return found.bytes;
}
