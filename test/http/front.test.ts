/** Behind a front: what has not come through it is refused before anybody looks at it, and what has comes from the client. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { behindFront, type FrontOptions } from "../../lib/http/front.ts";
import type { LambdaApi } from "../../lib/http/lambda.ts";
import { FRONT_HEADER } from "../../lib/wire/routes.ts";
import { contextOf, event } from "../functions/stage.ts";

type Event = Parameters<LambdaApi>[0] & { readonly headers: Record<string, string> };

const fixed = (value: string): FrontOptions => ({
  secret: { current: async () => value, pending: async () => undefined },
  now: () => 0,
  onError: assert.ifError,
});

/** What the service is asked, and what it answers, with these headers beside those of a request. */
async function ask(headers: Record<string, string>) {
  const asked: Event[] = [];
  const api = (async (given: Event) => {
    asked.push(given);
    return { statusCode: 200, headers: {}, body: "", isBase64Encoded: false };
  }) as unknown as LambdaApi;
  const whole = event<Event>("http.tables");
  const context = contextOf("read") as unknown as Parameters<LambdaApi>[1];
  const { statusCode, body } = await (await behindFront(api, fixed("s3cret")))(
    { ...whole, headers: { ...whole.headers, ...headers } } as Event,
    context,
  );
  const [seen] = asked;
  const { http } = (seen?.requestContext ?? {}) as {
    readonly http?: { readonly sourceIp: string; readonly method: string };
  };
  return { status: statusCode, body, seen, http };
}

/** A front whose secret changes, and how it answers one value after the other. */
async function openChanging() {
  const values: { current: string; pending: string | undefined; reads: number } = {
    current: "first",
    pending: undefined,
    reads: 0,
  };
  const errors: unknown[] = [];
  let now = 1_000_000;
  let isAway = false;
  let isSilent = false;
  const api = (async () => ({ statusCode: 200, headers: {}, body: "" })) as unknown as LambdaApi;
  const door = await behindFront(api, {
    secret: {
      async current() {
        values.reads += 1;
        if (isSilent) return new Promise<string>(() => {});
        if (isAway) throw new Error("Secrets Manager is away");
        return values.current;
      },
      pending: async () => values.pending,
    },
    now: () => now,
    onError: (error) => errors.push(error),
  });
  const context = contextOf("read") as unknown as Parameters<LambdaApi>[1];
  const whole = event<Event>("http.tables");
  return {
    values,
    errors,
    wait: (ms: number) => {
      now += ms;
    },
    setAway: (away: boolean) => {
      isAway = away;
    },
    setSilent: () => {
      isSilent = true;
    },
    async statusOf(sent: string) {
      return (await door({ ...whole, headers: { [FRONT_HEADER]: sent } } as Event, context)).statusCode;
    },
  };
}

test("while the secret is changed both values hold; what was replaced is refused five minutes later", async () => {
  const { values, wait, statusOf } = await openChanging();
  assert.deepEqual([await statusOf("first"), await statusOf("second")], [200, 403]);
  wait(10_000);
  values.pending = "second";
  assert.deepEqual([await statusOf("second"), await statusOf("first")], [200, 200]);
  Object.assign(values, { current: "second", pending: undefined });
  assert.equal(await statusOf("second"), 200);
  wait(5 * 60_000);
  assert.deepEqual([await statusOf("second"), await statusOf("first")], [200, 403]);
});

test("who knocks with values that nobody has sent makes no more than a read in five seconds, and none without one", async () => {
  const { values, wait, statusOf } = await openChanging();
  for (let i = 0; i < 100; i += 1) assert.equal(await statusOf(`guess-${i}`), 403);
  assert.equal(values.reads, 1);
  wait(5_000);
  for (let i = 0; i < 100; i += 1) assert.equal(await statusOf(i % 2 === 0 ? "" : `guess-${i}`), 403);
  assert.equal(values.reads, 2);
});

test("Secrets Manager may be away: what was known holds, and it is said", async () => {
  const { errors, wait, setAway, statusOf } = await openChanging();
  setAway(true);
  wait(5 * 60_000);
  assert.deepEqual([await statusOf("first"), await statusOf("second")], [200, 403]);
  assert.equal(errors.length, 1);
  wait(5 * 60_000);
  setAway(false);
  assert.equal(await statusOf("first"), 200);
  assert.equal(errors.length, 1);
});

test("Secrets Manager may be silent: requests are answered, and what is not known is refused", async () => {
  const { wait, setSilent, statusOf } = await openChanging();
  setSilent();
  wait(5 * 60_000);
  assert.equal(await statusOf("first"), 200);
  wait(5_000);
  assert.equal(await statusOf("second"), 403);
});

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
  await assert.rejects(behindFront((() => undefined) as never, fixed("")), /empty/);
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
