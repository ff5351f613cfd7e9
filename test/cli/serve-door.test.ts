/** The door of `dl serve`: when it asks, when it refuses to start, what it logs, and that certificates are renewed while it runs. */

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isLoopback } from "../../lib/loopback.ts";
import { selfSigned } from "../support/certificate.ts";
import { startIssuer, type TestIssuer } from "../support/issuer.ts";
import { PLANTED_PASSWORD } from "../support/secrets.ts";
import { dl, type Finished, finish, startDl } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-door-"));
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

interface Running {
  readonly url: string;
  readonly child: ChildProcess;
  stop(): Promise<Finished & { readonly lines: readonly Record<string, unknown>[] }>;
}

async function serve(database: string, args: readonly string[] = []): Promise<Running> {
  const child = startDl(["serve", "--port", "0", "--storage", folder, "--database", join(folder, database), ...args]);
  children.push(child);
  const finished = finish(child);
  const [line] = await Promise.race([
    once(child.stdout ?? child, "data"),
    finished.then(({ stderr }) => assert.fail(stderr)),
  ]);
  const url = /^dl serves (https?:\/\/\S+)\n$/.exec(String(line))?.[1] ?? assert.fail(String(line));
  return {
    url,
    child,
    async stop() {
      child.kill("SIGTERM");
      const end = await finished;
      return {
        ...end,
        lines: end.stderr
          .trim()
          .split("\n")
          .map((text) => JSON.parse(text)),
      };
    },
  };
}

const refusal = async (database: string, args: readonly string[]) => {
  const { code, stderr, stdout } = await dl(["serve", "--port", "0", "--database", join(folder, database), ...args]);
  assert.equal(stdout, "");
  return { code, stderr };
};
const newKey = async (database: string, ...args: string[]) =>
  (await dl(["key", "create", "etl", ...args, "--database", join(folder, database)])).stdout.trim();
const status = async (url: string, headers: Record<string, string> = {}) => (await fetch(url, { headers })).status;

test("addresses of this machine alone, and others", () => {
  for (const host of ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "::1", "[::1]", "::ffff:127.0.0.1"]) {
    assert.ok(isLoopback(host), host);
  }
  for (const host of [
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "localhost.example",
    "127.example",
    "128.0.0.1",
    "127.0.0.1.nip.io",
    "",
  ]) {
    assert.ok(!isLoopback(host), host);
  }
});

test("on this machine nobody is asked, and the server says so", async () => {
  const running = await serve("open.sqlite");
  assert.equal(await status(`${running.url}/v1/tables`), 200);
  const { lines } = await running.stop();
  const warnings = lines.filter(({ level }) => level === "warn").map(({ msg }) => String(msg));
  assert.match(warnings.join("\n"), /no authentication: whoever reaches the server from this machine/);
});

describe("beyond this machine", () => {
  for (const host of ["0.0.0.0", "::"]) {
    test(`--host ${host} is refused while nobody can say who they are`, async () => {
      const { code, stderr } = await refusal("bare.sqlite", ["--host", host]);
      assert.equal(code, 1);
      const lines = stderr.split("\n").filter((line) => !line.startsWith("{"));
      assert.match(
        lines[0] ?? "",
        /^dl: on \S+ other machines reach this server, and nobody would be asked who they are$/,
      );
      assert.match(lines[1] ?? "", /^hint: .*dl key create NAME.*security\.oidc.*--insecure-no-auth/);
    });
  }

  test("it starts when told that no door is wanted, and warns", async () => {
    const running = await serve("insecure.sqlite", ["--host", "0.0.0.0", "--insecure-no-auth"]);
    const url = running.url.replace("0.0.0.0", "127.0.0.1");
    assert.equal(await status(`${url}/v1/tables`), 200);
    const { lines } = await running.stop();
    assert.ok(lines.some(({ level, msg }) => level === "warn" && /from everywhere/.test(String(msg))));
  });

  test("it starts with a key, asks for it, and warns that it travels unencrypted", async () => {
    await dl(["migrate", "--database", join(folder, "keys.sqlite")]);
    const key = await newKey("keys.sqlite");
    const running = await serve("keys.sqlite", ["--host", "0.0.0.0"]);
    const url = running.url.replace("0.0.0.0", "127.0.0.1");
    assert.equal(await status(`${url}/v1/tables`), 401);
    assert.equal(await status(`${url}/v1/tables`, { authorization: `Bearer ${key}` }), 200);
    assert.equal(await status(`${url}/metrics`), 401);
    assert.equal(await status(`${url}/metrics`, { authorization: `Bearer ${key}` }), 200);
    assert.equal(await status(`${url}/v1/health`), 200);
    const { lines, stderr, stdout } = await running.stop();
    assert.ok(lines.some(({ msg }) => /travel unencrypted/.test(String(msg))));
    const answered = lines.filter(({ msg }) => msg === "answered");
    assert.deepEqual(
      answered.map(({ principal, route, status }) => [principal, route, status]),
      [
        [undefined, "/v1/tables", 401],
        ["user:etl", "/v1/tables", 200],
        [undefined, "/metrics", 401],
        ["user:etl", "/metrics", 200],
        [undefined, "/v1/health", 200],
      ],
    );
    for (const { requestId, milliseconds, method, client } of answered) {
      assert.ok(requestId && Number(milliseconds) >= 0 && method === "GET" && client === "127.0.0.1");
    }
    assert.ok(!(stderr + stdout).includes(key));
  });
});

