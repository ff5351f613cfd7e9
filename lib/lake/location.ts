/** Locations of tables on this machine: from what people write to `file:///…`, and back to a path. */

import { realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { invalid } from "../errors.ts";

/**
 * The location of a table: `file:///…` of the absolute path without symbolic links, so that one folder has one location.
 * @param base folder for relative paths; the working directory if absent
 * @throws LakeError invalid for storage that is not on this machine
 */
export async function toLocation(path: string, base?: string): Promise<string> {
  const absolute = /^file:/i.test(path) ? fromFileUrl(path) : fromPath(path, base);
  const real = await withoutLinks(absolute);
  const location = pathToFileURL(real).href.replace(/\/+$/, "");
  if (location === "file:") throw invalid("the root folder cannot be a table", { code: "INVALID_LOCATION" });
  return location;
}

/** The folder of a `file:///…` location. @throws LakeError invalid for any other storage */
export function fromLocation(location: string): string {
  if (/^file:/i.test(location)) return fromFileUrl(location);
  throw unsupported(location);
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
  const s3 = /^s3a?:/i.test(location);
  return invalid(
    s3 ? `${location} is on S3, and this lake is local` : `${location}: "${scheme}:" is no storage known here`,
    {
      code: "UNSUPPORTED_STORAGE",
      hint: s3
        ? "S3 storage comes with the AWS deployment; locally, give a folder."
        : "Give a folder, as a path or as file:///absolute/path.",
    },
  );
}

/** Resolves symbolic links in as much of the path as exists. */
async function withoutLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await withoutLinks(parent), basename(path));
  }
}
