/** Locations of tables: from what people write to `file:///…` or `s3://…`, and back to a folder or a place in a bucket. */

import { realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { TEXT } from "../delta/limits.ts";
import { invalid } from "../errors.ts";

const S3 = /^s3a?:/i;

/** By a count, not by a pattern: `/\/+$/` takes quadratic time on a text of slashes that do not end it. */
function withoutTrailingSlashes(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === "/") end -= 1;
  return text.slice(0, end);
}

/**
 * The location of a table: `file:///…` of the absolute path without symbolic links, or `s3://bucket/prefix`, so that one
 * folder has one location.
 * @param base folder or `s3://bucket/prefix` for relative paths; the working directory if absent
 * @throws LakeError invalid for any other storage
 */
export async function toLocation(path: string, base?: string): Promise<string> {
  if (path.length > TEXT.location) {
    throw invalid(`the location has ${path.length} characters, more than ${TEXT.location}`, {
      code: "INVALID_LOCATION",
    });
  }
  if (S3.test(path)) return s3Location(path);
  if (base !== undefined && S3.test(base) && isRelative(path))
    return s3Location(`${withoutTrailingSlashes(base)}/${path}`);
  const absolute = /^file:/i.test(path) ? fromFileUrl(path) : fromPath(path, base);
  const real = await withoutLinks(absolute);
  const location = withoutTrailingSlashes(pathToFileURL(real).href);
  if (location === "file:") throw invalid("the root folder cannot be a table", { code: "INVALID_LOCATION" });
  return location;
}

/**
 * The location of a table to be made: as given, below `storage` where it is relative, or named after the table.
 * @throws LakeError invalid
 */
export async function tableLocation(
  storage: string | undefined,
  location: string | undefined,
  tableName: string,
): Promise<string> {
  const relative = location === undefined || !/^(?:[a-z][a-z0-9+.-]*:|[/\\])/i.test(location);
  if (relative && storage === undefined) {
    throw invalid(location === undefined ? "no location is given" : `"${location}" is a relative location`, {
      at: "/location",
      code: "INVALID_LOCATION",
      hint: "Give file:///absolute/path or s3://bucket/prefix, or start the server with --storage.",
    });
  }
  return toLocation(location ?? join(...tableName.split(".")), storage);
}

/** A place in a bucket; the prefix is without slashes around it, and empty for the whole bucket. */
export interface S3Prefix {
  readonly bucket: string;
  readonly prefix: string;
}

/** Where in S3 an `s3://…` location is; undefined for any other storage. @throws LakeError invalid */
export function fromS3Location(location: string): S3Prefix | undefined {
  if (!S3.test(location)) return undefined;
  const [bucket = "", ...segments] = withoutTrailingSlashes(location.replace(/^s3a?:\/\//i, "")).split("/");
  const unusable = segments.some((segment) => ["", ".", ".."].includes(segment)) || location.includes("\0");
  if (!/^[A-Za-z0-9][\w.-]*$/.test(bucket) || unusable) {
    throw invalid(`${location} is not a location on S3`, {
      code: "INVALID_LOCATION",
      hint: "Write s3://bucket/prefix, without empty or dot segments; letters stand for themselves, unencoded.",
    });
  }
  return { bucket, prefix: segments.join("/") };
}

/** `s3a://`, as Hadoop writes it, is `s3://`. */
function s3Location(url: string): string {
  const { bucket, prefix } = fromS3Location(url) as S3Prefix;
  return prefix === "" ? `s3://${bucket}` : `s3://${bucket}/${prefix}`;
}

/** The folder of a `file:///…` location. @throws LakeError invalid for any other storage */
export function fromLocation(location: string): string {
  if (/^file:/i.test(location)) return fromFileUrl(location);
  throw unsupported(location);
}

function isRelative(path: string): boolean {
  return path !== "" && !/^[a-z][a-z0-9+.-]*:/i.test(path) && !isAbsolute(path);
}

function fromPath(path: string, base: string | undefined): string {
  // One letter before the colon is a drive of Windows.
  if (/^[a-z][a-z0-9+.-]+:/i.test(path)) throw unsupported(path);
  if (path === "") throw invalid("the location is empty", { code: "INVALID_LOCATION" });
  if (path.includes("\0")) throw invalid("the location holds a NUL character", { code: "INVALID_LOCATION" });
  return isAbsolute(path) ? resolve(path) : resolve(base ?? ".", path);
}

function fromFileUrl(url: string): string {
  try {
    // `file:/x`, as Hadoop writes it, is `file:///x`.
    return fileURLToPath(url.replace(/^file:\/*/i, "file:///"));
  } catch (error) {
    throw invalid(`${url} is not a file location`, {
      code: "INVALID_LOCATION",
      hint: "Write file:///absolute/path, percent-encoded, or a plain path.",
      cause: error,
    });
  }
}

function unsupported(location: string): Error {
  const [scheme] = location.split(":");
  return invalid(`${location}: "${scheme}:" is no storage known here`, {
    code: "UNSUPPORTED_STORAGE",
    hint: "Give a folder, as a path or as file:///absolute/path, or s3://bucket/prefix.",
  });
}

/** Resolves symbolic links in as much of the path as exists. */
async function withoutLinks(path: string): Promise<string> {
  const missing: string[] = [];
  for (let known = path; ; known = dirname(known)) {
    try {
      return join(await realpath(known), ...missing.reverse());
    } catch {
      if (dirname(known) === known) return path;
      missing.push(basename(known));
    }
  }
}
