/** What a failed call of the Data API means: by SQLSTATE where the database has spoken, else by the exception's name (design D11). */

import { LakeError } from "../../errors.ts";
import { postgresStateError } from "./postgres-errors.ts";

/**
 * - `waking`: the cluster resumes from a pause; nothing was executed.
 * - `refused`: throttled, or never reached; nothing was executed.
 * - `unsure`: no clear answer; the statement may have been executed, and committed.
 * - `transient`: a deadlock or serialization failure; nothing was written.
 * - `final`: the same call would fail again.
 */
export type DataApiFailure = "waking" | "refused" | "unsure" | "transient" | "final";

const BY_NAME: Readonly<Record<string, DataApiFailure>> = {
  DatabaseResumingException: "waking",
  ThrottlingException: "refused",
  TooManyRequestsException: "refused",
  StatementTimeoutException: "unsure",
  DatabaseUnavailableException: "unsure",
  ServiceUnavailableError: "unsure",
  InternalServerErrorException: "unsure",
  TimeoutError: "unsure",
};
const UNREACHED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);
const TRANSIENT = new Set(["40001", "40P01"]);

const GRANT =
  "The role needs rds-data:ExecuteStatement … on the cluster and secretsmanager:GetSecretValue on the secret.";
const ADVICE: Readonly<Record<string, readonly [code: string, hint: string]>> = {
  AccessDeniedException: ["DATABASE_FORBIDDEN", GRANT],
  ForbiddenException: ["DATABASE_FORBIDDEN", GRANT],
  SecretsErrorException: ["DATABASE_FORBIDDEN", "Check the secret's ARN, and that the role may read it."],
  InvalidSecretException: ["DATABASE_FORBIDDEN", "The secret must hold username and password of the database."],
  HttpEndpointNotEnabledException: ["DATABASE_NOT_FOUND", "Turn the Data API of the cluster on."],
  DatabaseNotFoundException: ["DATABASE_NOT_FOUND", "Check cluster ARN and database name."],
  CredentialsProviderError: ["DATABASE_FORBIDDEN", "Give AWS credentials: AWS_PROFILE, keys, or a role."],
};

/** The SQLSTATE that the Data API puts at the end of the database's message. */
export function stateOf(error: unknown): string | undefined {
  return error instanceof Error ? /SQLState:\s*([0-9A-Z]{5})/.exec(error.message)?.[1] : undefined;
}

export function dataApiFailure(error: unknown): DataApiFailure {
  const state = stateOf(error);
  if (state !== undefined) return TRANSIENT.has(state) ? "transient" : "final";
  const {
    name = "",
    code,
    $metadata,
  } = error as {
    name?: string;
    code?: string;
    $metadata?: { httpStatusCode?: number };
  };
  const known = BY_NAME[name];
  if (known !== undefined) return known;
  if (code !== undefined && UNREACHED.has(code)) return "refused";
  const status = $metadata?.httpStatusCode;
  if (status !== undefined && status >= 400 && status < 500) return "final";
  return "unsure";
}

/** @param place the cluster and database, for people */
export function dataApiError(error: unknown, place: string): LakeError {
  if (error instanceof LakeError) return error;
  const state = stateOf(error);
  const {
    name = "",
    message = String(error),
    $metadata,
  } = error as {
    name?: string;
    message?: string;
    $metadata?: { httpStatusCode?: number };
  };
  if (state !== undefined) return postgresStateError(state, message.replace(/;?\s*SQLState:.*$/s, ""), place, error);
  const advice = ADVICE[name];
  if (advice !== undefined) {
    const [code, hint] = advice;
    return new LakeError("invalid", `the database ${place} cannot be used: ${message}`, { code, hint, cause: error });
  }
  if ($metadata?.httpStatusCode === 413) {
    return new LakeError("invalid", `the database ${place} refuses a request that is too large`, {
      code: "TOO_LARGE",
      cause: error,
    });
  }
  const failure = dataApiFailure(error);
  if (failure === "waking") {
    return new LakeError("unavailable", `the database ${place} wakes up from a pause`, {
      code: "DATABASE_RESUMING",
      hint: "Try again in some seconds.",
      cause: error,
    });
  }
  if (name === "TransactionNotFoundException") {
    return new LakeError("unavailable", `a transaction on the database ${place} has expired; nothing was written`, {
      code: "DATABASE_BUSY",
      hint: "Try again.",
      cause: error,
    });
  }
  if (failure === "final") {
    return new LakeError("internal", `the database ${place} refused a call: ${message} (${name})`, { cause: error });
  }
  return new LakeError("unavailable", `the database ${place} gave no clear answer: ${message} (${name})`, {
    code: "DATABASE_UNAVAILABLE",
    hint: "Send the same request again: a transactionId is never committed twice.",
    cause: error,
  });
}
