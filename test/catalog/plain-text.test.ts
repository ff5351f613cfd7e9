/** Which databases are spoken to in plain text over a network. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isPlainText } from "../../lib/catalog/open.ts";

for (const [url, sslMode, isPlain] of [
  ["postgresql://u:p@db.example:5432/lake", undefined, false],
  ["postgres://db.example/lake", "disable", true],
  ["postgresql://u@10.0.0.1,db2:5433/lake?target_session_attrs=primary", "disable", true],
  ["postgresql://127.0.0.1,db2/lake?sslmode=disable", undefined, true],
  ["postgresql://db.example/lake?sslmode=disable", "require", true],
  ["postgresql://db.example/lake", "require", false],
  ["postgresql://db.example/lake", "verify-full", false],
  ["postgresql://db.example/lake?sslmode=verify-full", undefined, false],
  ["postgresql://u:p@127.0.0.1:5432/lake", undefined, false],
  ["postgresql://[::1]:5432/lake", undefined, false],
  ["postgresql://localhost/lake", undefined, false],
  ["postgresql:///lake?host=/var/run/postgresql", undefined, false],
  ["postgresql://%2Fvar%2Frun/lake", undefined, false],
  ["mysql://db.example/lake", undefined, false],
  ["mysql://db.example/lake", "disable", true],
  ["mysql://u:p@db.example/lake?ssl-mode=DISABLED", "verify-full", true],
  ["mysql://127.0.0.1/lake?ssl-mode=DISABLED", undefined, false],
  ["sqlite:lake.sqlite", undefined, false],
  ["rds-data://arn", undefined, false],
] as const) {
  test(`${url} with ${sslMode ?? "nothing"} said is ${isPlain ? "plain text" : "not"}`, async () => {
    assert.equal(await isPlainText(url, sslMode), isPlain);
  });
}
