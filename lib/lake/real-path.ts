/** The one path of a folder: without symbolic links, and in the letters that the disk has for it. */

import { lstat, readdir, realpath } from "node:fs/promises";
import { basename, dirname, join, parse, sep } from "node:path";
import { invalid, isLakeError } from "../errors.ts";
import { folderSteps } from "../storage/folder-steps.ts";

/** What is asked of the disk. */
export interface Disk {
  realpath(path: string): Promise<string>;
  /** Of the name itself, also where it is a link. */
  lstat(path: string): Promise<{ readonly dev: number | bigint; readonly ino: number | bigint }>;
  readdir(path: string): Promise<readonly string[]>;
}

/** Each question with an end, as all steps in folders have one. */
function diskAt(path: string): Disk {
  const step = folderSteps(path);
  return {
    realpath: (place) => step(() => realpath(place)),
    // As bigint: an inode of NTFS or of a network may have more digits than a double.
    lstat: (place) => step(() => lstat(place, { bigint: true })),
    readdir: (place) => step(() => readdir(place)),
  };
}

/**
 * Resolves links in as much of the path as exists; what is missing keeps its letters.
 * @param path absolute, without dot segments
 * @throws LakeError invalid where a part of it cannot be a folder, or leads nowhere; unavailable where the disk does not answer
 */
export async function realPath(path: string, disk: Disk = diskAt(path)): Promise<string> {
  const { root } = parse(path);
  const names = path
    .slice(root.length)
    .split(sep)
    .filter((name) => name !== "");
  let known = root;
  let depth = 0;
  // From above: what lies below a missing folder is not asked for.
  for (const name of names) {
    const next = join(known, name);
    if (!(await isThere(next, path, disk))) break;
    known = next;
    depth += 1;
  }
  const real = await disk.realpath(known).catch((error: unknown) => {
    // A link that leads nowhere now may lead anywhere later.
    const leadsNowhere = codeOf(error) === "ENOENT";
    throw unusable(
      path,
      leadsNowhere ? `${known} is a symbolic link to a place that does not exist` : why(error),
      error,
    );
  });
  return join(await asOnDisk(real, disk), ...names.slice(depth));
}

/** Also true of a link that leads nowhere. */
async function isThere(place: string, path: string, disk: Disk): Promise<boolean> {
  try {
    await disk.lstat(place);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw unusable(path, why(error), error);
  }
}

/** What cannot be resolved, by code. Whoever guessed could take a place for another one than it is. */
const REFUSED: Readonly<Record<string, string>> = {
  ELOOP: "symbolic links run in a circle",
  ENOTDIR: "a part of the path is no folder",
  EACCES: "this user may not look into a folder above it",
  ENAMETOOLONG: "the name is too long for this file system",
};

function why(error: unknown): string {
  return REFUSED[codeOf(error)] ?? `the file system answered ${codeOf(error)}`;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "";
}

function unusable(path: string, why: string, cause: unknown): Error {
  if (isLakeError(cause)) return cause;
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
      (error: unknown) => {
        if (isLakeError(error)) throw error;
        return undefined;
      },
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
