/** Access that is lent: what a borrower can do with it on an S3 server that holds sessions to their policies, and who gets any. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { newApiKey } from "../../lib/access/api-key.ts";
import { openDoor } from "../../lib/access/door.ts";
import { openKeyRing } from "../../lib/access/key-ring.ts";
import { openRules } from "../../lib/access/rules.ts";
import { openLending } from "../../lib/lake/lending.ts";
import { tableLocation } from "../../lib/lake/table-location.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { changeGrants } from "../../lib/operations/grants.ts";
import { relocateTable } from "../../lib/operations/relocate-table.ts";
import type { AuditFacts } from "../../lib/ports.ts";
import { startFakeS3 } from "../support/fake-s3.ts";
import { openLocalApi } from "./local-api.ts";
import { client } from "./stub-lake.ts";

const ROLE = "arn:aws:iam::111122223333:role/data";
const UNITY = "/api/2.1/unity-catalog";

describe("lending", async () => {
  const s3 = await startFakeS3();
  after(() => s3.close());
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ENDPOINT_URL_STS: s3.url,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "own",
    AWS_SECRET_ACCESS_KEY: "own",
  });
  const api = await openLocalApi({ roots: ["s3://lake"] });
  const { lake } = api;
  const noted: AuditFacts[] = [];
  // Time flies: what was granted a moment ago is looked for before anybody is refused.
  let ticks = 0;
  const later = () => {
    ticks += 1000;
    return ticks;
  };
  const lending = (roleArn?: string) => openLending({ clock: lake.clock, roleArn, validSeconds: 3600 });
  const served = (roleArn?: string) =>
    client(lake, {
      door: openDoor({ keys: openKeyRing(lake.catalog, lake.clock) }),
      audit: { note: (facts) => void noted.push(facts), flush: async () => undefined },
      rules: openRules(lake.catalog, later),
      lending: lending(roleArn),
      resolveLocation: (location, name) => tableLocation({ storage: api.folder, roots: ["s3://lake"] }, location, name),
    });
  const withRole = served(ROLE);
  const withoutRole = served();
  const keyOf = async (name: string, access: "read" | "write" = "write") => {
    const { key, keyId, hash } = newApiKey();
    await lake.catalog.addKey({ keyId, name, hash, access, createdAt: 1 });
    return { authorization: `Bearer ${key}` };
  };
  const SCHEMA = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
  const make = async (name: string, location?: string) => {
    const { status, body, text } = await api.post("/v1/tables", {
      name,
      schema: SCHEMA,
      ...(location && { location }),
    });
    assert.equal(status, 201, text);
    return String(body.tableId);
  };
  const ids: Record<string, string> = {};
  before(async () => {
    ids.orders = await make("sales.orders", "s3://lake/sales/orders");
    ids.orders2 = await make("sales.orders2", "s3://lake/sales/orders2");
    ids.folder = await make("sales.folder");
    await lake.mirrored();
    const on = "table:sales.orders";
    const grant = [
      { privilege: "SELECT", on, to: "user:reader" },
      { privilege: "APPEND", on, to: "user:appender" },
      { privilege: "MODIFY", on, to: "user:writer" },
      { privilege: "SELECT", on, to: "user:writer" },
      { privilege: "SELECT", on: "table:sales.folder", to: "user:reader" },
      { privilege: "ALL", on, to: "user:readkey" },
    ];
    await changeGrants(lake, { grant, by: "operator" });
    await lake.catalog.changeAccess({ mode: "enforced", by: "operator", at: 1 });
  });

  type Lent = { accessKeyId: string; secretAccessKey: string; sessionToken: string };
  const ask = async (who: string, access: string, more: object = {}, at = withRole) =>
    at.post(`/v1/tables/sales.orders/credentials`, { access, ...more }, await keyOf(who));
  const borrower = (body: Record<string, unknown>) => {
    const credentials = body.credentials as Lent;
    return new S3Client({ credentials, endpoint: s3.url, forcePathStyle: true, region: "us-east-1", maxAttempts: 1 });
  };
  const outcome = (call: Promise<unknown>) =>
    call.then(
      () => "ok",
      (error: Error) => error.name,
    );
  const get = (as: S3Client, Key: string) => outcome(as.send(new GetObjectCommand({ Bucket: "lake", Key })));
  const put = (as: S3Client, Key: string, IfNoneMatch?: string) =>
    outcome(as.send(new PutObjectCommand({ Bucket: "lake", Key, Body: "x", ...(IfNoneMatch && { IfNoneMatch }) })));
  const list = (as: S3Client, Prefix: string) => outcome(as.send(new ListObjectsV2Command({ Bucket: "lake", Prefix })));
  const ZERO = "_delta_log/00000000000000000000.json";

  test("a reader reads the table and its log, and nothing beside", async () => {
    const { status, body, text, headers } = await ask("reader", "read");
    assert.equal(status, 200, text);
    assert.deepEqual([body.tableId, body.location, body.alsoAt], [ids.orders, "s3://lake/sales/orders", []]);
    assert.equal(headers.get("cache-control"), "no-store");
    const [session] = [...s3.sessions.values()].slice(-1);
    assert.deepEqual([session?.roleArn, session?.name, session?.seconds], [ROLE, "user-reader", 3600]);
    const as = borrower(body);
    assert.equal(await get(as, `sales/orders/${ZERO}`), "ok");
    assert.equal(await list(as, "sales/orders/"), "ok");
    assert.equal(await get(as, `sales/orders2/${ZERO}`), "AccessDenied");
    assert.equal(await list(as, "sales/"), "AccessDenied");
    assert.equal(await put(as, "sales/orders/a.parquet", "*"), "AccessDenied");
  });

  test("a writer puts data and no log; whoever may only append replaces nothing", async () => {
    const writer = await ask("writer", "write");
    assert.deepEqual([writer.status, writer.body.replaces], [200, true], writer.text);
    const as = borrower(writer.body);
    assert.equal(await put(as, "sales/orders/w.parquet"), "ok");
    assert.equal(await put(as, "sales/orders/w.parquet"), "ok");
    assert.equal(await put(as, "sales/orders/_delta_log/00000000000000000001.json"), "AccessDenied");
    assert.equal(await put(as, "sales/orders2/w.parquet"), "AccessDenied");
    assert.equal(await get(as, "sales/orders/w.parquet"), "AccessDenied");
    const appender = await ask("appender", "write");
    assert.deepEqual([appender.status, appender.body.replaces], [200, false], appender.text);
    const may = borrower(appender.body);
    assert.equal(await put(may, "sales/orders/w.parquet"), "AccessDenied");
    assert.equal(await put(may, "sales/orders/w.parquet", "*"), "PreconditionFailed");
    assert.equal(await put(may, "sales/orders/n.parquet", "*"), "ok");
    const both = borrower((await ask("writer", "readWrite")).body);
    assert.deepEqual([await get(both, "sales/orders/w.parquet"), await put(both, "sales/orders/v")], ["ok", "ok"]);
  });

  test("each right asks for its privilege, a key that reads borrows nothing to write, and strangers know of no table", async () => {
    for (const [who, access, status] of [
      ["reader", "write", 403],
      ["reader", "readWrite", 403],
      ["appender", "read", 403],
      ["appender", "readWrite", 403],
      ["stranger", "read", 404],
      ["stranger", "write", 404],
    ] as const) {
      assert.equal((await ask(who, access)).status, status, `${who} ${access}`);
    }
    const reading = await keyOf("readkey", "read");
    const path = `/v1/tables/${ids.orders}/credentials`;
    assert.equal((await withRole.post(path, { access: "read" }, reading)).status, 200);
    assert.equal((await withRole.post(path, { access: "write" }, reading)).status, 403);
  });

  test("URLs, also where there is no role: to get a file, and to put a new one", async () => {
    for (const at of [withRole, withoutRole]) {
      const got = await ask("reader", "read", { paths: [ZERO, "x%20y.parquet"] }, at);
      assert.equal(got.status, 200, got.text);
      const [log, file] = got.body.urls as { url: string; method: string; headers: Record<string, string> }[];
      assert.equal((await fetch(log?.url ?? "")).status, 200);
      assert.match(file?.url ?? "", /sales\/orders\/x%20y\.parquet\?/);
      const path = `new-${crypto.randomUUID()}.parquet`;
      const puts = await ask("appender", "write", { paths: [path] }, at);
      const [one] = puts.body.urls as { url: string; headers: Record<string, string> }[];
      const send = (headers: Record<string, string>) =>
        fetch(one?.url ?? "", { method: "PUT", body: "x", headers }).then(({ status }) => status);
      assert.deepEqual([await send(one?.headers ?? {}), await send(one?.headers ?? {})], [200, 412]);
      const signed = new URL(one?.url ?? "").searchParams.get("X-Amz-SignedHeaders")?.split(";") ?? [];
      assert.ok(signed.includes("if-none-match"), "a PUT without the header is another request than was signed");
    }
    const code = async (who: string, access: string, paths: string[]) => (await ask(who, access, { paths })).body;
    assert.equal((await code("appender", "write", ["_delta_log/1.json"])).code, "PATH_IN_LOG");
    assert.equal((await code("appender", "write", ["a/%5Fdelta_log/1.json"])).code, "PATH_IN_LOG");
    assert.equal((await code("reader", "read", ["s3://lake/sales/orders2/a"])).code, "PATH_OUTSIDE_TABLE");
    assert.equal((await code("reader", "read", ["a", "../orders2/a"])).pointer, "/paths/1");
    assert.equal((await code("writer", "readWrite", ["a"])).pointer, "/access");
    const none = await ask("reader", "read", {}, withoutRole);
    assert.deepEqual([none.status, none.body.code], [400, "NO_CREDENTIALS_VENDED"]);
  });

  test("folders need none, and where nobody is asked nothing is lent", async () => {
    const path = "/v1/tables/sales.folder/credentials";
    const folder = await withRole.post(path, { access: "read" }, await keyOf("reader"));
    assert.deepEqual([folder.status, folder.body.code], [400, "NO_CREDENTIALS_FOR_FOLDERS"]);
    await lake.catalog.changeAccess({ mode: "open", by: "operator", at: 2 });
    const open = client(lake, { lending: lending(ROLE) });
    const nobody = await open.post("/v1/tables/sales.orders/credentials", { access: "read" });
    await lake.catalog.changeAccess({ mode: "enforced", by: "operator", at: 3 });
    assert.deepEqual([nobody.status, nobody.body.code], [400, "NO_CREDENTIALS_VENDED"]);
  });

  test("clients of Unity Catalog get the same, in both generations", async () => {
    const key = await keyOf("reader");
    const first = { table_id: ids.orders, operation: "READ" };
    const old = await withRole.post(`${UNITY}/temporary-table-credentials`, first, key);
    assert.equal(old.status, 200, old.text);
    const {
      access_key_id: accessKeyId,
      secret_access_key: secretAccessKey,
      session_token: sessionToken,
    } = old.body.aws_temp_credentials as Record<string, string>;
    const as = borrower({ credentials: { accessKeyId, secretAccessKey, sessionToken } });
    assert.deepEqual([await get(as, `sales/orders/${ZERO}`), await put(as, "sales/orders/u")], ["ok", "AccessDenied"]);
    const place = `${UNITY}/delta/v1/catalogs/lake/schemas/sales/tables/orders/credentials`;
    assert.equal((await withRole.get(`${place}?operation=READ_WRITE`, key)).status, 403);
    const writing = await withRole.get(`${place}?operation=READ_WRITE`, await keyOf("writer"));
    const [given] = writing.body["storage-credentials"] as { prefix: string; operation: string; config: object }[];
    assert.deepEqual([given?.prefix, given?.operation], ["s3://lake/sales/orders", "READ_WRITE"]);
    assert.deepEqual(Object.keys(given?.config ?? {}), [
      "s3.access-key-id",
      "s3.secret-access-key",
      "s3.session-token",
    ]);
  });

  test("it is written down who borrowed what until when, and no secret", async () => {
    await ask("reader", "read");
    const { who, operation, decision, effect, because } = noted.at(-1) ?? assert.fail();
    assert.deepEqual([who, operation, decision], ["user:reader", "lendCredentials", "allowed"]);
    const { tableId, lent, expiresAt } = JSON.parse(effect) as { tableId: string; lent: string; expiresAt: number };
    assert.deepEqual([tableId, lent, expiresAt > Date.now()], [ids.orders, "read", true]);
    assert.match(because, /grant SELECT on table:/);
    await ask("reader", "write");
    assert.deepEqual([noted.at(-1)?.decision, noted.at(-1)?.effect], ["denied", ""]);
    assert.doesNotMatch(JSON.stringify(noted), /lent-secret|lent-token|ASIAFAKE|X-Amz-/);
  });

  test("a table that moves is lent where it is; what stays behind is read as long as nobody else lives there", async () => {
    // Not by the API, which by now may know that grants are asked for.
    const make = (name: string, location: string) => createTable(lake, { name, location, schema: SCHEMA });
    const { tableId } = await make("sales.moving", "s3://lake/old/moving");
    await lake.mirrored();
    await relocateTable(lake, { tableId }, "s3://lake/new/moving", { move: true });
    await changeGrants(lake, {
      grant: [{ privilege: "ALL", on: `table:${tableId}`, to: "user:mover" }],
      by: "operator",
    });
    const path = `/v1/tables/${tableId}/credentials`;
    const ask = async () => withRole.post(path, { access: "readWrite" }, await keyOf("mover"));
    const moved = await ask();
    assert.deepEqual([moved.body.location, moved.body.alsoAt], ["s3://lake/new/moving", ["s3://lake/old/moving"]]);
    const as = borrower(moved.body);
    assert.deepEqual([await put(as, "new/moving/a"), await put(as, "old/moving/a")], ["ok", "AccessDenied"]);
    assert.equal(await get(as, `old/moving/${ZERO}`), "ok");
    await make("sales.settler", "s3://lake/old/moving/within");
    assert.deepEqual((await ask()).body.alsoAt, []);
  });

  test("STS that refuses is a 503 which tells the operator what to do, without a secret", async () => {
    s3.fail(/^POST \/$/, { status: 403, code: "AccessDenied" });
    const { status, body } = await ask("reader", "read");
    assert.deepEqual([status, body.code], [503, "CREDENTIALS_UNAVAILABLE"]);
    assert.match(String(body.hint), /trusts whom this service runs as/);
  });
});
