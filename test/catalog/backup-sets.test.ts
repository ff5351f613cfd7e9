/** Every table of the schema says what a backup takes of it, and has the columns that this needs: none can be forgotten. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ENDED, ROW_SETS } from "../../lib/catalog/backup/sets.ts";
import { SCHEMA } from "../../lib/catalog/migrations/index.ts";

const NEEDED = {
  schema: [],
  heads: ["table_id", "version", "base_version", "created_at", "identity_changes"],
  versions: ["table_id", "version"],
  files: ["table_id", "added_version", "removed_version", "ord"],
  outbox: ["table_id", "version"],
  transactions: ["transaction_id", "committed_at", "result"],
  changes: ["table_id", "change", "valid_until"],
  whole: [],
  none: [],
} as const;

test("each table has a rule, the columns that the rule goes by, and a set with all of its columns", () => {
  for (const { name, backup, columns, primaryKey } of SCHEMA) {
    const names = columns.map((column) => column.name);
    for (const wanted of NEEDED[backup]) assert.ok(names.includes(wanted), `${name}.${wanted}, as ${backup}`);
    const set = ROW_SETS.find((one) => one.name === name);
    if (backup === "schema" || backup === "none") assert.equal(set, undefined, name);
    else assert.deepEqual([set?.columns, set?.key, set?.kind], [names, primaryKey, backup], name);
  }
  assert.ok(
    SCHEMA.filter(({ backup }) => backup === "none").length <= 6,
    "what is left out is made again: results, parts of requests, rows to lock, indexes of scans and wishes for them",
  );
});

test("versions come first, heads last, and ends of files before files", () => {
  const names = ROW_SETS.map(({ name }) => name);
  assert.deepEqual([names[0], names.at(-1)], ["dl_versions", "dl_tables"]);
  assert.equal(names.indexOf(ENDED) + 1, names.indexOf("dl_files"));
});
