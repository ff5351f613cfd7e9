/**
 * Whether an open SQLite file is still what its writers have made of it, commit by commit. A restore through SQLite (`.restore`, the
 * backup API) moves the version of the schema. One past it (`cp`) SQLite does not notice: it goes on with the pages that it has in its
 * cache and its write-ahead log, on top of a file that is another one by now. The files are never opened here: to close one of them
 * would drop the locks that SQLite has on it.
 */

import { statSync } from "node:fs";
import { LakeError } from "../../../errors.ts";

export interface FileEpoch {
  /** Names what is in the file, as far as it has been looked at. */
  readonly name: string;
  /** Within a transaction, before anything is read in it. @throws LakeError unavailable DATABASE_CHANGED */
  look(versions: FileVersions): void;
  /** After a transaction of ours, which may have moved pages from the log into the file. */
  wrote(): void;
}

export interface FileVersions {
  /** `pragma schema_version` */
  readonly schema: number;
  /** `pragma data_version` of this connection: it moves when another one has committed. */
  readonly data: number;
}

interface Seen extends FileVersions {
  /** Size and time of the file; moved by checkpoints, and by whoever writes past SQLite. */
  readonly file: string;
}

/** Much longer than the checkpoint that another process makes after a commit. */
const CHECKPOINT_MS = 60_000;

export function watchEpoch(path: string): FileEpoch {
  // Distinct in every process: what one has seen says nothing to another.
  const process = crypto.randomUUID();
  let changes = 0;
  let seen: Seen | undefined;
  let othersAt = Number.NEGATIVE_INFINITY;
  let isOverwritten = false;
  return {
    get name() {
      return `${process}.${changes}`;
    },
    look(versions) {
      const now: Seen = { ...versions, file: fileState(path) };
      if (seen !== undefined) {
        if (seen.data !== now.data) othersAt = performance.now();
        const isMoved = seen.file !== now.file;
        // Nobody has committed who could have made a checkpoint.
        isOverwritten ||= isMoved && performance.now() - othersAt > CHECKPOINT_MS;
        if (isOverwritten) throw overwritten(path);
        // Another process's checkpoints, a few for a thousand of its commits, cannot be told from a copy in between.
        if (isMoved || seen.schema !== now.schema) changes += 1;
      }
      seen = now;
    },
    wrote() {
      if (seen) seen = { ...seen, file: fileState(path) };
    },
  };
}

function fileState(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? "" : `${stats.size} ${stats.mtimeNs}`;
}

function overwritten(path: string): LakeError {
  return new LakeError("unavailable", `the database has changed: something else than SQLite has written to ${path}`, {
    code: "DATABASE_CHANGED",
    hint: `Nothing was written. Stop the server, put ${path} back from a backup, remove ${path}-wal and ${path}-shm, and start again: tables that the backup is too old for take no commit until \`dl recover\` has brought them up to date.`,
  });
}
