/** Every row of a catalog in one form for all engines, for tests that compare whole databases. Independent of how backups read. */

import type { Row } from "../../lib/catalog/database.ts";
import { raw, sql } from "../../lib/catalog/database.ts";
import { tablesOn } from "../../lib/catalog/migrations/index.ts";
import { withDatabase } from "./catalog-rows.ts";

export type Dump = Readonly<Record<string, readonly string[]>>;

/** @param without tables that are left out */
export function dumpCatalog(url: string, without: readonly string[] = ["dl_migrations", "dl_parity"]): Promise<Dump> {
  return withDatabase(url, async (db) => {
    const dump: Record<string, readonly string[]> = {};
    for (const { name, columns } of tablesOn(db.dialect)) {
      if (without.includes(name) || name === "dl_staged_requests") continue;
      const rows = await db.read(sql`select * from ${raw(name)}`);
      const lines = rows.map((row) =>
        columns.map((column) => `${column.name}=${plain(row, column.name, column.type)}`),
      );
      dump[name] = lines.map((line) => line.join(" ")).sort();
    }
    return dump;
  });
}

function plain(row: Row, name: string, type: string): string {
  const value = row[name];
  if (value === null || value === undefined) return "NULL";
  if (type === "boolean") return String(value === true || value === 1);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return type === "key" ? String(value).replaceAll("-", "") : String(value);
}
