/** What the schedule of `dl serve` does with tables that are due, and with those that were dropped. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { openAuditTrail, verifyAudit } from "../../lib/access/audit.ts";
import { openMaintenance } from "../../lib/cli/serve/maintenance.ts";
import { DEFAULT_CONFIG } from "../../lib/default-config.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import type { Logger } from "../../lib/telemetry/log.ts";
import { SQLITE_ENGINE } from "../support/catalog-engines.ts";
import { newTable, openTestLake } from "../support/lake.ts";

const DAY_MS = 86_400_000;

test("rows of dropped tables go once their window is over; those that can come back, and their files, stay", async () => {
  const lake = await openTestLake(SQLITE_ENGINE);
  const [gone, fresh, live] = [
    await newTable(lake, "u.gone"),
    await newTable(lake, "u.fresh"),
    await newTable(lake, "u.live"),
  ];
  await dropTable(lake, { tableId: gone }, { unpublished: "giveUp" });
  lake.clock.time += 6 * DAY_MS;
  await dropTable(lake, { tableId: fresh }, { unpublished: "giveUp" });
  const said: string[] = [];
  const say = (_fields: object, text: string) => void said.push(text);
  const logger = { info: say, error: say } as unknown as Logger;
  const upkeep = openMaintenance(lake, DEFAULT_CONFIG, logger);
  const dropped = async () => (await lake.catalog.listDropped({ limit: 10 })).items.map(({ tableId }) => tableId);
  await upkeep.run();
  assert.deepEqual(await dropped(), [fresh, gone], "both can still come back");
  lake.clock.time += 2 * DAY_MS;
  await upkeep.run();
  assert.deepEqual(await dropped(), [fresh]);
  assert.ok(said.includes("u.gone was dropped, and its rows are gone now"), said.join("\n"));
  assert.equal((await lake.catalog.findTable({ tableId: live }))?.name, "u.live");
  await lake.close();
});

test("rows of the audit trail go when their time is over, where the configuration says so", async () => {
  const lake = await openTestLake(SQLITE_ENGINE);
  const trail = openAuditTrail(lake.catalog, { shard: "a", now: () => lake.clock.time, onError: assert.fail });
  const facts = { requestId: "r", who: "user:u", session: "", client: "", operation: "commit", tables: "[]" };
  trail.note({ ...facts, at: lake.clock.time, decision: "allowed", outcome: "201", because: "", effect: "" });
  await trail.flush();
  const { maintenance } = DEFAULT_CONFIG;
  const said: string[] = [];
  const say = (_fields: object, text: string) => void said.push(text);
  const logger = { info: say, error: say } as unknown as Logger;
  const run = (days: number) =>
    openMaintenance(
      lake,
      { ...DEFAULT_CONFIG, maintenance: { ...maintenance, audit_retention_days: days } },
      logger,
    ).run();
  const operations = async () => (await lake.catalog.findAudit({ limit: 9 })).map(({ operation }) => operation);
  lake.clock.time += 400 * DAY_MS;
  await run(0);
  await run(401);
  assert.deepEqual(await operations(), ["commit"]);
  await run(398);
  assert.deepEqual(await operations(), ["auditTrim"]);
  assert.deepEqual(said, ["rows of the audit trail beyond their retention are gone"]);
  assert.deepEqual((await verifyAudit(lake.catalog)).faults, []);
  await lake.close();
});
