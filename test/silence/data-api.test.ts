/** A Data API that takes connections and never answers: health says so within a second, and nothing hangs at the end. */

import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { test } from "node:test";
import { openCatalog } from "../../lib/catalog/open.ts";
import { deadlineMs } from "../../lib/deadlines.ts";
import { openServiceHealth } from "../../lib/http/service-health.ts";
import { dataApiUrl } from "../support/catalog-engines.ts";
import { testClock } from "../support/catalog-plans.ts";

test("the Data API is silent", async () => {
  process.env.AWS_ACCESS_KEY_ID ??= "test";
  process.env.AWS_SECRET_ACCESS_KEY ??= "test";
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  silent.unref();
  const { port } = silent.address() as AddressInfo;
  const catalog = await openCatalog(dataApiUrl("postgresql://nobody/x", `http://127.0.0.1:${port}`), testClock());
  const health = openServiceHealth([{ name: "database", isEssential: true, check: () => catalog.ping() }]);
  const startedAt = performance.now();
  const first = await health();
  assert.ok(performance.now() - startedAt < 3_500, "health waited for the database");
  assert.deepEqual([first.status, first.parts.database?.state], ["unhealthy", "silent"]);
  // The question itself ends: the next one is a new one, and says what is the matter.
  await new Promise((resolve) => setTimeout(resolve, deadlineMs("databaseConnection") - 500));
  await assert.rejects(catalog.ping(), /does not answer/);
  await catalog.close();
  silent.close();
});