test("no revocation opens the door, on this machine either", async () => {
  await dl(["migrate", "--database", join(folder, "revoked.sqlite")]);
  const key = await newKey("revoked.sqlite");
  await dl(["key", "revoke", key, "--database", join(folder, "revoked.sqlite")]);
  const running = await serve("revoked.sqlite");
  assert.equal(await status(`${running.url}/v1/tables`), 401);
  assert.equal(await status(`${running.url}/v1/tables`, { authorization: `Bearer ${key}` }), 401);
  await running.stop();
});

test("a key that is revoked while the server runs is refused within ten seconds, one that is made is taken at once", async () => {
  await dl(["migrate", "--database", join(folder, "live.sqlite")]);
  const first = await newKey("live.sqlite");
  const running = await serve("live.sqlite");
  const ask = (key: string) => status(`${running.url}/v1/tables`, { authorization: `Bearer ${key}` });
  assert.equal(await ask(first), 200);
  const second = await newKey("live.sqlite", "--access", "read");
  assert.equal(await ask(second), 200);
  await dl(["key", "revoke", second, "--database", join(folder, "live.sqlite")]);
  const revokedAt = performance.now();
  while ((await ask(second)) === 200) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(performance.now() - revokedAt < 13_000, `${performance.now() - revokedAt} ms`);
  assert.equal(await ask(first), 200);
  await running.stop();
});

describe("with an identity provider", () => {
  let issuer: TestIssuer;
  before(async () => {
    issuer = await startIssuer();
    issuer.shown = [await issuer.newKey("k")];
  });
  after(() => issuer.close());

  test("its tokens are taken, and logged by their user alone", async () => {
    const config = join(folder, "oidc.json");
    const oidc = [{ issuer: issuer.url, audience: "https://lake.example" }];
    writeFileSync(config, JSON.stringify({ security: { oidc }, monitoring: { metrics_access: "open" } }));
    const running = await serve("oidc.sqlite", ["--config", config]);
    assert.equal(await status(`${running.url}/v1/tables`), 401);
    const token = await issuer.token();
    assert.equal(await status(`${running.url}/v1/tables`, { authorization: `Bearer ${token}` }), 200);
    const expired = await issuer.token({ claims: { exp: 1 } });
    assert.equal(await status(`${running.url}/v1/tables`, { authorization: `Bearer ${expired}` }), 401);
    assert.equal(await status(`${running.url}/metrics`), 200);
    const { lines, stderr } = await running.stop();
    assert.ok(lines.some(({ principal }) => principal === "user:alice"));
    assert.ok(!stderr.includes(token) && !stderr.includes(expired.split(".")[1] ?? ""));
  });

  for (const [name, oidc, words] of [
    ["in the clear", [{ issuer: "http://idp.example", audience: "a" }], /expected an https URL/],
    [
      "with a password",
      [
        {
          issuer: "https://idp.example",
          audience: "a",
          jwks_url: `https://u:${encodeURIComponent(PLANTED_PASSWORD)}@idp.example`,
        },
      ],
      /expected an https URL/,
    ],
    ["without an audience", [{ issuer: "https://idp.example" }], /audience/],
    ["with a shared secret", [{ issuer: "https://i.example", audience: "a", algorithms: ["HS256"] }], /"RS256" or/],
    ["unsigned", [{ issuer: "https://i.example", audience: "a", algorithms: ["none"] }], /"RS256" or/],
    [
      "twice",
      [
        { issuer: "https://i.example", audience: "a" },
        { issuer: "https://i.example", audience: "b", user_prefix: "b/" },
      ],
      /named twice/,
    ],
    [
      "two, whose users could pass for one another",
      [
        { issuer: "https://i.example", audience: "a" },
        { issuer: "https://j.example", audience: "a" },
      ],
      /user_prefix of its own/,
    ],
  ] as const) {
    test(`one that is named ${name} is refused`, async () => {
      const config = join(folder, "bad.json");
      writeFileSync(config, JSON.stringify({ security: { oidc } }));
      const { code, stderr } = await refusal("bad.sqlite", ["--config", config]);
      assert.equal(code, 1);
      assert.match(stderr, words);
    });
  }
});

