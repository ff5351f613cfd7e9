/** `dl serve` as operators meet it: one line when ready, clear refusals, an orderly end. */

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { type Finished, finish, LAUNCHER, startDl } from "./run.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-serve-")));
const servers: ChildProcess[] = [];
after(() => {
  for (const server of servers) server.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

interface Running {
  readonly url: string;
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
}

async function serve(
  name: string,
  args: readonly string[] = [],
  options: Parameters<typeof startDl>[1] = {},
): Promise<Running> {
  const child = startDl(
    ["serve", "--port", "0", "--database", join(folder, `${name}.sqlite`), "--storage", folder, ...args],
    options,
  );
  servers.push(child);
  const finished = finish(child);
  const [line] = await Promise.race([
    once(child.stdout ?? child, "data"),
    finished.then((end) => assert.fail(end.stderr)),
  ]);
  const url = /^dl serves (http:\/\/\S+)\n$/.exec(String(line))?.[1];
  assert.ok(url, String(line));
  return { url, child, finished };
}

async function stop({ child, finished }: Running, signal: NodeJS.Signals = "SIGTERM"): Promise<Finished> {
  child.kill(signal);
  return finished;
}

const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };

async function call(
  url: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: Record<string, never>; text: string }> {
  const init = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(url + path, init);
  const text = await response.text();
  return { status: response.status, text, body: text.startsWith("{") ? JSON.parse(text) : {} };
}

const commitOf = (table: string, readVersion: number, count: number) => ({
  transactionId: crypto.randomUUID(),
  tables: [
    {
      table,
      readVersion,
      actions: Array.from({ length: count }, (_, n) => ({
        add: {
          path: `${readVersion}-${n}.parquet`,
          partitionValues: {},
          size: 1,
          modificationTime: 1,
          dataChange: true,
        },
      })),
    },
  ],
});

test("it serves, mirrors, measures, and ends with 0 when all is published", async () => {
  const running = await serve("main", ["--parity-interval-seconds", "0.05"]);
  const { url } = running;
  assert.equal((await call(url, "/v1/health")).body.status, "healthy");
  const created = await call(url, "/v1/tables", { name: "a.b", schema });
  assert.equal(created.status, 201, created.text);
  assert.equal(created.body.location, `file://${folder}/a/b`);
  const id = String(created.body.tableId);
  const compared = `dl_version_delta{table_id="${id}"} 0\n`;
  let metrics = "";
  for (const end = performance.now() + 20_000; !metrics.includes(compared) && performance.now() < end; ) {
    metrics = (await call(url, "/metrics")).text;
  }
  for (const line of [
    `dl_mirror_status{table_id="${id}",version="0"} 1`,
    `dl_mirror_reconciliation_attempts_total{table_id="${id}",version="0"} 0`,
    `dl_file_drift_count{table_id="${id}"} 0`,
    `dl_version_delta{table_id="${id}"} 0`,
    "# TYPE dl_mirror_lag_seconds gauge",
    `dl_table_health{table_id="${id}",table="a.b",state="ok"} 1`,
    `dl_unpublished_versions{table_id="${id}",table="a.b"} 0`,
    `dl_drift{table_id="${id}",table="a.b",kind="txn"} 0`,
    'dl_tables{state="ok"} 1',
    'dl_tables{state="gone"} 0',
  ]) {
    assert.ok(metrics.includes(`${line}\n`), `${line} is not in\n${metrics}`);
  }
  for (let n = 0; n < 20; n += 1) assert.equal((await call(url, "/v1/commits", commitOf("a.b", n, 1))).status, 201);
  const { code, stderr, stdout } = await stop(running);
  assert.equal(code, 0, stderr);
  assert.equal(stdout.split("\n").length, 2);
  for (const line of stderr.trim().split("\n")) JSON.parse(line);
  assert.match(stderr, /a new one has been made/, "making a catalog is said aloud");
  assert.ok(existsSync(join(folder, "a/b/_delta_log/00000000000000000020.json")), "stopped before the mirror was done");
});

test("a request under way is finished", async () => {
  const running = await serve("drain");
  await call(running.url, "/v1/tables", { name: "c.d", schema });
  const answer = call(running.url, "/v1/commits", commitOf("c.d", 0, 5000));
  await new Promise((resolve) => setTimeout(resolve, 30));
  const end = stop(running, "SIGINT");
  assert.equal((await answer).status, 201);
  assert.equal((await end).code, 0);
  assert.ok(existsSync(join(folder, "c/d/_delta_log/00000000000000000001.json")));
});

test("a second signal ends it at once", async () => {
  const running = await serve("twice");
  await call(running.url, "/v1/tables", { name: "e.f", schema });
  const body = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode("{")) });
  const hanging = fetch(`${running.url}/v1/commits`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
    duplex: "half",
  } as RequestInit).catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 100));
  running.child.kill("SIGTERM");
  // The same signal twice in a moment is one: npx and launchers double it.
  running.child.kill("SIGTERM");
  await new Promise((resolve) => setTimeout(resolve, 700));
  assert.equal(running.child.exitCode, null, "did not wait for the request");
  running.child.kill("SIGTERM");
  assert.equal((await running.finished).code, 143);
  await hanging;
});

