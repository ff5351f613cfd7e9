/** Contract of API keys: what the catalog remembers of them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiKeyRecord } from "../../lib/ports.ts";
import type { CatalogUnderTest } from "../contract/catalog.contract.ts";

export function keyContract({ catalog, reopen }: CatalogUnderTest): void {
  const key = (keyId: string, more: Partial<ApiKeyRecord> = {}): ApiKeyRecord => ({
    keyId,
    name: "it's alice@example.com",
    hash: "ab".repeat(32),
    access: "write",
    createdAt: 1_795_694_400_000,
    ...more,
  });
  const none = "f".repeat(16);

  test("a key is found by its id as it was added, here and elsewhere", async () => {
    const other = await reopen();
    const made = [
      key("0000000000000001"),
      key("0000000000000002", { access: "read", expiresAt: 1_795_694_400_001 }),
      key("0000000000000003", { kind: "s3" }),
    ];
    for (const one of made) await catalog().addKey(one);
    for (const one of made) assert.deepEqual(await other.findKey(one.keyId), one);
    assert.equal(await other.findKey(none), undefined);
    await assert.rejects(catalog().addKey(key("0000000000000001")), "an id is given once");
    await other.close();
  });

  test("keys are listed in pages, revoked and expired ones, too", async () => {
    const made = ["a", "b", "c"].map((letter) => key(letter.repeat(16), { expiresAt: 1 }));
    for (const one of made) await catalog().addKey(one);
    const cursor = "9".repeat(16);
    const first = await catalog().listKeys({ cursor, limit: 2 });
    assert.deepEqual(first.items, made.slice(0, 2));
    const second = await catalog().listKeys({ cursor: first.next ?? "", limit: 2 });
    assert.deepEqual([second.items, second.next], [made.slice(2), undefined]);
  });

  test("a key is revoked once, for ever", async () => {
    await catalog().addKey(key("d".repeat(16)));
    assert.equal((await catalog().revokeKey("d".repeat(16), 7))?.revokedAt, 7);
    assert.equal((await catalog().revokeKey("d".repeat(16), 9))?.revokedAt, 7);
    assert.equal((await catalog().findKey("d".repeat(16)))?.revokedAt, 7);
    assert.equal(await catalog().revokeKey(none, 7), undefined);
  });

  test("the last use counts, in whatever order uses are recorded", async () => {
    await catalog().addKey(key("e".repeat(16)));
    for (const at of [5, 9, 7]) await catalog().touchKey("e".repeat(16), at);
    await catalog().touchKey(none, 1);
    assert.equal((await catalog().findKey("e".repeat(16)))?.lastUsedAt, 9);
  });
}
