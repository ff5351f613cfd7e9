/** Behind a front: what has not come through it is refused before anybody looks at it, and what has comes from the client. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { behindFront } from "../../lib/http/front.ts";
import type { LambdaApi } from "../../lib/http/lambda.ts";
import { FRONT_HEADER } from "../../lib/wire/routes.ts";
import { contextOf, event } from "../functions/stage.ts";

type Event = Parameters<LambdaApi>[0] & { readonly headers: Record<string, string> };

/** What the service is asked, and what it answers, with these headers beside those of a request. */
async function ask(headers: Record<string, string>, secret = "s3cret") {
  const asked: Event[] = [];
  const api = (async (given: Event) => {
    asked.push(given);
    return { statusCode: 200, headers: {}, body: "", isBase64Encoded: false };
  }) as unknown as LambdaApi;
  const whole = event<Event>("http.tables");
  const context = contextOf("read") as unknown as Parameters<LambdaApi>[1];
  const { statusCode, body } = await behindFront(api, secret)(
    { ...whole, headers: { ...whole.headers, ...headers } } as Event,
    context,
  );
  const [seen] = asked;
  const { http } = (seen?.requestContext ?? {}) as {
    readonly http?: { readonly sourceIp: string; readonly method: string };
  };
  return { status: statusCode, body, seen, http };
}

test("without the secret, or with another, nothing is asked", async () => {
  for (const headers of [
    {},
    { [FRONT_HEADER]: "" },
    { [FRONT_HEADER]: "s3cre" },
    { [FRONT_HEADER]: "s3cret, s3cret" },
  ]) {
    const { status, body, seen } = await ask(headers);
    assert.equal(status, 403);
    assert.match(body ?? "", /NOT_THROUGH_FRONT/);
    assert.equal(seen, undefined);
  }
  assert.throws(() => behindFront((() => undefined) as never, ""), /empty/);
});

test("with it the address is the client's, and the secret goes no further", async () => {
  for (const [sent, address] of [
    ["203.0.113.9:46532", "203.0.113.9"],
    ["2001:db8::7:46532", "2001:db8::7"],
    ["[2001:db8::7]:46532", "2001:db8::7"],
  ] as const) {
    const { status, seen, http } = await ask({ [FRONT_HEADER]: "s3cret", "cloudfront-viewer-address": sent });
    assert.equal(status, 200);
    assert.equal(http?.sourceIp, address);
    assert.equal(http?.method, "GET");
    assert.equal(seen?.headers[FRONT_HEADER], undefined);
  }
  const plain = await ask({ [FRONT_HEADER]: "s3cret" });
  assert.ok(plain.http?.sourceIp, "where the front says no address, that of API Gateway stays");
});
