/** The OpenAPI document against a strict linter, and the server against the document: a fuzzer with all its checks. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { needs } from "../support/skip.ts";

const cache = process.env.OPENAPI_CACHE;
const MAIN = fileURLToPath(new URL("../../lib/cli/main.ts", import.meta.url));
const HERE = fileURLToPath(new URL(".", import.meta.url));
/** Cases per operation, and the time after which the fuzzer must have come to an end. */
const EXAMPLES = 40;
const LIMIT_MS = 240_000;

/** Runs a program, in a folder where it may leave things, and returns how it ended, with all that it said. */
async function run(
  cwd: string,
  command: string,
  args: readonly string[],
): Promise<{ readonly code: unknown; readonly said: string }> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], timeout: LIMIT_MS, cwd });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      said += chunk;
    });
  }
  const [code] = await once(child, "close");
  return { code, said };
}

describe(
  "OpenAPI",
  needs("OpenAPI document and server", cache, "OPENAPI_CACHE is not set (test/openapi/setup.sh)"),
  () => {
    const folder = mkdtempSync(join(tmpdir(), "dl-openapi-"));
    const database = join(folder, "catalog.sqlite");
    const server = spawn(
      process.execPath,
      [MAIN, "--database", database, "serve", "--port", "0", "--storage", folder],
      {
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    let url = "";

    before(async () => {
      const [line] = await once(server.stdout, "data");
      url = String(line).replace("dl serves ", "").trim();
    });
    after(async () => {
      server.kill("SIGTERM");
      await once(server, "exit");
      rmSync(folder, { recursive: true });
    });

    test("the linter finds nothing, by its strictest rules", async () => {
      const file = join(folder, "openapi.json");
      writeFileSync(file, await (await fetch(`${url}/v1/openapi.json`)).text());
      const linter = join(cache ?? "", "node_modules/@redocly/cli/bin/cli.js");
      const { code, said } = await run(folder, process.execPath, [
        linter,
        "lint",
        file,
        "--config",
        join(HERE, "redocly.yaml"),
      ]);
      assert.equal(code, 0, said);
    });

    test("the fuzzer finds nothing, with all checks", { timeout: LIMIT_MS }, async (t) => {
      const config = ["--config-file", join(HERE, "schemathesis.toml")];
      const how = ["--checks", "all", "--max-examples", String(EXAMPLES), "--no-color"];
      const phases = ["--phases", "examples,coverage,fuzzing"];
      const fuzzer = join(cache ?? "", "venv/bin/schemathesis");
      const { code, said } = await run(folder, fuzzer, [...config, "run", `${url}/v1/openapi.json`, ...how, ...phases]);
      assert.equal(code, 0, said);
      t.diagnostic(/Test cases:\s*(.+)/.exec(said)?.[1] ?? "no count");
    });
  },
);
