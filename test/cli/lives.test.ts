/** dl drop, undrop, rename, relocate and tables --dropped: what they print, and their exit codes. */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openLocalLake } from "../../lib/lake/local.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { dl, type Finished } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-lives-"));
after(() => rmSync(folder, { recursive: true }));
const database = join(folder, "lake.sqlite");
const run = (...args: string[]) => dl(args, { env: { DATABASE_URL: database } });

function ok(finished: Finished): string {
  assert.equal(finished.code, 0, finished.stderr);
  return finished.stdout;
}

test("a table is dropped, comes back under another name, and is given its own again", async () => {
  const lake = await openLocalLake({ database });
  await lake.catalog.migrate();
  const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
  await createTable(lake, { name: "sales.dropped", location: `file://${folder}/dropped`, schema });
  await lake.close();
  assert.match(ok(await run("drop", "sales.dropped")), /`dl undrop sales\.dropped` brings it back/);
  const again = await run("drop", "sales.dropped");
  assert.match(again.stderr, /was dropped on .*; until .* it can come back/);
  assert.equal(again.code, 1);
  assert.match(ok(await run("tables", "--dropped")), /^sales\.dropped +0 /m);
  assert.match(ok(await run("undrop", "sales.dropped", "--as", "sales.back")), /^sales\.back is back, at version 0;/);
  assert.match(ok(await run("rename", "sales.back", "sales.dropped")), /^sales\.back is sales\.dropped now;/);
  assert.match((await run("files", "--table", "sales.back")).stderr, /it has been called "sales\.dropped" since/);
  assert.equal(ok(await run("tables", "--dropped")), "no dropped tables\n");
  assert.equal((await run("undrop")).code, 64);
});

test("a table moves with its files, once that is wanted", async () => {
  const lake = await openLocalLake({ database });
  const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
  await createTable(lake, { name: "sales.moving", location: `file://${folder}/moving`, schema });
  await lake.close();
  const to = join(folder, "moved");
  const counted = ok(await run("relocate", "sales.moving", "--to", to));
  assert.match(
    counted,
    /^0 files, 0 bytes, and the log up to version 0 go from .*moving to .*moved\. Move the table with --yes/,
  );
  assert.equal(existsSync(to), false);
  const moved = ok(await run("relocate", "sales.moving", "--to", to, "--yes"));
  assert.match(
    moved,
    /^sales\.moving is at .*moved now, since version 1; 0 files of 0 copied.*\nThe old place stays: .*moving\. /,
  );
  assert.equal(existsSync(join(to, "_delta_log", "00000000000000000001.json")), true);
  assert.match(ok(await run("relocate", "sales.moving", "--to", to)), /^sales\.moving is at .*moved already$/m);
  assert.match(ok(await run("diff", "--table", "sales.moving")), /ok|same|equal/i);
  const within = await run("relocate", "sales.moving", "--to", join(to, "inner"), "--yes");
  assert.deepEqual([within.code, /lies within the table sales\.moving/.test(within.stderr)], [1, true], within.stderr);
  assert.equal((await run("relocate", "sales.moving")).code, 64);
});

test("a dropped table is purged after the window, and not before", async () => {
  assert.match(ok(await run("drop", "sales.dropped")), /is dropped/);
  const early = await run("purge", "sales.dropped", "--yes");
  assert.deepEqual([early.code, /can still come back/.test(early.stderr)], [1, true], early.stderr);
  assert.equal(ok(await run("purge", "--expired")), "nothing is to be purged\n");
  assert.equal((await run("purge")).code, 64);
  writeFileSync(join(folder, "dl.json"), JSON.stringify({ tables: { undrop_window_days: 0 } }));
  const config = ["--config", join(folder, "dl.json")];
  assert.match(ok(await run(...config, "purge", "--expired")), /^sales\.dropped, at .*\nEnd them with --yes/);
  assert.match(
    ok(await run(...config, "purge", "--expired", "--files", "--yes")),
    /^sales\.dropped, .* is purged; 0 data files/,
  );
  assert.equal(ok(await run("tables", "--dropped")), "no dropped tables\n");
  assert.equal((await run("undrop", "sales.dropped")).code, 1);
});
