/** `dl serve --workers N` on PostgreSQL: one port, several processes, one mirror; each may be killed, and all end together. */

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { findPostgres, type TestDatabase } from "../support/catalog-engines.ts";
import { freePort } from "../support/free-port.ts";
import { needs, postgresUrl } from "../support/skip.ts";
import { dl, type Finished, finish, startDl } from "./run.ts";

const WORKERS = 3;
const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };

test("workers are for databases with a server, and there is at least one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dl-workers-"));
  const database = join(folder, "catalog.sqlite");
  const onFile = await dl(["serve", "--workers", "2", "--database", database]);
  assert.deepEqual([onFile.code, onFile.stdout, existsSync(database)], [64, "", false]);
  assert.match(onFile.stderr, /--workers is for PostgreSQL and MySQL/);
  assert.equal((await dl(["serve", "--workers", "0"])).code, 64);
  rmSync(folder, { recursive: true });
});

describe("several processes of one server", needs("workers", postgresUrl, "TEST_POSTGRES_URL is not set"), () => {
  const folder = mkdtempSync(join(tmpdir(), "dl-workers-"));
  const started: ChildProcess[] = [];
  const databases: TestDatabase[] = [];
  afterEach(() => {
    // The others end with it.
    for (const server of started.splice(0)) server.kill("SIGKILL");
  });
  after(async () => {
    for (const database of databases) await database.drop();
    rmSync(folder, { recursive: true });
  });

  interface Running {
    readonly url: string;
    readonly child: ChildProcess;
    readonly finished: Promise<Finished>;
    /** How often a process has begun to serve. */
    readonly serving: () => number;
    readonly processes: () => readonly number[];
  }

  async function start(args: readonly string[], port = 0) {
    const database = await findPostgres()?.create();
    assert.ok(database);
    databases.push(database);
    const common = ["--database", database.url, "--storage", folder, "--workers", String(WORKERS)];
    const child = startDl(["serve", "--port", String(port), ...common, ...args]);
    started.push(child);
    return { child, finished: finish(child) };
  }

  async function serve(args: readonly string[] = []): Promise<Running> {
    const { child, finished } = await start(args);
    let said = "";
    child.stderr?.on("data", (text) => (said += text));
    const serving = () => said.split('"msg":"serving"').length - 1;
    const [line] = await Promise.race([
      once(child.stdout ?? child, "data"),
      finished.then((end) => assert.fail(end.stderr)),
    ]);
    const url = /^dl serves (http:\/\/\S+)\n$/.exec(String(line))?.[1];
    assert.ok(url, String(line));
    await until("all serve", () => serving() === WORKERS);
    return { url, child, finished, serving, processes: () => processesOf(said) };
  }

  /** On a connection of its own, so that processes take turns. A server that is gone for a moment is asked again. */
  async function call<T>(url: string, path: string, body?: object): Promise<T> {
    const init = body && { method: "POST", body: JSON.stringify(body) };
    for (let tries = 0; ; tries += 1) {
      try {
        const headers = { "content-type": "application/json", connection: "close" };
        const response = await fetch(url + path, { ...init, headers, signal: AbortSignal.timeout(20_000) });
        const text = await response.text();
        if (response.status !== 503 || tries > 20) {
          assert.ok(response.ok, `${path}: ${response.status} ${text}`);
          return (text.startsWith("{") ? JSON.parse(text) : text) as T;
        }
      } catch (error) {
        if (tries > 20 || error instanceof assert.AssertionError) throw error;
      }
      await pause(100);
    }
  }

  const made = (url: string, name: string) => call<{ tableId: string }>(url, "/v1/tables", { name, schema });
  const appended = (url: string, tableId: string, path: string) => {
    const add = { path, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
    const tables = [{ tableId, readVersion: 0, actions: [{ add }] }];
    return call(url, "/v1/commits", { transactionId: crypto.randomUUID(), tables });
  };
  const headOf = (url: string, tableId: string) =>
    call<{ version: number; mirroredVersion: number }>(url, `/v1/tables/${tableId}`);
  const stop = async ({ child, finished }: Pick<Running, "child" | "finished">) => {
    child.kill("SIGTERM");
    return finished;
  };

  test("answer on one port; each commit wakes the one mirror; metrics are those of all", async () => {
    // No sweep finds what nobody was told of.
    const server = await serve(["--sweep-interval-seconds", "0"]);
    const { tableId } = await made(server.url, "shop.a");
    await Promise.all(Array.from({ length: 60 }, (_, i) => appended(server.url, tableId, `f${i}`)));
    await until("all is published", async () => (await headOf(server.url, tableId)).mirroredVersion === 60);
    for (let i = 0; i < WORKERS; i += 1) {
      assert.match(await call<string>(server.url, "/metrics"), /^dl_commits_total 60$/m);
      const { parts } = await call<{ parts: Record<string, { state: string }> }>(server.url, "/v1/health");
      assert.deepEqual([parts.mirror?.state, parts.queue?.state], ["ok", "ok"]);
    }
    const { code, stderr } = await stop(server);
    assert.equal(code, 0, stderr);
    const commits = stderr.split("\n").filter((line) => line.includes('"/v1/commits"'));
    const workers = new Set(commits.map((line) => (JSON.parse(line) as { worker: number }).worker));
    assert.deepEqual([...workers].sort(), [1, 2, 3]);
  });

  test("are killed under load, the one of the mirror first: nothing is lost or doubled, and each comes back", async () => {
    const server = await serve(["--sweep-interval-seconds", "1"]);
    const { tableId } = await made(server.url, "shop.b");
    let [sent, isOver] = [0, false];
    const clients = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        sent += 1;
        await appended(server.url, tableId, `f${sent}`);
      }
    });
    for (let i = 0; i < 2; i += 1) {
      await pause(400);
      const victim = server.processes()[i % WORKERS];
      assert.ok(victim);
      process.kill(victim, "SIGKILL");
      await until("another one serves", () => server.serving() === WORKERS + i + 1);
    }
    isOver = true;
    await Promise.all(clients);
    assert.equal((await headOf(server.url, tableId)).version, sent);
    await until("all is published", async () => (await headOf(server.url, tableId)).mirroredVersion === sent);
    assert.equal((await stop(server)).code, 0);
  });

  test("end with the process that has started them", async () => {
    const { child, processes } = await serve();
    const workers = processes();
    assert.equal(workers.length, WORKERS);
    child.kill("SIGKILL");
    await until("they have ended", () => workers.every((pid) => !isAlive(pid)));
  });

  test("a port that is taken is said once, and nothing is left", async () => {
    const taken = createServer().listen(await freePort(), "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    const { code, stderr } = await (await start([], port)).finished;
    taken.close();
    assert.equal(code, 1);
    assert.equal(stderr.split("is in use").length, 2, stderr);
  });
});

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 20_000; !(await isSo()); await pause(50)) {
    assert.ok(performance.now() < end, `${what}: not within 20 s`);
  }
}

/** The process that serves by the number of each, from what the server has logged. */
function processesOf(said: string): readonly number[] {
  const lines = said.split("\n").filter((line) => line.includes('"msg":"serving"'));
  const serving = lines.map((line) => JSON.parse(line) as { readonly worker: number; readonly pid: number });
  return [...new Map(serving.map(({ worker, pid }) => [worker, pid])).values()];
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
