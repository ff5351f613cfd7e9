/** Who may use which route: every route by every kind of caller; and that histories and logs say who it was. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { apiGatewayDoor } from "../../lib/access/api-gateway.ts";
import { newApiKey } from "../../lib/access/api-key.ts";
import { type Door, openDoor } from "../../lib/access/door.ts";
import { openKeyRing } from "../../lib/access/key-ring.ts";
import { openTokens } from "../../lib/access/tokens.ts";
import { unavailable } from "../../lib/errors.ts";
import type { AccessLine } from "../../lib/http/access-log.ts";
import { METRICS_ROUTE, type Need, ROUTES } from "../../lib/wire/routes.ts";
import { withoutHealth } from "../support/answers.ts";
import { startIssuer, type TestIssuer } from "../support/issuer.ts";
import { addOf, openLocalApi } from "./local-api.ts";
import { type Answer, client } from "./stub-lake.ts";

describe("the door", async () => {
  const api = await openLocalApi();
  const { lake } = api;
  const lines: AccessLine[] = [];
  const metrics = { access: "read", render: async () => ({ contentType: "text/plain", text: "x 1\n" }) } as const;
  const open = (door: Door, more: object = {}) =>
    client(lake, {
      door,
      metrics,
      resolveLocation: async (_location, name) => `file://${api.folder}/${name}`,
      onAnswer: (line) => lines.push(line),
      ...more,
    });
  let issuer: TestIssuer;
  let locked: ReturnType<typeof client>;
  let tableId: string;

  const keyOf = async (name: string, more: object = {}) => {
    const { key, keyId, hash } = newApiKey();
    await lake.catalog.addKey({ keyId, name, hash, access: "write", createdAt: 1, ...more });
    return key;
  };

  before(async () => {
    issuer = await startIssuer();
    issuer.shown = [await issuer.newKey("k")];
    const { now } = lake.clock;
    locked = open(
      openDoor({ keys: openKeyRing(lake.catalog, { now }), tokens: openTokens([issuer.settings()], { now }) }),
    );
    tableId = (await api.newTable()).tableId;
  });
  after(() => issuer.close());

  /** What each kind of caller sends. */
  const CALLERS: Readonly<Record<string, () => Promise<string | undefined>>> = {
    nobody: async () => undefined,
    "a key that nobody has": async () => newApiKey().key,
    "a key that has expired": () => keyOf("late", { expiresAt: 2 }),
    "a key that is revoked": async () => {
      const key = await keyOf("gone");
      await lake.catalog.revokeKey(key.split("_")[1] ?? "", 1);
      return key;
    },
    "a key of another secret": async () => `${(await keyOf("x")).slice(0, -64)}${"0".repeat(64)}`,
    "a token that has expired": () => issuer.token({ claims: { exp: 1 } }),
    "a forged token": () => issuer.confused(),
    "a token without a scope": () => issuer.token({ claims: { scope: "" } }),
    "a key that reads": () => keyOf("reader", { access: "read" }),
    "a token that reads": () => issuer.token({ claims: { scope: "deltalakedb.read" } }),
    "a key that writes": () => keyOf("writer"),
    "a token that writes": () => issuer.token(),
  };
  const MAY: Readonly<Record<string, readonly Need[]>> = {
    "a key that reads": ["open", "read"],
    "a token that reads": ["open", "read"],
    "a key that writes": ["open", "read", "write"],
    "a token that writes": ["open", "read", "write"],
  };
  const REFUSAL: Readonly<Record<string, readonly [status: number, code: string]>> = {
    nobody: [401, "UNAUTHENTICATED"],
    "a key that has expired": [401, "CREDENTIALS_EXPIRED"],
    "a token that has expired": [401, "CREDENTIALS_EXPIRED"],
    "a token without a scope": [403, "ACCESS_DENIED"],
    "a key that reads": [403, "ACCESS_DENIED"],
    "a token that reads": [403, "ACCESS_DENIED"],
  };
  const routes = [...Object.entries(ROUTES), ["metrics", METRICS_ROUTE] as const];

  for (const [caller, credentials] of Object.entries(CALLERS)) {
    test(`${caller}: ${routes.length} routes`, async () => {
      const sent = await credentials();
      const headers = {
        "content-type": "application/json",
        ...(sent === undefined ? {} : { authorization: `Bearer ${sent}` }),
      };
      for (const [name, { method, path, access }] of routes) {
        const place = path.replace("{tableId}", "no.table").replace("{transactionId}", crypto.randomUUID());
        const body = method === "post" ? { body: "{}" } : {};
        const answer = await locked.send(place, { method: method.toUpperCase(), headers, ...body });
        const may = access === "open" || MAY[caller]?.includes(access) === true;
        const [status, code] = REFUSAL[caller] ?? [401, "INVALID_CREDENTIALS"];
        const where = `${name}: ${answer.status} ${answer.text}`;
        if (!may) {
          assert.deepEqual([answer.status, answer.body.code], [status, code], where);
          assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer realm="deltalakedb"/, where);
        } else {
          // Through the door: whatever the route itself says of this request.
          assert.ok(![401, 403, 500].includes(answer.status), where);
        }
        if (sent !== undefined) assert.ok(!answer.text.includes(sent), where);
      }
    });
  }

  test("other forms of credentials are refused", async () => {
    const key = await keyOf("a");
    for (const authorization of [
      `Basic ${btoa(`a:${key}`)}`,
      key,
      "Bearer",
      "Bearer ",
      `Bearer ${key} ${key}`,
      "",
      "Bearer é",
    ]) {
      const { status, body } = await locked.get("/v1/tables", { authorization });
      assert.deepEqual([status, body.code], [401, "INVALID_CREDENTIALS"], authorization);
    }
    assert.equal((await locked.get("/v1/tables", { authorization: `bearer ${key}` })).status, 200);
    // A key in a query would be in logs of everything between.
    assert.equal((await locked.get(`/v1/tables?access_token=${key}`)).status, 401);
  });

  test("health tells strangers that it lives, and no more; who is known sees all", async () => {
    const strangers = await locked.get("/v1/health");
    assert.deepEqual([strangers.status, strangers.body], [200, { status: "healthy" }]);
    const known = await locked.get("/v1/health", { authorization: `Bearer ${await keyOf("a", { access: "read" })}` });
    assert.deepEqual(Object.keys(known.body).slice(0, 3), ["status", "database", "version"]);
    assert.deepEqual((await locked.get("/v1/health", { authorization: "Bearer x" })).body, { status: "healthy" });
    assert.ok((await api.get("/v1/health")).body.version);
  });

  test("health answers soon though nobody can tell who asks", async () => {
    const hangs = open({ unnamed: "refused", identify: () => new Promise(() => undefined) });
    const startedAt = performance.now();
    assert.deepEqual((await hangs.get("/v1/health", { authorization: "Bearer x" })).body, { status: "healthy" });
    assert.ok(performance.now() - startedAt < 4_000);
  });

  test("where the catalog cannot be asked about a key, it is a 503, not a 401", async () => {
    const away = async () => {
      throw unavailable("the database is away");
    };
    const closed = open(openDoor({ keys: openKeyRing({ findKey: away, touchKey: away }, lake.clock) }));
    const { status, body } = await closed.get("/v1/tables", { authorization: `Bearer ${newApiKey().key}` });
    assert.deepEqual([status, body.code], [503, "UNAVAILABLE"]);
    assert.equal((await closed.get("/v1/health", { authorization: `Bearer ${newApiKey().key}` })).status, 200);
  });

  describe("histories say who", () => {
    const forged = {
      operation: "WRITE",
      userId: "root",
      userName: "root",
      UserID: "root",
      username: "root",
      note: "mine",
    };
    const commit = (
      to: ReturnType<typeof client>,
      readVersion: number,
      headers = {},
      transactionId = crypto.randomUUID(),
    ) =>
      to.post(
        "/v1/commits",
        {
          transactionId,
          tables: [{ tableId, readVersion, actions: [{ commitInfo: forged }, addOf(`${readVersion}.parquet`)] }],
        },
        headers,
      );
    const lastInfo = async () => {
      const { body } = await api.get(`/v1/tables/${tableId}/history?limit=1`);
      return (body.versions as { commitInfo: Record<string, unknown> }[])[0]?.commitInfo ?? {};
    };

    test("who is known cannot name another", async () => {
      const answer = await commit(locked, 0, { authorization: `Bearer ${await keyOf("etl")}` });
      assert.equal(answer.status, 201, answer.text);
      const { userId, userName, UserID, username, note } = await lastInfo();
      assert.deepEqual([userId, userName, UserID, username, note], ["user:etl", "etl", undefined, undefined, "mine"]);
      const token = await issuer.token({ claims: { preferred_username: "Alice A." } });
      assert.equal((await commit(locked, 1, { authorization: `Bearer ${token}` })).status, 201);
      assert.deepEqual([(await lastInfo()).userId, (await lastInfo()).userName], ["user:alice", "Alice A."]);
    });

    test("where nobody is asked, what the writer says stays", async () => {
      assert.equal((await commit(api, 2)).status, 201);
      assert.deepEqual([(await lastInfo()).userId, (await lastInfo()).UserID], ["root", "root"]);
    });

    test("a warm commit with a key is ONE call of the catalog, as without", async () => {
      const calls: string[] = [];
      const catalog = new Proxy(lake.catalog, {
        get(target, name: keyof typeof lake.catalog) {
          const method = target[name] as (...args: unknown[]) => unknown;
          return (...args: unknown[]) => {
            // No round trip.
            if (name !== "epoch") calls.push(name);
            return method.apply(target, args);
          };
        },
      });
      const counted = client(
        { ...lake, catalog },
        { door: openDoor({ keys: openKeyRing(catalog, lake.clock) }), resolveLocation: async () => "file:///x" },
      );
      const headers = { authorization: `Bearer ${await keyOf("busy")}` };
      const other = (await api.newTable()).tableId;
      const body = (readVersion: number) => ({
        transactionId: crypto.randomUUID(),
        tables: [{ tableId: other, readVersion, actions: [addOf(`${readVersion}.parquet`)] }],
      });
      assert.equal((await counted.post("/v1/commits", body(0), headers)).status, 201);
      assert.deepEqual(calls.slice(0, 2).toSorted(), ["findKey", "touchKey"]);
      calls.length = 0;
      for (let version = 1; version < 5; version += 1) {
        assert.equal((await counted.post("/v1/commits", body(version), headers)).status, 201);
      }
      assert.deepEqual(calls, ["commit", "commit", "commit", "commit"]);
    });

    test("the log has it, for DESCRIBE HISTORY", async () => {
      await lake.mirrored();
      const { body } = await api.get(`/v1/tables/${tableId}`);
      const path = new URL(`${body.location}/_delta_log/00000000000000000001.json`);
      const [first = ""] = readFileSync(path, "utf8").split("\n");
      const { commitInfo } = JSON.parse(first);
      assert.deepEqual([commitInfo.userId, commitInfo.userName], ["user:etl", "etl"]);
    });

    test("a request that is sent again by another is the same one, and stays the first one's", async () => {
      const id = crypto.randomUUID();
      const first = await commit(locked, 3, { authorization: `Bearer ${await keyOf("first")}` }, id);
      const again = await commit(locked, 3, { authorization: `Bearer ${await keyOf("second")}` }, id);
      assert.deepEqual([first.status, again.status], [201, 200]);
      assert.deepEqual(withoutHealth(again.body), withoutHealth(first.body));
      assert.equal((await lastInfo()).userId, "user:first");
    });

    test("who makes a table is in its first version", async () => {
      const fields = [{ name: "id", type: "long", nullable: true, metadata: {} }];
      const headers = { authorization: `Bearer ${await keyOf("maker")}` };
      const answer = await locked.post("/v1/tables", { name: "who.made", schema: { type: "struct", fields } }, headers);
      assert.equal(answer.status, 201, answer.text);
      const { body } = await api.get(`/v1/tables/who.made/history`);
      const [first] = body.versions as { commitInfo: Record<string, unknown> }[];
      assert.deepEqual([first?.commitInfo.userId, first?.commitInfo.userName], ["user:maker", "maker"]);
    });
  });

  describe("the access log", () => {
    const lineOf = async (request: () => Promise<Answer>) => {
      const before = lines.length;
      const answer = await request();
      assert.equal(lines.length, before + 1, "one line a request");
      const line = lines.at(-1) as AccessLine;
      assert.equal(answer.headers.get("x-request-id"), line.requestId);
      assert.equal(line.status, answer.status);
      assert.ok(line.milliseconds >= 0);
      return line;
    };

    test("says who did what to which table", async () => {
      const key = await keyOf("teller");
      const headers = { authorization: `Bearer ${key}` };
      const line = await lineOf(() => locked.get(`/v1/tables/${tableId}/files?limit=1`, headers));
      assert.deepEqual(
        [line.principal, line.session, line.method, line.route, line.tables],
        ["user:teller", key.split("_")[1], "GET", "/v1/tables/{tableId}/files", [tableId]],
      );
      const body = {
        transactionId: crypto.randomUUID(),
        tables: [{ table: "a.b", readVersion: 0, actions: [addOf("x")] }],
      };
      assert.deepEqual((await lineOf(() => locked.post("/v1/commits", body, headers))).tables, ["a.b"]);
      assert.equal((await lineOf(() => locked.get("/v1/tables"))).principal, undefined);
      assert.equal((await lineOf(() => locked.get("/nowhere"))).route, "none");
    });

    test("keeps a request's own id, if it is one", async () => {
      for (const id of ["a-1", "00-4bf92f3577b34da6-01", "JKJaXmPLvHcESHA="]) {
        assert.equal((await lineOf(() => locked.get("/v1/health", { "x-request-id": id }))).requestId, id);
      }
      for (const id of ["", "a b", '"}', "x".repeat(129), "é"]) {
        assert.notEqual((await lineOf(() => locked.get("/v1/health", { "x-request-id": id }))).requestId, id);
      }
    });

    test("holds no secret, wherever a client puts it", async () => {
      const key = await keyOf("careless");
      const token = await issuer.token();
      const headers = { authorization: `Bearer ${key}`, cookie: key };
      const from = lines.length;
      // An answer may name what its own request has sent; the log may not.
      const send = (path: string, init: RequestInit = {}) => locked.app.request(path, { headers, ...init });
      const json = { ...headers, "content-type": "application/json" };
      for (const secret of [key, token]) {
        await send(`/v1/tables?token=${secret}`);
        await send(`/v1/tables/${secret}`);
        await send(`/${secret}`);
        await send("/v1/tables", { headers: { authorization: secret } });
        await send("/v1/tables", { headers: { "x-api-key": secret } });
        await send("/v1/commits", { method: "POST", headers: json, body: JSON.stringify({ transactionId: secret }) });
        await send("/v1/tables", { method: "POST", headers: json, body: JSON.stringify({ name: secret, schema: {} }) });
        await send("/v1/tables", { method: "PUT", body: secret });
      }
      const text = JSON.stringify(lines.slice(from));
      assert.ok(lines.length - from === 16 && !text.includes(key) && !text.includes(token), text);
    });
  });

  test("behind API Gateway callers are who its authorizer says, and a stage without one asks nobody", async () => {
    const { app } = open(apiGatewayDoor());
    const request = (event: unknown) => app.request("/v1/tables", {}, { event });
    const event = { requestContext: { authorizer: { iam: { userArn: "arn:aws:iam::111122223333:user/a" } } } };
    assert.equal((await request(event)).status, 200);
    assert.equal(lines.at(-1)?.principal, "user:arn:aws:iam::111122223333:user/a");
    assert.equal((await request({})).status, 200);
    assert.equal(lines.at(-1)?.principal, undefined);
  });

  test("behind API Gateway a token does what its scopes say", async () => {
    const { app } = open(apiGatewayDoor());
    const ask = async (scope: string, method: string) => {
      const event = { requestContext: { authorizer: { jwt: { claims: { sub: "u", scope } } } } };
      return (await app.request(method === "GET" ? "/v1/tables" : "/v1/commits", { method }, { event })).status;
    };
    assert.deepEqual([await ask("deltalakedb.read", "GET"), await ask("deltalakedb.read", "POST")], [200, 403]);
    // A body is asked for, so the door is behind us.
    assert.notEqual(await ask("deltalakedb.write", "POST"), 403);
    assert.deepEqual([await ask("openid", "GET"), await ask("openid", "POST")], [403, 403]);
  });
});
