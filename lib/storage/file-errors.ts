/** Turns errors of the file system into errors of the product, by their codes. */

import { invalid, isLakeError, type LakeError, unavailable } from "../errors.ts";

/** Codes that mean: nothing is there. */
const ABSENT = new Set(["ENOENT", "ENOTDIR", "EISDIR", "ENAMETOOLONG"]);

export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

export function isAbsent(error: unknown): boolean {
  return ABSENT.has(errorCode(error) ?? "");
}

/** What a person can do, by code. `invalid`: trying again later is of no use. */
const ADVICE: Record<
  string,
  { readonly kind: "invalid" | "unavailable"; readonly what: string; readonly hint: string }
> = {
  ENOSPC: { kind: "unavailable", what: "the disk is full", hint: "Free some space and try again." },
  EDQUOT: { kind: "unavailable", what: "the disk quota is used up", hint: "Free some space and try again." },
  EMFILE: { kind: "unavailable", what: "too many files are open", hint: "Raise the limit (ulimit -n) or try again." },
  ENFILE: { kind: "unavailable", what: "too many files are open on this machine", hint: "Try again later." },
  EACCES: { kind: "invalid", what: "permission is denied", hint: "Give this user the right to read and write there." },
  EPERM: { kind: "invalid", what: "the system does not permit it", hint: "Check permissions and file attributes." },
  EROFS: { kind: "invalid", what: "the file system is read-only", hint: "Choose a folder that can be written." },
  EEXIST: { kind: "invalid", what: "there is a file where a folder is needed", hint: "Name a folder." },
  ENOTDIR: { kind: "invalid", what: "a part of the path is no folder", hint: "Name a folder." },
  EISDIR: { kind: "invalid", what: "a folder is there", hint: "Name a file." },
  ENAMETOOLONG: { kind: "invalid", what: "the name is too long for this file system", hint: "Use a shorter path." },
  ELOOP: { kind: "invalid", what: "symbolic links run in a circle", hint: "Repair the links." },
};

/** The LakeError of a failed file operation; a LakeError, or an error without a code, passes as it is. */
export function fileError(error: unknown, action: string, path: string): unknown {
  const code = errorCode(error);
  if (isLakeError(error) || code === undefined) return error;
  const advice = ADVICE[code];
  const details = { hint: advice?.hint ?? "Check the disk and try again.", facts: { path, errno: code }, cause: error };
  const message = `cannot ${action} ${path}: ${advice?.what ?? `the file system answered ${code}`}`;
  return advice?.kind === "invalid" ? invalid(message, details) : unavailable(message, details);
}

/** The system has no room for a folder there, as below /proc: no later attempt will change that. */
export function noFolders(folder: string, cause: unknown): LakeError {
  return invalid(`cannot make the folder ${folder}: no folders can be made in the one above it`, {
    hint: "Choose a place on a disk, not one that belongs to the system.",
    facts: { path: folder, errno: errorCode(cause) },
    cause,
  });
}

/** The file system cannot create a name atomically, which publishing needs. */
export function noHardLinks(error: unknown, path: string): LakeError {
  return invalid(`cannot publish ${path}: this file system has no hard links, so "create if absent" is not atomic`, {
    hint: "Put the table on a local file system (ext4, xfs, APFS, NTFS) or on S3.",
    facts: { path, errno: errorCode(error) },
    cause: error,
  });
}
