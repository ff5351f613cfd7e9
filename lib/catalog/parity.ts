/** dl_parity: the last comparison of a table's log with SQL. */

import type { ParityRecord } from "../ports.ts";
import { type Database, type Queries, sql, uuid } from "./database.ts";
import { driftOf } from "./rows/mirror-facts.ts";
import { integer, jsonText, optionalText, requireUuid, storedUuid, text } from "./rows/values.ts";

export async function readParity(db: Queries, tableId: string): Promise<ParityRecord | undefined> {
  const id = storedUuid(tableId);
  if (id === undefined) return undefined;
  const [row] = await db.read(sql`
    select table_id, outcome, version, log_digest, checked_at, compared_at, report, drift
    from dl_parity where table_id = ${uuid(id)}`);
  if (row === undefined) return undefined;
  const report = optionalText(row, "report");
  return {
    tableId: text(row, "table_id"),
    outcome: text(row, "outcome") as ParityRecord["outcome"],
    version: integer(row, "version"),
    logDigest: text(row, "log_digest"),
    checkedAt: integer(row, "checked_at"),
    comparedAt: integer(row, "compared_at"),
    ...(report === undefined ? {} : { report }),
    ...driftOf(row),
  };
}

/** Checks that run at once are less than this apart: one that is further in the future bears the time of a wrong clock. */
const AT_ONCE_MS = 15 * 60_000;

/** A check that ended earlier does not take the place of a later one. */
export async function writeParity(db: Database, record: ParityRecord): Promise<void> {
  const { outcome, version, logDigest, checkedAt, comparedAt, report = null, drift } = record;
  await db.write(sql`
    insert into dl_parity (table_id, outcome, version, log_digest, checked_at, compared_at, report, drift)
    values (${uuid(requireUuid(record.tableId, "table id"))}, ${outcome}, ${version}, ${logDigest}, ${checkedAt},
      ${comparedAt}, ${report}, ${drift === undefined ? null : jsonText(drift)})
    ${db.dialect.onConflict("dl_parity", {
      key: ["table_id"],
      set: ["outcome", "version", "log_digest", "compared_at", "report", "drift", "checked_at"],
      when: (row) => {
        const [there, given] = [row.there("checked_at"), row.given("checked_at")];
        return sql`(${there} <= ${given} or ${there} > ${given} + ${AT_ONCE_MS})`;
      },
    })}`);
}
