/** Names of the server and origins of pages: what a browser on another site can be made to send gets nowhere. */

import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, describe, test } from "node:test";
import { createApp } from "../../lib/http/app.ts";
import type { HostRules } from "../../lib/http/hosts.ts";
import { listen } from "../../lib/http/node-server.ts";
import { client, stubLake } from "./stub-lake.ts";

const rules = (more: Partial<HostRules> = {}): HostRules => ({
  names: ["lake.example"],
  anyName: false,
  origins: ["https://console.example"],
  ...more,
});
const lake = stubLake({ listTables: async () => ({ items: [], cursorAfter: () => "" }) });
const api = (more: Partial<HostRules> = {}) => client(lake, { hosts: rules(more) });
const from = (host: string, headers: Record<string, string> = {}) => ({ host, ...headers });

describe("Host", () => {
  const OURS = [
    "localhost",
    "localhost:8080",
    "LOCALHOST:1",
    "127.0.0.1:8080",
    "10.1.2.3",
    "[::1]:8080",
    "lake.example",
    "Lake.Example:443",
  ];
  const OTHERS = [
    "evil.example",
    "lake.example.evil.example",
    "xlake.example",
    "127.0.0.1.nip.io",
    "localhost.evil.example",
    "lake.example@evil.example",
    "evil.example:80@lake.example",
    "lake.example/x",
    "lake.example#",
    "lake.example:99999",
    "a b",
    "[::1",
    "[::1].evil.example",
  ];
  for (const host of OURS) {
    test(`${host} is ours`, async () => assert.equal((await api().get("/v1/tables", from(host))).status, 200));
  }
  for (const host of OTHERS) {
    test(`${host} is not`, async () => {
      const { status, body } = await api().get("/v1/tables", from(host));
      assert.deepEqual([status, body.code], [421, "HOST_NOT_ALLOWED"]);
      assert.equal((await api().get("/v1/health", from(host))).status, 421, "on open routes, too");
    });
  }

  test("the name in the request line counts, too", async () => {
    assert.equal((await api().get("http://evil.example/v1/tables", from("localhost"))).status, 421);
  });

  test("every name will do where a browser has nothing to send that opens the door", async () => {
    assert.equal((await api({ anyName: true }).get("/v1/tables", from("any.example"))).status, 200);
    assert.equal((await api({ anyName: true }).get("/v1/tables", from("a@b"))).status, 421);
  });
});

describe("Origin", () => {
  const get = (origin: string, more: Partial<HostRules> = {}) =>
    api(more).get("/v1/tables", from("lake.example:8080", { origin }));

  for (const origin of [
    "https://evil.example",
    "null",
    "",
    "https://console.example.evil.example",
    "http://console.example",
    "https://console.example:444",
    "https://console.example/",
    "https://Console.example",
    "http://lake.example",
    "*",
  ]) {
    test(`"${origin}" is refused, reading and writing`, async () => {
      const { status, body, headers } = await get(origin);
      assert.deepEqual([status, body.code], [403, "ORIGIN_NOT_ALLOWED"]);
      assert.equal(headers.get("access-control-allow-origin"), null);
      const headersOf = from("lake.example:8080", { origin });
      assert.equal((await api().post("/v1/commits", "{}", headersOf)).status, 403);
    });
  }

  test("one that is named may read the answer, with a key of its own and never with cookies", async () => {
    const { status, headers } = await get("https://console.example");
    assert.equal(status, 200);
    assert.equal(headers.get("access-control-allow-origin"), "https://console.example");
    assert.equal(headers.get("access-control-allow-credentials"), null);
    assert.equal(headers.get("vary"), "Origin");
    assert.match(headers.get("access-control-expose-headers") ?? "", /x-request-id/);
  });

  test("answers differ by origin, for caches; refusals can be read by pages, too", async () => {
    assert.equal((await api().get("/v1/tables", from("localhost"))).headers.get("vary"), "Origin");
    assert.equal((await api({ origins: [] }).get("/v1/tables", from("localhost"))).headers.get("vary"), null);
    const missing = await api().get("/none", from("localhost", { origin: "https://console.example" }));
    assert.deepEqual(
      [missing.status, missing.headers.get("access-control-allow-origin")],
      [404, "https://console.example"],
    );
  });

  test("a page that the server sent itself is no other", async () => {
    const { status, headers } = await get("http://lake.example:8080");
    assert.deepEqual([status, headers.get("access-control-allow-origin")], [200, null]);
  });

  describe("preflight", () => {
    const ask = (path: string, origin: string, headers: Record<string, string> = {}) =>
      api().send(path, {
        method: "OPTIONS",
        headers: from("lake.example", { origin, "access-control-request-method": "POST", ...headers }),
      });

    test("says what may be sent", async () => {
      const { status, headers, text } = await ask("/v1/tables", "https://console.example");
      assert.deepEqual([status, text], [204, ""]);
      assert.equal(headers.get("access-control-allow-origin"), "https://console.example");
      assert.equal(headers.get("access-control-allow-methods"), "POST, GET");
      assert.equal(headers.get("access-control-allow-headers"), "authorization, content-type, x-request-id");
      assert.equal(headers.get("access-control-allow-credentials"), null);
    });

    test("asks for no key, as browsers send none with it", async () => {
      const closed = client(lake, {
        hosts: rules(),
        door: { unnamed: "refused", identify: async () => undefined },
      });
      const headers = from("localhost", { origin: "https://console.example", "access-control-request-method": "GET" });
      assert.equal((await closed.send("/v1/tables", { method: "OPTIONS", headers })).status, 204);
      assert.equal(
        (await closed.get("/v1/tables", from("localhost", { origin: "https://console.example" }))).status,
        401,
      );
    });

    test("of another origin is refused", async () => {
      const { status, headers } = await ask("/v1/tables", "https://evil.example");
      assert.deepEqual([status, headers.get("access-control-allow-origin")], [403, null]);
    });

    test("without the question is no preflight", async () => {
      const { status } = await api().send("/v1/tables", { method: "OPTIONS", headers: from("localhost") });
      assert.equal(status, 405);
    });
  });
});

