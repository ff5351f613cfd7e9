/** From error numbers of MySQL and MariaDB to errors by reaction. Never looks at a message, never shows a password. */

import { type ErrorKind, LakeError } from "../../../errors.ts";

interface Reaction {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly says: string;
  readonly hint?: string;
}

const FORBIDDEN: Reaction = { kind: "invalid", code: "DATABASE_FORBIDDEN", says: "does not let this user do that" };
const OVERLOADED: Reaction = { kind: "unavailable", code: "DATABASE_OVERLOADED", says: "has no connection left" };
const DEADLOCK: Reaction = {
  kind: "unavailable",
  code: "DATABASE_BUSY",
  says: "gave up a transaction among others at once",
};
const ENDING: Reaction = {
  kind: "unavailable",
  code: "DATABASE_UNAVAILABLE",
  says: "ends or has ended the connection",
};
const TIMEOUT: Reaction = {
  kind: "unavailable",
  code: "DATABASE_TIMEOUT",
  says: "did not finish a statement in time",
};
const CONSTRAINT: Reaction = {
  kind: "conflict",
  code: "CONSTRAINT_VIOLATED",
  says: "refuses rows that contradict each other",
};
const NUMBER: Reaction = {
  kind: "invalid",
  code: "INVALID_REQUEST",
  says: "refuses a number that does not fit into 64 bits",
};
const READ_ONLY: Reaction = {
  kind: "unavailable",
  code: "DATABASE_READ_ONLY",
  says: "is read-only: a replica, or in a failover",
};
const FULL: Reaction = { kind: "unavailable", code: "DISK_FULL", says: "has no room left" };
const DEFINED: Reaction = { kind: "conflict", code: "ALREADY_DEFINED", says: "has what is to be made" };
const LOST: Reaction = {
  kind: "unavailable",
  code: "DATABASE_TRANSACTION_LOST",
  says: "gave up a transaction that was idle for too long",
};
const CORRUPT: Reaction = { kind: "corrupt", code: "DATABASE_CORRUPT", says: "reports damage" };
const MIGRATE = "Run `dl migrate`.";

/** https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html, https://mariadb.com/kb/en/mariadb-error-code-reference/ */
const REACTIONS: Readonly<Record<number, Reaction>> = {
  1020: DEADLOCK,
  1021: FULL,
  1022: CONSTRAINT,
  1034: CORRUPT,
  1040: OVERLOADED,
  1041: { ...FULL, code: "DATABASE_OVERLOADED", says: "has run out of memory" },
  1044: FORBIDDEN,
  1045: { ...FORBIDDEN, says: "refuses this user", hint: "Check user and password." },
  1048: CONSTRAINT,
  1049: {
    kind: "invalid",
    code: "DATABASE_NOT_FOUND",
    says: "does not exist",
    hint: "Create it, or correct the URL.",
  },
  1050: DEFINED,
  1053: ENDING,
  1060: DEFINED,
  1061: DEFINED,
  1062: CONSTRAINT,
  1077: ENDING,
  1078: ENDING,
  1079: ENDING,
  1080: ENDING,
  1114: FULL,
  1142: FORBIDDEN,
  1143: FORBIDDEN,
  1146: { kind: "invalid", code: "SCHEMA_OUTDATED", says: "lacks a table of the catalog", hint: MIGRATE },
  1153: {
    kind: "invalid",
    code: "TOO_LARGE",
    says: "refuses a request that is too large",
    hint: "Raise max_allowed_packet of the server.",
  },
  1194: CORRUPT,
  1195: CORRUPT,
  1203: OVERLOADED,
  1205: { kind: "unavailable", code: "DATABASE_BUSY", says: "did not give a lock in time" },
  1213: DEADLOCK,
  1226: OVERLOADED,
  1227: FORBIDDEN,
  1264: NUMBER,
  1290: READ_ONLY,
  1304: DEFINED,
  1305: { kind: "unavailable", code: "ROUTINE_MISSING", says: "lacks a routine of the catalog", hint: MIGRATE },
  1317: TIMEOUT,
  1366: { kind: "invalid", code: "INVALID_REQUEST", says: "refuses a text that it cannot store" },
  1370: FORBIDDEN,
  1406: {
    kind: "invalid",
    code: "TOO_LARGE",
    says: "refuses a text that is too long",
    hint: "Names, places, ids of applications and names of domains have 700 characters at most on MySQL.",
  },
  1690: NUMBER,
  1698: { ...FORBIDDEN, says: "refuses this user", hint: "Check user and password." },
  1792: READ_ONLY,
  1836: READ_ONLY,
  1927: ENDING,
  1969: TIMEOUT,
  3024: TIMEOUT,
  3058: DEADLOCK,
  4031: LOST,
};

