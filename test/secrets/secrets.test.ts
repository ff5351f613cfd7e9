/** No secret is ever shown: every command and every route, with passwords where they go wrong; and the search itself would find one. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { newApiKey } from "../../lib/access/api-key.ts";
import { isLakeError } from "../../lib/errors.ts";
import { openLocalLake } from "../../lib/lake/local.ts";
import { openLogger } from "../../lib/telemetry/log.ts";
import { ROUTES } from "../../lib/wire/routes.ts";
import { dl } from "../cli/run.ts";
import { client } from "../http/stub-lake.ts";
import { assertNoSecret, PLANTED_PASSWORD, secretFinder, secretIn } from "../support/secrets.ts";

const RUN = fileURLToPath(new URL("../run.ts", import.meta.url));
const leak = (name: string) => fileURLToPath(new URL(`leaks/${name}`, import.meta.url));
const encoded = encodeURIComponent(PLANTED_PASSWORD);

describe("the search for secrets", () => {
  test("finds any piece of a planted password, a key, a token", () => {
    for (const piece of PLANTED_PASSWORD.split(/[@:/?#&=%']/)) assert.ok(secretIn(`x ${piece} y`));
    for (const text of [encoded, JSON.stringify({ a: PLANTED_PASSWORD }), newApiKey().key]) assert.ok(secretIn(text));
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    assert.ok(
      secretIn(`Bearer ${part({ alg: "ES256", kid: "k" })}.${part({ sub: "alice", exp: 1 })}.${"a".repeat(40)}`),
    );
    assert.equal(secretIn("postgresql://u:***@h/d dlk_0123456789abcdef eyJ.eyJ."), undefined);
    assert.throws(
      () => assertNoSecret(PLANTED_PASSWORD, "here"),
      /^AssertionError.*here: a planted password is shown/s,
    );
  });

  test("finds one that comes in two pieces", () => {
    for (let cut = 1; cut < encoded.length; cut += 1) {
      const find = secretFinder();
      find(`${"x".repeat(5_000)}${encoded.slice(0, cut)}`);
      assert.ok(find(encoded.slice(cut)), String(cut));
    }
  });

  test("fails a run of tests that pass, when they print one", () => {
    // By itself: a runner within a run of tests runs nothing.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const run = (file: string) => spawnSync(process.execPath, [RUN, leak(file)], { encoding: "utf8", env });
    const none = run("prints-none.ts");
    assert.equal(none.status, 0, none.stderr);
    const one = run("prints.ts");
    assert.equal(one.status, 1);
    assert.match(one.stderr, /holds a secret: a planted password is shown after: .*postgresql:\/\/u:/);
  });
});

describe("with passwords where they go wrong", () => {
  const folder = mkdtempSync(join(tmpdir(), "dl-secrets-"));
  after(() => rmSync(folder, { recursive: true }));
  // Answers with what no PostgreSQL says, so that drivers complain at length.
  const server = createServer((socket) => {
    socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\n\r\n", () => socket.destroy());
  });
  let port = 0;
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  });
  after(() => new Promise((resolve) => server.close(resolve)));

  const urls = (): Readonly<Record<string, string>> => ({
    "a server that is not there": `postgresql://u:${encoded}@127.0.0.1:1/d`,
    "a server that is none": `postgresql://u:${encoded}@127.0.0.1:${port}/d`,
    "a name that is not known": `postgresql://u:${encoded}@nowhere.invalid/d`,
    "a password that is not encoded": `postgresql://u:${PLANTED_PASSWORD}@127.0.0.1:1/d`,
    "a password as a parameter": `postgresql://127.0.0.1:1/d?user=u&password=${encoded}`,
    "a parameter that is wrong": `postgresql://127.0.0.1:1/d?password=${encoded}&sslmode=none&sslrootcert=/none`,
    "a port that is none": `postgresql://u:${encoded}@127.0.0.1:port/d`,
    "one slash": `postgresql:/u:${PLANTED_PASSWORD}@h/d`,
    "another kind": `mysql://u:${PLANTED_PASSWORD}@h/d`,
    "settings of libpq": `host=127.0.0.1 user=u password='${PLANTED_PASSWORD}' dbname=d`,
    "settings of libpq alone": `password=${PLANTED_PASSWORD}`,
    "the Data API, in a wrong form": `rds-data://u:${PLANTED_PASSWORD}@cluster?secret=x`,
  });

  const commands: readonly (readonly string[])[] = [
    ["serve", "--port", "0"],
    ["tables"],
    ["files", "--table", "a.b"],
    ["history", "--table", "a.b"],
    ["snapshot", "--table", "a.b"],
    ["diff", "--table", "a.b"],
    ["mirror"],
    ["migrate"],
    ["health"],
    ["key", "list"],
    ["key", "create", "x"],
  ];
  for (const [name, url] of Object.entries({ ...urls() })) {
    test(`${name}: every command`, { timeout: 120_000 }, async () => {
      const database = url.replace(":0/", `:${port}/`);
      for (const command of commands) {
        const args = [...command, "--database", database];
        const { code, stdout, stderr } = await dl(args, { env: { LOG_LEVEL: "trace", DL_DEBUG: "1" }, cwd: folder });
        assert.notEqual(code, 0, `${command}: ${stdout}`);
        assertNoSecret(stdout + stderr, command.join(" "));
      }
      assert.deepEqual(readdirSync(folder), [], "no file of that name is made");
    });
  }

  test("every route, its logs and incidents", { timeout: 120_000 }, async () => {
    for (const [name, url] of Object.entries(urls())) {
      const opened = await openLocalLake({ database: url }).catch((error: Error) => error);
      if (opened instanceof Error) {
        assert.ok(isLakeError(opened), String(opened));
        assertNoSecret(logged(opened), name);
        continue;
      }
      const { catalog, ...rest } = opened;
      const said: unknown[] = [];
      const api = client(
        { catalog, ...rest },
        { onIncident: (error) => said.push(error), onAnswer: (line) => said.push(line) },
      );
      for (const { method, path } of Object.values(ROUTES)) {
        const place = path.replace("{tableId}", "a.b").replace("{transactionId}", crypto.randomUUID());
        const init = method === "post" ? { body: "{}", headers: { "content-type": "application/json" } } : {};
        const { text, headers } = await api.send(place, { method: method.toUpperCase(), ...init });
        assertNoSecret(text + JSON.stringify([...headers]), `${name}: ${path}`);
      }
      for (const one of said) assertNoSecret(logged(one), name);
      await opened.close();
    }
  });

  /** As the server's log has it. */
  function logged(value: unknown): string {
    const errors = value instanceof Error ? [value, value.cause, (value as { errors?: unknown }).errors] : [];
    return JSON.stringify([
      value,
      ...errors.flatMap((error) => (error instanceof Error ? [{ ...error }, error.stack] : [error])),
    ]);
  }

  test("the log of a server whose settings hold them", async () => {
    assert.ok(openLogger({ level: "silent" }));
    const config = join(folder, "lake.yaml");
    writeFileSync(config, `database:\n  url: "postgresql://u:${encoded}@127.0.0.1:1/d"\n`);
    const valid = await dl(["config", "show", "--config", config]);
    assert.equal(valid.code, 0, valid.stderr);
    assert.match(valid.stdout, /postgresql:\/\/u:\*\*\*@127/);
    assertNoSecret(valid.stdout + valid.stderr, "dl config validate");
    for (const text of [
      `database:\n  url: ["postgresql://u:${encoded}@h/d"]`,
      `database:\n  url: 7\n  password: "${encoded}"`,
      `database:\n  url: "postgresql://u:${encoded}@h/d`,
      `database: "postgresql://u:${encoded}@h/d"`,
      `server:\n  port: "${encoded}"`,
    ]) {
      writeFileSync(config, text);
      const { code, stdout, stderr } = await dl(["config", "show", "--config", config]);
      assert.equal(code, 1);
      assertNoSecret(stdout + stderr, text.slice(0, 20));
    }
    rmSync(config);
  });
});
