/** docs/configuration.md has every setting, as the schema says it; the samples are valid, and each short name of a variable works. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { readConfigFile } from "../../lib/cli/config-file.ts";
import { contradictions } from "../../lib/config/consistency.ts";
import { REFUSED, REFUSED_VARIABLES } from "../../lib/config/refused.ts";
import { resolveConfig } from "../../lib/config/resolve.ts";
import { configJsonSchema, settings } from "../../lib/config/settings.ts";
import { SHORT_NAMES } from "../../lib/config/variables.ts";
import { ConfigSchema } from "../../lib/config.ts";

const FILE = new URL("../../docs/configuration.md", import.meta.url);
const SAMPLES = fileURLToPath(new URL("../../config", import.meta.url));
const MARK = "<!-- What follows is written by UPDATE=1 node --test test/docs/configuration.test.ts -->\n";

function generated(): string {
  const sections = Map.groupBy(settings(), ({ path }) => (path.includes(".") ? (path.split(".")[0] ?? "") : ""));
  const tables = [...sections].map(([section, all]) => {
    const rows = all.map(({ path, form, default: value, about, variables }) => {
      const shown = value === undefined ? "none" : `\`${JSON.stringify(value)}\``;
      const names = variables.map((name) => `\`${name}\``).join(", ");
      return `| \`${path}\` | ${form} | ${shown} | ${about} | ${names} |`;
    });
    const title = section === "" ? "## The whole" : `## ${section}`;
    return [
      title,
      "",
      "| setting | form | default | meaning | variables |",
      "| --- | --- | --- | --- | --- |",
      ...rows,
      "",
    ];
  });
  const refused = Object.entries({ ...REFUSED, ...REFUSED_VARIABLES }).map(
    ([name, { why, instead }]) => `| \`${name}\` | ${why} | ${instead} |`,
  );
  return [
    "",
    ...tables.flat(),
    "## Refused",
    "",
    "| setting or variable | why | instead |",
    "| --- | --- | --- |",
    ...refused,
    "",
  ].join("\n");
}

/** `UPDATE=1 node --test test/docs/configuration.test.ts` writes the tables anew. */
test("docs/configuration.md has every setting, and all that is refused", () => {
  const text = readFileSync(FILE, "utf8");
  const [head = ""] = text.split(MARK);
  const wanted = `${head}${MARK}${generated()}`;
  if (process.env.UPDATE === "1") writeFileSync(FILE, wanted);
  else assert.ok(text === wanted, "out of date: UPDATE=1 node --test test/docs/configuration.test.ts");
});

test("every setting says what it means, and what it may be", () => {
  for (const { path, about, form } of settings()) assert.ok(about !== "" && form !== "", path);
  assert.ok(settings().length > 50);
  const schema = JSON.stringify(configJsonSchema());
  for (const { path } of settings()) assert.ok(schema.includes(`"${path.split(".").at(-1)}"`), path);
});

test("each short name is that of a setting, and sets it", () => {
  const values: Readonly<Record<string, string>> = {
    DATABASE_URL: "postgresql://h/d",
    ENVIRONMENT: "e",
    REDIS_URL: "redis://h",
    LOG_LEVEL: "WARN",
    VERIFY_FILES: "off",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://h:4318",
    COMMITS_WHEN_STOPPED: "refuse",
    STORAGE_ENCRYPTION: "lake=aws:kms",
  };
  const kinds: Readonly<Record<string, string>> = { VERIFY_FILES: "boolean", STORAGE_ENCRYPTION: "object" };
  for (const [name, path] of Object.entries(SHORT_NAMES)) {
    const on = path.startsWith("performance.cache.") ? { DL_PERFORMANCE_CACHE_ENABLED: "true" } : {};
    const { config, sources, problems } = resolveConfig({ env: { ...on, [name]: values[name] ?? "7" } });
    assert.ok(config, `${name}: ${JSON.stringify(problems)}`);
    assert.deepEqual(sources.get(path), { kind: "environment", variable: name });
    const before = JSON.stringify(ConfigSchema.parse({}));
    const by = (key: unknown, part: string) => (key as Record<string, unknown>)[part];
    if (name !== "UNDROP_WINDOW_DAYS") assert.notEqual(JSON.stringify(config), before, name);
    assert.equal(typeof path.split(".").reduce(by, config as unknown), kinds[name] ?? typeof (values[name] ?? 7), name);
  }
});

for (const name of readdirSync(SAMPLES)) {
  test(`config/${name} is valid`, async () => {
    const env = { DATABASE_URL: "postgresql://u:p@db.example/lake", STORAGE: "s3://bucket/tables" };
    const { config } = await readConfigFile(join(SAMPLES, name), env);
    assert.deepEqual(
      contradictions(config, () => false),
      [],
    );
    assert.equal(`${config.environment}.yaml`, name);
  });
}
