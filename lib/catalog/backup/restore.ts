/**
 * A backup on its way into a database. From the first statement to the last the database is shut: a row of dl_migrations says that
 * it is being restored, and how far, and the identity is not yet the one that warm processes know. Parts are written in order, each
 * with the progress in one transaction, so that a restore that was killed goes on where it stood.
 */

import { stringifyJson } from "../../delta/values/json.ts";
import { invalid, LakeError } from "../../errors.ts";
import type { BackupRow, Clock, RestoredPart, RestorePlan } from "../../ports.ts";
import {
  type Database,
  join,
  type Queries,
  quoted,
  raw,
  type Sql,
  type SqlTransaction,
  type SqlValue,
  sql,
  uuid,
} from "../database.ts";
import type { Dialect, TypedColumn } from "../dialect.ts";
import { MIGRATIONS, MIGRATIONS_TABLE } from "../migrations/index.ts";
import { migrate, RESTORE_ROW } from "../migrations/migrate.ts";
import { IDENTITY_MIGRATION } from "../rows/identity.ts";
import { integer, text } from "../rows/values.ts";
import { recountHeads } from "./recount.ts";
import { ROW_SETS, type RowSet, rowSet } from "./sets.ts";

/** Characters of rows in one statement. */
const STATEMENT_CHARACTERS = 1_000_000;
const LONG = { long: true } as const;

export async function beginRestore(db: Database, clock: Clock, plan: RestorePlan): Promise<{ partsDone: number }> {
  const begun = await progressOf(db);
  if (begun?.planId === plan.planId && begun.partsDone !== undefined) return { partsDone: begun.partsDone };
  const unknown = plan.migrations.filter((id) => !MIGRATIONS.some((migration) => migration.id === id));
  if (unknown.length > 0) {
    throw invalid(`the backup was made by a newer release (migration ${Math.max(...unknown)})`, {
      code: "SCHEMA_NEWER",
      hint: "Restore it with that release or a later one.",
    });
  }
  await migrate(db, clock, { only: plan.migrations, shut: markText(plan, "begun") });
  return db.transaction(async (tx) => {
    const tables = await tablesThere(tx);
    await checkMigrations(tx, plan);
    if (begun === undefined) await checkEmpty(tx, tables);
    else for (const table of tables) await tx.write(sql`delete from ${raw(table)}`);
    await tx.write(sql`
      insert into dl_migrations (id, name, applied_at) values (${RESTORE_ROW}, ${markText(plan, 0)}, ${clock.now()})
      ${tx.dialect.onConflict("dl_migrations", { key: ["id"], set: ["name"] })}`);
    return { partsDone: 0 };
  }, LONG);
}

async function checkMigrations(tx: SqlTransaction, plan: RestorePlan): Promise<void> {
  const rows = await tx.read(sql`select id from dl_migrations where id <> ${RESTORE_ROW}`);
  const later = rows.map((row) => integer(row, "id")).filter((id) => !plan.migrations.includes(id));
  if (later.length === 0) return;
  throw invalid(`the database has migrations that the backup does not know (${later.join(", ")})`, {
    code: "TARGET_SCHEMA",
    hint: "Restore into a new database, on which `dl migrate` has not run: the restore makes the schema itself.",
  });
}

/** The tables of the backup that this schema has. */
async function tablesThere(tx: SqlTransaction): Promise<readonly string[]> {
  const names = [...new Set(ROW_SETS.map(({ table }) => table))];
  const there: string[] = [];
  for (const name of names) if ((await tx.read(tx.dialect.hasTable(name))).length > 0) there.push(name);
  return there;
}

async function checkEmpty(tx: SqlTransaction, tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    if ((await tx.read(sql`select 1 as one from ${raw(table)} limit 1`)).length === 0) continue;
    throw new LakeError("conflict", `the database is not empty: there are rows in ${table}`, {
      code: "TARGET_NOT_EMPTY",
      hint: "Nothing was written. Restore into a new database: a catalog is never restored over another.",
    });
  }
}

export async function restorePart(db: Database, plan: RestorePlan, part: RestoredPart): Promise<void> {
  const set = rowSet(part.set);
  const typed = part.columns.map(
    (name) => set.typed.find((column) => column.name === name) ?? unknownColumn(set, name),
  );
  await db.transaction(async (tx) => {
    await moveOn(tx, plan, part.index, part.index + 1);
    await write(tx, set, typed, part.rows);
  }, LONG);
}

function unknownColumn(set: RowSet, name: string): never {
  throw invalid(`the backup has a column ${set.table}.${name}, which this release does not know`, {
    code: "SCHEMA_NEWER",
    hint: "Restore it with the release that made it, or a later one.",
  });
}

/** Of two restores at once the second waits here, and finds that the first has gone on. */
async function moveOn(tx: SqlTransaction, plan: RestorePlan, from: number, to: number): Promise<void> {
  const [row] = await tx.writeReturning(
    sql`select name from dl_migrations where id = ${RESTORE_ROW}${tx.dialect.forUpdate}`,
  );
  if (row?.name !== markText(plan, from)) {
    throw new LakeError("conflict", "another restore has gone on with this database", {
      code: "RESTORE_MOVED",
      hint: "Let it finish; when it is dead, repeat this one.",
    });
  }
  await tx.write(sql`update dl_migrations set name = ${markText(plan, to)} where id = ${RESTORE_ROW}`);
}

