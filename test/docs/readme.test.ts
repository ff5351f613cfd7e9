/** Keeps README.md true: its table of features is the one that the code enforces, its commands exist, its calls work. `UPDATE_DOCS=1` rewrites the table. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { FEATURES, type Feature } from "../../lib/delta/features.ts";

const DL = fileURLToPath(new URL("../../lib/cli/main.ts", import.meta.url));
const README = new URL("../../README.md", import.meta.url);
const DUTIES: Record<Feature["duty"], string> = {
  service: "we check",
  writer: "writer declares",
  readOnly: "read only",
};

function featureTable(): string {
  const rows = Object.entries(FEATURES).map(
    ([name, feature]) =>
      `| \`${name}\` | ${feature.kind === "writer" ? "writer" : "reader and writer"} | ${DUTIES[feature.duty]} |`,
  );
  return ["| feature | kind | commits |", "|---|---|---|", ...rows].join("\n");
}

test("the README lists exactly the features that the code knows", () => {
  const text = readFileSync(README, "utf8");
  const marked = /<!-- features -->\n([\s\S]*?)\n<!-- \/features -->/;
  if (process.env.UPDATE_DOCS) {
    writeFileSync(README, text.replace(marked, `<!-- features -->\n${featureTable()}\n<!-- /features -->`));
    return;
  }
  assert.equal(marked.exec(text)?.[1], featureTable(), "run UPDATE_DOCS=1 node --test test/docs/readme.test.ts");
});

test("the README's npm commands are scripts of package.json", () => {
  const { scripts } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const named = [...readFileSync(README, "utf8").matchAll(/npm (?:run )?(demo|test)\b/g)].map((match) => match[1]);
  assert.deepEqual([...new Set(named)].sort(), ["demo", "test"]);
  for (const name of named) assert.ok(scripts[name ?? ""], `package.json has no script "${name}"`);
});

test("the README's ten lines of API work as they stand", async () => {
  const text = readFileSync(README, "utf8");
  const calls = [...text.matchAll(/curl -X POST localhost:8080(\S+) .*?-d '([^']+)'/gs)];
  assert.deepEqual(
    calls.map((call) => call[1]),
    ["/v1/tables", "/v1/commits"],
  );
  const folder = mkdtempSync(join(tmpdir(), "dl-readme-"));
  const serve = [
    "serve",
    "--database",
    join(folder, "lake.sqlite"),
    "--storage",
    join(folder, "tables"),
    "--port",
    "0",
  ];
  const server = spawn(process.execPath, [DL, ...serve], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    const url = await new Promise<string>((resolve, reject) => {
      server.stdout.on("data", (data) => {
        const found = /http:\/\/[^\s"/]+/.exec(String(data));
        if (found) resolve(found[0]);
      });
      server.once("exit", (code) => reject(new Error(`dl serve ended with ${code}`)));
    });
    for (const [, path, body] of calls) {
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${url}${path}`, { method: "POST", headers, body: body ?? "" });
      assert.equal(response.status, 201, await response.text());
    }
  } finally {
    server.kill("SIGINT");
    if (server.exitCode === null) await once(server, "exit");
    rmSync(folder, { recursive: true, force: true });
  }
});
