/** dl rebuild: what it prints, its exit codes, and that a catalog is there afterwards. */

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openLocalLake } from "../../lib/lake/local.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { dl } from "./run.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-rebuild-cli-")));
after(() => rmSync(folder, { recursive: true }));
const run = (database: string, ...args: string[]) => dl(args, { env: { DATABASE_URL: join(folder, database) } });

test("a catalog is made again from a folder; a name may be given to a log without one", async () => {
  const lake = await openLocalLake({ database: join(folder, "lost.sqlite") });
  await lake.catalog.migrate();
  const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
  const ids: string[] = [];
  for (const name of ["sales.orders", "sales.items"]) {
    const location = `file://${folder}/lake/${name}`;
    ids.push((await createTable(lake, { name, location, schema })).tableId);
  }
  await lake.close();
  rmSync(join(folder, "lake/sales.items/_delta_log/_deltalakedb.json"));
  cpSync(join(folder, "lake/sales.orders"), join(folder, "lake/copy"), { recursive: true });
  writeFileSync(join(folder, "names.json"), JSON.stringify({ [ids[1] ?? ""]: "sales.things" }));
  const storage = ["--storage", join(folder, "lake"), "--names", join(folder, "names.json")];
  const dry = await run("new.sqlite", "rebuild", ...storage, "--dry-run");
  assert.equal(dry.code, 0, dry.stderr);
  const made = await run("new.sqlite", "rebuild", ...storage);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /^sales\.orders +active +0 +0 /m);
  assert.match(made.stdout, /^sales\.things +active +0 +0 /m);
  assert.match(made.stdout, /left out: file:.*copy: it is a copy of the table at .*sales\.orders/);
  const again = await run("new.sqlite", "rebuild", ...storage);
  assert.deepEqual([again.code, /TARGET_NOT_EMPTY|not empty/.test(again.stderr)], [1, true], again.stderr);
  const listed = JSON.parse((await run("new.sqlite", "--format", "json", "tables")).stdout);
  assert.deepEqual(listed.tables.map(({ tableId }: { tableId: string }) => tableId).sort(), ids.toSorted());
  const parity = await run("new.sqlite", "diff", "--table", "sales.things");
  assert.equal(parity.code, 0, parity.stdout);
  assert.equal((await run("new.sqlite", "rebuild")).code, 64);
});
