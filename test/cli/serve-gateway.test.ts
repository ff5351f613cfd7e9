/** `dl serve --gateway-port`: an engine on the same machine writes by S3 into the catalog that the API serves. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { s3Client } from "../gateway/face.ts";
import { dl, dlByItself, finish, startDl } from "./run.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-serve-gateway-")));
const storage = join(folder, "lake");
mkdirSync(storage);
const children = new Set<ReturnType<typeof startDl>>();
after(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

const schemaString = '{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}}]}';
const metaData = {
  id: "engine",
  format: { provider: "parquet", options: {} },
  schemaString,
  partitionColumns: [],
  configuration: {},
};
const text = (lines: readonly object[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join("");
const commitName = (version: number) => `${String(version).padStart(20, "0")}.json`;

test("what an engine puts is in the API at once, is published, and the server ends in order", async () => {
  const child = startDl(
    ["serve", "--port", "0", "--database", join(folder, "c.sqlite"), "--storage", storage, "--gateway-port", "0"],
    { env: { VERIFY_FILES: "true" } },
  );
  children.add(child);
  const finished = finish(child);
  const [said] = await Promise.race([
    once(child.stdout ?? child, "data"),
    finished.then((end) => assert.fail(end.stderr)),
  ]);
  const [, api = "", gateway = ""] =
    /^dl serves (http:\S+)\ndl gateway is at (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(String(said)) ?? [];
  assert.notEqual(gateway, "", String(said));
  const put = async (key: string, body: string) =>
    (await fetch(`${gateway}/shop/${key}`, { method: "PUT", body, headers: { "if-none-match": "*" } })).status;
  const versionZero = text([{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData }]);
  assert.equal(await put(`orders/_delta_log/${commitName(0)}`, versionZero), 200);
  assert.equal(await put("orders/a.parquet", "PAR1____PAR1"), 200);
  const add = { path: "a.parquet", partitionValues: {}, size: 12, modificationTime: 1, dataChange: true };
  assert.equal(await put(`orders/_delta_log/${commitName(1)}`, text([{ add }])), 200);
  assert.equal(await put("orders/b.parquet", "PAR1____PAR1"), 200);
  assert.equal(await put(`orders/_delta_log/${commitName(1)}`, text([{ add: { ...add, path: "b.parquet" } }])), 412);
  const answer = await fetch(`${api}/v1/tables`);
  const { tables } = (await answer.json()) as { tables: { name: string; version: number; location: string }[] };
  assert.deepEqual(
    tables.map(({ name, version }) => [name, version]),
    [["shop.orders", 1]],
  );
  const published = join(storage, "shop/orders/_delta_log", commitName(1));
  for (let i = 0; i < 500 && !existsSync(published); i += 1) await sleep(20);
  assert.match(readFileSync(published, "utf8"), /a\.parquet/);
  child.kill("SIGTERM");
  const { code, stderr } = await finished;
  assert.equal(code, 0, stderr);
  await assert.rejects(fetch(gateway));
  const env = { DATABASE_URL: join(folder, "c.sqlite") };
  const { stdout } = await dl(["audit", "--who", "user:gateway", "--format", "ndjson"], { env });
  assert.match(stdout, /"operation":"commit".*"decision":"allowed"/, "what the engine has done is in the audit trail");
  const verified = await dl(["audit", "verify", "--format", "json"], { env });
  assert.equal(verified.code, 0, verified.stderr);
  assert.partialDeepStrictEqual(JSON.parse(verified.stdout), { faults: [], unrecorded: [] });
  const completed = await dl(["audit", "complete", "--format", "json"], { env });
  assert.deepEqual(JSON.parse(completed.stdout), { recorded: [] });
});

test("beyond this machine a gateway asks for access keys of the catalog, and one that is revoked is out within ten seconds", async () => {
  const database = join(folder, "keys.sqlite");
  const env = { DL_S3_MASTER_KEY: "cd".repeat(32) };
  await dlByItself(["migrate", "--database", database]);
  const made = await dlByItself(["key", "create", "etl", "--s3", "--format", "json", "--database", database], { env });
  assert.equal(made.code, 0, made.stderr);
  const { accessKeyId, secretAccessKey } = JSON.parse(made.stdout);
  const child = startDl(["gateway", "--database", database, "--upstream", storage, "--listen", "0.0.0.0:0"], { env });
  children.add(child);
  const finished = finish(child);
  const [said] = await Promise.race([
    once(child.stdout ?? child, "data"),
    finished.then((end) => assert.fail(end.stderr)),
  ]);
  const endpoint = `http://127.0.0.1:${/:(\d+)\n$/.exec(String(said))?.[1]}`;
  assert.equal((await fetch(`${endpoint}/keys/x`)).status, 403);
  const s3 = s3Client(endpoint, { credentials: { accessKeyId, secretAccessKey } });
  const put = (Key: string, Body: string) => s3.send(new PutObjectCommand({ Bucket: "keys", Key, Body }));
  await put(
    `t/_delta_log/${commitName(0)}`,
    text([{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData }]),
  );
  const revoked = await dlByItself(["key", "revoke", accessKeyId, "--database", database]);
  assert.equal(revoked.code, 0, revoked.stderr);
  const until = Date.now() + 10_500;
  let refusal: unknown;
  while (refusal === undefined && Date.now() < until) {
    refusal = await put("t/x.parquet", "x").then(
      () => sleep(250),
      (error: unknown) => error,
    );
  }
  assert.match(String(refusal), /^AccessDenied: the access key has been revoked\. Make another/);
  child.kill("SIGTERM");
  assert.equal((await finished).code, 0);
  const { stdout } = await dl(["audit", "--who", "user:etl", "--format", "ndjson"], {
    env: { DATABASE_URL: database },
  });
  assert.match(stdout, /"operation":"commit".*"decision":"allowed"/);
});

for (const [args, option] of [
  [["serve", "--port", "0", "--storage", storage, "--gateway-port"], "--gateway-port"],
  [["gateway", "--upstream", storage, "--listen"], "--listen"],
] as const) {
  test(`${args[0]} ends where its port is taken, and names ${option}`, async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const where = option === "--listen" ? `127.0.0.1:${port}` : String(port);
    const child = startDl([...args, where, "--database", join(folder, "taken.sqlite")]);
    children.add(child);
    const { code, stdout, stderr } = await finish(child);
    other.close();
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, new RegExp(`127\\.0\\.0\\.1:${port} is in use`));
    assert.match(stderr, new RegExp(`choose another port with ${option} \\(0 takes a free one\\)`));
  });
}

test("a server that asks its callers says that its gateway does not", async () => {
  const database = join(folder, "asked.sqlite");
  for (const args of [["migrate"], ["key", "create", "somebody"]]) {
    const { code, stderr } = await dlByItself([...args, "--database", database]);
    assert.equal(code, 0, stderr);
  }
  const child = startDl(["serve", "--port", "0", "--database", database, "--storage", storage, "--gateway-port", "0"]);
  children.add(child);
  const finished = finish(child);
  await once(child.stdout ?? child, "data");
  child.kill("SIGTERM");
  const { code, stderr } = await finished;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /the gateway asks nobody: whoever reaches it from this machine may write to every table/);
});

for (const [args, code, message] of [
  [["serve", "--port", "0", "--gateway-port", "0"], 64, /--gateway-port needs --gateway-upstream, or --storage/],
  [["serve", "--port", "0", "--gateway-port", "0", "--gateway-upstream", "s3://b/p"], 1, /is a part of a bucket/],
  [["gateway", "--upstream", "s3://b/p"], 1, /is a part of a bucket/],
  [["gateway", "--upstream", storage, "--listen", "0.0.0.0:0"], 1, /nobody would be asked for a signature/],
  [["gateway", "--upstream", storage, "--table", "orders"], 1, /"orders" names no table/],
  [["gateway", "--upstream", storage, "--listen", "9000"], 64, /write HOST:PORT/],
] as const) {
  test(`dl ${args.slice(0, 1)} that cannot be carried out makes no catalog: ${message.source}`, async () => {
    const database = join(folder, "none.sqlite");
    const ended = await dlByItself([...args, "--database", database]);
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, message);
    assert.equal(existsSync(database), false);
  });
}
