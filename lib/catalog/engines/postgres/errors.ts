/** From SQLSTATE and errno to errors by reaction. Never looks at a message, never shows a password. */

import { type ErrorKind, LakeError } from "../../../errors.ts";

interface Reaction {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly says: string;
  readonly hint?: string;
}

const MIGRATE = "Run `dl migrate`.";

/** By SQLSTATE, or its class of two characters; https://www.postgresql.org/docs/current/errcodes-appendix.html */
const REACTIONS: Readonly<Record<string, Reaction>> = {
  "08": { kind: "unavailable", code: "DATABASE_UNAVAILABLE", says: "broke the connection" },
  "22003": { kind: "invalid", code: "INVALID_REQUEST", says: "refuses a number that does not fit into 64 bits" },
  "22021": { kind: "invalid", code: "INVALID_REQUEST", says: "refuses a text that is not UTF-8" },
  "22P05": { kind: "invalid", code: "INVALID_REQUEST", says: "refuses a character that it cannot store" },
  "23": { kind: "conflict", code: "CONSTRAINT_VIOLATED", says: "refuses rows that contradict each other" },
  "25001": {
    kind: "invalid",
    code: "DATABASE_ISOLATION",
    says: "runs statements under another isolation level than READ COMMITTED",
    hint: "Set default_transaction_isolation of the database or the user to 'read committed'.",
  },
  "25006": { kind: "unavailable", code: "DATABASE_READ_ONLY", says: "is read-only: a replica, or in a failover" },
  "25P03": {
    kind: "unavailable",
    code: "DATABASE_TRANSACTION_LOST",
    says: "gave up a transaction that was idle for too long",
  },
  "28": { kind: "invalid", code: "DATABASE_FORBIDDEN", says: "refuses this user", hint: "Check user and password." },
  "3D000": {
    kind: "invalid",
    code: "DATABASE_NOT_FOUND",
    says: "does not exist",
    hint: "Create it, or correct the URL.",
  },
  "40001": { kind: "unavailable", code: "DATABASE_BUSY", says: "gave up a transaction among too many at once" },
  "40P01": { kind: "unavailable", code: "DATABASE_BUSY", says: "gave up a transaction to end a deadlock" },
  "42501": { kind: "invalid", code: "DATABASE_FORBIDDEN", says: "does not let this user do that" },
  "42883": { kind: "invalid", code: "SCHEMA_OUTDATED", says: "lacks a function of the catalog", hint: MIGRATE },
  "42P01": { kind: "invalid", code: "SCHEMA_OUTDATED", says: "lacks a table of the catalog", hint: MIGRATE },
  "53": { kind: "unavailable", code: "DATABASE_OVERLOADED", says: "has run out of something" },
  "53100": { kind: "unavailable", code: "DISK_FULL", says: "has no room left on its disk" },
  "54": { kind: "invalid", code: "TOO_LARGE", says: "refuses a request that is too large" },
  "55P03": { kind: "unavailable", code: "DATABASE_BUSY", says: "did not give a lock in time" },
  "57": { kind: "unavailable", code: "DATABASE_UNAVAILABLE", says: "is shutting down or starting" },
  "57014": { kind: "unavailable", code: "DATABASE_TIMEOUT", says: "did not finish a statement in time" },
  "58": { kind: "unavailable", code: "DATABASE_IO_ERROR", says: "has trouble with its disk" },
  "58P01": {
    kind: "unavailable",
    code: "DATABASE_FILE_MISSING",
    says: "does not find a file of its own, such as the library of an extension",
    hint: "Look at the server's log: it names the file. What was to be loaded has to be installed, or a data file came to harm.",
  },
  DL001: {
    kind: "unavailable",
    code: "DATABASE_CHANGED",
    says: "holds another catalog than the one that this server began with",
    hint: "Nothing was written. If this is meant, restart the server; if not, bring the database back.",
  },
  XX: { kind: "corrupt", code: "DATABASE_CORRUPT", says: "reports damage" },
};

/** The SQLSTATE of an error that the server sent. */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  const isFromServer = typeof (error as { severity?: unknown } | null)?.severity === "string";
  return isFromServer && typeof code === "string" ? code : undefined;
}

/** Deadlocks and serialization failures: nothing was written, the same again may work. */
export function isTransient(state: string | undefined): boolean {
  return state === "40001" || state === "40P01";
}

/** A statement that was prepared is not there, or was already: something between us and the server shares its sessions. */
export function isLostStatement(state: string | undefined): boolean {
  return state === "26000" || state === "42P05";
}

/** The server ends the connection, or has ended it. (Severities would tell, but come in the language of the server.) */
const ENDS_CONNECTION = /^(?:08...|57P..|25P03)$/;

/** True when the server refused a statement and goes on with the connection; false when nobody knows what became of it. */
export function isRefusal(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && !ENDS_CONNECTION.test(state);
}

/** The answer to a statement that may have written was lost. */
export function outcomeUnknown({ message, code, facts, cause }: LakeError): LakeError {
  return new LakeError("unavailable", message, { code, facts, cause, hint: SEND_AGAIN });
}

const SEND_AGAIN = "It may have been written all the same: send the same request again, with the same transactionId.";

/** @param place host, port and database, without user and password */
export function postgresError(error: unknown, place: string): LakeError {
  if (error instanceof LakeError) return error;
  const state = sqlState(error);
  const detail = error instanceof Error ? error.message : String(error);
  if (state !== undefined) return stateError(state, detail, place, error);
  // From the network or the driver: errno, or no code at all when the server closed the connection.
  const errno = (error as { code?: unknown } | null)?.code;
  const why = typeof errno === "string" ? errno : detail;
  return new LakeError("unavailable", `the database ${place} cannot be reached: ${why}`, {
    code: "DATABASE_UNAVAILABLE",
    hint: "Check that it runs, that host and port are right, and that it speaks TLS as asked for: on another machine its certificate is checked, if database.ssl_mode or the URL does not say otherwise.",
    cause: error,
  });
}

/** What a refusal by the server means to the caller, over whichever protocol it came. */
export function stateError(state: string, detail: string, place: string, cause: unknown): LakeError {
  const reaction = REACTIONS[state] ?? REACTIONS[state.slice(0, 2)];
  if (reaction === undefined) {
    return new LakeError("internal", `the database ${place} refused a statement of the catalog: ${detail} (${state})`, {
      cause,
    });
  }
  return new LakeError(reaction.kind, `the database ${place} ${reaction.says}: ${detail} (${state})`, {
    code: reaction.code,
    ...(reaction.hint === undefined ? {} : { hint: reaction.hint }),
    facts: { sqlState: state },
    cause,
  });
}
