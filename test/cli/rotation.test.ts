/** Keys, certificates and passwords are changed under load, as docs/security.md says it: no request is refused, and what was taken away ends. */

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { sql } from "../../lib/catalog/database.ts";
import { openPostgres } from "../../lib/catalog/engines/postgres/driver.ts";
import { selfSigned } from "../support/certificate.ts";
import { needs, postgresUrl } from "../support/skip.ts";
import { dl, finish, startDl } from "./run.ts";

const DOCUMENT = readFileSync(new URL("../../docs/security.md", import.meta.url), "utf8");
const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-rotation-")));
const servers: ChildProcess[] = [];
after(() => {
  for (const server of servers) server.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

async function serve(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = startDl(["serve", "--port", "0", "--storage", folder, ...args], { env });
  servers.push(child);
  const finished = finish(child);
  const [line] = await Promise.race([
    once(child.stdout ?? child, "data"),
    finished.then((end) => assert.fail(end.stderr)),
  ]);
  return { url: String(/https?:\S+/.exec(String(line))?.[0]), child, finished };
}

interface Seen {
  readonly status: number;
  readonly certificate: string;
}

/** On a connection of its own, so that each one sees the certificate of the moment. */
function ask(url: string, key: string): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}` };
    const sent = request(url, { headers, agent: false, rejectUnauthorized: false }, (response) => {
      const { subject } = (response.socket as TLSSocket).getPeerCertificate();
      response.resume();
      response.on("end", () => resolve({ status: response.statusCode ?? 0, certificate: String(subject.CN) }));
    });
    sent.on("error", reject);
    sent.end();
  });
}

/** Asks on and on, by whatever holds at the moment. */
function load(one: () => Promise<{ readonly status: number }>) {
  const statuses = new Map<number, number>();
  let isOver = false;
  const running = (async () => {
    while (!isOver) {
      const { status } = await one();
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  })();
  return {
    async end() {
      isOver = true;
      await running;
      return statuses;
    },
  };
}

/** The document has each command that is tried here. */
function documented(...commands: readonly string[]): void {
  for (const command of commands) assert.ok(DOCUMENT.includes(command), `docs/security.md: ${command}`);
}

test("an API key and the certificate of a server are changed while it serves", async () => {
  documented("dl key create etl", "dl key revoke", "kill -HUP");
  const database = join(folder, "catalog.sqlite");
  const [cert, key] = [join(folder, "tls.crt"), join(folder, "tls.key")];
  const [one, two] = [selfSigned("one"), selfSigned("two")];
  const write = (pair: typeof one) => {
    writeFileSync(cert, pair.cert);
    writeFileSync(key, pair.key);
  };
  write(one);
  const keyFor = async () => {
    const { stdout, stderr } = await dl(["key", "create", "etl", "--database", database]);
    return { key: stdout.trim(), id: /dlk_([0-9a-f]{16})_/.exec(stdout)?.[1] ?? assert.fail(stderr) };
  };
  assert.equal((await dl(["migrate", "--database", database])).code, 0);
  const first = await keyFor();
  const { url, child } = await serve(["--database", database, "--tls-cert", cert, "--tls-key", key]);
  let holds = first;
  const under = load(() => ask(`${url}/v1/tables`, holds.key));
  assert.equal((await ask(`${url}/v1/tables`, first.key)).certificate, "one");
  write(two);
  child.kill("SIGHUP");
  for (let i = 0; i < 100 && (await ask(`${url}/v1/live`, first.key)).certificate !== "two"; i += 1) await delay(50);
  assert.equal((await ask(`${url}/v1/live`, first.key)).certificate, "two");
  holds = await keyFor();
  await delay(200);
  assert.equal((await dl(["key", "revoke", first.id, "--database", database])).code, 0);
  let refused = 0;
  for (const from = performance.now(); performance.now() - from < 11_000 && refused === 0; await delay(200))
    refused = (await ask(`${url}/v1/tables`, first.key)).status === 401 ? 1 : 0;
  const statuses = await under.end();
  assert.equal(refused, 1, "the key that was taken away is refused within ten seconds");
  assert.deepEqual([...statuses.keys()], [200]);
  assert.ok((statuses.get(200) ?? 0) > 20, `${statuses.get(200)} requests`);
});

test("the key of configuration secrets is changed by a file that has both, and every step is valid", async () => {
  documented(
    "cat new.key config.key > both.key",
    "export DL_CONFIG_KEY_FILE=both.key",
    "| dl config encrypt database.url",
  );
  documented("dl config validate");
  const keys = { old: "11".repeat(32), fresh: "22".repeat(32) };
  const [file, config] = [join(folder, "both.key"), join(folder, "lake.yaml")];
  const sealedWith = async (text: string) => {
    writeFileSync(file, text);
    const env = { DL_CONFIG_KEY_FILE: file };
    const { stdout, code, stderr } = await dl(["config", "encrypt", "database.url"], { env, input: "lake.sqlite" });
    assert.equal(code, 0, stderr);
    return `database:\n  url: ${stdout.trim()}\n`;
  };
  const isValid = async (text: string, content: string) => {
    writeFileSync(file, text);
    writeFileSync(config, content);
    return (await dl(["config", "validate", config], { env: { DL_CONFIG_KEY_FILE: file } })).code === 0;
  };
  const [both, fresh] = [`${keys.fresh}\n${keys.old}\n`, `${keys.fresh}\n`];
  const before = await sealedWith(`${keys.old}\n`);
  assert.ok(await isValid(both, before));
  const again = await sealedWith(both);
  assert.ok(await isValid(both, again));
  assert.ok(await isValid(fresh, again));
  assert.ok(!(await isValid(fresh, before)), "what was forgotten is refused, not left out");
});

const SUITE = "the login of PostgreSQL is changed while servers serve";

test(SUITE, needs(SUITE, postgresUrl, "TEST_POSTGRES_URL is not set"), async (t) => {
  const suffix = crypto.randomUUID().slice(0, 8);
  const [owner, a, b] = ["owner", "a", "b"].map((name) => `lake_${name}_${suffix}`) as [string, string, string];
  const name = `dl_rotation_${suffix}`;
  const server = openPostgres(postgresUrl ?? "", { poolSize: 1 });
  await server.define(`create database ${name}`);
  const ours = new URL(postgresUrl ?? "");
  ours.pathname = `/${name}`;
  const admin = openPostgres(ours.href, { poolSize: 1 });
  t.after(async () => {
    for (const child of servers) child.kill("SIGKILL");
    await admin.close();
    await server.define(`drop database ${name} with (force)`);
    for (const role of [a, b, owner]) await server.define(`drop role if exists ${role}`);
    await server.close();
  });
  const login = (name: string, password: string) => [
    `create role ${name} login password '${password}' in role ${owner}`,
    `alter role ${name} set role ${owner}`,
  ];
  const generic = (text: string) => text.replaceAll(`_${suffix}`, "");
  const run = async (statements: readonly string[], documentedAs: (text: string) => string) => {
    for (const statement of statements) {
      documented(documentedAs(statement));
      await admin.define(statement);
    }
  };
  const shown = (text: string) => generic(text).replace(/password '[^']*'/, "password '…'");
  await run([`create role ${owner} nologin`], generic);
  await run([`grant create, connect on database ${name} to ${owner}`], (text) => generic(text.replace(name, "NAME")));
  await run([`grant create, usage on schema public to ${owner}`], generic);
  await run(login(a, "first"), shown);
  const urlOf = (user: string, password: string) => {
    const url = new URL(ours);
    [url.username, url.password] = [user, password];
    return url.href;
  };
  const old = await serve([], { DATABASE_URL: urlOf(a, "first") });
  let base = old.url;
  const under = load(async () => {
    const [tables, health] = await Promise.all([fetch(`${base}/v1/tables`), fetch(`${base}/v1/health`)]);
    await Promise.all([tables.text(), health.text()]);
    return { status: Math.max(tables.status, health.status) };
  });
  await run(login(b, "second"), shown);
  const next = await serve([], { DATABASE_URL: urlOf(b, "second") });
  // As a load balancer does.
  base = next.url;
  await delay(300);
  old.child.kill("SIGTERM");
  assert.equal((await old.finished).code, 0);
  await run([`drop role ${a}`], shown);
  await delay(300);
  const field = { name: "id", type: "long", nullable: true, metadata: {} };
  const made = { name: "a.b", schema: { type: "struct", fields: [field] } };
  const headers = { "content-type": "application/json" };
  const { status } = await fetch(`${base}/v1/tables`, { method: "POST", headers, body: JSON.stringify(made) });
  assert.equal(status, 201);
  const statuses = await under.end();
  assert.deepEqual([...statuses.keys()], [200]);
  assert.ok((statuses.get(200) ?? 0) > 20, `${statuses.get(200)} requests`);
  const rows = await admin.read(sql`
    select count(*) as n from pg_tables where tableowner = ${owner} and tablename like 'dl_%'`);
  assert.ok(Number(rows[0]?.n) > 10, "the tables are nobody's who comes and goes");
  next.child.kill("SIGTERM");
  await next.finished;
});
