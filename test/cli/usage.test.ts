/** Wrong usage: exit code 64, one clear message, a suggestion where one is near. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { dl } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-usage-"));
after(() => rmSync(folder, { recursive: true }));
const missing = join(folder, "none.sqlite");
const ID = "0f8fad5b-d9cb-469f-a165-70867728950e";

const WRONG: readonly [args: string[], words: RegExp][] = [
  [["dif"], /unknown command 'dif'[\s\S]*Did you mean diff/],
  [["diff", "--lag-treshold-seconds", "5"], /unknown option '--lag-treshold-seconds'[\s\S]*--lag-threshold-seconds/],
  [["import", "/x"], /required option '--name <ns.name>' not specified/],
  [["import", "--name", "a.b"], /missing required argument 'location'/],
  [["import", "/x", "--name", "a.b", "--mode", "half"], /Allowed choices are full-history, snapshot/],
  [["tables"], /no database is given: use --database/],
  [["tables", "--database", missing, "extra"], /too many arguments/],
  [["files", "--database", missing, "--version", "-1", "--table", "a.b"], /integer of at least 0/],
  [["files", "--database", missing, "--timestamp", "noon", "--table", "a.b"], /ISO 8601/],
  [["tables", "--database", missing, "--format", "ndjson"], /--format ndjson is not for dl tables/],
  [["tables", "--database", missing, "--format", "xml"], /Allowed choices are text, json, ndjson/],
  [["serve", "--database", missing, "--port", "80800"], /integer from 0 to 65535/],
  [["diff", "--database", missing, "--table-id", ID, "--metrics-output", "x"], /needs --metrics-format/],
  [["diff", "--database", missing, "--table-id", ID, "--lag-threshold-seconds", "soon"], /number of seconds/],
  [
    ["diff", "--database", missing, "--table-id", ID, "--format", "json", "--metrics-format", "prometheus"],
    /needs --metrics-output/,
  ],
];
for (const [args, words] of WRONG) {
  test(`dl ${args.join(" ").replaceAll(folder, "…")} exits 64`, async () => {
    const { code, stdout, stderr } = await dl(args);
    assert.equal(code, 64, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, words);
    assert.match(stderr, /^dl: /);
    assert.ok(!/\n\s+at /.test(stderr), "a stack");
  });
}

test("help and version are no errors", async () => {
  const help = await dl(["diff", "--help"]);
  assert.equal(help.code, 0);
  for (const option of [
    "--table-id",
    "--log-dir",
    "--lag-threshold-seconds",
    "--max-drift-files",
    "--metrics-format",
    "--metrics-output",
    "--json-output",
    "--database",
    "--format",
  ]) {
    assert.ok(help.stdout.includes(option), option);
  }
  for (const flag of ["-V", "--version"]) assert.match((await dl([flag])).stdout, /^\d+\.\d+\.\d+\n$/);
});

test("dl alone shows what there is, as wrong usage", async () => {
  const { code, stderr } = await dl([]);
  assert.equal(code, 64);
  assert.match(stderr, /Usage: dl/);
});

test("a mistyped database is not made", async () => {
  const { code, stderr } = await dl(["tables", "--database", missing]);
  assert.equal(code, 1);
  assert.equal(
    stderr,
    `dl: there is no database ${missing}\nhint: Check the name; dl serve, dl import and dl migrate make a new one.\n`,
  );
});

test("dl config validate", async () => {
  const good = join(folder, "good.yaml");
  writeFileSync(
    good,
    `database:\n  url: postgresql://u:\${PW}@h/d\nserver:\n  port: 1234\nsecurity:\n  audit_logging: true\n`,
  );
  const valid = await dl(["config", "validate", good, "--format", "json"], { env: { PW: "s3cret" } });
  assert.equal(valid.code, 0, valid.stderr);
  const answer = JSON.parse(valid.stdout);
  assert.equal(answer.config.server.port, 1234);
  assert.equal(answer.config.database.url, "postgresql://u:***@h/d");
  assert.match(valid.stderr, /^warning: .*security\.\w+ has no effect/);
  assert.match((await dl(["config", "validate", good], { env: { PW: "x" } })).stdout, /port: 1234[\s\S]*is valid\n$/);
  const bad = join(folder, "bad.yaml");
  writeFileSync(bad, "databse:\n  url: x\nserver:\n  port: -1\n");
  const invalid = await dl(["config", "validate", bad]);
  assert.equal(invalid.code, 1);
  assert.equal(invalid.stdout, "");
  assert.match(
    invalid.stderr,
    /2 things are wrong\n {2}\/server\/port: expected at least 0, got -1\n {2}\/databse: unknown member/,
  );
});
