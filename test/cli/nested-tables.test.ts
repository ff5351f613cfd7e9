/** Tables within each other, from before that was refused: who starts a server, or migrates, is told. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { dl, finish, startDl } from "./run.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-nested-")));
const database = join(folder, "catalog.sqlite");
after(() => rmSync(folder, { recursive: true }));

before(async () => {
  assert.equal((await dl(["migrate", "--database", database])).code, 0);
  const db = new DatabaseSync(database);
  const insert = db.prepare(
    "insert into dl_tables (table_id, name, location, status, created_at) values (?, ?, ?, 'IMPORTING', 0)",
  );
  insert.run(crypto.randomUUID(), "s.orders", "file:///lake/s/orders");
  insert.run(crypto.randomUUID(), "s.orders.items", "file:///lake/s/orders/items");
  db.close();
});

const TOLD = /the table s\.orders\.items, at file:\/\/\/lake\/s\/orders\/items, lies within s\.orders/;

test("dl migrate names them, and is no failure", async () => {
  const { code, stdout, stderr } = await dl(["migrate", "--database", database, "--format", "json"]);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout).applied, []);
  assert.match(stderr, TOLD);
  assert.match(stderr, /hint: VACUUM of the outer one/);
});

test("dl serve names them in its log, and serves", async () => {
  const child = startDl(["serve", "--port", "0", "--database", database, "--storage", folder]);
  const finished = finish(child);
  await Promise.race([once(child.stdout ?? child, "data"), finished.then(({ stderr }) => assert.fail(stderr))]);
  child.kill("SIGTERM");
  const { code, stderr } = await finished;
  assert.equal(code, 0, stderr);
  const line = stderr.split("\n").find((text) => TOLD.test(text));
  assert.equal(JSON.parse(line ?? "{}").level, "warn", stderr);
});

test("a root that can be none keeps a server from starting", async () => {
  const { code, stderr } = await finish(
    startDl(["serve", "--port", "0", "--database", database, "--root", "gs://bucket/x"]),
  );
  assert.equal(code, 1);
  assert.match(stderr, /gs:\/\/bucket\/x/);
});
