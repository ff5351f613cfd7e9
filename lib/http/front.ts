/** A front of ours before API Gateway, such as CloudFront with a firewall: what has not come through it is not answered. */

import { createHash, timingSafeEqual } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { deadlineMs } from "../deadlines.ts";
import { isPast } from "../delta/values/age.ts";
import { FRONT_HEADER } from "../wire/routes.ts";
import type { LambdaApi } from "./lambda.ts";

/** Of CloudFront: address and port of the client. */
const CLIENT_HEADER = "cloudfront-viewer-address";

/** Of what the front sends along: the value that holds, and during a change the one that is to come. */
export interface FrontSecret {
  /** @throws Error when it cannot be read */
  current(): Promise<string>;
  pending(): Promise<string | undefined>;
}

export interface FrontOptions {
  readonly secret: FrontSecret;
  /** Milliseconds. */
  readonly now: () => number;
  /** It could not be read again; what was known goes on to hold. */
  readonly onError: (error: unknown) => void;
}

/** What has been replaced holds for so long at most. */
const KNOWN_MS = 5 * 60_000;
/** A value that is not known is asked for so often at most: calls that come around the front cost no more than that. */
const ASKED_MS = 5_000;

/**
 * The handler for what has come through the front alone. It sees the address of the client, which to API Gateway is that of the front; the secret goes no further.
 * While the secret is changed both values are let in, and no container has to be started again for that.
 * @throws Error when the secret is empty, or cannot be read
 */
export async function behindFront(api: LambdaApi, options: FrontOptions): Promise<LambdaApi> {
  const isKnown = await openValues(options);
  return async (event, context) => {
    const { [FRONT_HEADER]: sent = "", ...headers } = event.headers as Record<string, string | undefined>;
    if (!(await isKnown(sent))) return REFUSAL as Awaited<ReturnType<LambdaApi>>;
    const address = headers[CLIENT_HEADER]?.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
    const told = { ...event, headers } as typeof event;
    return api(address === undefined ? told : withAddress(told, address), context);
  };
}

async function openValues({ secret, now, onError }: FrontOptions): Promise<(sent: string) => Promise<boolean>> {
  const read = async () => {
    const [current, pending] = await Promise.all([secret.current(), secret.pending()]);
    if (current === "") throw new Error("the secret of the front is empty");
    return pending === undefined || pending === "" ? [current] : [current, pending];
  };
  let values = await read();
  let readAt = now();
  const again = async () => {
    readAt = now();
    values = await read().catch((error: unknown) => {
      onError(error);
      return values;
    });
  };
  const isOneOf = (sent: string) => values.some((value) => isSame(sent, value));
  return async (sent) => {
    if (isPast(now(), readAt, KNOWN_MS)) await soon(again());
    if (isOneOf(sent)) return true;
    if (sent === "" || !isPast(now(), readAt, ASKED_MS)) return false;
    await soon(again());
    return isOneOf(sent);
  };
}

/** What takes longer goes on, and counts for a later request. */
async function soon(work: Promise<void>): Promise<void> {
  const over = new AbortController();
  const late = delay(deadlineMs("frontSecret"), undefined, { signal: over.signal }).catch(() => undefined);
  await Promise.race([work, late]);
  over.abort();
}

function withAddress<E extends Parameters<LambdaApi>[0]>(event: E, sourceIp: string): E {
  const { requestContext } = event as { readonly requestContext: { readonly http?: object } };
  return { ...event, requestContext: { ...requestContext, http: { ...requestContext.http, sourceIp } } };
}

/** In a time that says nothing of either. */
function isSame(sent: string, secret: string): boolean {
  const hashOf = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hashOf(sent), hashOf(secret));
}

const REFUSAL = {
  statusCode: 403,
  isBase64Encoded: false,
  headers: { "content-type": "application/problem+json" },
  body: JSON.stringify({
    type: "urn:deltalakedb:problem:NOT_THROUGH_FRONT",
    title: "Not allowed",
    status: 403,
    detail: "this address is for the front of the service alone",
    code: "NOT_THROUGH_FRONT",
    hint: "Call the service by its own name.",
  }),
};
