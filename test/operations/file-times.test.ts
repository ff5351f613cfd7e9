/** In folders a version's file has the commit's time: readers that travel by file times, as delta-rs does, come to the versions of SQL. */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, realpathSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { type LocalLake, openLocalLake } from "../../lib/lake/local.ts";
import { openDeltaLog } from "../../lib/log/delta-log.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { exportTable } from "../../lib/operations/export.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { openFileStore } from "../../lib/storage/file.ts";
import { addOf, commitTo, SCHEMA, testClock } from "../support/lake.ts";

const START = 1_767_225_600_000;
/** Odd milliseconds, close together and far apart. */
const PAUSES = [1, 1, 7, 999, 1, 3_600_000, 123, 1];
const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-times-")));
const clock = testClock(START);
const root = join(folder, "table");
let lake: LocalLake;
let tableId = "";

before(async () => {
  lake = await openLocalLake({ database: join(folder, "lake.sqlite"), clock, mirror: false, verifyFiles: "off" });
  await lake.catalog.migrate();
  ({ tableId } = await createTable(lake, { name: "times.t", location: pathToFileURL(root).href, schema: SCHEMA }));
  for (const [version, pause] of PAUSES.entries()) {
    clock.time += pause;
    assert.equal(await commitTo(lake, tableId, version, [addOf(`f${version}`)]), version + 1);
  }
  // The mirror comes long after all of them.
  clock.time += 86_400_000;
});
after(async () => {
  await lake.close();
  rmSync(folder, { recursive: true });
});

/** The newest version whose file is not younger than the moment, as readers without in-commit timestamps look for it. */
function travel(log: string, moment: number): number | undefined {
  const names = readdirSync(log).filter((name) => /^\d{20}\.json$/.test(name));
  const times = names.map(
    (name) => [Number.parseInt(name, 10), Math.floor(statSync(join(log, name)).mtimeMs)] as const,
  );
  return times.filter(([, time]) => time <= moment).sort(([a], [b]) => b - a)[0]?.[0];
}

async function assertTimes(log: string): Promise<void> {
  const commits = await lake.catalog.readCommits(tableId, 0, PAUSES.length);
  assert.equal(commits.length, PAUSES.length + 1);
  for (const { timestamp } of commits) {
    for (const moment of [timestamp, timestamp + 1]) {
      const { version } = (await lake.catalog.versionAt(tableId, moment)) ?? {};
      assert.equal(travel(log, moment), version, `at ${moment}`);
    }
  }
  assert.equal(travel(log, START - 1), undefined);
}

test("the mirror, however late it comes, and a repeated publication", async () => {
  await mirrorTable(lake, tableId);
  await assertTimes(join(root, "_delta_log"));
  const log = openDeltaLog(openFileStore(root), root);
  const bytes = await log.readCommitBytes(3);
  assert.equal(await log.putCommit(3, bytes ?? new Uint8Array(), { timestamp: START + 5 }), "published");
  await assertTimes(join(root, "_delta_log"));
});

test("an export", async () => {
  const copy = join(folder, "copy");
  await exportTable(lake, { tableId }, openDeltaLog(openFileStore(copy), copy));
  await assertTimes(join(copy, "_delta_log"));
});
