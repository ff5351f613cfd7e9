/** An object store on a local folder. Files appear whole or not at all, and have reached the disk when a write returns. */

import type { Dirent } from "node:fs";
import { type FileHandle, link, mkdir, open, readdir, rename, rm, stat, unlink, utimes } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { compareKeys } from "../delta/files/key-order.ts";
import { isLakeError, notFound } from "../errors.ts";
import type { Listing, ObjectBody, ObjectInfo, ObjectStore, PutOptions, RemoveFailure, Replacement } from "../ports.ts";
import { errorCode, fileError, isAbsent, noFolders, noHardLinks } from "./file-errors.ts";
import { folderSteps, type Step } from "./folder-steps.ts";
import { bodyChunks, checkKey, isTemporary, plainBytes } from "./keys.ts";
import { sweepTemporaries, withTemporaryIn } from "./temporaries.ts";

/** Calls in flight while a folder is listed, or files are removed. */
const CALLS_AT_ONCE = 64;

/** Answers of `link` where the file system lacks hard links. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/** Opens the store over a folder, which need not exist yet: the first write makes it. */
export function openFileStore(root: string): ObjectStore {
  const base = resolve(root);
  const step = folderSteps(base);
  const pathOf = (key: string): string => {
    checkKey(key);
    return join(base, key);
  };
  return {
    list: (prefix, { startAfter = "", keyIsEnough = () => false } = {}) => {
      const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
      if (folder !== "") checkKey(folder.slice(0, -1));
      return listFolder(step, base, folder, { prefix, startAfter, keyIsEnough });
    },
    listFolders: (prefix) => foldersBelow(step, base, prefix),
    head: async (key) => headFile(step, pathOf(key), key),
    get: async (key) => getFile(step, pathOf(key), key),
    getRange: async (key, start, end) => readRange(step, pathOf(key), key, start, end),
    putIfAbsent: async (key, body, options) => putIfAbsent(step, pathOf(key), body, options),
    put: async (key, body) => replaceFile(step, pathOf(key), body),
    removeIf: async (key, bytes) => withoutFile(step, pathOf(key), bytes, async () => true),
    replaceIf: async (key, change, options) => replaceFileIf(step, pathOf(key), change, options),
    remove: async (keys) => removeFiles(step, new Map(keys.map((key) => [key, pathOf(key)]))),
  };
}

/** Bytes of a file that is read in one call. */
const SMALL_FILE = 2 ** 20;

// ---------------------------------------------------------------- reading

interface Wanted extends Required<Listing> {
  readonly prefix: string;
}

/**
 * Objects below a folder, each folder read once. A folder sorts as its name with "/", which makes the walk yield all keys
 * in the order of their bytes without holding them.
 */
async function* listFolder(step: Step, base: string, folder: string, wanted: Wanted): AsyncGenerator<ObjectInfo> {
  const entries = await readFolder(step, join(base, folder));
  const keys = entries
    .filter((entry) => !isTemporary(entry.name))
    .map((entry) => ({
      key: `${folder}${entry.name}${entry.isDirectory() ? "/" : ""}`,
      isFolder: entry.isDirectory(),
      isFile: entry.isFile(),
    }))
    .filter(({ key, isFolder }) => mayMatch(key, isFolder, wanted))
    .sort((a, b) => compareKeys(a.key, b.key));
  for (let i = 0; i < keys.length; i += CALLS_AT_ONCE) {
    const batch = keys.slice(i, i + CALLS_AT_ONCE);
    const infos = await Promise.all(
      batch.map(({ key, isFolder, isFile }) => {
        if (isFile && wanted.keyIsEnough(key)) return { key, size: 0, modifiedAt: 0 };
        return isFolder ? undefined : headFile(step, join(base, key), key);
      }),
    );
    for (const [j, { key, isFolder }] of batch.entries()) {
      const info = infos[j];
      if (isFolder) yield* listFolder(step, base, key, wanted);
      else if (info) yield info;
    }
  }
}

