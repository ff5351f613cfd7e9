/** dl grant, revoke, grants and access: what operators say, see and are warned of. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { dl } from "./run.ts";

describe("grants by dl", () => {
  const folder = mkdtempSync(join(tmpdir(), "dl-grants-"));
  after(() => rmSync(folder, { recursive: true }));
  const database = join(folder, "lake.sqlite");
  const run = (...args: string[]) => dl([...args, "--database", database]);
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  before(() => run("migrate"));

  test("what is granted is listed, and explained by the grant that decides", async () => {
    const granted = await run("grant", "select,APPEND", "on", "namespace:sales", "to", "role:writers");
    assert.equal(granted.code, 0, granted.stderr);
    assert.match(granted.stdout, /SELECT on namespace:sales for role:writers: granted/);
    assert.match(granted.stderr, /Grants are not enforced/);
    assert.equal((await run("grant", "role:writers", "to", "group:etl")).code, 0);
    assert.match(
      (await run("grant", "SELECT", "on", "namespace:sales", "to", "role:writers")).stdout,
      /granted already/,
    );
    const { grants } = JSON.parse((await run("grants", "--format", "json")).stdout);
    assert.equal(grants.length, 3);
    const explain = (...args: string[]) => run("access", "explain", ...args);
    const allowed = await explain("user:eve", "APPEND", "namespace:sales.eu", "--group", "etl");
    assert.match(
      allowed.stdout,
      /^allowed: user:eve may APPEND on namespace:sales\.eu\n {2}because of: grant APPEND on namespace:sales to role:writers\n {2}judged as: user:eve, group:etl, role:writers/,
    );
    assert.match(
      (await explain("user:eve", "APPEND", "namespace:sales2", "--group", "etl")).stdout,
      /^denied: .*\n {2}because nothing grants it/,
    );
    assert.match((await explain("user:eve", "APPEND", "namespace:sales")).stdout, /^denied/);
    const revoked = await run("revoke", "APPEND", "on", "namespace:sales", "from", "role:writers");
    assert.match(revoked.stdout, /revoked/);
    assert.match((await explain("user:eve", "APPEND", "namespace:sales", "--group", "etl")).stdout, /^denied/);
  });

  test("nobody is locked out unseen, and --keep gives what keys let do today, and no more", async () => {
    await run("key", "create", "w");
    await run("key", "create", "r", "--access", "read");
    const gone = (await run("key", "create", "gone", "--format", "json")).stdout;
    await run("key", "revoke", JSON.parse(gone).keyId);
    const refused = await run("access", "on");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /user:r, user:w|user:w, user:r/);
    assert.doesNotMatch(refused.stderr, /user:gone/);
    assert.match((await run("access", "status")).stdout, /open/);
    const on = await run("access", "on", "--keep");
    assert.equal(on.code, 0, on.stderr);
    const explain = async (user: string, privilege: string) =>
      (await run("access", "explain", user, privilege)).stdout.split(":")[0];
    assert.deepEqual(
      [
        await explain("user:w", "DROP"),
        await explain("user:w", "MANAGE"),
        await explain("user:r", "SELECT"),
        await explain("user:r", "APPEND"),
      ],
      ["allowed", "denied", "allowed", "denied"],
    );
    assert.equal((await run("access", "on")).code, 0, "it is on already");
    assert.equal((await run("access", "off")).code, 0);
    assert.equal(JSON.parse((await run("access", "status", "--format", "json")).stdout).mode, "open");
  });

  test("policies are checked, named by explain, and removed", async () => {
    const night = file(
      "p.cedar",
      "forbid(principal, action, resource) when { context has ip && context.ip.isLoopback() };",
    );
    assert.equal((await run("access", "policy", "set", "night", night)).code, 0);
    assert.match(
      (await run("access", "explain", "user:w", "SELECT", "--ip", "127.0.0.1")).stdout,
      /^denied.*\n {2}because of: policy night/,
    );
    assert.match((await run("access", "explain", "user:w", "SELECT", "--ip", "10.0.0.1")).stdout, /^allowed/);
    assert.match((await run("access", "policy", "list")).stdout, /isLoopback/);
    assert.equal((await run("access", "policy", "remove", "night")).code, 0);
    assert.match((await run("access", "policy", "schema")).stdout, /action SELECT appliesTo/);
  });

  test("a file is planned, applied in one step, and the same again changes nothing", async () => {
    const exported = (await run("access", "export")).stdout;
    const same = await run("access", "plan", file("same.yaml", exported));
    assert.deepEqual([same.code, same.stdout], [0, "nothing to change\n"], same.stderr);
    const wanted = file(
      "wanted.yaml",
      "roles:\n  readers: [group:a, role:b]\ngrants:\n  - { on: namespace:sales, to: role:readers, privileges: [SELECT, APPEND] }\npolicies:\n  never: forbid(principal, action, resource);\n",
    );
    const plan = await run("access", "plan", wanted);
    assert.equal(plan.code, 2, plan.stderr);
    assert.match(plan.stdout, /^- SELECT on namespace:sales to role:writers$/m);
    assert.match(plan.stdout, /^\+ APPEND on namespace:sales to role:readers$/m);
    assert.match(plan.stdout, /^\+ role:readers to role:b$/m);
    assert.match(plan.stdout, /^\+ policy never$/m);
    const applied = await run("access", "apply", wanted);
    assert.deepEqual([applied.code, applied.stdout], [0, plan.stdout], applied.stderr);
    assert.equal((await run("access", "apply", wanted)).stdout, "nothing to change\n");
    assert.equal(
      (await run("access", "plan", file("again.json", (await run("access", "export", "--format", "json")).stdout)))
        .code,
      0,
    );
    const back = await run("access", "apply", file("back.yaml", exported));
    assert.equal(back.code, 0, back.stderr);
    assert.equal((await run("access", "export")).stdout, exported);
  });

  for (const [text, words] of [
    ["grants: [", /not YAML at line 1/],
    ["grant: []", /grant/],
    ["grants:\n  - { on: catalog, to: alice, privileges: [SELECT] }", /grants\/0\/to/],
    [
      "grants:\n  - { on: table:no.such, to: user:a, privileges: [SELECT] }",
      /no table named "no\.such"[\s\S]*grants\/0/,
    ],
    ["grants:\n  - { on: catalog, to: user:a, privileges: [FLY] }", /grants\/0\/privileges\/0/],
    ["roles: { a: [role:b], b: [role:a] }", /in itself/],
    ["policies: { p: nonsense }", /policy p is not right/],
  ] as const) {
    test(`a file that is wrong changes nothing: ${text}`, async () => {
      const before = (await run("access", "export")).stdout;
      const result = await run("access", "apply", file("wrong.yaml", text));
      assert.equal(result.code, 1, result.stdout);
      assert.match(result.stderr, words);
      assert.equal((await run("access", "export")).stdout, before);
    });
  }

  for (const [args, code, words] of [
    [["grant", "SELECT"], 64, /write it as: PRIVILEGE on/],
    [["grant", "SELECT", "on", "catalog", "from", "user:a"], 64, /to user:NAME/],
    [["grant", "FLY", "on", "catalog", "to", "user:a"], 64, /there are SELECT, APPEND/],
    [["grant", "SELECT", "on", "tabel:a.b", "to", "user:a"], 1, /catalog, namespace:NAME, or table:NAME/],
    [["grant", "SELECT", "on", "table:a.b", "to", "user:a"], 1, /there is no table named "a\.b"/],
    [["grant", "SELECT", "on", "catalog", "to", "alice"], 1, /user:NAME, group:NAME or role:NAME/],
    [["grant", "CREATE", "on", "table:a.b", "to", "user:a"], 1, /a namespace or the catalog, not on a table/],
    [["grant", "role:a", "to", "role:a"], 1, /in itself/],
    [["grant", "alice", "to", "user:b"], 64, /role:NAME/],
    [["access", "explain", "alice", "SELECT"], 64, /write user:NAME/],
    [["access", "explain", "user:alice", "ALL"], 64, /ask for one of/],
    [["access", "policy", "set", "a b", "none"], 64, /no name of a policy/],
    [["access", "policy", "set", "a", "/nowhere"], 1, /cannot be read/],
    [["access", "policy", "remove", "zz"], 1, /there is no policy zz/],
  ] as const) {
    test(`${args.join(" ")} exits ${code}`, async () => {
      const result = await run(...args);
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, words);
    });
  }
});
