/**
 * Where grants are enforced: every route by callers of each kind, with exactly the privileges that it asks for, without any one of them,
 * and with none at all; and that what may not be known cannot be told from what does not exist.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { apiGatewayDoor } from "../../lib/access/api-gateway.ts";
import { newApiKey } from "../../lib/access/api-key.ts";
import { openDoor } from "../../lib/access/door.ts";
import { openKeyRing } from "../../lib/access/key-ring.ts";
import { openRules } from "../../lib/access/rules.ts";
import { openTokens } from "../../lib/access/tokens.ts";
import { createApp } from "../../lib/http/app.ts";
import { openBackups } from "../../lib/lake/backups.ts";
import { tableLocation } from "../../lib/lake/table-location.ts";
import { type AskedGrant, changeGrants } from "../../lib/operations/grants.ts";
import type { AuditFacts } from "../../lib/ports.ts";
import { type OperationId, ROUTES, UNITY_BASE } from "../../lib/wire/routes.ts";
import { startIssuer } from "../support/issuer.ts";
import { type Case, commitOf, grantCases, othersThan, SCHEMA, type Send, sender, waysIn } from "./grant-cases.ts";
import { addOf, openLocalApi, removeOf } from "./local-api.ts";
import type { Answer } from "./stub-lake.ts";

const DOCUMENT = readFileSync(new URL("../../docs/security.md", import.meta.url), "utf8");

describe("grants", async () => {
  const api = await openLocalApi();
  const { lake } = api;
  const { now } = lake.clock;
  const issuer = await startIssuer();
  after(() => issuer.close());
  issuer.shown = [await issuer.newKey("k")];
  // Time flies: what was granted a moment ago is looked for before anybody is refused.
  let ticks = 0;
  const rules = openRules(lake.catalog, () => {
    ticks += 1000;
    return ticks;
  });
  /** What the audit trail is told, of both servers. */
  const noted: AuditFacts[] = [];
  const audit = { note: (facts: AuditFacts) => void noted.push(facts), flush: async () => undefined };
  const traceOf = (operation: string, asked: number) => {
    const [trace, ...others] = noted.slice(asked);
    assert.deepEqual(
      [trace?.operation, trace?.decision, others],
      [operation, "denied", []],
      "each refusal leaves one trace",
    );
    assert.notEqual(trace?.who, "", operation);
  };
  const options = {
    version: "1",
    audit,
    rules,
    resolveLocation: (location: string | undefined, name: string) =>
      tableLocation({ storage: api.folder, roots: [] }, location, name),
    backups: () => openBackups(join(api.folder, "backups")),
    metrics: { access: "read", render: async () => ({ contentType: "text/plain", text: "x 1\n" }) } as const,
  };
  const served = createApp(lake, {
    ...options,
    door: openDoor({ keys: openKeyRing(lake.catalog, { now }), tokens: openTokens([issuer.settings()], { now }), now }),
  });
  const onAws = createApp(lake, { ...options, door: apiGatewayDoor() });
  const enforce = (mode: "open" | "enforced") => lake.catalog.changeAccess({ mode, by: "operator", at: now() });
  before(async () => {
    await enforce("enforced");
  });

  let counter = 0;
  const next = (what: string) => {
    counter += 1;
    return `${what}${counter}`;
  };
  interface Caller {
    readonly to: string;
    readonly send: Send;
  }
  const keyOf = async (name: string, access: "read" | "write" = "write") => {
    const { key, keyId, hash } = newApiKey();
    await lake.catalog.addKey({ keyId, name, hash, access, createdAt: 1 });
    return key;
  };

  /** New callers of each kind, and to whom grants go that are meant for them. */
  const CALLERS: Readonly<Record<string, () => Promise<Caller>>> = {
    "a key": async () => {
      const name = next("key");
      return { to: `user:${name}`, send: sender(served, await keyOf(name)) };
    },
    "a token, by its group": async () => {
      const group = next("group");
      const token = await issuer.token({ claims: { sub: next("someone"), groups: ["other", group] } });
      return { to: `group:${group}`, send: sender(served, token) };
    },
    "a role of AWS": async () => {
      const role = next("role");
      const userArn = `arn:aws:sts::123456789012:assumed-role/${role}/session`;
      const event = { requestContext: { authorizer: { iam: { userArn } } } };
      return { to: `user:arn:aws:iam::123456789012:role/${role}`, send: sender(onAws, undefined, { event }) };
    },
    "a certificate, by its unit": async () => {
      const group = next("unit");
      const subject = { CN: next("someone"), OU: ["other", group] };
      const getPeerCertificate = () => ({ subject, serialNumber: "1", valid_to: "Jan  1 00:00:00 2100 GMT" });
      const env = { incoming: { socket: { authorized: true, getPeerCertificate } } };
      return { to: `group:${group}`, send: sender(served, undefined, env) };
    },
    "a key in a role within a role": async () => {
      const [name, inner, outer] = [next("key"), next("inner"), next("outer")];
      await operator({ role: inner, to: `user:${name}` }, { role: outer, to: `role:${inner}` });
      return { to: `role:${outer}`, send: sender(served, await keyOf(name)) };
    },
  };

  const operator = (...grant: AskedGrant[]) => changeGrants(lake, { grant, by: "operator" });
  const give = (to: string, privileges: readonly string[], on: string) =>
    operator(...privileges.map((privilege) => ({ privilege, on, to })));

  /** By an operator, as the server has it: the door of these tests lets nobody in without a grant. */
  const newTable = async (name = next("test.t"), location?: string): Promise<{ tableId: string; name: string }> => {
    const caller = await admin;
    const answer = await caller.send("POST", "/v1/tables", { name, schema: SCHEMA, location });
    assert.equal(answer.status, 201, answer.text);
    return { tableId: String(answer.body.tableId), name };
  };
  const admin = (async () => {
    await give("user:admin", ["ALL"], "catalog");
    return { to: "user:admin", send: sender(served, await keyOf("admin")) };
  })();
  const stage = {
    folder: api.folder,
    next,
    newTable: () => newTable(),
    rule: async (...request: Parameters<Send>) => (await admin).send(...request),
  };
  const split = (need: string) => {
    const [privilege = "", on = ""] = need.split(" on ");
    return { privilege, on };
  };
  const isRefusal = ({ status, body }: Answer, wanted: Case) =>
    status === 403 || (status === 404 && !(status === wanted.status && body.code !== "TABLE_NOT_FOUND"));

  for (const [kind, newCaller] of Object.entries(CALLERS)) {
    test(`${kind}: every route with what it asks for, without each of it, and with nothing`, async (t) => {
      let requests = 0;
      const cases = await grantCases(stage);
      const tried = new Set(cases.map(({ operation }) => operation));
      assert.deepEqual(
        Object.keys(ROUTES).filter((id) => !tried.has(id as OperationId)),
        [],
        "every route has a case",
      );
      for (const one of cases) {
        const where = `${one.operation} ${one.what ?? ""}`;
        if (one.needs.length > 0) {
          const stranger = await newCaller();
          // All there is, but on what only looks alike.
          for (const on of ["namespace:tes", "namespace:test.t"]) await give(stranger.to, ["ALL"], on);
          const asked = noted.length;
          const refused = await stranger.send(...one.request);
          requests += 1;
          traceOf(one.operation, asked);
          assert.ok(isRefusal(refused, one), `${where} with nothing: ${refused.status} ${refused.text}`);
          for (const missing of one.needs) {
            const caller = await newCaller();
            for (const { on, privilege } of one.needs.map(split)) {
              const isMissing = missing === `${privilege} on ${on}`;
              // Everything but the one; MODIFY is APPEND and more.
              const others = othersThan(privilege, on);
              await give(caller.to, isMissing ? others : [privilege, ...others.filter((n) => n === "SELECT")], on);
            }
            if (one.operation === "getTransaction") continue;
            const before = noted.length;
            const answer = await caller.send(...one.request);
            requests += 1;
            traceOf(one.operation, before);
            assert.ok(isRefusal(answer, one), `${where} without ${missing}: ${answer.status} ${answer.text}`);
          }
        }
        for (const needs of waysIn(one)) {
          const caller = await newCaller();
          for (const { on, privilege } of needs.map(split)) await give(caller.to, [privilege], on);
          const answer = await caller.send(...one.request);
          requests += 1;
          assert.equal(answer.status, one.status, `${where} with ${needs.join(", ")}: ${answer.text}`);
        }
      }
      const [routes, each] = [`Each of the ${tried.size} routes is tried`, `: ${requests} requests each`];
      assert.ok(DOCUMENT.includes(routes) && DOCUMENT.includes(each), `docs/security.md: ${routes} … ${each}`);
      t.diagnostic(`${tried.size} routes in ${cases.length} cases, ${requests} requests`);
    });
  }

  test("a key that reads does not write, whatever is granted to its user", async () => {
    const { tableId } = await newTable();
    await give("user:reader", ["ALL"], "catalog");
    const send = sender(served, await keyOf("reader", "read"));
    assert.equal((await send("GET", `/v1/tables/${tableId}`)).status, 200);
    const { status, body } = await send("POST", "/v1/commits", commitOf(tableId, [addOf("a.parquet")]));
    assert.deepEqual([status, body.code], [403, "ACCESS_DENIED"]);
  });

  test("whoever does not say who they are may do nothing, also where nobody is asked", async () => {
    const unasked = createApp(lake, options);
    for (const app of [served, onAws, unasked]) {
      for (const { path, method, access } of Object.values(ROUTES)) {
        const body = method === "post" || method === "patch" ? {} : undefined;
        const answer = await sender(app, undefined)(
          method.toUpperCase(),
          path.replace(/\{\w+\}/, crypto.randomUUID()),
          body,
        );
        if (access === "open") assert.ok(answer.status === 200 && answer.body.parts === undefined, path);
        else assert.deepEqual([answer.status, answer.body.code], [401, "UNAUTHENTICATED"], path);
      }
    }
  });

  test("a table that may not be known is not there: by id, by name, dropped, and under a former name", async () => {
    const hidden = await newTable("secret.plans");
    const gone = await newTable("secret.gone");
    const { send: rule } = await admin;
    await rule("PATCH", `/v1/tables/${hidden.tableId}`, { name: "secret.plans2" });
    await rule("DELETE", `/v1/tables/${gone.tableId}?force=true`);
    const { to, send } = (await CALLERS["a key"]?.()) ?? assert.fail();
    await give(to, ["ALL"], "namespace:secrets");
    const bare = ({ status, text }: Answer, named: string) => [status, text.replaceAll(named, "X")];
    const nowhere = crypto.randomUUID();
    for (const [id, name] of [
      [hidden.tableId, "secret.plans2"],
      [hidden.tableId, "secret.plans"],
      [gone.tableId, "secret.gone"],
    ] as const) {
      for (const { path, method, asks } of Object.values(ROUTES)) {
        if (asks.on !== "table" && asks.on !== "dropped") continue;
        const body = method === "post" ? {} : method === "patch" ? { name: "x.y" } : undefined;
        const ask = (named: string) => send(method.toUpperCase(), path.replace("{tableId}", named), body);
        assert.deepEqual(bare(await ask(id), id), bare(await ask(nowhere), nowhere), `${path} by id`);
        assert.deepEqual(
          bare(await ask(name), name),
          bare(await ask("secret.never"), "secret.never"),
          `${path} ${name}`,
        );
        assert.equal((await ask(id)).status, 404);
      }
      for (const by of [{ tableId: id }, { table: name }]) {
        const never = "tableId" in by ? { tableId: nowhere } : { table: "secret.never" };
        const [mine, theirs] = "tableId" in by ? [id, nowhere] : [name, "secret.never"];
        const snapshot = (tables: object) => send("POST", "/v1/snapshots", { tables: [tables] });
        assert.deepEqual(bare(await snapshot(by), mine), bare(await snapshot(never), theirs));
        const commit = (table: object) =>
          send("POST", "/v1/commits", {
            transactionId: nowhere,
            tables: [{ ...table, readVersion: 0, actions: [addOf("a")] }],
          });
        assert.deepEqual(bare(await commit(by), mine), bare(await commit(never), theirs));
        const on = "tableId" in by ? `table:${id}` : `table:${name}`;
        const grant = (what: string) => send("POST", "/v1/grants", { privilege: "SELECT", on: what, to });
        assert.deepEqual(bare(await grant(on), mine), bare(await grant(`table:${theirs}`), theirs));
      }
    }
    assert.equal((await send("GET", `/v1/tables?location=file://${api.folder}/secret/plans`)).text, '{"tables":[]}');
    assert.doesNotMatch((await send("GET", "/v1/tables")).text + (await send("GET", "/v1/grants")).text, /secret\./);
  });

  test("clients of Unity Catalog are shown the schemas and tables that may be seen", async () => {
    const mine = await newTable("veiled.mine");
    await newTable("veiled.other");
    await newTable("veiled.within.t");
    await newTable("aveiled.t");
    const { to, send } = (await CALLERS["a key"]?.()) ?? assert.fail();
    const schemas = async (query = "") => {
      const { body } = await send("GET", `${UNITY_BASE}/schemas?catalog_name=lake${query}`);
      return (body.schemas as { name: string }[]).map(({ name }) => name);
    };
    const tables = async () => {
      const { body } = await send("GET", `${UNITY_BASE}/tables?catalog_name=lake&schema_name=veiled&max_results=1`);
      return [(body.tables as { name: string }[]).map(({ name }) => name), body.next_page_token];
    };
    assert.deepEqual([await schemas(), (await tables())[0]], [[], []]);
    assert.equal((await send("GET", `${UNITY_BASE}/schemas/lake.veiled`)).status, 404);
    await give(to, ["SELECT"], `table:${mine.tableId}`);
    assert.deepEqual([await schemas(), await schemas("&max_results=1")], [["veiled"], ["veiled"]]);
    assert.deepEqual(await tables(), [["mine"], "tables.veiled..veiled.mine"]);
    assert.equal((await send("GET", `${UNITY_BASE}/schemas/lake.veiled`)).status, 200);
    const { body } = await send("GET", ROUTES.unityDefaultSchema.path);
    assert.equal(body.setting_name, "veiled");
    for (const path of ["tables/lake.veiled.other", "delta/v1/catalogs/lake/schemas/veiled/tables/other"]) {
      const hidden = await send("GET", `${UNITY_BASE}/${path}`);
      const nowhere = await send("GET", `${UNITY_BASE}/${path.replace("other", "nowhere")}`);
      assert.equal(hidden.text.replaceAll("other", "X"), nowhere.text.replaceAll("nowhere", "X"));
    }
  });

  test("a list shows what may be seen, page by page, and no cursor tells of the rest", async () => {
    const names = ["list.a", "list.b", "list.b2", "list.c", "list2.a", "lis.t"];
    for (const name of names) await newTable(name);
    const { to, send } = (await CALLERS["a key"]?.()) ?? assert.fail();
    await give(to, ["SELECT"], "table:list.b");
    await give(to, ["APPEND"], "namespace:list2");
    const seen: string[] = [];
    let cursor = "";
    do {
      const { body } = await send("GET", `/v1/tables?limit=1${cursor}`);
      seen.push(...(body.tables as { name: string }[]).map(({ name }) => name));
      assert.doesNotMatch(Buffer.from(String(body.next ?? ""), "base64").toString(), /b2|list\.[ac]/);
      cursor = body.next === undefined ? "" : `&cursor=${encodeURIComponent(String(body.next))}`;
    } while (cursor !== "");
    assert.deepEqual(seen, ["list.b", "list2.a"]);
  });

  test("whoever makes a table owns it, and may grant it to others", async () => {
    const [maker, other] = await Promise.all([CALLERS["a key"]?.(), CALLERS["a key"]?.()]);
    if (!maker || !other) return assert.fail();
    await give(maker.to, ["CREATE"], "namespace:owned");
    const made = await maker.send("POST", "/v1/tables", { name: "owned.mine", schema: SCHEMA });
    assert.equal(made.status, 201, made.text);
    assert.equal((await maker.send("GET", "/v1/tables/owned.mine")).status, 200);
    assert.equal((await other.send("GET", "/v1/tables/owned.mine")).status, 404);
    const to = other.to;
    const granted = await maker.send("POST", "/v1/grants", { privilege: "SELECT", on: "table:owned.mine", to });
    assert.deepEqual(granted.body, { privilege: "SELECT", on: "table:owned.mine", to, changed: true });
    assert.equal((await other.send("GET", "/v1/tables/owned.mine")).status, 200);
    const forbidden = await other.send("DELETE", "/v1/tables/owned.mine");
    assert.deepEqual(
      [forbidden.status, forbidden.body.privilege, forbidden.body.on],
      [403, "DROP", "table:owned.mine"],
    );
    // Under another name the table keeps its grants, and the next holder of its name gets none of them.
    assert.equal((await maker.send("PATCH", "/v1/tables/owned.mine", { name: "owned.yours" })).status, 200);
    assert.equal((await other.send("GET", "/v1/tables/owned.yours")).status, 200);
    await newTable("owned.mine", `file://${api.folder}/elsewhere`);
    assert.equal((await other.send("GET", "/v1/tables/owned.mine")).status, 404);
    const shown = (await other.send("GET", "/v1/grants")).body.grants as { privilege: string; on: string }[];
    assert.deepEqual(
      shown.map(({ privilege, on }) => `${privilege} ${on}`),
      ["SELECT table:owned.yours"],
    );
    const all = (await maker.send("GET", "/v1/grants?on=table:owned.yours")).body.grants as { privilege: string }[];
    assert.deepEqual(all.map(({ privilege }) => privilege).sort(), ["OWN", "SELECT"]);
    const revoke = `/v1/grants?privilege=SELECT&on=table:owned.yours&to=${to}`;
    assert.equal((await maker.send("DELETE", revoke)).body.changed, true);
    assert.equal((await maker.send("DELETE", revoke)).body.changed, false);
    assert.equal((await other.send("GET", "/v1/tables/owned.yours")).status, 404);
  });

  test("whoever may only append replaces nothing: neither what is in the table nor what was", async () => {
    const { tableId } = await newTable();
    const { send: rule } = await admin;
    await rule("POST", "/v1/commits", commitOf(tableId, [addOf("live.parquet"), addOf("old.parquet")]));
    await rule("POST", "/v1/commits", commitOf(tableId, [removeOf("old.parquet")], { readVersion: 1 }));
    const { to, send } = (await CALLERS["a key"]?.()) ?? assert.fail();
    await give(to, ["APPEND"], `table:${tableId}`);
    for (const path of ["live.parquet", "old.parquet"]) {
      const answer = await send(
        "POST",
        "/v1/commits",
        commitOf(tableId, [addOf(path, { size: 1 })], { readVersion: 2 }),
      );
      assert.deepEqual(
        [answer.status, answer.body.code, answer.body.privilege],
        [403, "ACCESS_DENIED", "MODIFY"],
        answer.text,
      );
    }
    const request = commitOf(tableId, [addOf("new.parquet")], { readVersion: 2 });
    assert.equal((await send("POST", "/v1/commits", request)).status, 201);
    assert.equal((await send("POST", "/v1/commits", request)).status, 200, "sent again");
    // A repetition is told to nobody who may not do it.
    const stranger = (await CALLERS["a key"]?.()) ?? assert.fail();
    assert.equal((await stranger.send("POST", "/v1/commits", request)).status, 404);
    await give(to, ["MODIFY"], `table:${tableId}`);
    const replaced = await send(
      "POST",
      "/v1/commits",
      commitOf(tableId, [addOf("live.parquet", { size: 1 })], { readVersion: 3 }),
    );
    assert.equal(replaced.status, 201, replaced.text);
  });

  test("while grants are not enforced nobody prepares any over the API", async () => {
    await enforce("open");
    const caller = createApp(lake, {
      ...options,
      rules: openRules(lake.catalog),
      door: openDoor({ keys: openKeyRing(lake.catalog, { now }) }),
    });
    const send = sender(caller, await keyOf("eve"));
    const grant = { privilege: "ALL", on: "catalog", to: "user:eve" };
    assert.deepEqual((await send("POST", "/v1/grants", grant)).body.code, "ACCESS_NOT_ENFORCED");
    assert.equal((await send("GET", "/v1/tables/secret.plans2")).status, 200);
    await enforce("enforced");
  });
});