test("names and origins as options, checked as in a file", async () => {
  const running = await serve("names.sqlite", ["--allowed-host", "Lake.example", "--cors-origin", "https://c.example"]);
  const { port } = new URL(running.url);
  const from = async (headers: Record<string, string>) => {
    const { request: ask } = await import("node:http");
    const asked = ask({ port, host: "127.0.0.1", path: "/v1/tables", headers }).end();
    const [answer] = await once(asked, "response");
    answer.resume();
    return answer.statusCode;
  };
  assert.equal(await from({ host: "lake.example" }), 200);
  assert.equal(await from({ host: "evil.example" }), 421);
  assert.equal(await from({ host: "localhost", origin: "https://c.example" }), 200);
  assert.equal(await from({ host: "localhost", origin: "https://d.example" }), 403);
  await running.stop();
  for (const args of [
    ["--cors-origin", "*"],
    ["--cors-origin", "https://c.example/"],
    ["--cors-origin", "null"],
    ["--allowed-host", "*"],
    ["--allowed-host", "a:80"],
  ]) {
    assert.equal((await refusal("names.sqlite", args)).code, 1, args.join(" "));
  }
});

describe("TLS", () => {
  const [one, two] = [selfSigned("one"), selfSigned("two")];
  const files = { cert: join(folder, "tls.crt"), key: join(folder, "tls.key") };
  const options = ["--tls-cert", files.cert, "--tls-key", files.key];
  const write = ({ cert, key }: typeof one) => {
    writeFileSync(files.cert, cert);
    writeFileSync(files.key, key);
  };
  /** The status of an answer, from a server whose certificate is this one. */
  const ask = (url: string, ca: string) =>
    new Promise<number | string>((resolve) => {
      const asked = request(`${url}/v1/health`, { agent: new Agent({ ca }) }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      asked.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "")).end();
    });

  test("it speaks HTTPS, and takes a new certificate at SIGHUP and by itself", async () => {
    write(one);
    const running = await serve("tls.sqlite", options);
    assert.match(running.url, /^https:\/\//);
    assert.equal(await ask(running.url, one.cert), 200);
    write(two);
    running.child.kill("SIGHUP");
    const deadline = Date.now() + 5_000;
    while ((await ask(running.url, two.cert)) !== 200) assert.ok(Date.now() < deadline, "SIGHUP renews at once");
    assert.equal(await ask(running.url, one.cert), "DEPTH_ZERO_SELF_SIGNED_CERT");
    write({ ...one, key: "half" });
    running.child.kill("SIGHUP");
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(await ask(running.url, two.cert), 200);
    write(one);
    const later = Date.now() + 10_000;
    while ((await ask(running.url, one.cert)) !== 200) {
      assert.ok(Date.now() < later, "renewed without a signal");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { code, lines, stderr } = await running.stop();
    assert.equal(code, 0);
    assert.ok(lines.some(({ msg }) => msg === "the certificate has been renewed"));
    assert.ok(lines.some(({ msg }) => msg === "the certificate from before stays in use"));
    assert.ok(!stderr.includes("PRIVATE KEY"));
  });

  test("it does not start without both files", async () => {
    assert.equal((await refusal("tls.sqlite", ["--tls-cert", files.cert])).code, 64);
    const { code, stderr } = await refusal("tls.sqlite", ["--tls-cert", files.cert, "--tls-key", join(folder, "none")]);
    assert.equal(code, 1);
    assert.match(stderr, /none cannot be read \(ENOENT\)/);
  });
});
