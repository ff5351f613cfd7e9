/** docs/security.md has the access that every route needs, and every setting of the door. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { GRANTED } from "../../lib/access/privileges.ts";
import { parseConfig } from "../../lib/config/resolve.ts";
import { asksText, METRICS_ROUTE, ROUTES } from "../../lib/wire/routes.ts";

const FILE = new URL("../../docs/security.md", import.meta.url);
const HEAD = "| route | needs | asks for |\n| --- | --- | --- |\n";

/** `UPDATE=1 node --test test/docs/security.test.ts` writes the table anew. */
test("docs/security.md says what every route needs", () => {
  const text = readFileSync(FILE, "utf8");
  const rows = [...Object.values(ROUTES), METRICS_ROUTE].map(
    ({ method, path, access, asks }) => `| \`${method.toUpperCase()} ${path}\` | ${access} | ${asksText(asks)} |\n`,
  );
  assert.ok(text.includes(HEAD));
  const wanted = text.replace(
    /(\| route \| needs \| asks for \|\n\| --- \| --- \| --- \|\n)(?:\|.*\n)*/,
    `$1${rows.join("")}`,
  );
  if (process.env.UPDATE === "1") writeFileSync(FILE, wanted);
  else assert.ok(text === wanted, "the table is out of date: UPDATE=1 node --test test/docs/security.test.ts");
});

test("docs/security.md says what every privilege lets", () => {
  const text = readFileSync(FILE, "utf8");
  for (const name of GRANTED)
    assert.match(text, new RegExp(`^\\| (?:\`\\w+\`, )?\`${name}\`(?:, \`\\w+\`)? \\|`, "m"), name);
});

test("docs/security.md names every setting of the door, with its default", () => {
  const text = readFileSync(FILE, "utf8");
  const { server, security } = parseConfig({
    security: { oidc: [{ issuer: "https://i.example", audience: "a" }] },
  }).config;
  const { issuer: _, audience: __, algorithms, ...rest } = security.oidc[0] ?? assert.fail();
  for (const [name, value] of Object.entries(rest)) {
    assert.match(text, new RegExp(`^ +${name}: +${value === "" ? '""' : value}(?: |$)`, "m"), name);
  }
  assert.ok(text.includes(`algorithms: [${algorithms.join(", ")}]`));
  for (const name of [
    "tls.cert",
    "tls.key",
    "allowed_hosts",
    "cors_origins",
    "request_timeout_seconds",
    "max_connections",
  ]) {
    assert.ok(text.includes(`\`server.${name}\``), name);
  }
  assert.ok(text.includes(String(server.request_timeout_seconds)) && text.includes(String(server.max_connections)));
});