export async function finishRestore(
  db: Database,
  clock: Clock,
  plan: RestorePlan,
  { partsDone, recount }: { readonly partsDone: number; readonly recount: readonly string[] },
): Promise<void> {
  await migrate(db, clock, { shut: markText(plan, partsDone) });
  await db.transaction(async (tx) => {
    await moveOn(tx, plan, partsDone, partsDone);
    await recountHeads(tx, recount);
    if (plan.catalogId !== undefined) {
      await tx.write(sql`
        update dl_migrations set database_id = ${uuid(plan.catalogId)} where id = ${IDENTITY_MIGRATION}`);
    }
    await tx.write(sql`delete from dl_migrations where id = ${RESTORE_ROW}`);
  }, LONG);
}

// ---------------------------------------------------------------- the mark

/** `begun`: the schema is being made. */
function markText({ planId }: RestorePlan, partsDone: number | "begun"): string {
  return `restore ${planId} ${partsDone}`;
}

interface Progress {
  readonly planId: string;
  /** Absent while the schema is being made. */
  readonly partsDone?: number;
}

async function progressOf(db: Queries): Promise<Progress | undefined> {
  if ((await db.read(db.dialect.hasTable(MIGRATIONS_TABLE.name))).length === 0) return undefined;
  const [row] = await db.read(sql`select name from dl_migrations where id = ${RESTORE_ROW}`);
  if (row === undefined) return undefined;
  const [, planId = "", partsDone] = /^restore (.*) (\d+)$/.exec(text(row, "name")) ?? [];
  return { planId, ...(partsDone === undefined ? {} : { partsDone: Number(partsDone) }) };
}

// ---------------------------------------------------------------- rows

async function write(
  tx: SqlTransaction,
  set: RowSet,
  typed: readonly TypedColumn[],
  rows: readonly BackupRow[],
): Promise<void> {
  const { rowsOfJson } = tx.dialect;
  if (rowsOfJson === undefined)
    return tx.each(
      oneByOne(tx.dialect, set, typed),
      rows.map((row) => boundTo(set, typed, row)),
    );
  for (const json of jsonTexts(rows)) await tx.write(allAtOnce(tx.dialect, set, typed, rowsOfJson(json, typed)));
}

function* jsonTexts(rows: readonly BackupRow[]): Generator<string> {
  let lines: string[] = [];
  let characters = 0;
  for (const row of rows) {
    const line = stringifyJson(row);
    if (characters + line.length > STATEMENT_CHARACTERS && lines.length > 0) {
      yield `[${lines.join(",")}]`;
      lines = [];
      characters = 0;
    }
    lines.push(line);
    characters += line.length + 1;
  }
  if (lines.length > 0) yield `[${lines.join(",")}]`;
}

function allAtOnce(dialect: Dialect, set: RowSet, typed: readonly TypedColumn[], rows: Sql): Sql {
  if (set.kind === "ended") {
    const same = set.key.map((column) => `t.${column} = r.${column}`).join(" and ");
    return sql`update ${raw(set.table)} t set removed_version = r.removed_version from ${rows} where ${raw(same)}`;
  }
  const columns = quoted(typed.map(({ name }) => name));
  return sql`insert into ${raw(set.table)} (${columns}) select ${columns} from ${rows}${onConflict(dialect, set, typed)}`;
}

function oneByOne(dialect: Dialect, set: RowSet, typed: readonly TypedColumn[]): Sql {
  if (set.kind === "ended") {
    const same = join(
      set.key.map((column) => sql`${raw(column)} = ${null}`),
      " and ",
    );
    return sql`update ${raw(set.table)} set removed_version = ${null} where ${same}`;
  }
  const columns = quoted(typed.map(({ name }) => name));
  const places = join(typed.map(({ type }) => (type === "key" ? sql`unhex(${null})` : sql`${null}`)));
  return sql`insert into ${raw(set.table)} (${columns}) values (${places})${onConflict(dialect, set, typed)}`;
}

/** In the order of the places of {@link oneByOne}. */
function boundTo(set: RowSet, typed: readonly TypedColumn[], row: BackupRow): readonly SqlValue[] {
  if (set.kind !== "ended") return row;
  const of = (name: string) => row[typed.findIndex((column) => column.name === name)] ?? null;
  return [of("removed_version"), ...set.key.map(of)];
}

/** A later backup of a chain brings lines of the outbox again that have changed, and transactions of which imports have brought more. */
function onConflict({ onConflict: clause }: Dialect, set: RowSet, typed: readonly TypedColumn[]): Sql {
  if (set.kind !== "outbox" && set.kind !== "transactions") return raw("");
  const changed = typed.map(({ name }) => name).filter((name) => !set.key.includes(name));
  return clause(set.table, { key: set.key, set: changed });
}