test("the launcher passes signals and the exit code", async () => {
  const running = await serve("launched", [], { script: LAUNCHER });
  assert.equal((await call(running.url, "/v1/health")).status, 200);
  const { code, stderr } = await stop(running);
  assert.equal(code, 0, stderr);
});

test("without storage, a location must be absolute; --no-mirror leaves the log alone", async () => {
  const child = startDl([
    "serve",
    "--port",
    "0",
    "--no-mirror",
    "--format",
    "json",
    "--database",
    join(folder, "bare.sqlite"),
    "--root",
    folder,
  ]);
  servers.push(child);
  const finished = finish(child);
  const [line] = await once(child.stdout ?? child, "data");
  const { url } = JSON.parse(String(line));
  for (const location of [undefined, "relative/path"]) {
    const refused = await call(url, "/v1/tables", { name: "a.b", schema, location });
    assert.deepEqual([refused.status, refused.body.pointer], [400, "/location"]);
  }
  assert.equal((await call(url, "/v1/tables", { name: "a.b", schema, location: join(folder, "bare") })).status, 201);
  child.kill("SIGTERM");
  assert.equal((await finished).code, 0);
  assert.ok(!existsSync(join(folder, "bare/_delta_log")));
});

async function refusal(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await finish(startDl(["serve", ...args]));
  assert.deepEqual([code, stdout], [1, ""], stderr);
  const words = stderr.split("\n").filter((line) => !line.startsWith("{"));
  assert.match(words[0] ?? "", /^dl: /);
  assert.ok(words.length <= 3, stderr);
  return words.join("\n");
}

test("a port in use", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const words = await refusal(["--port", String(port), "--database", join(folder, "port.sqlite")]);
  other.close();
  assert.match(words, new RegExp(`^dl: 127.0.0.1:${port} is in use\nhint: .*--port`));
});

test("an address of another machine", async () => {
  assert.match(
    await refusal([
      "--host",
      "203.0.113.1",
      "--insecure-no-auth",
      "--port",
      "0",
      "--database",
      join(folder, "host.sqlite"),
    ]),
    /is not an address of this machine/,
  );
});

test("a folder that is missing, or cannot be written", async (context) => {
  assert.match(await refusal(["--port", "0", "--database", join(folder, "no/such/x.sqlite")]), /no\/such/);
  mkdirSync(join(folder, "readonly"));
  chmodSync(join(folder, "readonly"), 0o555);
  try {
    writeFileSync(join(folder, "readonly/probe"), "");
    context.diagnostic("this user may write everywhere (root): the read-only folder is not tested");
    return;
  } catch {
    assert.match(await refusal(["--port", "0", "--database", join(folder, "readonly/x.sqlite")]), /readonly/);
  }
});

test("a database that another program has locked", async () => {
  const path = join(folder, "locked.sqlite");
  const other = new DatabaseSync(path);
  other.exec("create table t(x); begin exclusive");
  const words = await refusal(["--port", "0", "--database", path]);
  other.close();
  assert.match(words, /locked\.sqlite/);
});