async function* foldersBelow(step: Step, base: string, prefix: string): AsyncGenerator<string> {
  if (prefix !== "") checkKey(prefix.slice(0, -1));
  const entries = await readFolder(step, join(base, prefix));
  yield* entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** True for a file that is asked for, or a folder that may hold some. */
function mayMatch(key: string, isFolder: boolean, { prefix, startAfter }: Wanted): boolean {
  const inPrefix = key.startsWith(prefix) || (isFolder && prefix.startsWith(key));
  const after = compareKeys(key, startAfter) > 0 || (isFolder && startAfter.startsWith(key));
  return inPrefix && after;
}

async function readFolder(step: Step, path: string): Promise<Dirent[]> {
  try {
    return await step(() => readdir(path, { withFileTypes: true }));
  } catch (error) {
    if (isAbsent(error)) return [];
    throw fileError(error, "list", path);
  }
}

async function headFile(step: Step, path: string, key: string): Promise<ObjectInfo | undefined> {
  try {
    const stats = await step(() => stat(path));
    return stats.isFile() ? infoOf(key, stats) : undefined;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw fileError(error, "read", path);
  }
}

function infoOf(key: string, stats: { readonly size: number; readonly mtimeMs: number }): ObjectInfo {
  return { key, size: stats.size, modifiedAt: Math.floor(stats.mtimeMs) };
}

/** Runs `read` on the open file; undefined when there is none. */
async function withFile<T>(step: Step, path: string, read: (file: FileHandle) => Promise<T>): Promise<T | undefined> {
  let file: FileHandle;
  try {
    file = await step(() => open(path, "r"), closeLate);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw fileError(error, "read", path);
  }
  try {
    return await read(file);
  } catch (error) {
    if (errorCode(error) === "EISDIR") return undefined;
    throw fileError(error, "read", path);
  } finally {
    await step(() => file.close());
  }
}

/** A small file is four calls: each is a way to a thread and back, which costs more than the call itself. */
function getFile(step: Step, path: string, key: string): ReturnType<ObjectStore["get"]> {
  return withFile(step, path, async (file) => {
    // Before the bytes, as it says how many there are: a file is never changed in place, so both belong to one state of it.
    const stats = await step(() => file.stat());
    const isSmall = stats.size > 0 && stats.size <= SMALL_FILE;
    const bytes = isSmall ? await readBytes(step, file, 0, stats.size) : await step(() => file.readFile());
    return { bytes: plainBytes(bytes), info: { ...infoOf(key, stats), size: bytes.length } };
  });
}

async function readRange(step: Step, path: string, key: string, start: number, end: number): Promise<Uint8Array> {
  const bytes = await withFile(step, path, (file) => readBytes(step, file, start, end));
  if (bytes === undefined) throw notFound(`there is no file ${path}`, { facts: { key } });
  return plainBytes(bytes);
}

/** Fewer than asked for where the file ends before. */
async function readBytes(step: Step, file: FileHandle, start: number, end: number): Promise<Buffer> {
  const buffer = Buffer.alloc(Math.max(0, end - start));
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await step(() => file.read(buffer, filled, buffer.length - filled, start + filled));
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

// ---------------------------------------------------------------- writing

/**
 * `link` is the commit point: it makes the finished file visible under its name, or answers that the name is taken. What
 * comes before it leaves at most a temporary file that no listing shows.
 */
async function putIfAbsent(
  step: Step,
  path: string,
  body: ObjectBody,
  { modifiedAt }: PutOptions = {},
): Promise<"created" | "exists"> {
  return withTemporary(step, path, body, async (temporary) => {
    try {
      if (modifiedAt !== undefined) await setTime(step, temporary, modifiedAt);
      await step(() => link(temporary, path));
    } catch (error) {
      const code = errorCode(error) ?? "";
      if (code === "EEXIST") return "exists";
      throw NO_LINKS.has(code) ? noHardLinks(error, path) : error;
    }
    await flushFolder(step, dirname(path));
    return "created";
  });
}

/** Before the file has its name, so that nobody sees it with another time. */
async function setTime(step: Step, path: string, ms: number): Promise<void> {
  // A fraction of a millisecond more: seconds with a fraction are inexact, and readers round down.
  const seconds = (ms + 0.05) / 1000;
  await step(() => utimes(path, seconds, seconds));
}

async function replaceFile(step: Step, path: string, body: ObjectBody): Promise<void> {
  await withTemporary(step, path, body, async (temporary) => {
    await step(() => rename(temporary, path));
    await flushFolder(step, dirname(path));
  });
}

async function replaceFileIf(
  step: Step,
  path: string,
  { from, to }: Replacement,
  options: PutOptions = {},
): Promise<boolean> {
  return withoutFile(step, path, from, async () => (await putIfAbsent(step, path, to, options)) === "created");
}

/**
 * Takes a file that holds these bytes its name away, and then does what is to be done in its place. What turns out to be another
 * file gets the name back.
 */
async function withoutFile(
  step: Step,
  path: string,
  bytes: Uint8Array,
  then: () => Promise<boolean>,
): Promise<boolean> {
  const isWanted = async (at: string) => {
    const found = await getFile(step, at, path);
    return found !== undefined && Buffer.compare(found.bytes, bytes) === 0;
  };
  if (!(await isWanted(path))) return false;
  const folder = dirname(path);
  const gone = await withTemporaryIn(folder, async (temporary) => {
    try {
      await step(() => rename(path, temporary));
      const wanted = await isWanted(temporary);
      if (!wanted) await step(() => link(temporary, path));
      await step(() => rm(temporary, { force: true }));
      await flushFolder(step, folder);
      return wanted;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw fileError(error, "write", path);
    }
  });
  return gone && then();
}

async function removeFiles(step: Step, paths: ReadonlyMap<string, string>): Promise<RemoveFailure[]> {
  const files = [...paths];
  const failed: RemoveFailure[] = [];
  for (let i = 0; i < files.length; i += CALLS_AT_ONCE) {
    const batch = files.slice(i, i + CALLS_AT_ONCE);
    const changed = new Set<string>();
    await Promise.all(
      batch.map(async ([key, path]) => {
        const outcome = await removeFile(step, key, path);
        if (outcome === "removed") changed.add(dirname(path));
        else if (outcome !== "absent") failed.push(outcome);
      }),
    );
    // Whoever remembers that they are gone must not find them again after a power cut.
    for (const folder of changed) await flushFolder(step, folder);
  }
  return failed;
}

async function removeFile(step: Step, key: string, path: string): Promise<RemoveFailure | "removed" | "absent"> {
  try {
    await step(() => unlink(path));
    return "removed";
  } catch (error) {
    if (isAbsent(error)) return "absent";
    const told = fileError(error, "remove", path);
    if (!isLakeError(told)) throw told;
    return { key, error: told };
  }
}

/** Writes the body to a temporary file beside the target, hands it to `publish`, and leaves nothing of it behind. */
async function withTemporary<T>(
  step: Step,
  path: string,
  body: ObjectBody,
  publish: (temporary: string) => Promise<T>,
): Promise<T> {
  const folder = dirname(path);
  return withTemporaryIn(folder, async (temporary) => {
    try {
      await makeFolder(step, folder);
      await sweepTemporaries(step, folder);
      await writeDurably(step, temporary, body);
      return await publish(temporary);
    } catch (error) {
      throw fileError(error, "write", path);
    } finally {
      // A failure to tidy up must hide neither the outcome nor the error.
      await step(() => rm(temporary, { force: true })).catch(() => undefined);
    }
  });
}

async function writeDurably(step: Step, path: string, body: ObjectBody): Promise<void> {
  const file = await step(() => open(path, "wx"), closeLate);
  try {
    for await (const chunk of bodyChunks(body)) await writeWhole(step, file, chunk);
    await step(() => file.sync());
  } finally {
    await step(() => file.close());
  }
}

async function writeWhole(step: Step, file: FileHandle, chunk: Uint8Array): Promise<void> {
  let written = 0;
  while (written < chunk.length) written += (await step(() => file.write(chunk, written))).bytesWritten;
}

/**
 * Makes missing folders, and makes sure that their names survive a power cut. Not by `recursive`, which never ends where the
 * system answers that a folder is not there and cannot be made, as below /proc.
 */
async function makeFolder(step: Step, folder: string): Promise<void> {
  if ((await makeOneFolder(step, folder)) === undefined) return;
  await makeFolder(step, dirname(folder));
  const missing = await makeOneFolder(step, folder);
  if (missing === undefined) return;
  // With the one above in place there can be none here; without it, somebody has just taken it away.
  throw (await isFolder(step, dirname(folder))) ? noFolders(folder, missing) : missing;
}

/** Resolves to the error when the folder above is missing. */
async function makeOneFolder(step: Step, folder: string): Promise<unknown> {
  try {
    await step(() => mkdir(folder));
  } catch (error) {
    if (errorCode(error) === "ENOENT" && dirname(folder) !== folder) return error;
    // What is there may be a folder, also where no other could be made (EROFS, EPERM).
    if (await isFolder(step, folder)) return undefined;
    throw error;
  }
  await flushFolder(step, dirname(folder));
  return undefined;
}

async function isFolder(step: Step, path: string): Promise<boolean> {
  return (await step(() => stat(path)).catch(() => undefined))?.isDirectory() === true;
}

async function flushFolder(step: Step, folder: string): Promise<void> {
  const file = await step(() => open(folder, "r"), closeLate);
  try {
    await step(() => file.sync());
  } catch (error) {
    // Windows and some network file systems cannot flush folders: the file itself is flushed already.
    if (!["EPERM", "EINVAL", "EISDIR", "ENOTSUP"].includes(errorCode(error) ?? "")) throw error;
  } finally {
    await step(() => file.close());
  }
}

/** A file that was opened after its time is nobody's. */
function closeLate(file: FileHandle): void {
  file.close().catch(() => undefined);
}
