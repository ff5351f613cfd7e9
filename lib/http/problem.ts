/** Errors as RFC 9457 problem details: from the reaction that a LakeError asks for to an HTTP status. Never shows a stack. */

import type { TableConflict } from "../delta/request.ts";
import { isRawNumber, stringifyJson } from "../delta/values/json.ts";
import { type ErrorKind, HTTP_STATUS, isLakeError, LakeError } from "../errors.ts";
import { CONFLICT_HINT, conflictSentence } from "../wire/conflict-text.ts";

/** An unavailable database or lock is worth a quick second try. */
const RETRY_SOON_SECONDS = 1;
/** By code: a cluster that wakes up takes its time, and so does a mirror with thousands of versions before it. */
const RETRY_AFTER_SECONDS: Readonly<Record<string, number>> = { DATABASE_RESUMING: 5, MIRROR_BACKLOG_FULL: 5 };

const TITLES: Readonly<Record<ErrorKind, string>> = {
  invalid: "The request is not valid",
  unauthenticated: "Not authenticated",
  forbidden: "Not allowed",
  notFound: "Not found",
  conflict: "Conflict",
  unavailable: "Not available now",
  corrupt: "Stored data is damaged",
  internal: "Internal error",
};

/** Codes with a status of their own. */
const BY_CODE: Readonly<Record<string, { readonly status: number; readonly title: string }>> = {
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: "The transactionId was used before" },
  METHOD_NOT_ALLOWED: { status: 405, title: "Method not allowed" },
  NOT_ACCEPTABLE: { status: 406, title: "Not acceptable" },
  BODY_TOO_LARGE: { status: 413, title: "The body is too large" },
  HOST_NOT_ALLOWED: { status: 421, title: "Misdirected request" },
  CALLER_LIMIT_REACHED: { status: 429, title: "Too many requests" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: "Unsupported media type" },
};

/** Called with every error that the client cannot cause; the id is in the answer, too. */
export type OnIncident = (error: unknown, incident: string) => void;

/** Members that facts must not replace. */
const OWN_MEMBERS = new Set(["type", "title", "status", "detail", "code", "pointer", "hint", "incident"]);

export interface ProblemOptions {
  readonly onIncident: OnIncident;
  /** Members that clients of another API look for. */
  readonly also?: (error: LakeError, status: number) => object;
}

/** The answer to a thrown value. */
export function problemResponse(
  thrown: unknown,
  newIncidentId: () => string,
  { onIncident, also }: ProblemOptions,
): Response {
  const error = isLakeError(thrown) ? thrown : new LakeError("internal", "something went wrong on our side");
  const { status, title } = BY_CODE[error.code] ?? { status: HTTP_STATUS[error.kind], title: TITLES[error.kind] };
  const facts = Object.entries(error.facts).filter(([name]) => !OWN_MEMBERS.has(name) && name !== "headers");
  const body: Record<string, unknown> = {
    type: `urn:deltalakedb:problem:${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    pointer: error.at,
    hint: error.hint,
    ...Object.fromEntries(facts),
    ...also?.(error, status),
  };
  if (status === 500) {
    const incident = newIncidentId();
    body.incident = incident;
    body.hint = error.hint ?? "The server's log has the details under this incident id.";
    onIncident(thrown, incident);
  }
  const headers: Record<string, string> = {};
  if (status === 503) {
    headers["retry-after"] = String(RETRY_AFTER_SECONDS[error.code] ?? RETRY_SOON_SECONDS);
  }
  if (status === 429) headers["retry-after"] = String(error.facts.retryAfterSeconds ?? RETRY_SOON_SECONDS);
  const challenge = challengeOf(error);
  if (challenge !== undefined) headers["www-authenticate"] = challenge;
  if (status === 405) headers.allow = String(error.facts.allow ?? "");
  return problem(status, body, headers);
}

/** How to come in (RFC 6750, section 3). */
function challengeOf({ kind, code }: LakeError): string | undefined {
  const realm = 'Bearer realm="deltalakedb"';
  if (code === "ACCESS_DENIED") return `${realm}, error="insufficient_scope"`;
  if (kind !== "unauthenticated") return undefined;
  return code === "UNAUTHENTICATED" ? realm : `${realm}, error="invalid_token"`;
}

/** A commit that lost is an expected outcome, not an error: it names every table and winner. */
export function conflictResponse(conflicts: readonly TableConflict[]): Response {
  const [first] = conflicts;
  const code = first?.code ?? "CONFLICT";
  return problem(409, {
    type: `urn:deltalakedb:problem:${code}`,
    title: "Another commit won",
    status: 409,
    detail: conflicts.map(conflictSentence).join("; "),
    code,
    hint: CONFLICT_HINT,
    conflicts,
  });
}

function problem(status: number, body: Record<string, unknown>, headers: Record<string, string> = {}): Response {
  return new Response(stringifyJson(bounded(body)), {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}

/** Characters of one text of a problem, and of all of it: what a request makes us quote may be longer. */
const TEXT_CHARACTERS = 20_000;
const ALL_CHARACTERS = 400_000;

/** The body without what is beyond the limits: texts are cut, lists end early, and `omitted` says how many items are not there. */
function bounded(body: Record<string, unknown>): Record<string, unknown> {
  let left = ALL_CHARACTERS;
  let omitted = 0;
  const within = (value: unknown): unknown => {
    if (typeof value === "string") {
      const text = value.length > TEXT_CHARACTERS ? `${value.slice(0, TEXT_CHARACTERS).toWellFormed()}…` : value;
      left -= text.length;
      return text;
    }
    if (typeof value !== "object" || value === null || isRawNumber(value)) {
      left -= 20;
      return value;
    }
    const kept: [string, unknown][] = [];
    for (const [name, item] of Object.entries(value)) {
      if (left <= 0) omitted += 1;
      else kept.push([name, within(item)]);
      left -= name.length;
    }
    return Array.isArray(value) ? kept.map(([, item]) => item) : Object.fromEntries(kept);
  };
  const kept = within(body) as Record<string, unknown>;
  return omitted === 0 ? kept : { ...kept, omitted };
}
