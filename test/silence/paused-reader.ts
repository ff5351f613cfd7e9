/** Holds a lock, asks for a large answer, and stops itself (SIGSTOP) while it reads. */

import { sql } from "../../lib/catalog/database.ts";
import { openPostgres } from "../../lib/catalog/engines/postgres/driver.ts";

const [url = "", key = "0"] = process.argv.slice(2);
const db = openPostgres(url);
await db.transaction(async (tx) => {
  await tx.writeReturning(sql`select pg_advisory_xact_lock(${Number(key)})`);
  process.stdout.write("locked\n");
  setTimeout(() => process.kill(process.pid, "SIGSTOP"), 30);
  await tx.read(sql`select repeat('x', 1000) as t from generate_series(1, 3000000)`);
});
