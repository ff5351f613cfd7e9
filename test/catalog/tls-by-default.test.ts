/** Where nobody says anything of TLS, a server on another machine is asked for it, and never spoken to in plain text; on this machine it is not. */

import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { after, before, describe, test } from "node:test";
import { sql } from "../../lib/catalog/database.ts";
import { openPostgres } from "../../lib/catalog/engines/postgres/driver.ts";
import { isLakeError } from "../../lib/errors.ts";

/** What a client of PostgreSQL sends first where it wants TLS. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
/** An address that leads to this machine as well, and does not look like it. */
const ELSEWHERE = "0.0.0.0";

describe("TLS of which nobody says anything", () => {
  const asked: Buffer[] = [];
  let server: Server;
  let port = 0;
  before(async () => {
    server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", (data) => {
        asked.push(data);
        // No TLS here.
        socket.end("N");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    ({ port } = server.address() as { port: number });
  });
  after(() => server.close());

  for (const [host, query, sslMode, isTls] of [
    [ELSEWHERE, "", undefined, true],
    [ELSEWHERE, "?sslmode=disable", undefined, false],
    [ELSEWHERE, "", "disable", false],
    [`127.0.0.1:PORT,${ELSEWHERE}`, "", undefined, true],
    ["127.0.0.1", "", undefined, false],
    ["localhost", "", undefined, false],
    ["127.0.0.1", "", "verify-full", true],
  ] as const) {
    test(`${host}${query}, ${sslMode ?? "nothing"} said: ${isTls ? "TLS" : "plain text"}`, async () => {
      asked.length = 0;
      const url = `postgresql://u:p@${host.replace("PORT", String(port))}:${port}/lake${query}`;
      const database = openPostgres(url, { poolTimeoutMs: 200, ...(sslMode && { sslMode }) });
      try {
        await assert.rejects(database.read(sql`select 1`), (error: unknown) => {
          assert.ok(isLakeError(error, "unavailable"), String(error));
          return !isTls || /database\.ssl_mode/.test(String(error.hint));
        });
        assert.ok(asked.length > 0);
        for (const first of asked) assert.equal(first.equals(SSL_REQUEST), isTls);
      } finally {
        await database.close();
      }
    });
  }
});
