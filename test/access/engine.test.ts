/** What Cedar decides of grants: held against a plain reading of the same grants, and what is remembered of it. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { checkPolicy, type Judged, openPolicyEngine, type Question } from "../../lib/access/policies/engine.ts";
import {
  GRANTED,
  type Granted,
  namespaceOf,
  namespacesAround,
  OPERATOR_PRIVILEGES,
  PRIVILEGES,
  type Privilege,
  resourceText,
} from "../../lib/access/privileges.ts";
import type { AccessRules } from "../../lib/ports.ts";

const made = { by: "operator", at: 1 };
const rulesOf = (rules: Partial<AccessRules>): AccessRules => ({
  mode: "enforced",
  version: 1,
  changedAt: 1,
  grants: [],
  members: [],
  policies: [],
  ...rules,
});
const grant = (privilege: Granted, resource: string, grantee: string) => ({ privilege, resource, grantee, ...made });
const table = (name: string, properties: Record<string, string> = {}): Judged => ({
  kind: "table",
  tableId: `id-of-${name}`,
  name,
  properties,
});
const asking = (id: string, privilege: Privilege, resource: Judged, more: Partial<Question> = {}): Question => ({
  principal: { id, groups: [], proof: "key" },
  privilege,
  resource,
  at: Date.UTC(2026, 0, 1),
  ...more,
});

/** Grants as anybody would read them, without Cedar. */
function plainly({ grants, members }: AccessRules, { principal, privilege, resource }: Question): boolean {
  const all = new Set([principal.id, ...principal.groups.map((group) => `group:${group}`)]);
  for (let size = -1; size !== all.size; ) {
    size = all.size;
    for (const { role, member } of members) if (all.has(member)) all.add(`role:${role}`);
  }
  const places = new Set(["catalog", ...(resource.kind === "catalog" ? [] : [resourceText(resource)])]);
  const space =
    resource.kind === "table" ? namespaceOf(resource.name) : resource.kind === "namespace" ? resource.name : "";
  for (const name of namespacesAround(space)) places.add(`namespace:${name}`);
  return grants.some(
    (one) =>
      all.has(one.grantee) &&
      places.has(one.resource) &&
      (one.privilege === privilege ||
        ["ALL", "OWN"].includes(one.privilege) ||
        (one.privilege === "OPERATE" && OPERATOR_PRIVILEGES.some((part) => part === privilege))),
  );
}

describe("decisions", () => {
  const PRIVILEGE_NAMES = Object.keys(PRIVILEGES) as Privilege[];
  // Names that begin alike, so that whoever compares beginnings is found out.
  const names = ["a", "ab", "a.b", "a.bc", "a.b.c", "b"];
  const people = ["user:x", "user:xy", "group:x", "role:x", "role:y", "role:xy"];
  const resources = [
    "catalog",
    ...names.map((name) => `namespace:${name}`),
    ...names.map((name) => `table:id-of-${name}.t`),
  ];
  const grants = fc.array(
    fc.record({
      privilege: fc.constantFrom(...GRANTED),
      resource: fc.constantFrom(...resources),
      grantee: fc.constantFrom(...people),
    }),
    { minLength: 5, maxLength: 25 },
  );
  const members = fc.array(fc.record({ role: fc.constantFrom("x", "y", "xy"), member: fc.constantFrom(...people) }), {
    maxLength: 4,
  });
  const judged: Judged[] = [
    { kind: "catalog" },
    ...names.map((name): Judged => ({ kind: "namespace", name })),
    ...names.map((name) => table(`${name}.t`)),
  ];

  test("Cedar says of every grant what a plain reading says, and names the grant", async () => {
    const question = fc.record({
      id: fc.constantFrom("user:x", "user:xy", "user:z"),
      groups: fc.subarray(["x", "xy"]),
      privilege: fc.constantFrom(...PRIVILEGE_NAMES),
      resource: fc.constantFrom(...judged),
    });
    let allowed = 0;
    await fc.assert(
      fc.asyncProperty(
        grants,
        members,
        fc.array(question, { minLength: 5, maxLength: 5 }),
        async (granted, joined, asked) => {
          const rules = rulesOf({
            grants: granted.map((one) => ({ ...one, ...made })),
            members: joined.map((one) => ({ ...one, ...made })),
          });
          const unique = new Map(rules.grants.map((one) => [JSON.stringify(one), one]));
          const engine = await openPolicyEngine({ ...rules, grants: [...unique.values()] });
          for (const { id, groups, privilege, resource } of asked) {
            const one = { ...asking(id, privilege, resource), principal: { id, groups, proof: "key" as const } };
            const decision = engine.decide(one);
            assert.equal(decision.allowed, plainly(rules, one), JSON.stringify(one));
            assert.equal(decision.because.length > 0, decision.allowed);
            assert.deepEqual(decision, engine.decide(one));
            if (decision.allowed) allowed += 1;
          }
        },
      ),
      { numRuns: 150 },
    );
    assert.ok(allowed > 50, `only ${allowed} were allowed`);
  });

  test("more engines and grantees than Cedar keeps parsed do not get in each other's way", async () => {
    const engines = await Promise.all(
      [0, 1, 2].map((n) =>
        openPolicyEngine(
          rulesOf({
            grants: Array.from({ length: 100 }, (_, i) => grant("SELECT", `namespace:n${n}_${i}`, `user:u${i}`)),
          }),
        ),
      ),
    );
    for (let round = 0; round < 2; round += 1) {
      for (const [n, engine] of engines.entries()) {
        for (let i = 0; i < 100; i += 7) {
          const may = (space: string, privilege: Privilege = round === 0 ? "SELECT" : "ALTER") =>
            engine.decide(asking(`user:u${i}`, privilege, table(`${space}.t`))).allowed;
          assert.equal(may(`n${n}_${i}`), round === 0);
          assert.equal(may(`n${(n + 1) % 3}_${i}`), false);
        }
      }
    }
  });
});

