/** A server that is paused while it holds locks (SIGSTOP, a virtual machine that is moved) holds up nobody for longer than seconds. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { sql } from "../../lib/catalog/database.ts";
import { deadlineMs } from "../../lib/deadlines.ts";
import { finish, startDl } from "../cli/run.ts";
import { findDataApi, findPostgres, type TestEngine } from "../support/catalog-engines.ts";
import { withDatabase } from "../support/catalog-rows.ts";
import { needs } from "../support/skip.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-paused-"));
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const postgres = findPostgres();
needs("a paused server", postgres, "TEST_POSTGRES_URL is not set");
for (const engine of [postgres, findDataApi()]) {
  if (engine) describe(`a server that is paused in a locked round, on ${engine.name}`, () => tests(engine));
}

/** The server waits for nobody who does not take what it sends: the locks are free, though the statement is not at its end. */
if (postgres)
  test("a process that is paused while it reads a large answer loses its locks, too", async () => {
    const database = await postgres.create();
    const script = fileURLToPath(new URL("paused-reader.ts", import.meta.url));
    const key = Math.floor(Math.random() * 2 ** 40);
    const reader = spawn(process.execPath, [script, database.url, String(key)]);
    children.push(reader);
    const ended = finish(reader);
    await Promise.race([once(reader.stdout, "data"), ended.then(({ stderr }) => assert.fail(stderr))]);
    await untilStopped(reader);
    const startedAt = performance.now();
    await withDatabase(database.url, (db) => db.writeReturning(sql`select pg_advisory_xact_lock(${key})`));
    const waitedMs = performance.now() - startedAt;
    assert.ok(waitedMs > 500, "the lock was free: the test tests nothing");
    assert.ok(waitedMs < deadlineMs("databaseLock"), `${Math.round(waitedMs)} ms`);
    reader.kill("SIGKILL");
    await ended;
    await database.drop();
  });

const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };

function tests(engine: TestEngine): void {
  test("others commit again within seconds; it answers rightly when it goes on, and nothing is doubled", async () => {
    const database = await engine.create();
    try {
      const other = await startServer(() =>
        startDl(["serve", "--port", "0", "--storage", folder, "--no-mirror", "--database", database.url], {
          env: CREDENTIALS,
        }),
      );
      const hot = `hot.${engine.name.replace("-", "_")}`;
      for (const name of [hot, `${hot}_beside`]) {
        const location = join(folder, engine.name, name);
        const created = await call(other.url, "/v1/tables", { name, schema, location });
        assert.equal(created.status, 201, created.text);
      }
      const script = fileURLToPath(new URL("paused-server.ts", import.meta.url));
      const paused = await startServer(() =>
        spawn(process.execPath, [script, database.url], { env: { ...process.env, ...CREDENTIALS } }),
      );
      const request = commitOf(hot, "from the paused one");
      const answer = call(paused.url, "/v1/commits", request);
      await untilStopped(paused.child);

      const startedAt = performance.now();
      assert.equal((await call(other.url, "/v1/commits", commitOf(`${hot}_beside`, "beside"))).status, 201);
      const besideMs = performance.now() - startedAt;
      const commits = await Promise.all(
        ["a", "b", "c"].map((path) => call(other.url, "/v1/commits", commitOf(hot, path))),
      );
      const waitedMs = performance.now() - startedAt;
      for (const { status, text } of commits) assert.equal(status, 201, text);
      const limitMs = deadlineMs("databaseIdleTransaction");
      assert.ok(waitedMs > limitMs / 4, `nobody was held up (${Math.round(waitedMs)} ms): the test tests nothing`);
      assert.ok(waitedMs < limitMs + 3_000, `others waited for ${Math.round(waitedMs)} ms`);
      assert.ok(besideMs < 2_500, `another table waited for ${Math.round(besideMs)} ms`);

      paused.child.kill("SIGCONT");
      const lost = await answer;
      assert.deepEqual([lost.status, lost.body.code], [503, "DATABASE_TRANSACTION_LOST"], lost.text);
      assert.equal(lost.retryAfter, "1");
      const again = await call(paused.url, "/v1/commits", request);
      // 201: a transaction that had been committed before would be answered with 200.
      assert.equal(again.status, 201, again.text);
      const files = await call(other.url, `/v1/tables/${hot}/files`);
      const paths = (files.body.files as unknown as { path: string }[]).map(({ path }) => path).sort();
      assert.deepEqual(paths, ["a", "b", "c", "from%20the%20paused%20one"]);
      assert.equal(files.body.version, 4);
    } finally {
      for (const child of children) child.kill("SIGKILL");
      await database.drop();
    }
  });
}

/** Whoever signs: the emulator of the Data API asks for a signature. */
const CREDENTIALS = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };

interface Server {
  readonly url: string;
  readonly child: ChildProcess;
}

async function startServer(start: () => ChildProcess): Promise<Server> {
  const child = start();
  children.push(child);
  const ended = finish(child);
  const [line] = await Promise.race([
    once(child.stdout ?? child, "data"),
    ended.then(({ stderr }) => assert.fail(stderr)),
  ]);
  const url = /http:\/\/\S+/.exec(String(line))?.[0];
  assert.ok(url, String(line));
  return { url, child };
}

/** State T of /proc/PID/stat. */
async function untilStopped({ pid }: ChildProcess): Promise<void> {
  for (;;) {
    if (/^\d+ \(.*\) T /.test(readFileSync(`/proc/${pid}/stat`, "utf8"))) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const commitOf = (table: string, path: string) => {
  const add = {
    path: encodeURIComponent(path),
    partitionValues: {},
    size: 100,
    modificationTime: 1,
    dataChange: true,
  };
  return { transactionId: crypto.randomUUID(), tables: [{ table, readVersion: 0, actions: [{ add }] }] };
};

async function call(url: string, path: string, body?: object) {
  const init = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(url + path, init);
  const text = await response.text();
  return {
    status: response.status,
    text,
    body: JSON.parse(text) as Record<string, unknown>,
    retryAfter: response.headers.get("retry-after"),
  };
}
