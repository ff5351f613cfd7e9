/** Locations of tables: from what people write to `file:///…` or `s3://…`, and back to a folder or a place in a bucket. */

import { isAbsolute, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { TEXT } from "../delta/limits.ts";
import { invalid } from "../errors.ts";
import { realPath } from "./real-path.ts";

/** `s3a:` and `s3n:`, as Hadoop writes it, are `s3:`. */
const S3 = /^s3[an]?:/i;

/** By a count, not by a pattern: `/\/+$/` takes quadratic time on a text of slashes that do not end it. */
function withoutTrailingSlashes(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === "/") end -= 1;
  return text.slice(0, end);
}

/**
 * The canonical location: `file:///…` of the absolute path without symbolic links, in letters of the disk, or
 * `s3://bucket/prefix`. One folder has one location, whoever writes it how, and locations are compared as texts.
 * @param base folder or `s3://bucket/prefix` for relative paths; the working directory if absent
 * @throws LakeError invalid for any other storage
 */
export async function toLocation(path: string, base?: string): Promise<string> {
  if (path.length > TEXT.location) {
    throw invalid(`the location has ${path.length} characters, more than ${TEXT.location}`, {
      code: "INVALID_LOCATION",
    });
  }
  if (!path.isWellFormed()) throw invalid("the location is no Unicode text", { code: "INVALID_LOCATION" });
  if (S3.test(path)) return s3Location(path);
  if (base !== undefined && S3.test(base) && isRelative(path))
    return s3Location(`${withoutTrailingSlashes(base)}/${path}`);
  const absolute = /^file:/i.test(path) ? fromFileUrl(path) : fromPath(path, base);
  const location = withoutTrailingSlashes(fileUrl(await realPath(absolute)));
  if (location === "file:") throw invalid("the root folder cannot be a table", { code: "INVALID_LOCATION" });
  return location;
}

/** A place in a bucket; the prefix is without slashes around it, and empty for the whole bucket. */
export interface S3Prefix {
  readonly bucket: string;
  readonly prefix: string;
}

/** Where in S3 an `s3://…` location is; undefined for any other storage. @throws LakeError invalid */
export function fromS3Location(location: string): S3Prefix | undefined {
  if (!S3.test(location)) return undefined;
  const [bucket = "", ...segments] = withoutTrailingSlashes(location.replace(/^s3[an]?:\/\//i, "")).split("/");
  const unusable = segments.some((segment) => ["", ".", ".."].includes(segment)) || location.includes("\0");
  if (!/^[A-Za-z0-9][\w.-]*$/.test(bucket) || unusable) {
    throw invalid(`${location} is not a location on S3`, {
      code: "INVALID_LOCATION",
      hint: "Write s3://bucket/prefix, without empty or dot segments; letters stand for themselves, unencoded.",
    });
  }
  return { bucket, prefix: segments.join("/") };
}

const LONGEST_PREFIX = 900;

/** Names of buckets have small letters alone, and are the host of the URL, which has no case. */
function s3Location(url: string): string {
  const { bucket, prefix } = fromS3Location(url) as S3Prefix;
  if (Buffer.byteLength(prefix) > LONGEST_PREFIX) {
    throw invalid(`${url} has more than ${LONGEST_PREFIX} bytes after the bucket`, {
      code: "INVALID_LOCATION",
      hint: "Keys on S3 have at most 1024 bytes, of which the files of a table need some.",
    });
  }
  const location = `s3://${bucket.toLowerCase()}`;
  return prefix === "" ? location : `${location}/${prefix}`;
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

/** `file:/x`, as Hadoop writes it, is `file:///x`; `file://x/y` names a machine, which can only be this one. */
const FILE_URL = /^file:(?:\/\/(?:localhost)?(?=\/)|(?=\/(?!\/)))([^?#\\]*)$/i;

function fromFileUrl(url: string): string {
  const path = FILE_URL.exec(url)?.[1];
  try {
    if (path !== undefined && !/%00/.test(path)) return resolve(fileURLToPath(`file://${path}`));
  } catch {
    // A part of it is no percent-encoding, or hides a slash.
  }
  throw invalid(`${url} is not a file location`, {
    code: "INVALID_LOCATION",
    hint: "Write file:///absolute/path, percent-encoded, or a plain path.",
  });
}

/** With an encoding that is ours: what Node encodes has changed between its versions, and locations are compared as texts. */
function fileUrl(path: string): string {
  return pathToFileURL(path).href.replaceAll(/[^/]+/g, (part) => {
    const plain = decodeURIComponent(part);
    return plain === "file:" ? part : plain.replaceAll(ENCODED, percentEncoded);
  });
}

const ENCODED = /[^\w!$&'()*+,\-./:;=@]+/gu;

function percentEncoded(text: string): string {
  return encodeURIComponent(text).replaceAll("~", "%7E");
}

function unsupported(location: string): Error {
  const [scheme] = location.split(":");
  return invalid(`${location}: "${scheme}:" is no storage known here`, {
    code: "UNSUPPORTED_STORAGE",
    hint: "Give a folder, as a path or as file:///absolute/path, or s3://bucket/prefix.",
  });
}
