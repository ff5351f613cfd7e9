/** `dl serve` by its settings: where it logs, what it measures, whom it asks, how it ends behind a load balancer. */

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { dl, finish, startDl } from "./run.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-settings-")));
const servers: ChildProcess[] = [];
after(() => {
  for (const server of servers) server.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

async function serve(name: string, settings: object) {
  const config = join(folder, `${name}.json`);
  writeFileSync(config, JSON.stringify(settings));
  const database = join(folder, `${name}.sqlite`);
  const child = startDl(["serve", "--port", "0", "--database", database, "--storage", folder, "--config", config]);
  servers.push(child);
  const finished = finish(child);
  const [line] = await Promise.race([
    once(child.stdout ?? child, "data"),
    finished.then((end) => assert.fail(end.stderr)),
  ]);
  return { url: String(/http:\S+/.exec(String(line))?.[0]), child, finished };
}

const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
const post = (url: string, body: object) =>
  fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

test("logs in a file, pages, isolation, self-checks, no durations; then an end that a load balancer sees", async () => {
  const file = join(folder, "logs", "app.log");
  const running = await serve("all", {
    logging: { file, backup_count: 2 },
    performance: { lazy_loading: { chunk_size: 1 } },
    transactions: { isolation_level: "WRITE_SERIALIZABLE" },
    monitoring: { health_check_interval: 0.1, performance_stats: false },
    server: { drain_seconds: 1.5 },
  });
  const { url, child, finished } = running;
  for (const name of ["a.b", "a.c"]) assert.equal((await post(`${url}/v1/tables`, { name, schema })).status, 201);
  const page = (await (await fetch(`${url}/v1/tables`)).json()) as { tables: unknown[]; next?: string };
  assert.deepEqual([page.tables.length, page.next !== undefined], [1, true], "chunk_size");

  const add = { path: "x.parquet", partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
  const tables = [{ table: "a.b", readVersion: 0, actions: [{ add }] }];
  await post(`${url}/v1/commits`, { transactionId: crypto.randomUUID(), tables });
  const commits = await (await fetch(`${url}/v1/tables/a.b/commits?after=0`)).text();
  assert.match(commits, /"isolationLevel":"WriteSerializable"/);

  await new Promise((resolve) => setTimeout(resolve, 300));
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /dl_service_health\{part="database"\} 1\n/);
  assert.match(metrics, /dl_service_health\{part="queue"\} 1\n/);
  assert.match(metrics, /dl_commits_total 1\n/);
  assert.doesNotMatch(metrics, /dl_http_request_duration_seconds_count\{/);
  assert.deepEqual(await (await fetch(`${url}/v1/live`)).json(), { status: "alive" });
  const asked = await dl(["health", "--url", url]);
  assert.deepEqual([asked.code, asked.stdout], [0, `healthy: ${url} answers 200\n`]);

  child.kill("SIGTERM");
  await new Promise((resolve) => setTimeout(resolve, 300));
  const ending = await fetch(`${url}/v1/health`);
  const { status, stopping } = (await ending.json()) as Record<string, unknown>;
  assert.deepEqual([ending.status, status, stopping], [503, "unhealthy", true]);
  assert.equal((await fetch(`${url}/v1/live`)).status, 200);
  assert.equal((await fetch(`${url}/v1/tables`)).status, 200, "requests are still taken");
  assert.equal((await dl(["health", "--url", url])).code, 1);
  const end = await finished;
  assert.deepEqual([end.code, end.stderr], [0, ""], "nothing on stderr");
  const gone = await dl(["health", "--url", url]);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /does not answer/);
  const lines = readFileSync(file, "utf8").trim().split("\n");
  const said = lines.map((line) => JSON.parse(line).msg);
  assert.ok(said.includes("starting") && said.includes("answered") && said.at(-1) === "stopped", said.join());
});

test("access control that is wanted is not forgotten", async () => {
  const config = join(folder, "asks.json");
  writeFileSync(config, JSON.stringify({ security: { access_control_enabled: true } }));
  const args = ["serve", "--port", "0", "--database", join(folder, "asks.sqlite"), "--config", config];
  const bare = await finish(startDl(args));
  assert.equal(bare.code, 1);
  assert.match(bare.stderr, /nobody could answer\nhint: Make a key first/);
  const both = await finish(startDl([...args, "--insecure-no-auth"]));
  assert.match(both.stderr, /--insecure-no-auth asks nobody, and security\.access_control_enabled is true/);
});
