/** From SQLite's result codes to errors by reaction. Never looks at a message. */

import { type ErrorKind, LakeError } from "../../../errors.ts";

/** Primary result codes, https://www.sqlite.org/rescode.html */
const PERM = 3;
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const TOOBIG = 18;
const CONSTRAINT = 19;
const AUTH = 23;
const NOTADB = 26;

interface Reaction {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly says: string;
  readonly hint?: string;
}

const REACTIONS: Readonly<Record<number, Reaction>> = {
  [PERM]: { kind: "invalid", code: "DATABASE_FORBIDDEN", says: "must not be opened by this user" },
  [BUSY]: { kind: "unavailable", code: "DATABASE_LOCKED", says: "is locked by another program", hint: "Try again." },
  [LOCKED]: { kind: "unavailable", code: "DATABASE_LOCKED", says: "is locked", hint: "Try again." },
  [READONLY]: { kind: "invalid", code: "DATABASE_READ_ONLY", says: "can only be read by this user" },
  [IOERR]: { kind: "unavailable", code: "DATABASE_IO_ERROR", says: "cannot be read or written by its disk" },
  [CORRUPT]: { kind: "corrupt", code: "DATABASE_CORRUPT", says: "is damaged", hint: "Restore it from a backup." },
  [FULL]: { kind: "unavailable", code: "DISK_FULL", says: "has no room left on its disk", hint: "Free some space." },
  [CANTOPEN]: {
    kind: "invalid",
    code: "DATABASE_NOT_FOUND",
    says: "cannot be opened",
    hint: "Check that it is a file, that its folder exists, and that this user may read and write both.",
  },
  [TOOBIG]: { kind: "invalid", code: "TOO_LARGE", says: "refuses a value that is too large" },
  [CONSTRAINT]: { kind: "conflict", code: "CONSTRAINT_VIOLATED", says: "refuses rows that contradict each other" },
  [AUTH]: { kind: "invalid", code: "DATABASE_FORBIDDEN", says: "must not be opened by this user" },
  [NOTADB]: {
    kind: "invalid",
    code: "NOT_A_DATABASE",
    says: "is not a SQLite database",
    hint: "Correct the path; nothing has been written to the file.",
  },
};

function primaryCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === "number" ? code & 0xff : undefined;
}

export function isBusy(error: unknown): boolean {
  return primaryCode(error) === BUSY;
}

export function sqliteError(error: unknown, path: string): unknown {
  if (error instanceof LakeError) return error;
  const code = primaryCode(error);
  if (code === undefined) return error;
  const reaction = REACTIONS[code];
  const detail = error instanceof Error ? error.message : String(error);
  if (reaction === undefined) {
    return new LakeError("internal", `SQLite refused a statement of the catalog ${path}: ${detail}`, { cause: error });
  }
  return new LakeError(reaction.kind, `the database ${path} ${reaction.says}: ${detail}`, {
    code: reaction.code,
    ...(reaction.hint === undefined ? {} : { hint: reaction.hint }),
    cause: error,
  });
}
