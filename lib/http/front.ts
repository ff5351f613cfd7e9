/** A front of ours before API Gateway, such as CloudFront with a firewall: what has not come through it is not answered. */

import { createHash, timingSafeEqual } from "node:crypto";
import { FRONT_HEADER } from "../wire/routes.ts";
import type { LambdaApi } from "./lambda.ts";

/** Of CloudFront: address and port of the client. */
const CLIENT_HEADER = "cloudfront-viewer-address";

/**
 * The handler for what has come through the front alone. It sees the address of the client, which to API Gateway is that of the front; the secret goes no further.
 * @param secret that the front sends; not empty
 */
export function behindFront(api: LambdaApi, secret: string): LambdaApi {
  if (secret === "") throw new Error("the secret of the front is empty");
  return async (event, context) => {
    const { [FRONT_HEADER]: sent = "", ...headers } = event.headers as Record<string, string | undefined>;
    if (!isSame(sent, secret)) return REFUSAL as Awaited<ReturnType<LambdaApi>>;
    const address = headers[CLIENT_HEADER]?.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
    const told = { ...event, headers } as typeof event;
    return api(address === undefined ? told : withAddress(told, address), context);
  };
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
