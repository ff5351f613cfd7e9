/** Configuration files: three syntaxes, placeholders, and messages that name the culprit. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readConfigFile, readContent } from "../../lib/cli/config-file.ts";
import { parseConfig, resolveConfig } from "../../lib/config/resolve.ts";
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
    const { config } = await read(extension, text, ENV);
    assert.equal(config.database.url, ENV.DATABASE_URL);
    assert.equal(config.server.port, 9000);
    assert.equal(config.server.host, "0.0.0.0");
    assert.equal(config.mirror.sweep_interval_seconds, 5);
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
    assert.match(error.message, /c\d+\.\w+:(\d+:\d+:)? /, "the file is named, and the place");
    if (hint) assert.match(error.hint ?? "", hint);
  });
}

test("a missing file is named", async () => {
  await assert.rejects(readConfigFile(join(folder, "none.yaml"), {}), /there is no configuration file .*none\.yaml/);
});

const GUIDE = `environment: production
database:
  url: "\${DATABASE_URL}"
  pool_size: 50
  max_overflow: 100
  pool_timeout: 60
  pool_recycle: 3600
  ssl_mode: "require"
performance:
  lazy_loading:
    enabled: true
    strategy: "paginated"
    chunk_size: 500
  async_io:
    enabled: true
    max_concurrent_tasks: 50
    task_timeout: 300
    queue_size: 10
transactions:
  isolation_level: "WRITE_SERIALIZABLE"
  timeout_seconds: 30
  retry_attempts: 3
  enable_auto_recovery: true
logging:
  level: "INFO"
  format: "json"
  file: "/var/log/deltalakedb/app.log"
  max_size_mb: 100
  backup_count: 5
monitoring:
  metrics_enabled: true
  health_check_interval: 30
  performance_stats: true
security:
  access_control_enabled: true
`;

test("settings of the operations guide are taken", async () => {
  const { config } = await read("yaml", GUIDE, ENV);
  const { database, performance, transactions, logging, security } = config;
  assert.deepEqual([database.pool_size, database.max_overflow, database.ssl_mode], [50, 100, "require"]);
  assert.equal(performance.lazy_loading.chunk_size, 500);
  assert.deepEqual(performance.async_io, {
    enabled: true,
    max_concurrent_tasks: 50,
    task_timeout: 300,
    queue_size: 10,
  });
  assert.equal(transactions.isolation_level, "WriteSerializable");
  assert.deepEqual([logging.level, logging.file], ["info", "/var/log/deltalakedb/app.log"]);
  assert.equal(security.access_control_enabled, true);
});

test("what is not taken says why, and what to do instead", () => {
  for (const [value, path, why] of [
    [{ security: { encryption_at_rest: true } }, "/security/encryption_at_rest", /not taken: .*stores/],
    [{ security: { audit_logging: true } }, "/security/audit_logging", /not taken/],
    [{ transactions: { isolation_level: "READ_COMMITTED" } }, "/transactions/isolation_level", /SERIALIZABLE/],
    [{ transactions: { enable_auto_recovery: false } }, "/transactions/enable_auto_recovery", /sweep_interval/],
    [{ performance: { lazy_loading: { enabled: false } } }, "/performance/lazy_loading/enabled", /pages/],
    [{ performance: { async_io: { enabled: false } } }, "/performance/async_io/enabled", /max_concurrent_tasks/],
    [{ logging: { format: "text" } }, "/logging/format", /only "json" works here/],
    [{ logging: { max_size_mb: 1 } }, "/logging/max_size_mb", /stderr/],
    [{ database: { ssl_mode: "prefer" } }, "/database/ssl_mode", /"disable" or/],
    [{ database: { url: "lake.sqlite", pool_size: 3 } }, "/database/pool_size", /SQLite file/],
    [{ database: { url: "postgres://h/d?sslmode=disable", ssl_mode: "require" } }, "/database/ssl_mode", /sslmode=/],
  ] as const) {
    assert.throws(
      () => parseConfig(value as never),
      (error) => isLakeError(error, "invalid") && error.at === path && why.test(error.message),
      path,
    );
  }
});

test("all that is wrong is told at once, each with its place", async () => {
  for (const [extension, text] of [
    ["yaml", `databse:\n  url: x\nserver:\n  port: -1\n  hots: a\nlogging:\n  level: \${NO}\npool_size: 3\n`],
    ["toml", `pool_size = 3\n[databse]\nurl = "x"\n[server]\nport = -1\nhots = "a"\n[logging]\nlevel = "\${NO}"\n`],
    [
      "json",
      `{"databse":{"url":"x"},\n"server":{"port":-1,\n"hots":"a"},"logging":{\n"level":"\${NO}"},\n"pool_size":3}`,
    ],
  ] as const) {
    files += 1;
    const path = join(folder, `c${files}.${extension}`);
    writeFileSync(path, text);
    const { problems } = resolveConfig({ file: await readContent(path, {}), env: { DL_SERVER_MAX_CONECTIONS: "3" } });
    const found = problems.map(({ setting, hint, source }) => [setting, source.kind === "file" && source.line, hint]);
    const line = (word: string) => text.split("\n").findIndex((one) => one.includes(word)) + 1;
    for (const [setting, at, hint] of [
      ["databse", line("databse"), 'Did you mean "database"?'],
      ["server.port", line("port"), undefined],
      ["server.hots", line("hots"), 'Did you mean "host"?'],
      ["logging.level", line("level"), `Set it, or give a default: \${NO:-…}.`],
      ["pool_size", line("pool_size"), 'Did you mean "database.pool_size"?'],
      ["", false, "Did you mean DL_SERVER_MAX_CONNECTIONS?"],
    ] as const) {
      assert.ok(
        found.some((one) => one[0] === setting && one[1] === at && one[2] === hint),
        `${extension} ${setting}: ${JSON.stringify(found)}`,
      );
    }
    assert.equal(found.length, 6);
  }
});

test("options go before the environment, that before the file, that before the defaults; each value has its source", async () => {
  files += 1;
  const path = join(folder, `c${files}.yaml`);
  writeFileSync(path, "server:\n  port: 1\n  host: a\ndatabase:\n  url: file\nlogging:\n  level: warn\n");
  const { config, sources } = resolveConfig({
    file: await readContent(path, {}),
    env: { DL_SERVER_PORT: "2", DATABASE_URL: "env", LOG_LEVEL: "", DL_SERVER_ALLOWED_HOSTS: "a.example, b.example" },
    options: { "database.url": { option: "--database", value: "option" } },
  });
  assert.deepEqual([config?.server.port, config?.server.host, config?.database.url], [2, "a", "option"]);
  assert.deepEqual(config?.server.allowed_hosts, ["a.example", "b.example"]);
  assert.equal(config?.logging.level, "warn", "an empty variable is not set");
  assert.deepEqual(sources.get("server.port"), { kind: "environment", variable: "DL_SERVER_PORT" });
  assert.deepEqual(sources.get("server.host"), { kind: "file", path, line: 3, column: 3 });
  assert.deepEqual(sources.get("database.url"), { kind: "option", option: "--database" });
  assert.equal(sources.get("server.body_limit_bytes"), undefined);
});

test("no message shows what a variable or a text holds", async () => {
  files += 1;
  const path = join(folder, `c${files}.yaml`);
  writeFileSync(path, `server:\n  port: \${SECRET}\n  tls: \${SECRET}\nlogging:\n  level: s3cret\n`);
  const env = { SECRET: "s3cret", DL_MIRROR_ENABLED: "s3cret", DL_DATABASE_SSL_MODE: "s3cret" };
  const { problems } = resolveConfig({ file: await readContent(path, env), env });
  assert.equal(problems.length, 5);
  assert.doesNotMatch(JSON.stringify(problems), /s3cret/);
});
