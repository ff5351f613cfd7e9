/** A process that is killed anywhere in a commit over HTTP: what is committed has its row in the trail, and no row tells of what is not there. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { verifyAudit } from "../../lib/access/audit.ts";
import { openRecorded, unrecordedEffects } from "../../lib/access/audit-effects.ts";
import { openLocalApi } from "./local-api.ts";

const SERVER = fileURLToPath(new URL("killed-server.ts", import.meta.url));
const AT_ONCE = 3;

const api = await openLocalApi();
const { lake } = api;

/** @returns what it has printed */
async function commitAndDie(tableId: string, transactionId: string, last: number): Promise<string> {
  const args = [SERVER, api.database, api.folder, tableId, transactionId, String(last)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)));
  const printed = await text(child.stdout);
  assert.equal(await ended, "SIGKILL");
  return printed;
}

test("wherever its process is killed, a commit and its row are both there, or neither", async (t) => {
  const whole = crypto.randomUUID();
  const { tableId } = await api.newTable();
  const [status, statements] = (await commitAndDie(tableId, whole, 0)).split(" ").map(Number);
  assert.equal(status, 201);
  assert.ok(statements !== undefined && statements > 10, `${statements} statements`);
  const rest = Array.from({ length: statements }, (_, i) => i + 1);
  const tried = [whole];
  const next = async (): Promise<void> => {
    for (let last = rest.pop(); last !== undefined; last = rest.pop()) {
      const transactionId = crypto.randomUUID();
      tried.push(transactionId);
      await commitAndDie((await api.newTable()).tableId, transactionId, last);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));

  const recorded = openRecorded();
  const told: string[] = [];
  const { faults } = await verifyAudit(lake.catalog, [], (row) => {
    recorded.note(row);
    told.push(JSON.parse(row.effect).transactionId);
  });
  assert.deepEqual(faults, []);
  const committed: string[] = [];
  for (const id of tried) if ((await lake.catalog.findTransaction(id)) !== undefined) committed.push(id);
  assert.deepEqual(told.sort(), committed.sort());
  assert.deepEqual(await unrecordedEffects(lake.catalog, recorded, Date.now() + 3_600_000), []);
  t.diagnostic(`killed at ${statements + 1} places: ${committed.length} commits, as many rows`);
  assert.ok(committed.includes(whole) && committed.length < tried.length, "some end before the commit, some after it");
});
