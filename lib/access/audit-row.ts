/**
 * A row of the audit trail: what its hash is of, and how an attempt travels in a commit, whose own transaction adds the row to the chain of
 * a table that it has locked. The twins in SQL are dl_note_effect of PostgreSQL and MySQL.
 */

import { hash as hashOf } from "node:crypto";
import type { AuditFacts, AuditRow } from "../ports.ts";

/** SHA-256 (hex) of everything in a row but the hash. */
export function hashOfRow({ hash: _, ...row }: Omit<AuditRow, "hash"> & { readonly hash?: string }): string {
  const { shard, seq, at, requestId, who, session, client, operation, tables } = row;
  const { decision, outcome, because, effect, previous } = row;
  const first = [shard, seq, at, requestId, who, session, client, operation, tables];
  return sha256(JSON.stringify([...first, decision, outcome, because, effect, previous]));
}

/** What the first row of a shard has as the hash before it. */
export function rootOf(shard: string): string {
  return sha256(`deltalakedb audit ${shard}`);
}

function sha256(text: string): string {
  return hashOf("sha256", text);
}

const TABLE = "table:";

/** The shard of what changes a table: whoever adds to it has the table's lock. */
export function tableChain(tableId: string): string {
  return `${TABLE}${tableId}`;
}

/** The shard of what changes grants: whoever adds to it has the lock of their state. */
export const ACCESS_CHAIN = "access";

/** Such a chain goes on, whichever processes come and go. */
export function goesOn(shard: string): boolean {
  return shard.startsWith(TABLE) || shard === ACCESS_CHAIN;
}

/** Characters of one fact in a commit. */
const MAX_CHARACTERS = 2000;

/** The facts of an attempt as a commit takes them along: a JSON list, in the order in which a row has them. */
export function attemptText(facts: Omit<AuditFacts, "effect">): string {
  const { at, requestId, who, session, client, operation, tables, decision, outcome, because } = facts;
  const texts = [requestId, who, session, client, operation, tables, decision, outcome, because];
  return JSON.stringify([at, ...texts.map(storable)]);
}

/** No database has a place for half a character, and PostgreSQL none for NUL. */
function storable(text: string): string {
  const short = text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
  return short.toWellFormed().replaceAll("\0", "\uFFFD");
}

/** What a transaction has done, as a row says it. */
export function effectOf(
  transactionId: string,
  tables: readonly { readonly tableId: string; readonly version: number }[],
): string {
  return JSON.stringify({ transactionId, tables: tables.map(({ tableId, version }) => ({ tableId, version })) });
}

/** The row of an attempt and its effect. @param last of the shard; undefined for none */
export function rowAfter(
  last: Pick<AuditRow, "seq" | "hash"> | undefined,
  shard: string,
  attempt: string,
  effect: string,
): AuditRow {
  type Texts = readonly [string, string, string, string, string, string, AuditFacts["decision"], string, string];
  const [at, ...texts] = JSON.parse(attempt) as readonly [number, ...Texts];
  const [requestId, who, session, client, operation, tables, decision, outcome, because] = texts;
  const facts = { at, requestId, who, session, client, operation, tables, decision, outcome, because, effect };
  const row = { ...facts, shard, seq: (last?.seq ?? 0) + 1, previous: last?.hash ?? rootOf(shard) };
  return { ...row, hash: hashOfRow(row) };
}
