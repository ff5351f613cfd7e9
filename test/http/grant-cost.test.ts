/** What grants cost a client that commits on and on: not one more call of the catalog. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { newApiKey } from "../../lib/access/api-key.ts";
import { openDoor } from "../../lib/access/door.ts";
import { openKeyRing } from "../../lib/access/key-ring.ts";
import { openRules } from "../../lib/access/rules.ts";
import { createApp } from "../../lib/http/app.ts";
import type { Catalog } from "../../lib/ports.ts";
import { commitOf, sender } from "./grant-cases.ts";
import { addOf, openLocalApi } from "./local-api.ts";

const COMMITS = 20;

test("warm commits ask the catalog as often where grants are enforced as where they are not", async () => {
  const { lake, newTable } = await openLocalApi();
  const { tableId } = await newTable();
  const { now } = lake.clock;
  const { key, keyId, hash } = newApiKey();
  await lake.catalog.addKey({ keyId, name: "etl", hash, access: "write", createdAt: 1 });
  const grants = Array.from({ length: 1000 }, (_, i) => ({
    ...{ privilege: "APPEND", resource: `namespace:n${i}`, grantee: "user:etl" },
  })) as never[];
  const own = { privilege: "APPEND", resource: `table:${tableId}`, grantee: "user:etl" } as const;
  await lake.catalog.changeAccess({ grant: [...grants, own], by: "operator", at: 1 });
  let version = 0;
  const callsIn = async (mode: "open" | "enforced") => {
    await lake.catalog.changeAccess({ mode, by: "operator", at: 2 });
    const calls: string[] = [];
    const catalog = new Proxy(lake.catalog, {
      get(target, name: keyof Catalog) {
        const member = target[name];
        if (typeof member !== "function") return member;
        return (...given: never[]) => {
          calls.push(name);
          return (member as (...all: never[]) => unknown).apply(target, given);
        };
      },
    });
    const watched = { ...lake, catalog };
    const door = openDoor({ keys: openKeyRing(catalog, { now, monotonic: () => 0 }), now });
    // Once in five seconds, beside the requests, rules are asked for again: here no time passes.
    const rules = openRules(catalog, () => 0);
    const app = createApp(watched, { version: "1", resolveLocation: async (at) => at ?? "", door, rules });
    const send = sender(app, key);
    const commitOne = async () => {
      const body = commitOf(tableId, [addOf(`${mode}-${version}.parquet`)], { readVersion: version });
      const { status, text } = await send("POST", "/v1/commits", body);
      assert.equal(status, 201, text);
      version += 1;
    };
    await commitOne();
    calls.length = 0;
    for (let i = 0; i < COMMITS; i += 1) await commitOne();
    return calls;
  };
  const [open, enforced] = [await callsIn("open"), await callsIn("enforced")];
  assert.ok(open.length >= COMMITS, open.join());
  assert.equal(enforced.length, open.length, `${open.join()} | ${enforced.join()}`);
});
