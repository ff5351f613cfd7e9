/** Callers as the authorizers of API Gateway name them: of every sample event, of roles, users and tokens, and of hostile ones. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { callerOf } from "../../lib/access/api-gateway.ts";
import { DEFAULT_SCOPES } from "../../lib/access/issuer-rules.ts";

const EVENTS = new URL("../../events/aws/", import.meta.url);
const withAuthorizer = (authorizer: unknown) => ({ requestContext: { authorizer } });
const iam = (userArn: unknown) => withAuthorizer({ iam: { userArn, accountId: "111122223333" } });
const { readScope: READ, writeScope: WRITE } = DEFAULT_SCOPES;
const jwt = (claims: unknown) => withAuthorizer({ jwt: { claims, scopes: null } });

describe("callers behind API Gateway", () => {
  const samples = readdirSync(EVENTS).filter((name) => name.startsWith("http."));
  test("there are samples", () => assert.ok(samples.length >= 3));
  for (const name of samples) {
    test(name, () => {
      const caller = callerOf(JSON.parse(readFileSync(new URL(name, EVENTS), "utf8")));
      assert.equal(caller?.id, "user:arn:aws:iam::111122223333:role/writer");
      assert.deepEqual([caller?.name, caller?.proof, caller?.access], ["writer", "iam", "write"]);
    });
  }

  for (const [arn, id, name, session] of [
    ["arn:aws:iam::111122223333:user/team/alice", "user:arn:aws:iam::111122223333:user/team/alice", "alice", undefined],
    [
      "arn:aws:sts::111122223333:assumed-role/etl/i-0abc",
      "user:arn:aws:iam::111122223333:role/etl",
      "etl/i-0abc",
      "i-0abc",
    ],
    [
      "arn:aws-us-gov:sts::111122223333:assumed-role/etl/a@b.example",
      "user:arn:aws-us-gov:iam::111122223333:role/etl",
      "etl/a@b.example",
      "a@b.example",
    ],
    ["arn:aws:iam::111122223333:root", "user:arn:aws:iam::111122223333:root", "root", undefined],
    [
      "arn:aws:sts::111122223333:federated-user/bob",
      "user:arn:aws:sts::111122223333:federated-user/bob",
      "bob",
      undefined,
    ],
  ] as const) {
    test(arn, () => {
      const caller = callerOf(iam(arn));
      assert.deepEqual([caller?.id, caller?.name, caller?.session], [id, name, session]);
    });
  }

  test("sessions of one role are one user", () => {
    const ids = ["a", "b"].map((session) => callerOf(iam(`arn:aws:sts::111122223333:assumed-role/etl/${session}`))?.id);
    assert.equal(new Set(ids).size, 1);
  });

  test("claims of a token", () => {
    assert.deepEqual(
      callerOf(jwt({ sub: "00u1", email: "a@b.example", groups: "[x y]", jti: "t", scope: `z ${WRITE}` })),
      {
        id: "user:00u1",
        name: "a@b.example",
        proof: "token",
        access: "write",
        groups: ["x", "y"],
        session: "t",
      },
    );
    assert.equal(callerOf(jwt({ sub: "00u1", scope: WRITE }))?.name, "00u1");
  });

  test("scopes of a token, as identity providers and API Gateway write them", () => {
    const own = { readScope: "lake/read", writeScope: "lake/write" };
    for (const [claims, access, scopes] of [
      [{ scope: WRITE }, "write"],
      [{ scope: `openid ${READ}` }, "read"],
      [{ scope: `${READ} ${WRITE}` }, "write"],
      [{ scp: `[${READ} openid]` }, "read"],
      [{ scp: `[openid ${WRITE}]` }, "write"],
      [{ scp: WRITE, scope: "openid" }, "write"],
      [{ scope: "lake/read" }, "read", own],
      [{ scope: "lake/read lake/write" }, "write", own],
      [{}, undefined],
      [{ scope: "" }, undefined],
      [{ scope: "openid" }, undefined],
      [{ scope: `other,${WRITE}` }, undefined],
      [{ scp: `[other,${WRITE}]` }, undefined],
      [{ scope: `[${WRITE}]` }, undefined],
      [{ scope: `${WRITE}s x${READ}` }, undefined],
      [{ scope: WRITE }, undefined, own],
    ] as const) {
      const ask = () => callerOf(jwt({ sub: "u", ...claims }), scopes)?.access;
      if (access !== undefined) assert.equal(ask(), access, JSON.stringify(claims));
      else assert.throws(ask, { kind: "forbidden", code: "ACCESS_DENIED" }, JSON.stringify(claims));
    }
  });

  test("nobody, where no authorizer says who; what a client sends itself is no authorizer", () => {
    for (const event of [
      undefined,
      null,
      "x",
      {},
      { requestContext: null },
      { requestContext: { authorizer: "iam" } },
      withAuthorizer({}),
      iam(undefined),
      iam(7),
      iam(""),
      jwt({}),
      jwt({ sub: ["a"] }),
      { headers: { authorizer: { iam: { userArn: "arn:aws:iam::1:user/root" } } }, body: JSON.stringify(iam("x")) },
    ]) {
      assert.equal(callerOf(event), undefined, JSON.stringify(event));
    }
  });
});
