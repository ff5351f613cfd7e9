/** The commit as steps inside one transaction, for engines without functions. The twin of dl_commit in PL/pgSQL. */

import type { MirrorFacts } from "../../delta/health.ts";
import { NEVER_FORGOTTEN_MS } from "../../delta/transaction-age.ts";
import { ageMs } from "../../delta/values/age.ts";
import type { CommitOutcome, CommittedTable, Rejection } from "../../ports.ts";
import { noteEffect } from "../audit.ts";
import { firstClaim, readClaims } from "../claims.ts";
import { type Row, type SqlTransaction, sql } from "../database.ts";
import { MAX_TIMESTAMP_AHEAD_MS, REJECTION_BYTES } from "../limits.ts";
import { findTransactionRow, readFloor } from "../reads/transactions.ts";
import { factsAfter } from "../rows/mirror-facts.ts";
import { integer } from "../rows/values.ts";
import { readFacts, refusalBy } from "./check-mirror.ts";
import { checkRows, type LiveFiles, readLiveFiles } from "./check-rows.ts";
import { insertRows } from "./insert-rows.ts";
import type { CommitRows, TableRequest } from "./planned-rows.ts";
import { type HeadNumbers, headNumbers, writeVersion } from "./write-version.ts";

/** @param now milliseconds: the clock of the database where it has one */
export async function commitInTransaction(
  tx: SqlTransaction,
  { transactionId, madeAt, dated, requestHash, tables, mirror, attempt, appends = [] }: CommitRows,
  now: number,
): Promise<CommitOutcome> {
  const first = await findTransactionRow(tx, transactionId);
  if (first !== undefined) {
    if (first.requestHash !== requestHash) return { status: "otherRequest" };
    const { committedAt, tables: committed } = first;
    return { status: "committed", replayed: true, transactionId, committedAt, tables: committed };
  }
  const known: string[] = [];
  for (const append of appends) {
    if (await findTransactionRow(tx, append.transactionId)) known.push(append.transactionId);
  }
  if (known.length > 0) return { status: "appendsKnown", transactionIds: known };
  const forgotten = madeAt !== undefined && ageMs(now, madeAt) > NEVER_FORGOTTEN_MS ? await readFloor(tx) : 0;
  if (madeAt !== undefined && madeAt < forgotten) return { status: "forgotten", before: forgotten };
  const checked = await checkHeads(tx, tables, { madeAt, dated });
  if (checked.rejections.length > 0) return { status: "rejected", rejections: checked.rejections };
  if (checked.moved.length > 0) return { status: "moved", tableIds: checked.moved };
  const mirrors: MirrorFacts[] = [];
  for (const { tableId, create } of tables) {
    const facts = create === undefined ? await readFacts(tx, tableId, now) : undefined;
    if (facts) mirrors.push(facts);
  }
  const refused = mirrors.flatMap((facts) => refusalBy(facts, mirror) ?? []);
  if (refused.length > 0) return { status: "rejected", rejections: refused };
  const live: LiveFiles[] = [];
  const rejections: Rejection[] = [];
  let told = 0;
  for (const [i, table] of tables.entries()) {
    const head = checked.heads[i];
    const files = head === undefined ? NO_FILES : await readLiveFiles(tx, table.tableId, table);
    live.push(files);
    const versions = { version: head?.version ?? -1, removeVersion: head?.markers.remove ?? -1 };
    for (const rejection of await checkRows(tx, versions, table, files)) {
      if (told >= REJECTION_BYTES.all) break;
      rejections.push(rejection);
      told += REJECTION_BYTES.each + Buffer.byteLength(rejection.path ?? "");
    }
  }
  if (rejections.length > 0) return { status: "rejected", rejections };

  const timestamp = timestampOf(tables, Math.max(...checked.heads.map((head) => (head?.timestamp ?? -1) + 1)), now);
  const committed: CommittedTable[] = [];
  for (const [i, table] of tables.entries()) {
    const head = checked.heads[i] ?? (await createHead(tx, table, now));
    const version = head.version + 1;
    await writeVersion(
      tx,
      head,
      {
        tableId: table.tableId,
        version,
        timestamp,
        inCommitTimestamp: table.inCommitTimestamps ? timestamp : null,
        transactionId,
        importing: false,
        complete: true,
        isCheckpoint: false,
      },
      table,
      live[i] ?? NO_FILES,
    );
    await tx.write(sql`insert into dl_mirror_status (table_id, version, status, committed_at)
      values (${table.tableId}, ${version}, 'IN_FLIGHT', ${now})`);
    committed.push({ tableId: table.tableId, version, timestamp });
  }
  await tx.write(sql`insert into dl_transactions (transaction_id, request_hash, committed_at, result)
    values (${transactionId}, ${requestHash}, ${timestamp}, ${JSON.stringify(committed)})`);
  await insertRows(
    tx,
    "dl_transactions",
    ["transaction_id", "request_hash", "committed_at", "result"],
    appends.map((append) => ({
      transaction_id: append.transactionId,
      request_hash: append.requestHash,
      committed_at: timestamp,
      result: JSON.stringify(committed.map((table) => ({ ...table, adds: append.adds }))),
    })),
  );
  for (const noted of [{ transactionId, attempt }, ...appends]) await noteEffect(tx, noted, committed);
  return {
    status: "committed",
    replayed: false,
    transactionId,
    committedAt: timestamp,
    tables: committed,
    mirrors: factsAfter(mirrors, committed),
  };
}

