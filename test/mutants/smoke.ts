/** Does a mutant live at all? One client, one commit after the other: a change that breaks even this would prove nothing when a suite fails. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPostgres } from "../../lib/catalog/engines/postgres/driver.ts";
import { openLocalLake } from "../../lib/lake/local.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { addOf, commitTo, SCHEMA } from "../support/lake.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-smoke-"));

async function live(database: string, name: string): Promise<void> {
  const lake = await openLocalLake({ database, mirror: false, verifyFiles: "off" });
  await lake.catalog.migrate();
  const { tableId } = await createTable(lake, { name, location: `file://${folder}/${name}`, schema: SCHEMA });
  for (const version of [0, 1, 2]) {
    assert.equal(await commitTo(lake, tableId, version, [addOf(`f${version}`)]), version + 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal((await lake.catalog.readFiles(tableId, 3, { limit: 10 })).items.length, 3);
  assert.equal((await mirrorTable(lake, tableId)).published.length, 4);
  await lake.close();
}

await live(join(folder, "catalog.sqlite"), "smoke.sqlite");
const postgres = process.env.TEST_POSTGRES_URL;
if (postgres) {
  const admin = openPostgres(postgres, { poolSize: 1 });
  const database = `dl_smoke_${crypto.randomUUID().replaceAll("-", "")}`;
  await admin.define(`create database ${database}`);
  const url = new URL(postgres);
  url.pathname = `/${database}`;
  try {
    await live(url.href, "smoke.postgres");
  } finally {
    await admin.define(`drop database ${database} with (force)`);
    await admin.close();
  }
}
rmSync(folder, { recursive: true, force: true });
