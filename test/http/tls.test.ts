/** TLS by files: they are checked, and renewed without a restart; a half-written pair changes nothing. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { connect } from "node:tls";
import { isLakeError } from "../../lib/errors.ts";
import { listen } from "../../lib/http/node-server.ts";
import { followTlsFiles, readTlsPair } from "../../lib/http/tls-files.ts";
import { selfSigned } from "../support/certificate.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-tls-"));
after(() => rmSync(folder, { recursive: true }));
const paths = { cert: join(folder, "tls.crt"), key: join(folder, "tls.key") };
function write({ cert, key }: { readonly cert?: string; readonly key?: string }): void {
  if (cert !== undefined) writeFileSync(paths.cert, cert);
  if (key !== undefined) writeFileSync(paths.key, key);
}
const [one, two] = [selfSigned("one"), selfSigned("two")];

/** The name in the certificate that a new connection is shown. */
const shown = (port: number, options = {}) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.end();
    });
    socket.once("error", reject);
  });

test("a pair that fits is read", async () => {
  write(one);
  const { validTo } = await readTlsPair(paths);
  assert.ok(validTo.getTime() > Date.now());
});

for (const [name, files] of [
  ["a key of another certificate", { cert: one.cert, key: two.key }],
  ["no PEM", { cert: "x", key: "y" }],
  ["half a key", { cert: one.cert, key: one.key.slice(0, 100) }],
  ["empty files", { cert: "", key: "" }],
  ["the files the wrong way round", { cert: one.key, key: one.cert }],
] as const) {
  test(`${name} is refused, and not repeated`, async () => {
    write(files);
    await assert.rejects(readTlsPair(paths), (error) => {
      assert.ok(isLakeError(error, "invalid") && error.code === "TLS_FILES", String(error));
      return !JSON.stringify([error.message, error.hint, error.cause]).includes(one.key.slice(30, 60));
    });
  });
}

test("a file that is not there is named", async () => {
  await assert.rejects(readTlsPair({ ...paths, key: join(folder, "none") }), /none cannot be read \(ENOENT\)/);
});

describe("a server", async () => {
  write(one);
  const pair = await readTlsPair(paths);
  const server = await listen(() => new Response("hello"), { host: "127.0.0.1", port: 0 }, { tls: pair });
  const port = Number(new URL(server.url).port);
  const told: string[] = [];
  const files = followTlsFiles(paths, pair, { onChange: server.renew, onError: (error) => told.push(String(error)) });
  after(async () => {
    files.stop();
    await server.close();
  });

  test("speaks HTTPS, with TLS 1.2 or newer, and nothing else", async () => {
    assert.match(server.url, /^https:/);
    assert.equal(await shown(port), "one");
    await assert.rejects(shown(port, { minVersion: "TLSv1.1", maxVersion: "TLSv1.1" }));
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
  });

  test("stays with the pair from before while one file is new, says so once, then takes both", async () => {
    write({ cert: two.cert });
    for (let i = 0; i < 3; i += 1) await files.look();
    assert.equal(await shown(port), "one");
    assert.equal(told.length, 1, told.join("\n"));
    rmSync(paths.key);
    await files.look();
    assert.equal(await shown(port), "one");
    assert.equal(told.length, 2);
    write({ key: two.key });
    await files.look();
    assert.equal(await shown(port), "two");
    write({ cert: one.cert });
    await files.look();
    assert.equal(told.length, 3, "told again after it was well");
  });

  test("connections that are open go on over a renewal", async () => {
    const { promise: ended, resolve } = Promise.withResolvers<string>();
    let text = "";
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
    socket.on("data", (chunk) => (text += chunk)).on("close", () => resolve(text));
    await new Promise((connected) => socket.once("secureConnect", connected));
    write(one);
    await files.look();
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert.match(await ended, /^HTTP\/1\.1 200 [\s\S]*hello/);
    assert.equal(await shown(port), "one");
  });
});