describe("policies", () => {
  const all = [grant("ALL", "catalog", "user:a")];
  const policy = (text: string) => rulesOf({ grants: all, policies: [{ name: "p", text, ...made }] });

  test("time, address and properties of tables can forbid, each time anew", async () => {
    const cases: [string, Question, Question][] = [
      [
        'forbid(principal, action, resource) when { context has ip && context.ip.isInRange(ip("10.0.0.0/8")) };',
        asking("user:a", "SELECT", table("a.t"), { ip: "10.1.2.3" }),
        asking("user:a", "SELECT", table("a.t"), { ip: "11.1.2.3" }),
      ],
      [
        'forbid(principal, action, resource) when { context.time >= datetime("2026-02-01") };',
        asking("user:a", "SELECT", table("a.t"), { at: Date.UTC(2026, 1, 1) }),
        asking("user:a", "SELECT", table("a.t"), { at: Date.UTC(2026, 0, 31) }),
      ],
      [
        'forbid(principal, action == Action::"SELECT", resource is Table) when { resource.hasTag("pii") && resource.getTag("pii") == "yes" };',
        asking("user:a", "SELECT", table("a.t", { pii: "yes" })),
        asking("user:a", "SELECT", table("a.t", { pii: "no" })),
      ],
      [
        'forbid(principal, action, resource) when { context.proof != "iam" };',
        asking("user:a", "SELECT", table("a.t")),
        asking("user:a", "SELECT", table("a.t"), { principal: { id: "user:a", groups: [], proof: "iam" } }),
      ],
    ];
    for (const [text, denied, allowed] of cases) {
      const engine = await openPolicyEngine(policy(text));
      assert.deepEqual(engine.decide(denied), { allowed: false, because: ["policy p"], errors: [] }, text);
      assert.deepEqual(engine.decide(allowed).because, ["grant ALL on catalog to user:a"], text);
    }
  });

  test("what a policy says of OPERATE it says of each part of it, and of nothing else", async () => {
    const forbid = {
      name: "no",
      text: `forbid(principal == User::"x", action == Action::"OPERATE", resource);`,
      ...made,
    };
    const permit = {
      name: "yes",
      text: `permit(principal == User::"y", action == Action::"OPERATE", resource);`,
      ...made,
    };
    const engine = await openPolicyEngine(
      rulesOf({ grants: [grant("ALL", "catalog", "user:x")], policies: [forbid, permit] }),
    );
    for (const privilege of Object.keys(PRIVILEGES) as Privilege[]) {
      const isPart = privilege === "OPERATE" || OPERATOR_PRIVILEGES.some((part) => part === privilege);
      assert.equal(engine.decide(asking("user:x", privilege, { kind: "catalog" })).allowed, !isPart, privilege);
      assert.equal(engine.decide(asking("user:y", privilege, { kind: "catalog" })).allowed, isPart, privilege);
    }
    const { because } = engine.decide(asking("user:x", "VACUUM", table("a.t")));
    assert.deepEqual(because, ["policy no"]);
  });

  test("a policy can permit what no grant does, to those whom it names", async () => {
    const engine = await openPolicyEngine(
      policy('permit(principal == User::"b", action == Action::"SELECT", resource);'),
    );
    assert.equal(engine.decide(asking("user:b", "SELECT", table("a.t"))).allowed, true);
    assert.equal(engine.decide(asking("user:b", "ALTER", table("a.t"))).allowed, false);
    assert.equal(engine.decide(asking("user:c", "SELECT", table("a.t"))).allowed, false);
  });

  test("one that forbids and cannot be evaluated forbids; one that permits permits nothing", async () => {
    // Valid, and fails for the largest number there is.
    const overflow = "when { 9223372036854775807 + 1 > 0 };";
    const forbids = await openPolicyEngine(policy(`@why("x") forbid(principal, action, resource) ${overflow}`));
    const denied = forbids.decide(asking("user:a", "SELECT", table("a.t")));
    assert.deepEqual([denied.allowed, denied.because], [false, ["policy p"]]);
    assert.match(denied.errors[0] ?? "", /overflow/);
    const permits = await openPolicyEngine(policy(`permit(principal, action, resource) ${overflow}`));
    assert.equal(permits.decide(asking("user:b", "SELECT", table("a.t"))).allowed, false);
  });

  for (const [text, words] of [
    ["nonsense", /not right/],
    ['permit(principal, action == Action::"FLY", resource);', /FLY/],
    ["permit(principal, action, resource) when { context.weather == 1 };", /weather/],
    ["permit(principal in ?principal, action, resource);", /no template/],
    ["permit(principal, action, resource); forbid(principal, action, resource);", /one policy/],
    ["", /one policy/],
  ] as const) {
    test(`refused before it is stored: ${text}`, async () => {
      await assert.rejects(checkPolicy({ name: "p", text }), { code: "INVALID_POLICY", message: words });
    });
  }
});
