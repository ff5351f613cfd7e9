/** Where tables may live: which places lie within which, and what no table's place may be. Pure; spellings are lake/location.ts's. */

import { invalid, isLakeError, LakeError } from "../../errors.ts";
import { COUNT } from "../limits.ts";
import { LOG_FOLDER } from "./log-files.ts";
import { percentDecode } from "./paths.ts";

/** `scheme://authority`; the path of the place follows. */
const AUTHORITY = /^[a-z][a-z0-9+.-]*:\/\/[^/]*/;

/**
 * Canonical locations are compared as texts: what lies within `L` begins with `L/`. In the order of bytes these are all texts
 * between `L/` and `L0`, since "0" follows "/".
 */
export function isWithin(inner: string, outer: string): boolean {
  return inner.startsWith(`${outer}/`);
}

/** Every place that holds this one, outermost first: of `s3://b/x/y` these are `s3://b` and `s3://b/x`. */
export function placesAbove(location: string): readonly string[] {
  const start = AUTHORITY.exec(location)?.[0].length ?? 0;
  const places: string[] = [];
  for (let i = location.indexOf("/", start); i >= 0; i = location.indexOf("/", i + 1))
    places.push(location.slice(0, i));
  return places.filter((place) => !place.endsWith("/"));
}

/** The names of the folders of a location, as the store has them: in a file URL they are percent-encoded, on S3 they are not. */
export function foldersOf(location: string): readonly string[] {
  const path = location.replace(AUTHORITY, "");
  const folders = path.split("/").filter((folder) => folder !== "");
  return location.startsWith("file:") ? folders.map((folder) => percentDecode(folder) ?? folder) : folders;
}

/**
 * What holds for the place of every table, whoever names it.
 * @param location canonical
 * @throws LakeError invalid INVALID_LOCATION
 */
export function checkTableLocation(location: string): void {
  const refuse = (why: string, hint: string) =>
    invalid(`${location} ${why}`, { at: "/location", code: "INVALID_LOCATION", hint });
  if (!isCanonical(location)) throw refuse("is no canonical location", "Let toLocation() make one of it.");
  const folders = foldersOf(location);
  if (folders.length > COUNT.folders) {
    throw refuse(
      `lies ${folders.length} folders deep, more than ${COUNT.folders}`,
      "Choose a place nearer to the root.",
    );
  }
  for (const folder of folders) {
    if (folder.toLowerCase() === LOG_FOLDER) {
      throw refuse(`lies in a ${LOG_FOLDER}`, "That folder belongs to a table: name a place outside of it.");
    }
    if (/\p{Cc}/u.test(folder)) throw refuse("has a control character in it", "Give the folder another name.");
    if (folder.includes("\\"))
      throw refuse('has a "\\" in it, which is a "/" to some programs', 'Write "/" between folders.');
    // Others who open the table may decode a name more often than we do: to them it would be a way out.
    const decoded = fullyDecoded(folder);
    if (decoded !== folder && (/\p{Cc}/u.test(decoded) || decoded.split(/[/\\]/).some(isDots))) {
      throw refuse(`has a folder "${folder}", which is "${decoded}" to whoever decodes it`, "Give it another name.");
    }
  }
}

/** For places of which one lies within the other. */
export function overlaps(location: string, other: { readonly name: string; readonly location: string }): LakeError {
  const [what, why] = isWithin(location, other.location)
    ? ["lies within", "What is in the folder of a table belongs to it: its VACUUM would delete the files of this one."]
    : ["holds", "What is in the folder of a table belongs to it: its VACUUM would delete the files of the other one."];
  return new LakeError("conflict", `${location} ${what} the table ${other.name}, at ${other.location}`, {
    code: "LOCATION_OVERLAPS",
    at: "/location",
    hint: `${why} Choose another location.`,
    facts: { name: other.name, location: other.location },
  });
}

/** Why a table cannot be where it was wanted: `by` lives there, around or within it. */
export function placeTaken(location: string, by: { readonly name: string; readonly location: string }): LakeError {
  if (by.location !== location) return overlaps(location, by);
  return new LakeError("conflict", `another table of this catalog lives at ${location}`, {
    code: "LOCATION_TAKEN",
    at: "/location",
    hint: "Two tables cannot share a folder: choose another location.",
  });
}

/** What a store has answered, as an answer about the place: trying again is of use only where the store was not there. */
export function cannotHold(location: string, error: unknown): unknown {
  if (!isLakeError(error)) return error;
  const { message, facts, hint } = error;
  const isAway = error.kind === "unavailable";
  return new LakeError(isAway ? "unavailable" : "invalid", `no table can be made at ${location}: ${message}`, {
    code: isAway ? error.code : "LOCATION_NOT_WRITABLE",
    at: "/location",
    facts,
    cause: error,
    ...(hint && { hint }),
  });
}

function isCanonical(location: string): boolean {
  const [, ...folders] = location.replace(AUTHORITY, "").split("/");
  const hasPlace = /^(?:s3:\/\/[^/]|file:\/\/\/[^/])/.test(location);
  return hasPlace && !folders.some((folder) => folder === "" || isDots(folder));
}

function isDots(folder: string): boolean {
  return folder === "." || folder === "..";
}

/** A folder that VACUUM passes over or empties, and readers do not look into: nothing is made there for a client. */
export function isHidden(folder: string): boolean {
  return folder.startsWith("_") || folder.startsWith(".");
}

/**
 * The folder of a table whose place nobody has named, below the storage: one for the namespace, one in it for the table. All are
 * two folders deep, and so none lies within another.
 * @param name `namespace.name`, of letters, digits, `_` and `-`; the namespace may have dots
 */
export function defaultFolder(name: string): string {
  const dot = name.lastIndexOf(".");
  return [name.slice(0, dot), name.slice(dot + 1)].map(visible).join("/");
}

/** `!` is in no table's name, and stands for itself everywhere. */
function visible(folder: string): string {
  return isHidden(folder) ? `!${folder}` : folder;
}

function fullyDecoded(folder: string): string {
  const decoded = percentDecode(folder);
  return decoded === undefined || decoded === folder ? folder : fullyDecoded(decoded);
}
