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
  writeFileSync(good, `database:\n  url: postgresql://u:\${PW}@h/d\nserver:\n  port: 1234\n`);
  const valid = await dl(["config", "validate", good, "--format", "json"], { env: { PW: "s3cret" } });
  assert.equal(valid.code, 0, valid.stderr);
  const answer = JSON.parse(valid.stdout);
  assert.deepEqual(answer, { valid: true, problems: [] });
  assert.match((await dl(["config", "validate", good], { env: { PW: "x" } })).stdout, /good\.yaml is valid\n$/);
  const bad = join(folder, "bad.yaml");
  writeFileSync(bad, "databse:\n  url: x\nserver:\n  port: -1\n");
  const invalid = await dl(["config", "validate", bad]);
  assert.equal(invalid.code, 1);
  assert.match(
    invalid.stdout,
    /bad\.yaml:1:1: databse: unknown member "databse"\n {4}Did you mean "database"\?\n.*bad\.yaml:4:3: server\.port: expected at least 0, got -1\n.*bad\.yaml: 2 problems\n$/,
  );
  const json = JSON.parse((await dl(["config", "validate", bad, "--format", "json"])).stdout);
  assert.deepEqual(
    json.problems.map(({ setting, line }: { setting: string; line: number }) => [setting, line]),
    [
      ["databse", 1],
      ["server.port", 4],
    ],
  );
  const used = await dl(["tables", "--config", bad]);
  assert.equal(used.code, 1);
  assert.match(used.stderr, /2 things are wrong\n {2}.*bad\.yaml:1:1 databse: unknown member/);
});

test("dl config show prints what holds, where it has come from, and no password", async () => {
  const file = join(folder, "show.yaml");
  writeFileSync(file, `database:\n  url: postgresql://u:\${PW}@h/d\n  pool_size: 3\n`);
  const env = { PW: "s3cret", DL_CONFIG: file, LOG_LEVEL: "WARN", MAX_CONCURRENT_TASKS: "7" };
  const { code, stdout } = await dl(["config", "show"], { env });
  assert.equal(code, 0);
  assert.match(stdout, /database\.url: "postgresql:\/\/u:\*\*\*@h\/d" {2}# .*show\.yaml:2:3\n/);
  assert.match(stdout, /database\.pool_size: 3 {2}# .*show\.yaml:3:3\n/);
  assert.match(stdout, /logging\.level: "warn" {2}# environment, LOG_LEVEL\n/);
  assert.match(stdout, /async_io\.max_concurrent_tasks: 7 {2}# environment, MAX_CONCURRENT_TASKS\n/);
  assert.match(stdout, /server\.port: 8080 {2}# default\n/);
  const other = await dl(["config", "show", "--database", "x.sqlite", "--format", "json"], { env });
  const { settings } = JSON.parse(other.stdout);
  assert.deepEqual(settings[1], { name: "database.url", value: "x.sqlite", source: "option --database" });
  const wrong = await dl(["config", "show"], { env: { DL_SERVER_PRT: "1", ENCRYPTION_KEY: "k" } });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stdout, /DL_SERVER_PRT: there is no such setting\n {4}Did you mean DL_SERVER_PORT\?/);
  assert.match(wrong.stdout, /ENCRYPTION_KEY: not taken: .*\n {4}.*DL_BACKUP_KEY/);
});

test("dl config schema is a JSON Schema of all sections", async () => {
  const { code, stdout } = await dl(["config", "schema"]);
  assert.equal(code, 0);
  const { properties, additionalProperties } = JSON.parse(stdout);
  assert.equal(additionalProperties, false);
  assert.deepEqual(properties.server.properties.port.anyOf[0], { type: "integer", minimum: 0, maximum: 65535 });
  assert.match(properties.database.properties.pool_size.description, /Connections/);
});
