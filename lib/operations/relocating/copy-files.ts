/** The files of a table that moves: SQL knows which ones retained versions need, and they are copied a few at a time. */

import { BoundedMap } from "../../bounded-map.ts";
import { deletionVectorEnd, deletionVectorPath, keyInTable } from "../../delta/files/file-places.ts";
import { isRelative } from "../../delta/files/paths.ts";
import { invalid, LakeError } from "../../errors.ts";
import type { DataFiles, Lake, NeededFile } from "../../ports.ts";
import { pages } from "../checkpoint.ts";
import type { OnProgress } from "../import-rows.ts";
import { inTurn } from "../in-turn.ts";

/** A table on its way. */
export interface Moving {
  readonly lake: Lake;
  readonly tableId: string;
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly source: DataFiles;
  readonly target: DataFiles;
  /** Versions below it may lack files. */
  readonly floor: number;
}

export interface FilesMoved {
  /** Data files, deletion vectors and change data at the place of the table. */
  readonly files: number;
  /** Of those that were copied; before that, as far as SQL knows sizes. */
  readonly bytes: bigint;
  /** How many of them were not at the new place already. */
  readonly copied: number;
  /** Named by an absolute path elsewhere: they stay where they are. */
  readonly outside: number;
  /** Not there, and needed by older versions alone. */
  readonly missing: number;
}

export const NOTHING_MOVED: FilesMoved = { files: 0, bytes: 0n, copied: 0, outside: 0, missing: 0 };

/** Each holds a few megabytes. */
const AT_ONCE = 8;
const PAGE = 1000;
/** Bounds the memory of what is not asked for again; more than that costs a question each. */
const MAX_KNOWN = 200_000;

interface OneFile {
  readonly key: string;
  readonly isLive: boolean;
  /** As actions say it. */
  readonly bytes: bigint;
}

/** @throws LakeError invalid PATHS_ABSOLUTE */
export async function countFiles(moving: Moving, onProgress: OnProgress): Promise<FilesMoved> {
  let counted = NOTHING_MOVED;
  for await (const { files, outside } of batches(moving, -1)) {
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0n);
    counted = {
      ...counted,
      files: counted.files + files.length,
      bytes: counted.bytes + bytes,
      outside: counted.outside + outside,
    };
    onProgress({ phase: "looking", done: counted.files });
  }
  return counted;
}

/**
 * Copies what came after a version. A file that is there with the same size is the same: names of data files are given once.
 * @param options.limitBytes undefined is the answer, and nothing is copied, where there is more
 * @throws LakeError invalid PATHS_ABSOLUTE; conflict LOCATION_NOT_EMPTY; corrupt FILE_NOT_FOUND; unavailable
 */
export async function copyFiles(
  moving: Moving,
  options: {
    readonly after: number;
    readonly limitBytes?: number | undefined;
    readonly total: number;
    readonly onProgress: OnProgress;
  },
): Promise<FilesMoved | undefined> {
  const { after, limitBytes = Number.POSITIVE_INFINITY, total, onProgress } = options;
  const moved = { ...NOTHING_MOVED };
  let announced = 0n;
  for await (const { files, outside } of batches(moving, after)) {
    announced += files.reduce((sum, file) => sum + file.bytes, 0n);
    if (announced > limitBytes) return undefined;
    moved.outside += outside;
    await inTurn(files, AT_ONCE, async (file) => {
      const { status, bytes } = await copyOne(moving, file);
      moved.files += 1;
      if (status === "missing") moved.missing += 1;
      if (status === "copied") moved.copied += 1;
      if (status === "copied") moved.bytes += BigInt(bytes);
      onProgress({ phase: "files", done: moved.files, total: Math.max(total, moved.files) });
    });
  }
  return moved;
}

async function copyOne(
  { source, target, from, to, name }: Moving,
  { key, isLive }: OneFile,
): Promise<{ readonly status: "copied" | "there" | "missing"; readonly bytes: number }> {
  const [size, there] = await Promise.all([source.sizeOf(key), target.sizeOf(key)]);
  if (size === undefined) {
    if (there !== undefined) return { status: "there", bytes: there };
    if (!isLive) return { status: "missing", bytes: 0 };
    throw new LakeError("corrupt", `a file of "${name}" is not there: ${key}`, {
      code: "FILE_NOT_FOUND",
      at: `${from}/${key}`,
      hint: "Nothing has moved. Put the file back, or remove it from the table, and run it again.",
    });
  }
  if (there === undefined && (await target.add(key, source.read(key, size))) === "created") {
    return { status: "copied", bytes: size };
  }
  const now = there ?? (await target.sizeOf(key));
  if (now === size) return { status: "there", bytes: size };
  throw new LakeError("conflict", `there is another file at ${to}/${key}: it has ${now} bytes, not ${size}`, {
    code: "LOCATION_NOT_EMPTY",
    hint: "Nothing has moved. Remove that file, or choose an empty place.",
  });
}

interface Batch {
  readonly files: readonly OneFile[];
  readonly outside: number;
}

async function* batches(moving: Moving, after: number): AsyncGenerator<Batch> {
  const { lake, tableId, floor } = moving;
  const known = new BoundedMap<string, true>(MAX_KNOWN);
  for await (const items of pages((at) => lake.catalog.neededFiles(tableId, { ...at, after, floor, limit: PAGE }))) {
    const files: OneFile[] = [];
    let outside = 0;
    for (const item of items) {
      for (const { path, bytes } of pathsOf(item)) {
        const key = keyHere(moving, path);
        if (key === undefined) outside += 1;
        else if (known.get(key) === undefined) {
          known.set(key, true);
          files.push({ key, bytes, isLive: item.isLive });
        }
      }
    }
    yield { files, outside };
  }
}

function pathsOf({ path, size = 0, deletionVector }: NeededFile): readonly { path: string; bytes: bigint }[] {
  const data = { path, bytes: BigInt(size) };
  const vector = deletionVector && deletionVectorPath(deletionVector);
  if (deletionVector === undefined || vector === undefined) return [data];
  return [data, { path: vector, bytes: deletionVectorEnd(deletionVector) }];
}

/**
 * Versions are written as they are, so an absolute path goes on naming the old place, and at the new one it is another file than the
 * relative path that SQL compares it with.
 */
function keyHere({ name, from, to }: Moving, path: string): string | undefined {
  const key = keyInTable(from, path);
  const isAbsolute = !isRelative(path);
  if (!isAbsolute || (key === undefined && keyInTable(to, path) === undefined)) return key;
  throw invalid(`versions of "${name}" name files of ${key === undefined ? to : from} by absolute paths: "${path}"`, {
    code: "PATHS_ABSOLUTE",
    hint: "Such a table cannot move. Rewrite these files, and let history go on until no retained version names the old ones (dl vacuum, dl trim-history); or write a new table from this one.",
  });
}
