/** Tokens of an identity provider: right ones, forged ones, keys that rotate, and a provider that is away. */

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { openTokens } from "../../lib/access/tokens.ts";
import { isLakeError } from "../../lib/errors.ts";
import { AUDIENCE, type Fault, startIssuer, type TestIssuer } from "../support/issuer.ts";

const is = (kind: "unauthenticated" | "forbidden" | "unavailable", code: string) => (error: unknown) =>
  isLakeError(error, kind) && error.code === code;
const invalid = is("unauthenticated", "INVALID_CREDENTIALS");
const expired = is("unauthenticated", "CREDENTIALS_EXPIRED");

describe("tokens", () => {
  let issuer: TestIssuer;
  before(async () => {
    issuer = await startIssuer();
  });
  after(() => issuer.close());
  beforeEach(async () => {
    issuer.fault = "none";
    issuer.named = issuer.url;
    issuer.shown = [await issuer.newKey("k1")];
    issuer.asked = { keys: 0, discovery: 0 };
  });

  /** With clocks that the test turns. */
  function door(more: Parameters<TestIssuer["settings"]>[0] = {}) {
    const time = { now: Date.now(), monotonic: 0 };
    const failures: unknown[] = [];
    const tokens = openTokens([issuer.settings(more)], {
      now: () => time.now,
      monotonic: () => time.monotonic,
      onError: (_issuer, error) => failures.push(error),
    });
    return { tokens, time, failures };
  }

  test("a right token names its holder", async () => {
    const { tokens } = door();
    const token = await issuer.token({ claims: { preferred_username: "Alice A.", groups: ["g", 1, "h"], jti: "t1" } });
    assert.deepEqual(await tokens.holderOf(token), {
      id: "user:alice",
      name: "Alice A.",
      proof: "token",
      access: "write",
      groups: ["g", "h"],
      session: "t1",
    });
  });

  for (const alg of ["RS256", "PS256", "ES384", "EdDSA"] as const) {
    test(`signed with ${alg}, where that is taken`, async () => {
      issuer.shown = [await issuer.newKey("k", alg)];
      const token = await issuer.token();
      await door({ algorithms: [alg] }).tokens.holderOf(token);
      await assert.rejects(door({ algorithms: ["RS512"] }).tokens.holderOf(token), invalid);
    });
  }

  const CLAIMS: Readonly<Record<string, [claims: Record<string, unknown>, wrong: (error: unknown) => boolean]>> = {
    "of another audience": [{ aud: "https://other.example" }, invalid],
    "of no audience": [{ aud: undefined }, invalid],
    "of an issuer that is not known": [{ iss: "https://evil.example" }, invalid],
    "of an issuer that only begins alike": [{ iss: "http://127.0.0.1:1" }, invalid],
    "of no issuer": [{ iss: undefined }, invalid],
    "that never ends": [{ exp: undefined }, invalid],
    "whose end is a text": [{ exp: "tomorrow" }, invalid],
    "that has ended": [{ exp: Math.floor(Date.now() / 1000) - 60 }, expired],
    "that has not begun": [{ nbf: Math.floor(Date.now() / 1000) + 120 }, invalid],
    "of nobody": [{ sub: undefined }, invalid],
    "of an empty name": [{ sub: "" }, invalid],
    "of a name that is no text": [{ sub: { $ne: 1 } }, invalid],
    "of a name that steers a terminal": [{ sub: "a\u001b[2J" }, invalid],
    "of a name of two lines": [{ sub: "alice\nroot" }, invalid],
    "without a scope": [{ scope: undefined }, is("forbidden", "ACCESS_DENIED")],
    "of other scopes, nearly named": [
      { scope: "deltalakedb.writes xdeltalakedb.read other,deltalakedb.write [deltalakedb.write]" },
      is("forbidden", "ACCESS_DENIED"),
    ],
  };
  for (const [name, [claims, wrong]] of Object.entries(CLAIMS)) {
    test(`one ${name} is refused, and not repeated`, async () => {
      const token = await issuer.token({ claims });
      await assert.rejects(door().tokens.holderOf(token), (error) => {
        assert.ok(wrong(error), String(error));
        assert.equal((error as Error).cause, undefined);
        return !JSON.stringify(error).includes(token.split(".")[1] ?? "");
      });
    });
  }

  test("scopes as providers write them", async () => {
    for (const [claims, access] of [
      [{ scope: "deltalakedb.read" }, "read"],
      [{ scope: undefined, scp: ["deltalakedb.read"] }, "read"],
      [{ scope: undefined, scp: "x deltalakedb.write" }, "write"],
      [{ scope: ["deltalakedb.write"] }, "write"],
    ] as const) {
      assert.equal((await door().tokens.holderOf(await issuer.token({ claims }))).access, access);
    }
  });

  test("other claims may name the user, apart from those of another provider", async () => {
    const { tokens } = door({ userClaim: "email", userPrefix: "corp/", audience: ["x", AUDIENCE] });
    const { id, name } = await tokens.holderOf(await issuer.token({ claims: { email: "a@example.com" } }));
    assert.deepEqual([id, name], ["user:corp/a@example.com", "a@example.com"]);
  });

  test("clocks that differ by less than the skew are forgiven, others are not", async () => {
    const { tokens, time } = door();
    const token = await issuer.token({ claims: { exp: Math.floor(time.now / 1000) + 10 } });
    time.now += 39_000;
    await tokens.holderOf(token);
    time.now += 3_000;
    await assert.rejects(tokens.holderOf(token), expired);
  });

  test("forgeries are refused: no signature, a public key for a secret, one changed letter, another's key", async () => {
    issuer.shown = [await issuer.newKey("k1", "RS256")];
    const { tokens } = door();
    const right = await issuer.token();
    const [header = "", payload = "", signature = ""] = right.split(".");
    const edited = Buffer.from(payload, "base64url").toString().replace("alice", "mallory");
    const stranger = await issuer.newKey("k1", "RS256");
    const forged = [
      issuer.unsigned(),
      await issuer.confused(),
      `${header}.${Buffer.from(edited).toString("base64url")}.${signature}`,
      `${header}.${payload}.`,
      `${header}.${payload}.${signature.slice(0, -4)}AAAA`,
      `${header}.${payload}`,
      await issuer.token({ key: stranger }),
      await issuer.token({ header: { crit: ["x"], x: 1 } }).catch(() => "a.b.c"),
      await issuer.token({ header: { jwk: { kty: "RSA" } }, key: stranger }),
      await issuer.token({ header: { jku: `${issuer.url}/evil` }, key: stranger }),
      "a.b.c",
      "x",
    ];
    await tokens.holderOf(right);
    for (const token of forged) await assert.rejects(tokens.holderOf(token), invalid, token);
  });

  describe("keys", () => {
    test("are fetched once, for many at once", async () => {
      const { tokens } = door();
      const token = await issuer.token();
      await Promise.all(Array.from({ length: 20 }, () => tokens.holderOf(token)));
      assert.deepEqual(issuer.asked, { keys: 1, discovery: 1 });
    });

    test("that are named are not looked for", async () => {
      await door({ jwksUrl: `${issuer.url}/keys` }).tokens.holderOf(await issuer.token());
      assert.deepEqual(issuer.asked, { keys: 1, discovery: 0 });
    });

    test("rotate: an unknown one is asked for, once in a while; one that is gone is refused", async () => {
      const { tokens, time } = door();
      const old = await issuer.token();
      await tokens.holderOf(old);
      issuer.shown = [await issuer.newKey("k2")];
      const rotated = await issuer.token();
      await assert.rejects(tokens.holderOf(rotated), invalid, "asked for just now");
      time.monotonic += 30_000;
      await tokens.holderOf(rotated);
      assert.equal(issuer.asked.keys, 2);
      await assert.rejects(tokens.holderOf(old), invalid, "its key has been withdrawn");
    });

    test("that nobody has cost one question in half a minute, however many ask", async () => {
      const { tokens, time } = door();
      await tokens.holderOf(await issuer.token());
      const unknown = await issuer.token({ key: await issuer.newKey("nobody's") });
      for (time.monotonic = 0; time.monotonic < 120_000; time.monotonic += 1_000) {
        await assert.rejects(tokens.holderOf(unknown), invalid);
      }
      assert.equal(issuer.asked.keys, 1 + 3);
    });

    test("without ids are all tried", async () => {
      issuer.shown = [await issuer.newKey(), await issuer.newKey()];
      const { tokens } = door();
      for (const key of issuer.shown) await tokens.holderOf(await issuer.token({ key }));
      await assert.rejects(tokens.holderOf(await issuer.token({ key: await issuer.newKey() })), invalid);
    });

    for (const fault of ["status", "text", "empty", "huge", "moved"] satisfies Fault[]) {
      test(`known ones are kept while the provider fails (${fault}); without any it is a 503 that says so`, async () => {
        const known = door();
        const token = await issuer.token();
        await known.tokens.holderOf(token);
        issuer.fault = fault;
        known.time.monotonic += 3_600_000;
        await known.tokens.holderOf(token);
        await known.tokens.holderOf(token);
        const cold = door();
        await assert.rejects(cold.tokens.holderOf(token), (error) => {
          assert.ok(is("unavailable", "ISSUER_UNAVAILABLE")(error), String(error));
          assert.match(String(error), /the keys of http:\/\/127\.0\.0\.1:\d+ cannot be had: \w/);
          return !String(error).includes("secret of the provider");
        });
        assert.equal(cold.failures.length, 1);
        issuer.fault = "none";
        cold.time.monotonic += 1_000;
        await cold.tokens.holderOf(token);
      });
    }

    test("of a provider that is away are kept for a day, and no longer", async () => {
      const { tokens, time } = door();
      const token = await issuer.token({ claims: { exp: 9_999_999_999 } });
      await tokens.holderOf(token);
      issuer.fault = "status";
      time.monotonic += 86_399_000;
      await tokens.holderOf(token);
      time.monotonic += 31_000;
      await assert.rejects(tokens.holderOf(token), is("unavailable", "ISSUER_UNAVAILABLE"));
      issuer.fault = "none";
      time.monotonic += 31_000;
      await tokens.holderOf(token);
    });

    test("of a silent provider do not hold up who is known, and others for seconds only", async () => {
      const { tokens, time } = door();
      const token = await issuer.token();
      await tokens.holderOf(token);
      issuer.fault = "silent";
      time.monotonic += 3_600_000;
      const startedAt = performance.now();
      await tokens.holderOf(token);
      assert.ok(performance.now() - startedAt < 4_000);
      await assert.rejects(door().tokens.holderOf(token), /no answer within 5 s/);
    });

    test("are taken from the issuer itself, not from another that it names", async () => {
      issuer.named = "https://other.example";
      await assert.rejects(door().tokens.holderOf(await issuer.token()), /names another issuer/);
    });
  });
});
