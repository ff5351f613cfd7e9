/** Errors of the Data API: was the call executed, and how should the caller react. Never looks at a message but for its code. */

import { type ErrorKind, LakeError } from "../../../errors.ts";
import type { Flavour } from "./dialect.ts";

interface Reaction {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly says: string;
  readonly hint?: string;
}

const FORBIDDEN: Reaction = {
  kind: "invalid",
  code: "DATABASE_FORBIDDEN",
  says: "refuses this caller",
  hint: "Check the role's rights to rds-data and to the secret, and that the secret holds the user of the database.",
};
const UNAVAILABLE: Reaction = { kind: "unavailable", code: "DATABASE_UNAVAILABLE", says: "does not answer" };
const OVERLOADED: Reaction = { kind: "unavailable", code: "DATABASE_OVERLOADED", says: "gets too many calls" };
const NOT_FOUND: Reaction = {
  kind: "invalid",
  code: "DATABASE_NOT_FOUND",
  says: "does not exist",
  hint: "Check the ARN of the cluster and the name of the database.",
};

/** By the name of the exception. */
const REACTIONS: Readonly<Record<string, Reaction>> = {
  DatabaseResumingException: { kind: "unavailable", code: "DATABASE_RESUMING", says: "was paused and is resuming" },
  StatementTimeoutException: {
    kind: "unavailable",
    code: "DATABASE_TIMEOUT",
    says: "did not finish a statement in time",
  },
  TransactionNotFoundException: {
    kind: "unavailable",
    code: "DATABASE_TRANSACTION_LOST",
    says: "gave up a transaction, and wrote nothing of it",
  },
  ThrottlingException: OVERLOADED,
  TooManyRequestsException: OVERLOADED,
  DatabaseUnavailableException: UNAVAILABLE,
  ServiceUnavailableError: UNAVAILABLE,
  InternalServerErrorException: UNAVAILABLE,
  InvalidResourceStateException: UNAVAILABLE,
  DatabaseNotFoundException: NOT_FOUND,
  NotFoundException: NOT_FOUND,
  HttpEndpointNotEnabledException: {
    kind: "invalid",
    code: "DATA_API_DISABLED",
    says: "has no Data API",
    hint: "Turn on its HTTP endpoint.",
  },
  RequestEntityTooLargeException: { kind: "invalid", code: "TOO_LARGE", says: "refuses a request that is too large" },
  AccessDeniedException: FORBIDDEN,
  ForbiddenException: FORBIDDEN,
  SecretsErrorException: FORBIDDEN,
  InvalidSecretException: FORBIDDEN,
  CredentialsProviderError: FORBIDDEN,
  ExpiredTokenException: FORBIDDEN,
  InvalidSignatureException: FORBIDDEN,
  MissingAuthenticationTokenException: FORBIDDEN,
  UnrecognizedClientException: FORBIDDEN,
};

interface CallError {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly status: number | undefined;
}

function callError(error: unknown): CallError {
  const { name, message, code, $metadata } = error as {
    readonly name?: unknown;
    readonly message?: unknown;
    readonly code?: unknown;
    readonly $metadata?: { readonly httpStatusCode?: number };
  };
  return {
    name: typeof name === "string" ? name : "Error",
    message: typeof message === "string" ? message : String(error),
    code: typeof code === "string" ? code : undefined,
    status: $metadata?.httpStatusCode,
  };
}

/** For metrics and messages: the exception, or the errno of the network. */
export function errorName(error: unknown): string {
  const { name, code } = callError(error);
  return code ?? name;
}

/** The SQLSTATE, or MySQL's number of four digits, when the server of the database itself refused a statement. */
export function dataApiState(error: unknown): string | undefined {
  if (error instanceof LakeError) return undefined;
  const { message } = callError(error);
  return (/^Database error code: (\d{4})\b/.exec(message) ?? /SQLState:\s*([0-9A-Z]{5})/.exec(message))?.[1];
}

const NEVER_SENT = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"];
const NEVER_RUN = ["DatabaseResumingException", "ThrottlingException", "TooManyRequestsException"];

/**
 * What became of a call that failed: it was `notRun`; it was `refused`, which another attempt does not change; or nobody knows,
 * because the answer was lost or never came.
 */
export function fateOf(error: unknown): "notRun" | "refused" | "unknown" {
  const { name, code, status } = callError(error);
  if (NEVER_RUN.includes(name) || (code !== undefined && NEVER_SENT.includes(code))) return "notRun";
  const state = dataApiState(error);
  // The connection to the server broke, so nobody has its answer.
  if (state?.startsWith("08")) return "unknown";
  if (state !== undefined || name === "CredentialsProviderError") return "refused";
  return status === undefined || status >= 500 ? "unknown" : "refused";
}

/** @param place cluster and database */
export function dataApiError(error: unknown, flavour: Flavour, place: string): LakeError {
  if (error instanceof LakeError) return error;
  const state = dataApiState(error);
  const { name, message, status } = callError(error);
  if (state !== undefined) return flavour.stateError(state, message, place, error);
  const reaction = REACTIONS[name] ?? (status === undefined || status >= 500 ? UNAVAILABLE : undefined);
  if (reaction === undefined) {
    return new LakeError("internal", `the Data API refused a call to ${place}: ${message} (${name})`, { cause: error });
  }
  return new LakeError(reaction.kind, `the database ${place} ${reaction.says}: ${message} (${errorName(error)})`, {
    code: reaction.code,
    ...(reaction.hint === undefined ? {} : { hint: reaction.hint }),
    cause: error,
  });
}
