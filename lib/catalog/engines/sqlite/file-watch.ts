/**
 * Whether the files of an open database are still the ones at its path. SQLite goes on writing into a file that has been deleted
 * or replaced, and nobody would ever see what was committed there.
 */

import { statSync } from "node:fs";
import { LakeError } from "../../../errors.ts";

export interface FileWatch {
  /** A few microseconds. @throws LakeError unavailable: DATABASE_GONE, DATABASE_CHANGED */
  check(): void;
}

interface File {
  readonly path: string;
  /** undefined until it has been seen. */
  seen: { readonly dev: number; readonly ino: number } | undefined;
  hadContent: boolean;
}

/** The database, its write-ahead log and the index of that: while a connection is open, SQLite itself takes none of them away. */
const SUFFIXES = ["", "-wal", "-shm"];

/** Begins with what is there now. */
export function watchFiles(path: string): FileWatch {
  const files: readonly File[] = SUFFIXES.map((suffix) => ({
    path: path + suffix,
    seen: undefined,
    hadContent: false,
  }));
  function check(): void {
    for (const file of files) {
      const found = statSync(file.path, { throwIfNoEntry: false });
      const isEmpty = found === undefined || found.size === 0;
      if (file.path === path && file.hadContent && found !== undefined && isEmpty)
        throw gone(`${path} has been emptied`);
      file.hadContent ||= !isEmpty;
      if (file.seen === undefined) {
        if (found !== undefined) file.seen = { dev: found.dev, ino: found.ino };
        continue;
      }
      if (found === undefined) throw gone(`${file.path} has been deleted or moved away`);
      if (found.ino !== file.seen.ino || found.dev !== file.seen.dev) throw changed(file.path);
    }
  }
  return { check };
}

const HINT =
  "What is committed now would be lost, so nothing is. Put the file back, or stop the server, restore it from a backup, and start again.";

function gone(what: string): LakeError {
  return new LakeError("unavailable", `the database is gone: ${what}`, { code: "DATABASE_GONE", hint: HINT });
}

function changed(path: string): LakeError {
  return new LakeError(
    "unavailable",
    `the database has changed: ${path} is another file than the one that was opened`,
    {
      code: "DATABASE_CHANGED",
      hint: `${HINT} If the other file is meant, restart the server.`,
    },
  );
}
