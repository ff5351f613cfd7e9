/** What is outside falls silent (the database, S3, a folder): the server answers, says what hangs, goes on with the rest, and ends. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { findPostgres } from "../support/catalog-engines.ts";
import { needs, postgresUrl } from "../support/skip.ts";
import { startProxy } from "./proxy.ts";
import { type Answer, call, commitOf, type Running, SCHEMA, startServing, stopped } from "./server.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-silence-")));
const servers: Running[] = [];
after(() => {
  for (const { child } of servers) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

async function serving(name: string, settings: object, env: NodeJS.ProcessEnv = {}): Promise<Running> {
  const server = await startServing(join(folder, `${name}.json`), settings, env);
  servers.push(server);
  return server;
}

function partOf(answer: Answer, name: string): { state: string; detail?: string } {
  return (
    (answer.body.parts as unknown as Record<string, { state: string; detail?: string }>)[name] ?? { state: "none" }
  );
}

describe("silence", { concurrency: true }, () => {
  const postgres = findPostgres();
  needs("a silent PostgreSQL server", postgres, "TEST_POSTGRES_URL is not set");
  if (postgres && postgresUrl !== undefined) {
    test("PostgreSQL: health answers within a second and says so, commits get 503, it goes on, and it ends", async () => {
      const base = new URL(postgresUrl ?? "");
      const proxy = await startProxy({ host: base.hostname, port: Number(base.port) });
      const database = await postgres.create();
      const url = new URL(database.url);
      url.port = String(proxy.port);
      const settings = {
        database: { url: url.href, statement_timeout: 1 },
        server: { storage: join(folder, "postgres"), shutdown_seconds: 3 },
        mirror: { sweep_interval_seconds: 0.2 },
        storage: { verify_files: false },
      };
      try {
        const server = await serving("postgres", settings);
        assert.equal((await call(server.url, "/v1/tables", { name: "a.b", schema: SCHEMA })).status, 201);
        const well = await call(server.url, "/v1/health");
        assert.deepEqual([well.status, well.body.status, well.body.database], [200, "healthy", "ok"], well.text);

        proxy.fallSilent();
        const [commit, ...health] = await Promise.all([
          call(server.url, "/v1/commits", commitOf("a.b", "1")),
          ...Array.from({ length: 5 }, () => call(server.url, "/v1/health")),
        ]);
        for (const answer of health) {
          assert.ok(answer.ms < 3_500, `health took ${answer.ms} ms`);
          assert.deepEqual(
            [answer.status, answer.body.status, partOf(answer, "database").state],
            [503, "unhealthy", "silent"],
          );
        }
        assert.deepEqual(
          [commit.status, commit.body.code, commit.retryAfter],
          [503, "DATABASE_UNAVAILABLE", "1"],
          commit.text,
        );
        assert.ok(commit.ms < 8_000, `the commit took ${commit.ms} ms`);

        proxy.goOn();
        const again = await call(server.url, "/v1/commits", commitOf("a.b", "2"));
        assert.equal(again.status, 201, again.text);
        assert.equal((await call(server.url, "/v1/health")).status, 200);

        proxy.fallSilent();
        const hanging = call(server.url, "/v1/commits", commitOf("a.b", "3")).catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 100));
        const end = await stopped(server);
        await hanging;
        assert.ok(end.ms < 8_000, `the end took ${end.ms} ms`);
        assert.ok([0, 4].includes(end.code ?? -1), `${end.code}: ${end.stderr}`);
        if (end.code === 4) assert.match(end.stderr, /stopped after 3 s: 1 request cut off/);
      } finally {
        proxy.goOn();
        await proxy.close();
        for (const { child } of servers.filter(({ child: { spawnargs } }) =>
          spawnargs.some((a) => a.includes("postgres.json")),
        ))
          child.kill("SIGKILL");
        await database.drop();
      }
    });
  }

  test("S3: a table cannot be made and says why, tables in folders are as quick as ever, and it ends", async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    silent.unref();
    const { port } = silent.address() as AddressInfo;
    const env = {
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
    };
    const settings = {
      database: { url: join(folder, "s3.sqlite") },
      server: { storage: "s3://lake/tables", shutdown_seconds: 2 },
      storage: { verify_files: false, roots: [folder] },
    };
    const server = await serving("s3", settings, env);
    const made = call(server.url, "/v1/tables", { name: "a.b", schema: SCHEMA });
    const beside = await call(server.url, "/v1/tables", { name: "c.d", schema: SCHEMA, location: join(folder, "cd") });
    assert.equal(beside.status, 201, beside.text);
    const health = await call(server.url, "/v1/health");
    assert.ok(health.ms < 3_500, `${health.ms} ms`);
    assert.deepEqual(
      [health.status, health.body.status, partOf(health, "storage").state],
      [200, "degraded", "silent"],
      health.text,
    );
    const answer = await made;
    assert.deepEqual([answer.status, answer.retryAfter], [503, "1"], answer.text);
    assert.ok(answer.ms < 22_000, `${answer.ms} ms`);
    const end = await stopped(server);
    assert.ok(end.ms < 5_000, `the end took ${end.ms} ms`);
    silent.close();
  });

  test("folders: tables that hang leave the others as quick as ever, health names them, and it ends", async (context) => {
    const settings = {
      database: { url: join(folder, "folders.sqlite") },
      server: { storage: join(folder, "lake"), shutdown_seconds: 2 },
      mirror: { sweep_interval_seconds: 0.2, overdue_seconds: 0.2 },
      parity: { interval_seconds: 0 },
      storage: { verify_files: false },
    };
    const server = await serving("folders", settings);
    const names = Array.from({ length: 9 }, (_, i) => `a.t${i}`);
    const places = new Map<string, string>();
    for (const name of names) {
      const made = await call(server.url, "/v1/tables", { name, schema: SCHEMA });
      assert.equal(made.status, 201, made.text);
      places.set(name, new URL(String(made.body.location)).pathname);
      await call(server.url, "/v1/commits", commitOf(name, "0", { acknowledge: "mirrored" }));
    }
    const [quick = "", ...stuck] = names;
    const before = await mirroredWithin(server, quick, 30);
    // A pipe that nobody writes to: whoever opens it waits for ever, as on a mount whose server is gone.
    for (const name of stuck) {
      const log = join(places.get(name) ?? "", "_delta_log");
      mkdirSync(log, { recursive: true });
      execFileSync("mkfifo", [join(log, `${"2".padStart(20, "0")}.json`)]);
      const taken = await call(server.url, "/v1/commits", commitOf(name, "1"));
      assert.equal(taken.status, 201, taken.text);
    }
    const beside = await mirroredWithin(server, quick, 100);
    context.diagnostic(
      `p99 of a commit and its mirror: ${before} ms alone, ${beside} ms beside ${stuck.length} tables that hang`,
    );
    assert.ok(beside < 2_500, `${beside} ms`);
    const health = await call(server.url, "/v1/health");
    assert.ok(health.ms < 3_500);
    assert.equal(health.status, 200);
    assert.match(
      `${partOf(health, "folders").detail}${partOf(health, "mirror").detail}`,
      /has not answered for/,
      health.text,
    );
    const end = await stopped(server);
    assert.ok(end.ms < 5_000, `the end took ${end.ms} ms`);
    assert.equal(end.code, 4, end.stderr);
    assert.match(end.stderr, /the mirror of \d+ tables? was not finished/);
  });
});

/** The 99th percentile of so many commits, each with its mirror, in milliseconds. */
async function mirroredWithin(server: Running, table: string, count: number): Promise<number> {
  const took: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const answer = await call(
      server.url,
      "/v1/commits",
      commitOf(table, crypto.randomUUID(), { acknowledge: "mirrored" }),
    );
    assert.match(answer.text, /COMPLETE/);
    took.push(answer.ms);
  }
  return Math.round(took.sort((a, b) => a - b)[Math.ceil(count * 0.99) - 1] ?? 0);
}
