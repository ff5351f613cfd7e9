/** Callers by the certificate of their connection: who is known by one, who is not, and what counts before it. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { newApiKey } from "../../lib/access/api-key.ts";
import { type ClientCertificate, holderOfCertificate } from "../../lib/access/certificates.ts";
import { openDoor } from "../../lib/access/door.ts";
import { openKeyRing } from "../../lib/access/key-ring.ts";
import { createApp } from "../../lib/http/app.ts";
import { listen } from "../../lib/http/node-server.ts";
import { readTlsPair } from "../../lib/http/tls-files.ts";
import { selfSigned } from "../support/certificate.ts";
import { addOf, openLocalApi } from "./local-api.ts";

const api = await openLocalApi();
const { lake } = api;
const { now } = lake.clock;
const { tableId } = await api.newTable();
const folder = mkdtempSync(join(tmpdir(), "dl-mtls-"));
after(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const own = selfSigned("localhost");
/** A certificate that is its own authority. */
const etl = selfSigned("etl");
const stranger = selfSigned("etl");
const paths = { cert: file("tls.crt", own.cert), key: file("tls.key", own.key) };
const clientCa = file("clients.crt", etl.cert);

async function serve(authorities?: string) {
  const pair = await readTlsPair({ ...paths, clientCa: authorities });
  const door = openDoor({ keys: openKeyRing(lake.catalog, lake.clock), now });
  const app = createApp(lake, { version: "1", door, resolveLocation: async () => "" });
  const server = await listen(app.fetch, { host: "127.0.0.1", port: 0 }, { tls: pair });
  after(() => server.close());
  const call = (as: object, { method = "GET", path = "/v1/tables", body = "", headers = {} } = {}) =>
    new Promise<number | undefined>((resolve, reject) => {
      const sent = { method, headers: { "content-type": "application/json", ...headers }, rejectUnauthorized: false };
      const asked = request(`${server.url}${path}`, { ...sent, ...as, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on("error", reject);
      asked.end(body === "" ? undefined : body);
    });
  return call;
}

const commit = (transactionId: string) => ({
  method: "POST",
  path: "/v1/commits",
  body: JSON.stringify({
    transactionId,
    tables: [{ tableId, readVersion: 0, actions: [addOf(`${transactionId}.parquet`)] }],
  }),
});
const lastAuthor = async () => (await lake.catalog.history(tableId, { limit: 1 })).items[0]?.commitInfo?.userId;

test("who has a certificate of the server's authority is known by its name; all others are nobody", async () => {
  const call = await serve(clientCa);
  assert.equal(await call(etl, commit(crypto.randomUUID())), 201);
  assert.equal(await lastAuthor(), "user:etl");
  assert.equal(await call({}), 401, "no certificate");
  assert.equal(await call(stranger), 401, "the same name, signed by somebody else");
  const { key, keyId, hash } = newApiKey();
  await lake.catalog.addKey({ keyId, name: "ci", hash, access: "write", createdAt: 1 });
  const headers = { authorization: `Bearer ${key}` };
  assert.equal(await call(etl, { ...commit(crypto.randomUUID()), headers }), 201);
  assert.equal(await lastAuthor(), "user:ci", "a key counts before the certificate of the connection");
  assert.equal(await call({}, { headers }), 200, "and needs none");
  assert.equal(
    await call(etl, { headers: { authorization: "Bearer nonsense" } }),
    401,
    "nothing makes up for a wrong one",
  );
});

test("a server without an authority asks for no certificate, and believes none", async () => {
  const call = await serve();
  assert.equal(await call(etl), 401);
});

const certificate = (more: Partial<ClientCertificate> = {}): ClientCertificate => ({
  subject: { CN: "etl" },
  serialNumber: "0A1B",
  valid_to: "Nov 30 12:00:00 2026 GMT",
  ...more,
});
const THEN = Date.UTC(2026, 10, 30, 11);

test("units are groups, the number is the session, and what has ended or names nobody is refused", () => {
  assert.deepEqual(holderOfCertificate(certificate({ subject: { CN: "etl", OU: ["sales", "eu"] } }), THEN), {
    ...{ id: "user:etl", name: "etl", proof: "certificate", access: "write" },
    ...{ groups: ["sales", "eu"], session: "0A1B" },
  });
  for (const wrong of [
    { valid_to: "Nov 30 10:59:59 2026 GMT" },
    { valid_to: "soon" },
    { subject: {} },
    { subject: { CN: "" } },
    { subject: { CN: ["etl", "admin"] } },
    { subject: { CN: "a\u0000b" } },
    { subject: { CN: "x".repeat(256) } },
  ]) {
    assert.throws(
      () => holderOfCertificate(certificate(wrong), THEN),
      { kind: "unauthenticated" },
      JSON.stringify(wrong),
    );
  }
});

test("a file that holds no authority is refused at start", async () => {
  for (const text of ["", "x", etl.key]) {
    const wrong = { ...paths, clientCa: file("wrong.crt", text) };
    await assert.rejects(readTlsPair(wrong), { code: "TLS_FILES" });
  }
  await assert.rejects(readTlsPair({ ...paths, clientCa: join(folder, "none") }), /none cannot be read/);
});