describe("on a socket", () => {
  const servers: Awaited<ReturnType<typeof listen>>[] = [];
  after(() => Promise.all(servers.map((server) => server.close())));
  const open = async (limits = {}) => {
    const app = createApp(lake, {
      version: "1",
      resolveLocation: async () => "file:///x",
      hosts: rules(),
    });
    const server = await listen(app.fetch, { host: "127.0.0.1", port: 0 }, limits);
    servers.push(server);
    return Number(new URL(server.url).port);
  };
  /** What comes back for these bytes, when the server ends the connection, and after how long. */
  const raw = (port: number, bytes: string) =>
    new Promise<{ text: string; milliseconds: number }>((resolve) => {
      const startedAt = performance.now();
      let text = "";
      const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
      socket.on("data", (chunk) => {
        text += chunk;
      });
      socket.on("error", () => undefined);
      socket.on("close", () => resolve({ text, milliseconds: performance.now() - startedAt }));
    });

  test("requests that name no host, two, or another in their first line are refused", async () => {
    const port = await open();
    for (const [head, status] of [
      ["GET /v1/tables HTTP/1.1\r\n", 400],
      ["GET /v1/tables HTTP/1.1\r\nHost: evil.example\r\n", 421],
      ["GET http://evil.example/v1/tables HTTP/1.1\r\nHost: localhost\r\n", 421],
      ["GET /v1/tables HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n", 421],
      ["GET /v1/tables HTTP/1.1\r\nHost: localhost\r\n", 200],
    ] as const) {
      const { text } = await raw(port, `${head}Connection: close\r\n\r\n`);
      assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `), head);
    }
  });

  test("who dawdles over headers or body is cut off", async () => {
    const port = await open({ headersTimeoutMs: 300, requestTimeoutMs: 600 });
    const headers = await raw(port, "GET /v1/tables HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    assert.ok(headers.milliseconds < 3_000, `${headers.milliseconds} ms`);
    assert.match(headers.text, /^HTTP\/1\.1 408 |^$/);
    const body = await raw(
      port,
      "POST /v1/commits HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    );
    assert.ok(body.milliseconds < 3_000, `${body.milliseconds} ms`);
  });

  test("headers have a bound", async () => {
    const port = await open();
    const { text } = await raw(port, `GET /v1/tables HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(80_000)}\r\n\r\n`);
    assert.match(text, /^HTTP\/1\.1 431 /);
  });

  test("more connections than are taken are closed at once, and the others go on", async () => {
    const port = await open({ maxConnections: 3 });
    const held = Array.from({ length: 3 }, () => connect(port, "127.0.0.1"));
    await Promise.all(held.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
    const refused = await raw(port, "GET /v1/tables HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert.equal(refused.text, "");
    for (const socket of held) socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const taken = await raw(port, "GET /v1/tables HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert.match(taken.text, /^HTTP\/1\.1 200 /);
  });
});
