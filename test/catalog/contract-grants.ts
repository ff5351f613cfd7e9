/** Grants, roles and policies as rows: idempotent, in one transaction with the state that tells that they have changed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { AccessChange } from "../../lib/ports.ts";
import type { CatalogUnderTest } from "../contract/catalog.contract.ts";

export function grantContract({ catalog, reopen }: CatalogUnderTest): void {
  let at = 1_000;
  const change = (what: Omit<AccessChange, "by" | "at">) => {
    at += 1;
    return catalog().changeAccess({ ...what, by: "user:root", at });
  };
  const select = { privilege: "SELECT", resource: "namespace:sales", grantee: "user:a" } as const;

  test("a new catalog enforces nothing, and knows of no change", async () => {
    assert.deepEqual(await catalog().accessState(), { mode: "open", version: 0, changedAt: 0 });
    const { grants, members, policies } = await catalog().readAccess();
    assert.deepEqual([grants, members, policies], [[], [], []]);
  });

  test("a change makes a new state, a repetition none", async () => {
    const first = await change({ grant: [select] });
    assert.deepEqual([first.changed, first.version, first.changedAt], [1, 1, at]);
    const again = await change({ grant: [select] });
    assert.deepEqual([again.changed, again.version, again.changedAt], [0, 1, at - 1]);
    assert.deepEqual((await catalog().readAccess()).grants, [{ ...select, by: "user:root", at: first.changedAt }]);
    assert.equal((await change({ revoke: [{ ...select, grantee: "user:b" }] })).changed, 0);
    assert.equal((await change({ revoke: [select] })).changed, 1);
    assert.deepEqual((await catalog().readAccess()).grants, []);
  });

  test("a table has one owner", async () => {
    const own = { privilege: "OWN", resource: "table:t", grantee: "user:a" } as const;
    await change({ grant: [own, { ...own, privilege: "ALL" }] });
    await change({ grant: [{ ...own, grantee: "user:b" }] });
    const { grants } = await catalog().readAccess();
    assert.deepEqual(
      grants.map(({ privilege, grantee }) => `${privilege} ${grantee}`),
      ["ALL user:a", "OWN user:b"],
    );
  });

  test("no role is in itself, however long the way; what was refused has changed nothing", async () => {
    const join = (role: string, member: string) => change({ join: [{ role, member: `role:${member}` }] });
    await join("a", "b");
    await join("b", "c");
    const before = await catalog().accessState();
    await assert.rejects(join("c", "a"), { code: "ROLE_CYCLE" });
    assert.deepEqual(await catalog().accessState(), before);
    assert.equal((await catalog().readAccess()).members.length, 2);
    // Two ways to the same role are no circle.
    assert.equal((await join("a", "c")).changed, 1);
    assert.equal((await change({ leave: [{ role: "b", member: "role:c" }] })).changed, 1);
    assert.equal((await join("c", "b")).changed, 1);
  });

  test("policies are set, replaced and taken away", async () => {
    assert.equal((await change({ set: [{ name: "p", text: "x" }] })).changed, 1);
    assert.equal((await change({ set: [{ name: "p", text: "x" }] })).changed, 0);
    assert.equal((await change({ set: [{ name: "p", text: "y" }] })).changed, 1);
    assert.deepEqual(
      (await catalog().readAccess()).policies.map(({ name, text }) => [name, text]),
      [["p", "y"]],
    );
    assert.equal((await change({ unset: ["p", "q"] })).changed, 1);
  });

  test("changes that come at once are all there, each with a state of its own", async () => {
    const other = await reopen();
    const { version } = await catalog().accessState();
    const grants = Array.from({ length: 8 }, (_, i) => ({ ...select, grantee: `user:${i}` }));
    const states = await Promise.all(
      grants.map((grant, i) => (i % 2 ? other : catalog()).changeAccess({ grant: [grant], by: "user:root", at: 5 })),
    );
    await other.close();
    assert.deepEqual(
      states.map((state) => state.version).sort((a, b) => a - b),
      grants.map((_, i) => version + 1 + i),
    );
  });

  test("a change for another state is none", async () => {
    const { version } = await catalog().accessState();
    const grant = [{ ...select, grantee: "user:late" }];
    await assert.rejects(change({ grant, ifVersion: version - 1 }), { code: "ACCESS_CHANGED" });
    assert.equal((await catalog().accessState()).version, version);
    assert.equal((await change({ grant, ifVersion: version })).changed, 1);
  });

  test("it is enforced, and no longer", async () => {
    assert.equal((await change({ mode: "enforced" })).mode, "enforced");
    assert.equal((await change({ mode: "enforced" })).changed, 0);
    assert.equal((await catalog().accessState()).mode, "enforced");
    assert.equal((await change({ mode: "open" })).changed, 1);
  });
}
