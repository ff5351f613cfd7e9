/** TLS to PostgreSQL by `database.ssl_mode`: who is not who they say is not spoken to, and nothing falls back to plain text. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { sql } from "../../lib/catalog/database.ts";
import { openPostgres, type PostgresOptions } from "../../lib/catalog/engines/postgres/driver.ts";
import { selfSigned } from "../support/certificate.ts";
import { type OwnPostgres, postgresPrograms, startOwnPostgres } from "../support/own-postgres.ts";
import { needs } from "../support/skip.ts";

const programs = postgresPrograms();

describe("TLS to PostgreSQL", needs("TLS to PostgreSQL", programs, "no PostgreSQL server is installed"), () => {
  const folder = mkdtempSync(join(tmpdir(), "dl-tls-"));
  const authority = join(folder, "ca.pem");
  let server: OwnPostgres;
  before(async () => {
    server = await startOwnPostgres(programs ?? "");
    const { cert, key } = selfSigned("database.example");
    writeFileSync(authority, cert);
    for (const [name, text] of [
      ["server.crt", cert],
      ["server.key", key],
    ] as const) {
      const path = join(server.data, name);
      writeFileSync(path, text, { mode: 0o600 });
      if (process.getuid?.() === 0) execFileSync("chown", ["postgres", path]);
    }
    const db = openPostgres(server.url, { poolSize: 1 });
    await db.define("alter system set ssl = on");
    await db.read(sql`select pg_reload_conf()`);
    await db.close();
  });
  after(async () => {
    await server?.drop();
    rmSync(folder, { recursive: true });
  });

  /** Whether the connection is encrypted; the error where there is none. */
  async function ask(sslMode: PostgresOptions["sslMode"], place: { readonly host?: string; readonly ca?: true } = {}) {
    const url = new URL(server.url.replace("127.0.0.1", place.host ?? "127.0.0.1"));
    if (place.ca) url.searchParams.set("sslrootcert", authority);
    const db = openPostgres(url.href, { poolSize: 1, ...(sslMode && { sslMode }) });
    try {
      const [row] = await db.read(sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`);
      return row?.ssl;
    } catch (error) {
      return (error as Error).message;
    } finally {
      await db.close();
    }
  }

  /** Another name of 127.0.0.1, of which the certificate says nothing. */
  const OTHER = "127.1";

  test("each mode checks what it says", async () => {
    for (let i = 0; i < 100 && (await ask("no-verify")) !== true; i += 1)
      await new Promise((done) => setTimeout(done, 50));
    for (const mode of ["require", "verify-full"] as const) {
      assert.match(String(await ask(mode)), /SELF_SIGNED/, mode);
      assert.equal(await ask(mode, { ca: true }), true, mode);
      assert.match(String(await ask(mode, { ca: true, host: OTHER })), /ALTNAME/, mode);
    }
    assert.match(String(await ask("verify-ca")), /SELF_SIGNED/);
    assert.equal(await ask("verify-ca", { ca: true, host: OTHER }), true);
    assert.equal(await ask("no-verify", { host: OTHER }), true);
    assert.equal(await ask("disable"), false);
    assert.equal(await ask("disable", { ca: true }), false);
  });

  test("a file that is not there is named", () => {
    const url = `${server.url}?sslrootcert=/nowhere/ca.pem`;
    assert.throws(() => openPostgres(url, { sslMode: "require" }), /\/nowhere\/ca\.pem .*sslrootcert.* cannot be read/);
  });
});
