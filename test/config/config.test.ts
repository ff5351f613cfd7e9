/** Configuration files: three syntaxes, placeholders, and messages that name the culprit. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readConfigFile } from "../../lib/cli/config-file.ts";
import { parseConfig } from "../../lib/config.ts";
import { DEFAULT_CONFIG } from "../../lib/default-config.ts";
import { isLakeError } from "../../lib/errors.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-config-"));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

function read(extension: string, text: string, env: Record<string, string> = {}) {
  files += 1;
  const path = join(folder, `c${files}.${extension}`);
  writeFileSync(path, text);
  return readConfigFile(path, env);
}

async function refused(extension: string, text: string, env?: Record<string, string>) {
  const error = await read(extension, text, env).then(
    () => assert.fail("was accepted"),
    (thrown: unknown) => thrown,
  );
  assert.ok(isLakeError(error), String(error));
  return error;
}

const ENV = { DATABASE_URL: "postgresql://u:p:#@h/d", PORT: "9000" };

for (const [extension, text] of [
  ["yaml", `database:\n  url: "\${DATABASE_URL}"\nserver:\n  port: \${PORT}\n  host: \${HOST:-0.0.0.0}\n`],
  ["toml", `[database]\nurl = "\${DATABASE_URL}"\n[server]\nport = "\${PORT}"\nhost = "\${HOST:-0.0.0.0}"\n`],
  ["json", `{"database":{"url":"\${DATABASE_URL}"},"server":{"port":"\${PORT}","host":"\${HOST:-0.0.0.0}"}}`],
] as const) {
  test(`${extension}: placeholders are filled in after parsing, and take their type`, async () => {
    const { config, warnings } = await read(extension, text, ENV);
    assert.equal(config.database.url, ENV.DATABASE_URL);
    assert.equal(config.server.port, 9000);
    assert.equal(config.server.host, "0.0.0.0");
    assert.equal(config.mirror.sweep_interval_seconds, 5);
    assert.deepEqual(warnings, []);
  });
}

test("an empty file means the defaults", async () => {
  assert.deepEqual(parseConfig({}).config, DEFAULT_CONFIG, "the same without a file, where nothing is parsed");
  assert.deepEqual((await read("yaml", "")).config, parseConfig({}).config);
  assert.deepEqual((await read("yaml", "server:\nmirror:\n")).config, parseConfig({}).config);
});

const REFUSED: readonly [extension: string, text: string, at: string | undefined, words: RegExp, hint?: RegExp][] = [
  ["yaml", "databse:\n  url: x", "/databse", /unknown member "databse"/, /"database"/],
  ["yaml", "server:\n  prot: 1", "/server/prot", /unknown member "prot"/, /"port"/],
  ["yaml", "server:\n  port: high", "/server/port", /expected (a number|an integer), got a text of 4 characters/],
  ["yaml", "server:\n  port: 70000", "/server/port", /at most 65535, got 70000/],
  ["yaml", "logging:\n  level: loud", "/logging/level", /"info" or /],
  ["yaml", `database:\n  url: \${NOT_SET}`, "/database/url", /NOT_SET is not set/, /\$\{NOT_SET:-/],
  ["yaml", "- 1", undefined, /mapping of sections/],
  ["yaml", "a: [1\nb: 2", undefined, /not YAML at line \d+, column \d+/],
  ["toml", "[server]\nport = = 1", undefined, /not TOML at line 2, column \d+/],
  ["json", '{"server": }', undefined, /line 1, column 12/],
  ["ini", "x=1", undefined, /".ini" is no kind of configuration file/, /\.yaml/],
];
for (const [extension, text, at, words, hint] of REFUSED) {
  test(`${extension} ${JSON.stringify(text)} is refused`, async () => {
    const error = await refused(extension, text);
    assert.equal(error.at, at);
    assert.match(error.message, words);
    assert.match(error.message, /c\d+\.\w+: /, "the file is named");
    if (hint) assert.match(error.hint ?? "", hint);
  });
}

test("a missing file is named", async () => {
  await assert.rejects(readConfigFile(join(folder, "none.yaml"), {}), /there is no configuration file .*none\.yaml/);
});

test("settings of the operations guide that mean nothing here are accepted with a reason each", async () => {
  const { config, warnings } = await read(
    "yaml",
    `environment: production\ndatabase:\n  url: "\${DATABASE_URL}"\n  pool_size: 50\n  pool_timeout: 60\n  max_overflow: 5\nperformance:\n  cache:\n    enabled: true\nlogging:\n  level: "INFO"\n  format: "json"\nmonitoring:\n  metrics_enabled: true\nsecurity:\n  audit_logging: true\n`,
    ENV,
  );
  assert.equal(config.environment, "production");
  assert.equal(config.logging.level, "info");
  assert.deepEqual([config.database.pool_size, config.database.pool_timeout], [50, 60]);
  assert.deepEqual(
    warnings.map((warning) => warning.split(" has no effect: ")[0]),
    ["database.max_overflow", "performance", "logging.format", "security.audit_logging"],
  );
});
