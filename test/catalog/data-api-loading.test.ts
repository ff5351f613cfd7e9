/** AWS's client is loaded by the first call of the Data API, and by nobody else: it costs memory and the start of a program. */

import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { test } from "node:test";

test("SQLite and PostgreSQL do without AWS's client", async () => {
  const loaded: string[] = [];
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier.startsWith("@aws-sdk/")) loaded.push(specifier);
      return next(specifier, context);
    },
  });
  const { openCatalog } = await import("../../lib/catalog/open.ts");
  const { SQLITE_ENGINE, dataApiUrl } = await import("../support/catalog-engines.ts");
  const { testClock } = await import("../support/catalog-plans.ts");
  const database = await SQLITE_ENGINE.create();
  const catalog = await openCatalog(database.url, testClock());
  await catalog.ping();
  await catalog.close();
  await database.drop();
  process.env.AWS_ACCESS_KEY_ID ??= "test";
  process.env.AWS_SECRET_ACCESS_KEY ??= "test";
  const nobody = "http://127.0.0.1:1";
  const cloud = await openCatalog(dataApiUrl("postgresql://nobody/x", nobody), testClock(), { withinMs: -1 });
  assert.equal(loaded.length, 0);
  await assert.rejects(cloud.ping());
  assert.ok(loaded.includes("@aws-sdk/client-rds-data"));
  await cloud.close();
});