/** The number of an error that the server sent. */
export function serverError(error: unknown): number | undefined {
  const { errno, sqlState } = (error ?? {}) as { readonly errno?: unknown; readonly sqlState?: unknown };
  return typeof errno === "number" && errno > 0 && typeof sqlState === "string" ? errno : undefined;
}

/** Deadlocks: nothing was written, the same again may work. */
export function isTransient(error: unknown): boolean {
  return isDeadlock(serverError(error));
}

export function isDeadlock(number: number | undefined): boolean {
  return REACTIONS[number ?? 0] === DEADLOCK;
}

/** The server has no connection left, or is about to start or stop. */
export function isPassing(error: unknown): boolean {
  const reaction = REACTIONS[serverError(error) ?? 0];
  return reaction === OVERLOADED || reaction === ENDING;
}

/** True when the server refused a statement and goes on with the connection; false when nobody knows what became of it. */
export function isRefusal(error: unknown): boolean {
  const number = serverError(error);
  if (number === undefined || (error as { readonly fatal?: unknown }).fatal === true) return false;
  const reaction = REACTIONS[number];
  return reaction !== ENDING && reaction !== LOST;
}

/** The answer to a statement that may have written was lost. */
export function outcomeUnknown({ message, code, facts, cause }: LakeError): LakeError {
  return new LakeError("unavailable", message, { code, facts, cause, hint: SEND_AGAIN });
}

const SEND_AGAIN = "It may have been written all the same: send the same request again, with the same transactionId.";

/** @param place host, port and database, without user and password */
export function mysqlError(error: unknown, place: string): LakeError {
  if (error instanceof LakeError) return error;
  const number = serverError(error);
  const detail = error instanceof Error ? error.message : String(error);
  if (number === undefined) {
    const code = (error as { code?: unknown } | null)?.code;
    if (typeof code === "string" && code.startsWith("HANDSHAKE_")) {
      return new LakeError("unavailable", `the database ${place} and this process agree on no TLS: ${detail}`, {
        code: "DATABASE_UNAVAILABLE",
        hint: "On another machine its certificate is checked, if database.ssl_mode or ssl-mode in the URL does not say otherwise; ssl-ca names the authority.",
        cause: error,
      });
    }
    return new LakeError(
      "unavailable",
      `the database ${place} cannot be reached: ${typeof code === "string" ? code : detail}`,
      { code: "DATABASE_UNAVAILABLE", hint: "Check that it runs and that host and port are right.", cause: error },
    );
  }
  return numberError(number, detail, place, error);
}

/** What the number of an error that the server sent means to the caller. */
export function numberError(number: number, detail: string, place: string, cause: unknown): LakeError {
  const reaction = REACTIONS[number];
  if (reaction === undefined) {
    return new LakeError(
      "internal",
      `the database ${place} refused a statement of the catalog: ${detail} (${number})`,
      { cause },
    );
  }
  return new LakeError(reaction.kind, `the database ${place} ${reaction.says}: ${detail} (${number})`, {
    code: reaction.code,
    ...(reaction.hint === undefined ? {} : { hint: reaction.hint }),
    facts: { errno: number },
    cause,
  });
}
