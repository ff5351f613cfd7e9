/** The one error type of the product. Errors are sorted by how a caller should react, never by where they arose. */

/**
 * How a caller should react:
 * - `invalid`: the input is wrong; change it before sending it again (exit 1, or 64 for CLI usage).
 * - `unauthenticated`: prove who you are.
 * - `forbidden`: who you are, you may not do this.
 * - `notFound`: what was named does not exist.
 * - `conflict`: another commit won; read again and redo the work.
 * - `unavailable`: nothing is wrong with the request; try again later.
 * - `corrupt`: stored data contradicts itself or the Delta protocol; a person must look.
 * - `internal`: a defect of ours.
 */
export type ErrorKind =
  | "invalid"
  | "unauthenticated"
  | "forbidden"
  | "notFound"
  | "conflict"
  | "unavailable"
  | "corrupt"
  | "internal";

export interface ErrorDetails {
  /** Machine-readable class, Delta's own where it has one (`DELTA_CONCURRENT_APPEND`, …). */
  readonly code?: string;
  /** JSON pointer (RFC 6901) into the request, or a file and line: where the culprit is. */
  readonly at?: string;
  /** What the user can do about it, as one sentence. */
  readonly hint?: string;
  /** Further facts for machines: table, version, path … Must be JSON. */
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

export class LakeError extends Error {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly at: string | undefined;
  readonly hint: string | undefined;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(kind: ErrorKind, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "LakeError";
    this.kind = kind;
    this.code = details.code ?? DEFAULT_CODES[kind];
    this.at = details.at;
    this.hint = details.hint;
    this.facts = details.facts ?? {};
  }
}

/** The same error, found at another place; undefined for none. */
export function foundAt({ kind, message, code, hint, facts, cause }: LakeError, at: string | undefined): LakeError {
  const place = at === undefined ? {} : { at };
  return new LakeError(kind, message, {
    code,
    facts,
    ...(cause === undefined ? {} : { cause }),
    ...place,
    ...(hint && { hint }),
  });
}

/** How each is said over HTTP, where no code has a status of its own. */
export const HTTP_STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  notFound: 404,
  conflict: 409,
  unavailable: 503,
  corrupt: 500,
  internal: 500,
};

const DEFAULT_CODES: Record<ErrorKind, string> = {
  invalid: "INVALID_REQUEST",
  unauthenticated: "UNAUTHENTICATED",
  forbidden: "FORBIDDEN",
  notFound: "NOT_FOUND",
  conflict: "CONFLICT",
  unavailable: "UNAVAILABLE",
  corrupt: "CORRUPT",
  internal: "INTERNAL",
};

export function isLakeError(error: unknown, kind?: ErrorKind): error is LakeError {
  return error instanceof LakeError && (kind === undefined || error.kind === kind);
}

export function invalid(message: string, details: ErrorDetails = {}): LakeError {
  return new LakeError("invalid", message, details);
}

export function corrupt(message: string, details: ErrorDetails = {}): LakeError {
  return new LakeError("corrupt", message, details);
}

export function notFound(message: string, details: ErrorDetails = {}): LakeError {
  return new LakeError("notFound", message, details);
}

export function unavailable(message: string, details: ErrorDetails = {}): LakeError {
  return new LakeError("unavailable", message, details);
}

/** The text of an unknown thrown value, for `lastError` columns and logs. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