/** @param earliest above the timestamps of all heads */
function timestampOf(tables: readonly TableRequest[], earliest: number, now: number): number {
  const given = tables.length === 1 ? tables[0]?.givenTimestamp : undefined;
  const isInOrder = given !== undefined && given >= earliest && given <= now + MAX_TIMESTAMP_AHEAD_MS;
  return isInOrder ? given : Math.max(now, earliest);
}

const NO_FILES: LiveFiles = new Map();

interface CheckedHeads {
  /** By the place of the table in the request; undefined for a creation. */
  readonly heads: readonly (HeadNumbers | undefined)[];
  readonly rejections: readonly Rejection[];
  readonly moved: readonly string[];
}

async function checkHeads(tx: SqlTransaction, tables: readonly TableRequest[], ids: IdAge): Promise<CheckedHeads> {
  const heads: (HeadNumbers | undefined)[] = [];
  const rejections: Rejection[] = [];
  const moved: string[] = [];
  for (const table of tables) {
    const { tableId } = table;
    if (table.create !== undefined) {
      heads.push(undefined);
      const taken = await whyTaken(tx, tableId, table.create);
      if (taken !== undefined) rejections.push({ tableId, ...taken });
      continue;
    }
    const [row] = await tx.read(sql`select * from dl_tables where table_id = ${tableId} and status = 'ACTIVE'`);
    const head = row && headNumbers(row);
    heads.push(head);
    const isAnother = row !== undefined && table.name !== undefined && row.name !== table.name;
    if (row === undefined || head === undefined || isAnother) rejections.push({ tableId, reason: "tableNotFound" });
    else if (head.version < (table.seenVersion ?? 0)) {
      rejections.push({ tableId, reason: "headWentBack", version: head.version });
    } else if (head.version < table.readVersion) {
      rejections.push({ tableId, reason: "readVersionAhead", version: head.version });
    } else if (table.expectedVersion !== undefined && head.version + 1 !== table.expectedVersion) {
      rejections.push({ tableId, reason: "versionTaken", version: head.version });
    } else if (isForgotten(row, table, ids)) {
      rejections.push({ tableId, reason: "forgotten", version: integer(row, "forgotten_version") });
    } else if (hasMoved(row, head, table)) moved.push(tableId);
  }
  return { heads, rejections, moved };
}

interface IdAge {
  readonly madeAt: number | undefined;
  readonly dated: boolean | undefined;
}

/** True for what may be a repetition. Of the id or, where that does not tell, of what was read. A strict commit would be at its version. */
function isForgotten(
  row: Row,
  { expectedVersion, readVersion }: TableRequest,
  { madeAt, dated = false }: IdAge,
): boolean {
  if (expectedVersion !== undefined) return false;
  const isOld = madeAt !== undefined && madeAt < integer(row, "forgotten_before");
  return isOld || (!dated && readVersion < integer(row, "forgotten_version"));
}

function hasMoved(row: Row, { markers }: HeadNumbers, table: TableRequest): boolean {
  if (markers.metadata !== table.metadataVersion || markers.protocol !== table.protocolVersion) return true;
  return table.watch.some((column) => integer(row, column) > table.checkedVersion);
}

async function whyTaken(
  tx: SqlTransaction,
  tableId: string,
  create: { readonly name: string; readonly location: string },
): Promise<Pick<Rejection, "reason" | "name" | "location"> | undefined> {
  const claim = firstClaim(await readClaims(tx, { tableId, ...create }), create.name);
  if (claim === undefined) return undefined;
  const { name, location } = claim;
  if (name.toLowerCase() !== create.name.toLowerCase()) return { reason: "locationTaken", name, location };
  return name === create.name ? { reason: "nameTaken" } : { reason: "nameTaken", name };
}

async function createHead(tx: SqlTransaction, table: TableRequest, now: number): Promise<HeadNumbers> {
  await tx.write(sql`
    insert into dl_tables (table_id, name, location, status, created_at)
    values (${table.tableId}, ${table.create?.name ?? ""}, ${table.create?.location ?? ""}, 'ACTIVE', ${now})`);
  const [row] = await tx.read(sql`select * from dl_tables where table_id = ${table.tableId}`);
  return headNumbers(row ?? {});
}
