/** What short commands load: a parser of files or a server costs more time than the whole of their work. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { finish, startDl } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-loaded-"));
after(() => rmSync(folder, { recursive: true }));

const recorder = join(folder, "recorder.mjs");
writeFileSync(
  recorder,
  `import { registerHooks } from "node:module";
  import { appendFileSync } from "node:fs";
  registerHooks({ load(url, context, next) { appendFileSync(process.env.LOADED, url + "\\n"); return next(url, context); } });`,
);

/** The modules that one run loads, without Node's own. */
async function modulesOf(name: string, args: readonly string[]): Promise<string[]> {
  const { readFileSync } = await import("node:fs");
  const file = join(folder, name);
  writeFileSync(file, "");
  const env = { VERIFY_FILES: "", NODE_OPTIONS: `--import ${pathToFileURL(recorder).href}`, LOADED: file };
  const { code, stderr } = await finish(startDl(args, { env }));
  assert.equal(code, 0, stderr);
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((url) => url.startsWith("file:") && !url.endsWith("recorder.mjs"));
}

const database = join(folder, "catalog.sqlite");
const HEAVY =
  /node_modules\/(hono|@hono|zod|yaml|smol-toml|pino|prom-client|cli-progress|@aws-sdk|@opentelemetry|pg)\//;

test("dl health and dl --help load no server, no parser of files and no checker", async (t) => {
  assert.equal((await finish(startDl(["--database", database, "migrate"]))).code, 0);
  const counts: string[] = [];
  for (const [name, args, most] of [
    ["health", ["--database", database, "health"], 275],
    ["tables", ["--database", database, "tables"], 290],
    ["help", ["--help"], 40],
  ] as const) {
    const modules = await modulesOf(name, args);
    assert.deepEqual(
      modules.filter((url) => HEAVY.test(url)),
      [],
      name,
    );
    assert.ok(modules.length <= most, `${name} loads ${modules.length} modules`);
    counts.push(`${name} ${modules.length}`);
  }
  t.diagnostic(`modules: ${counts.join(", ")}`);
});
