/** dl_maintenance: what each table wants done, and how far that has come. */

import type { Upkeep, UpkeepChange } from "../../ports.ts";
import { type Database, join, type Queries, type Row, raw, type Sql, sql, uuid } from "../database.ts";
import { type Conflicting, tableLock, takeLocks } from "../dialect.ts";
import { flag, isNull, optionalInteger, optionalText, requireUuid, storedUuid, text } from "../rows/values.ts";
import { isActive, tableNotFound } from "../tables.ts";

type Field = Exclude<keyof Upkeep, "tableId">;

const COLUMNS: Readonly<Record<Field, string>> = {
  compact: "compact",
  vacuum: "vacuum",
  cleanLog: "clean_log",
  trimHistory: "trim_history",
  historyRetention: "history_retention",
  vacuumFloor: "vacuum_floor",
  vacuumedVersion: "vacuumed_version",
  condemnedAt: "condemned_at",
  compactAt: "compact_at",
  vacuumAt: "vacuum_at",
  cleanLogAt: "clean_log_at",
  trimHistoryAt: "trim_history_at",
  lastError: "last_error",
};

export async function readUpkeep(db: Queries, tableIds: readonly string[]): Promise<readonly Upkeep[]> {
  const ids = tableIds.flatMap((id) => storedUuid(id) ?? []);
  if (ids.length === 0) return [];
  const rows = await db.read(sql`select * from dl_maintenance where table_id in (${join(ids.map(uuid))})`);
  return rows.map(upkeepOf);
}

const READ: Readonly<Record<Field, (row: Row, column: string) => unknown>> = {
  ...{ compact: optionalFlag, vacuum: optionalFlag, cleanLog: optionalFlag, trimHistory: optionalFlag },
  ...{ historyRetention: optionalInteger, vacuumFloor: optionalInteger, vacuumedVersion: optionalInteger },
  ...{ condemnedAt: optionalInteger, vacuumAt: optionalInteger, cleanLogAt: optionalInteger },
  ...{ compactAt: optionalInteger, trimHistoryAt: optionalInteger, lastError: optionalText },
};

function upkeepOf(row: Row): Upkeep {
  const fields = Object.entries(COLUMNS) as [Field, string][];
  const known = fields.flatMap(([field, column]) => (isNull(row, column) ? [] : [[field, READ[field](row, column)]]));
  return { tableId: text(row, "table_id"), ...Object.fromEntries(known) };
}

function optionalFlag(row: Row, column: string): boolean | undefined {
  return isNull(row, column) ? undefined : flag(row, column);
}

export async function writeUpkeep(db: Queries, tableId: string, change: UpkeepChange): Promise<void> {
  const given = Object.entries(change).filter(([, value]) => value !== undefined);
  if (given.length === 0) return;
  const columns = given.map(([field]) => COLUMNS[field as Field]);
  const names = raw(["table_id", ...columns].join(", "));
  const id = uuid(requireUuid(tableId, "table id"));
  const values = join([id, ...given.map(([, value]) => value ?? null)]);
  // What has been dealt with stays so: of two workers the one that is behind must not move it back.
  const set = columns.map((column) => (column === "vacuumed_version" ? ([column, further(column)] as const) : column));
  const onConflict = db.dialect.onConflict("dl_maintenance", { key: ["table_id"], set });
  await db.write(sql`insert into dl_maintenance (${names}) values (${values})${onConflict}`);
}

function further(column: string): (row: Conflicting) => Sql {
  return (row) => {
    const [there, given] = [row.there(column), row.given(column)];
    return sql`case when ${there} > ${given} then ${there} else ${given} end`;
  };
}

export async function condemn(
  db: Database,
  tableId: string,
  { floor, at }: { readonly floor: number; readonly at: number },
): Promise<void> {
  const id = requireUuid(tableId, "table id");
  await db.transaction(async (tx) => {
    await takeLocks(tx, [tableLock(id)]);
    const [active] = await tx.read(sql`select 1 as one where ${isActive(id)}`);
    if (active === undefined) throw tableNotFound(tableId);
    await tx.write(sql`
      insert into dl_maintenance (table_id, vacuum_floor, condemned_at) values (${uuid(id)}, ${floor}, ${at})
      ${tx.dialect.onConflict("dl_maintenance", {
        key: ["table_id"],
        set: ["condemned_at", "vacuum_floor"],
        when: (row) => sql`coalesce(${row.there("vacuum_floor")}, -1) < ${row.given("vacuum_floor")}`,
      })}`);
  });
}

/** Never back, and no further than the log: what is unpublished is needed. */
export async function raiseBase(db: Queries, tableId: string, version: number): Promise<void> {
  const id = uuid(requireUuid(tableId, "table id"));
  await db.write(sql`
    update dl_tables set base_version = ${version}
    where table_id = ${id} and status = 'ACTIVE' and base_version < ${version} and version >= ${version}
      and not exists (select 1 from dl_mirror_status m
        where m.table_id = ${id} and ${raw(db.dialect.isUnpublished)} and m.version <= ${version})`);
}
