/** The one path of a folder: without symbolic links, and in the letters that the disk has for it. */

import { lstat, readdir, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { invalid } from "../errors.ts";

/** What is asked of the disk. */
export interface Disk {
  realpath(path: string): Promise<string>;
  /** Of the name itself, also where it is a link. */
  lstat(
    path: string,
  ): Promise<{ readonly dev: number | bigint; readonly ino: number | bigint; isSymbolicLink(): boolean }>;
  readdir(path: string): Promise<readonly string[]>;
}

const DISK: Disk = {
  realpath: (path) => realpath(path),
  // As bigint: an inode of NTFS or of a network may have more digits than a double.
  lstat: (path) => lstat(path, { bigint: true }),
  readdir: (path) => readdir(path),
};

/**
 * Resolves links in as much of the path as exists; what is missing keeps its letters.
 * @param path absolute
 * @throws LakeError invalid where a part of it cannot be a folder, or leads nowhere
 */
export async function realPath(path: string, disk: Disk = DISK): Promise<string> {
  const missing: string[] = [];
  for (let known = path; ; known = dirname(known)) {
    const real = await resolved(known, path, disk);
    if (real !== undefined) return join(await asOnDisk(real, disk), ...missing.reverse());
    if (dirname(known) === known) return path;
    missing.push(basename(known));
  }
}

/** What cannot be resolved, by code. Whoever guessed could take a place for another one than it is. */
const REFUSED: Readonly<Record<string, string>> = {
  ELOOP: "symbolic links run in a circle",
  ENOTDIR: "a part of the path is no folder",
  EACCES: "this user may not look into a folder above it",
  ENAMETOOLONG: "the name is too long for this file system",
};

/** undefined where there is nothing of this name. */
async function resolved(known: string, path: string, disk: Disk): Promise<string | undefined> {
  try {
    return await disk.realpath(known);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (code !== "ENOENT")
      throw unusable(path, REFUSED[code] ?? `the file system answered ${code} for ${known}`, error);
    // A link that leads nowhere now may lead anywhere later.
    const isLink = await disk.lstat(known).then(
      (found) => found.isSymbolicLink(),
      () => false,
    );
    if (isLink) throw unusable(path, `${known} is a symbolic link to a place that does not exist`, error);
    return undefined;
  }
}

function unusable(path: string, why: string, cause: unknown): Error {
  return invalid(`${path} cannot be a folder: ${why}`, {
    code: "INVALID_LOCATION",
    hint: "Name a folder that is there, or one that can be made.",
    cause,
  });
}

/** Where a file system takes several spellings for one name (case, Unicode forms), the one that it has stored. */
async function asOnDisk(path: string, disk: Disk): Promise<string> {
  const above = dirname(path);
  if (above === path) return path;
  return join(await asOnDisk(above, disk), await nameOnDisk(above, basename(path), disk));
}

async function nameOnDisk(folder: string, name: string, disk: Disk): Promise<string> {
  if (!(await hasOtherSpellings(folder, name, disk))) return name;
  const names = await disk.readdir(folder);
  return names.includes(name) ? name : (names.find((other) => folded(other) === folded(name)) ?? name);
}

async function hasOtherSpellings(folder: string, name: string, disk: Disk): Promise<boolean> {
  const others = [otherCase(name), name.normalize("NFC"), name.normalize("NFD")].filter((other) => other !== name);
  if (others.length === 0) return false;
  const idOf = (spelling: string) =>
    disk.lstat(join(folder, spelling)).then(
      ({ dev, ino }) => `${dev}:${ino}`,
      () => undefined,
    );
  const id = await idOf(name);
  for (const other of others) if (id !== undefined && (await idOf(other)) === id) return true;
  return false;
}

function otherCase(name: string): string {
  return name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
}

function folded(name: string): string {
  return name.normalize("NFC").toLowerCase();
}
