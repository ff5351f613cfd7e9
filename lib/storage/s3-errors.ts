/** Turns what S3 and its SDK answer into errors of the product, by error name and HTTP status. */

import type { S3Client } from "@aws-sdk/client-s3";
import { invalid, isLakeError, notFound, unavailable } from "../errors.ts";

/** The part of a bucket that is a store. */
export interface S3Place {
  readonly client: S3Client;
  readonly bucket: string;
  /** Comes before each key: empty, or with "/" at its end. */
  readonly root: string;
}

/**
 * What a failed call means for what to do next:
 * - `absent`: there is no such object.
 * - `taken`: the condition "if absent" does not hold (412).
 * - `raced`: another writer of the same key was at work; nothing was written (409).
 * - `busy`: the server asks to be tried later, or could not be reached; almost certainly nothing was written.
 * - `unsure`: no clear answer; a write may or may not have happened.
 * - `refused`: the same call would fail again.
 */
export type S3Failure = "absent" | "taken" | "raced" | "busy" | "unsure" | "refused";

const FAILURE_NAMES: Readonly<Record<string, S3Failure>> = {
  ConditionalRequestConflict: "raced",
  OperationAborted: "raced",
  PreconditionFailed: "taken",
  RequestTimeout: "unsure",
  TimeoutError: "unsure",
  AbortError: "unsure",
  SlowDown: "busy",
  Throttling: "busy",
  ThrottlingException: "busy",
  RequestLimitExceeded: "busy",
  TooManyRequestsException: "busy",
  NoSuchUpload: "unsure",
};

const FAILURE_STATUS: Readonly<Record<number, S3Failure>> = {
  404: "absent",
  408: "unsure",
  409: "raced",
  412: "taken",
  429: "busy",
  503: "busy",
};

/** Codes of Node for connections that never came about. */
const UNREACHED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

const CREDENTIALS = "Give AWS credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role.";
const REGION = "Set AWS_REGION to the region of the bucket; for S3 servers outside AWS any will do, such as us-east-1.";

/** Failures that only a person can end: what is the matter, and what to do. */
const ADVICE: Readonly<Record<string, { readonly what: string; readonly hint: string }>> = {
  InvalidBucketName: { what: "this cannot be the name of a bucket", hint: "Write s3://bucket/prefix." },
  InvalidAccessKeyId: { what: "S3 does not know this access key", hint: CREDENTIALS },
  SignatureDoesNotMatch: { what: "the secret key does not fit the access key", hint: CREDENTIALS },
  ExpiredToken: { what: "the credentials have expired", hint: CREDENTIALS },
  InvalidToken: { what: "the session token is not valid", hint: CREDENTIALS },
  CredentialsProviderError: { what: "there are no AWS credentials", hint: CREDENTIALS },
  TokenProviderError: { what: "there are no AWS credentials", hint: CREDENTIALS },
  PermanentRedirect: { what: "the bucket is in another region", hint: REGION },
  AuthorizationHeaderMalformed: { what: "the bucket is in another region", hint: REGION },
  RequestTimeTooSkewed: { what: "the clock of this machine is wrong", hint: "Set the clock and try again." },
  KeyTooLongError: { what: "the key is longer than S3 permits", hint: "Use a shorter path." },
  InvalidObjectState: { what: "the object is archived", hint: "Restore it from its storage class first." },
  NotImplemented: {
    what: "this server does not know conditional writes",
    hint: "Use a server with If-None-Match on PutObject and CompleteMultipartUpload.",
  },
  ERR_INVALID_URL: { what: "the endpoint is not a URL", hint: "Correct AWS_ENDPOINT_URL_S3." },
};

/** Node's codes, the SDK's names and S3's names are all told apart by name. */
interface Told {
  readonly name: string;
  readonly code?: string;
  readonly status?: number;
}

function tell(error: unknown): Told {
  if (!(error instanceof Error)) return { name: "" };
  const { code, $metadata } = error as { code?: unknown; $metadata?: { httpStatusCode?: number } };
  return {
    name: error.name,
    ...(typeof code === "string" ? { code } : {}),
    ...($metadata?.httpStatusCode === undefined ? {} : { status: $metadata.httpStatusCode }),
  };
}

/** undefined for errors that are neither S3's nor the network's: defects, and errors of the product. */
export function s3Failure(error: unknown): S3Failure | undefined {
  if (isLakeError(error)) return undefined;
  const { name, code, status } = tell(error);
  if (name === "NoSuchBucket" || ADVICE[name] || ADVICE[code ?? ""]) return "refused";
  const known = FAILURE_NAMES[name] ?? FAILURE_STATUS[status ?? 0];
  if (known) return known;
  if (code !== undefined && UNREACHED.has(code)) return "busy";
  // An answer that cannot be read (a status of 2xx) says as little as none.
  if (status !== undefined) return status >= 300 && status < 500 ? "refused" : "unsure";
  return code === undefined ? undefined : "unsure";
}

/** The LakeError of a failed call; errors of the product and defects pass as they are. */
export async function s3Error(error: unknown, place: S3Place, action: string, key: string): Promise<unknown> {
  const failure = s3Failure(error);
  const url = `s3://${place.bucket}/${place.root}${key}`;
  if (failure === undefined) return isLakeError(error) ? error : ((await regionError(place.client, url)) ?? error);
  const { name, code, status } = tell(error);
  const facts = { bucket: place.bucket, key: place.root + key, error: code ?? name, ...(status && { status }) };
  const message = (what: string) => `cannot ${action} ${url}: ${what}`;
  if (name === "NoSuchBucket") {
    const hint = "Check the name and the account, or make the bucket.";
    return invalid(message(`there is no bucket "${place.bucket}"`), { hint, facts, cause: error });
  }
  const advice = ADVICE[name] ?? ADVICE[code ?? ""];
  if (advice) return invalid(message(advice.what), { hint: advice.hint, facts, cause: error });
  if (failure === "absent") return notFound(`there is no object ${url}`, { facts, cause: error });
  if (failure === "refused") {
    const denied = status === 401 || status === 403;
    const what = denied ? "access is denied" : `S3 answered ${name} (${status ?? code})`;
    return invalid(message(what), { hint: denied ? whatToGrant(place, action) : REGION, facts, cause: error });
  }
  return unavailable(message(WAITING[failure]), { hint: "Try again.", facts, cause: error });
}

const WAITING: Readonly<Record<Exclude<S3Failure, "absent" | "refused">, string>> = {
  taken: "an earlier attempt got no clear answer, and now the key is taken",
  raced: "other writers of the same key were at work",
  busy: "S3 cannot be reached, or asks for fewer requests",
  unsure: "S3 gave no clear answer",
};

function whatToGrant({ bucket, root }: S3Place, action: string): string {
  const objects = action === "remove" ? "s3:DeleteObject" : "s3:GetObject, s3:PutObject and s3:AbortMultipartUpload";
  return `Grant ${objects} on arn:aws:s3:::${bucket}/${root}* and s3:ListBucket on arn:aws:s3:::${bucket}.`;
}

/** Without a region the SDK fails with an error that has neither name nor code of its own. */
async function regionError(client: S3Client, url: string): Promise<unknown> {
  try {
    await client.config.region();
    return undefined;
  } catch (error) {
    return invalid(`cannot open ${url}: no AWS region is set`, { hint: REGION, cause: error });
  }
}
