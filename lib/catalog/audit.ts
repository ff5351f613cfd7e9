/** dl_audit: the audit trail. */

import { effectOf, rowAfter, tableChain } from "../access/audit-row.ts";
import type { AuditFilter, AuditRow, AuditShard, Noting } from "../ports.ts";
import { type Database, type Queries, type Row, raw, type SqlTransaction, type SqlValue, sql } from "./database.ts";
import type { NewRows } from "./dialect.ts";
import { insertNewRows } from "./insert-new.ts";
import { integer, text } from "./rows/values.ts";

const COLUMNS = [
  "shard",
  "seq",
  "at",
  "request_id",
  "who",
  "session",
  "client",
  "operation",
  "tables",
  "decision",
  "outcome",
  "because",
  "effect",
  "previous",
  "hash",
] as const;
const ALL = raw(COLUMNS.join(", "));
/** Each row has fifteen values, and a statement takes a thousand everywhere. */
const ROWS_AT_ONCE = 50;
/** Whoever may only add to the trail could put a row there after which no place is left. Changes go on then, and the trail's check tells of it. */
const LAST_PLACE = Number.MAX_SAFE_INTEGER;

export async function addAudit(db: Database, rows: readonly AuditRow[]): Promise<void> {
  for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
    await insertNewRows(db, placesOf(rows.slice(i, i + ROWS_AT_ONCE)));
  }
}

/** To be inserted but for those in places that others have. */
function placesOf(rows: readonly AuditRow[]): NewRows {
  return { table: "dl_audit", columns: COLUMNS, key: ["shard", "seq"], values: rows.map(valuesOf) };
}

function valuesOf(row: AuditRow): readonly SqlValue[] {
  const { shard, seq, at, requestId, who, session, client, operation, tables } = row;
  const { decision, outcome, because, effect, previous, hash } = row;
  const first = [shard, seq, at, requestId, who, session, client, operation, tables];
  return [...first, decision, outcome, because, effect, previous, hash];
}

/**
 * The row of a commit, in its own transaction and under its locks: in the chain of the first of its tables, so that nobody else adds to it
 * meanwhile. The twin of dl_note_effect.
 */
export async function noteEffect(
  tx: SqlTransaction,
  { transactionId, attempt }: { readonly transactionId: string; readonly attempt?: string | undefined },
  committed: readonly { readonly tableId: string; readonly version: number }[],
): Promise<void> {
  const [first] = committed;
  if (attempt === undefined || first === undefined) return;
  await addToChain(tx, tableChain(first.tableId), attempt, effectOf(transactionId, committed));
}

/** The row of a change that is no commit, in its own transaction. @param shard to which nobody else adds until that ends */
export async function noteChange(
  tx: SqlTransaction,
  noting: Noting | undefined,
  shard: string,
  effect: Readonly<Record<string, unknown>>,
): Promise<void> {
  if (noting === undefined) return;
  await addToChain(tx, shard, noting.attempt(), JSON.stringify(effect));
  noting.written();
}

async function addToChain(tx: SqlTransaction, shard: string, attempt: string, effect: string): Promise<void> {
  const [last] = await tx.read(sql`
    select seq, hash from dl_audit where shard = ${shard} and seq < ${LAST_PLACE} order by seq desc limit 1`);
  const before = last && { seq: integer(last, "seq"), hash: text(last, "hash") };
  const row = rowAfter(before, shard, attempt, effect);
  await tx.write(tx.dialect.insertNew(placesOf([row])));
}

export async function auditOf(
  db: Queries,
  shard: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly AuditRow[]> {
  const rows = await db.read(sql`
    select ${ALL} from dl_audit where shard = ${shard} and seq > ${after} order by seq limit ${limit}`);
  return rows.map(rowOf);
}

export async function findAudit(db: Queries, { who, table, since, limit }: AuditFilter): Promise<readonly AuditRow[]> {
  const quoted = table === undefined ? undefined : JSON.stringify(table);
  const byWho = who === undefined ? sql`true` : sql`who = ${who}`;
  const bySince = since === undefined ? sql`true` : sql`at >= ${since}`;
  // A name between quotation marks is a whole one: orders says nothing of orders2.
  const byTable =
    quoted === undefined
      ? sql`true`
      : sql`(replace(tables, ${quoted}, '') <> tables or replace(effect, ${quoted}, '') <> effect)`;
  const rows = await db.read(sql`
    select ${ALL} from dl_audit where ${byWho} and ${bySince} and ${byTable} order by at desc, shard, seq desc limit ${limit}`);
  return rows.map(rowOf);
}

export async function auditShards(db: Queries): Promise<readonly AuditShard[]> {
  const rows = await db.read(sql`
    select s.shard, s.first_seq, s.last_seq, s.at, a.hash from
      (select shard, min(seq) as first_seq, max(seq) as last_seq, max(at) as at from dl_audit group by shard) s
      join dl_audit a on a.shard = s.shard and a.seq = s.last_seq order by s.shard`);
  return rows.map((row) => ({
    shard: text(row, "shard"),
    first: integer(row, "first_seq"),
    last: integer(row, "last_seq"),
    at: integer(row, "at"),
    hash: text(row, "hash"),
  }));
}

export async function oldestAudit(db: Queries, but: string): Promise<number | undefined> {
  const [row] = await db.read(sql`
    select a.at from dl_audit a where a.operation <> ${but} and ((a.shard not like 'table:%' and a.shard <> 'access')
      or exists (select 1 as one from dl_audit b where b.shard = a.shard and b.seq = a.seq + 1)) order by a.at limit 1`);
  return row && integer(row, "at");
}

export async function trimAudit(db: Database, shard: string, upTo: number): Promise<void> {
  await db.write(sql`delete from dl_audit where shard = ${shard} and seq <= ${upTo}`);
}

/** As it stands there, whatever somebody has made of it: the trail's own check says what is wrong. */
function rowOf(row: Row): AuditRow {
  return {
    shard: text(row, "shard"),
    seq: integer(row, "seq"),
    at: integer(row, "at"),
    requestId: text(row, "request_id"),
    who: text(row, "who"),
    session: text(row, "session"),
    client: text(row, "client"),
    operation: text(row, "operation"),
    tables: text(row, "tables"),
    decision: text(row, "decision") as AuditRow["decision"],
    outcome: text(row, "outcome"),
    because: text(row, "because"),
    effect: text(row, "effect"),
    previous: text(row, "previous"),
    hash: text(row, "hash"),
  };
}
