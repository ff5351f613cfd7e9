/** Rows that are inserted unless they are there: what others insert at the same moment refuses nobody, and other refusals are told. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { sql } from "../../lib/catalog/database.ts";
import { MYSQL } from "../../lib/catalog/engines/mysql/dialect.ts";
import { insertNewRows } from "../../lib/catalog/insert-new.ts";
import { LakeError } from "../../lib/errors.ts";
import { readText, repositoryFiles } from "../support/source-tree.ts";

const ROWS = { table: "dl_scan_wishes", columns: ["table_id", "column_id"], key: ["table_id"], values: [["t", "c"]] };

/** A database where so many attempts meet another writer, and what was sent to it. */
function databaseOf(refusals: number, code = "CONSTRAINT_VIOLATED") {
  const sent: string[] = [];
  const write = async (statement: ReturnType<typeof sql>) => {
    sent.push(statement.sql);
    if (sent.length <= refusals) throw new LakeError("conflict", "refused", { code });
  };
  return { sent, db: { dialect: MYSQL, write } };
}

test("a row that another has put there at the same moment is no failure", async () => {
  const { db, sent } = databaseOf(2);
  await insertNewRows(db, ROWS);
  assert.equal(sent.length, 3);
  assert.equal(new Set(sent).size, 1);
});

test("what stays refused is told, and so is at once whatever else is wrong", async () => {
  const ever = databaseOf(Number.POSITIVE_INFINITY);
  await assert.rejects(insertNewRows(ever.db, ROWS), { code: "CONSTRAINT_VIOLATED" });
  assert.equal(ever.sent.length, 4);
  const other = databaseOf(1, "DATABASE_BUSY");
  await assert.rejects(insertNewRows(other.db, ROWS), { code: "DATABASE_BUSY" });
  assert.equal(other.sent.length, 1);
});

/** A chain of the audit trail is locked while it grows: nobody else inserts there. */
const LOCKED = ["lib/catalog/audit.ts", "lib/catalog/insert-new.ts"];

test("who inserts new rows beside others sends them again", () => {
  const files = repositoryFiles().filter((path) => path.startsWith("lib/catalog/"));
  assert.ok(files.length > 50);
  for (const path of files) {
    const source = readText(path);
    if (!/\.insertNew\(/.test(source) || LOCKED.includes(path)) continue;
    assert.match(source, /sentAgain\(/, `${path} is refused where others insert the same`);
  }
});
