/** What S3 answers when something is wrong, and which of its codes each error of ours becomes. Engines decide by these. */

import { isLakeError, type LakeError } from "../errors.ts";
import { drained, type S3Answer } from "./exchange.ts";
import { xml } from "./xml.ts";

/** HTTP statuses of S3's codes (its API reference, "Error responses"). */
const STATUS = {
  AccessDenied: 403,
  BadDigest: 400,
  EntityTooLarge: 400,
  IncompleteBody: 400,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidPart: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  MalformedXML: 400,
  MethodNotAllowed: 405,
  MissingContentLength: 411,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NotImplemented: 501,
  PreconditionFailed: 412,
  RequestTimeTooSkewed: 403,
  ServiceUnavailable: 503,
  SignatureDoesNotMatch: 403,
  XAmzContentSHA256Mismatch: 400,
} as const;

export type S3Code = keyof typeof STATUS;

/** An answer that S3 itself would give. */
export class S3Error extends Error {
  /** Not `code`, which stores take for one of the system. */
  readonly s3Code: S3Code;
  constructor(code: S3Code, message: string) {
    super(message);
    this.name = "S3Error";
    this.s3Code = code;
  }
}

/** Seconds; by then a database or an API that was started again is there. */
const RETRY_AFTER = "1";

/**
 * The answer to a thrown value. What may be tried again is 503 with Retry-After, which every client of S3 does by itself; what
 * would fail again is a 4xx, which none does.
 */
export function errorAnswer(
  thrown: unknown,
  facts: { readonly resource: string; readonly requestId: string },
): S3Answer {
  const { s3Code: code, message } = asS3Error(thrown);
  const status = STATUS[code];
  return {
    status,
    headers: { "content-type": "application/xml", ...(status === 503 ? { "retry-after": RETRY_AFTER } : {}) },
    body: xml("Error", { Code: code, Message: message, Resource: facts.resource, RequestId: facts.requestId }),
  };
}

/** Of ours, `unavailable` alone may be tried again. */
const BY_KIND: Readonly<Record<LakeError["kind"], S3Code>> = {
  invalid: "InvalidRequest",
  unauthenticated: "AccessDenied",
  forbidden: "AccessDenied",
  notFound: "NoSuchKey",
  conflict: "InvalidRequest",
  unavailable: "ServiceUnavailable",
  corrupt: "InternalError",
  internal: "InternalError",
};

export function asS3Error(thrown: unknown): S3Error {
  if (thrown instanceof S3Error) return thrown;
  if (!isLakeError(thrown)) return new S3Error("InternalError", "something went wrong in the gateway");
  const code = thrown.code === "BODY_TOO_LARGE" ? "EntityTooLarge" : BY_KIND[thrown.kind];
  return new S3Error(code, toldWithHint(thrown));
}

/** Whoever reads it sees the message of an engine's exception, where nothing else has room. */
export function toldWithHint({ message, hint, code }: LakeError): string {
  return `${message}${hint === undefined ? "" : `. ${hint}`} (${code})`;
}

/** The answer, or undefined where there is no such object. */
export async function unlessAbsent(asking: Promise<S3Answer>): Promise<S3Answer | undefined> {
  try {
    const answer = await asking;
    if (answer.status !== 404) return answer;
    if (answer.body !== undefined && !(answer.body instanceof Uint8Array)) await drained(answer.body);
    return undefined;
  } catch (error) {
    if (error instanceof S3Error && error.s3Code === "NoSuchKey") return undefined;
    throw error;
  }
}

export function isServerError(thrown: unknown): boolean {
  return STATUS[asS3Error(thrown).s3Code] === 500;
}
