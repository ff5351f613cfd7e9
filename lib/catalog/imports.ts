/** Imports: rows of a foreign log come in batches, progress moves in the same transaction, the table shows itself at the end. */

import { tableChain } from "../access/audit-row.ts";
import { overlaps } from "../delta/files/locations.ts";
import type { TableHead } from "../delta/table.ts";
import { corrupt, invalid, LakeError, notFound } from "../errors.ts";
import type { Clock, FormerLife, ImportBatch, ImportEnd, ImportPosition, ImportProgress } from "../ports.ts";
import { noteChange } from "./audit.ts";
import { firstClaim, readClaims } from "./claims.ts";
import { partOf, withoutPartsOf } from "./commit/answers.ts";
import { readLiveFiles } from "./commit/check-rows.ts";
import type { ImportAnswer, ImportRows, TransactionRow } from "./commit/planned-rows.ts";
import { headNumbers, writeVersion } from "./commit/write-version.ts";
import { type Database, OPEN, type Row, raw, type SqlTransaction, sql, uuid } from "./database.ts";
import { creationLocks, locksAbove, tableLock, takeLocks, transactionLock } from "./dialect.ts";
import { refuseOlderCode } from "./following.ts";
import { filesAlone, RELAXED, writeFilesAlone } from "./import-files.ts";
import { requestsOf } from "./import-requests.ts";
import { headOf } from "./rows/heads.ts";
import { integer, optionalText, requireUuid, text } from "./rows/values.ts";

interface ImportRequest {
  readonly tableId: string;
  readonly name: string;
  readonly location: string;
  readonly plan: string;
  readonly follow?: boolean;
}

/** Every table that holds rows of a table; dl_tables is not among them. */
export const ROW_TABLES = [
  "dl_files",
  "dl_removes",
  "dl_metadata",
  "dl_protocols",
  "dl_txns",
  "dl_domains",
  "dl_other_actions",
  "dl_versions",
  "dl_mirror_status",
  "dl_scan_indexes",
];

/** So much may the clocks of clients be ahead, by which they make ids. */
const CLOCKS_MS = 300_000;

/** A table of millions of files is not taken away in the time that a commit may last. */
const LONG = { long: true } as const;

/** @throws LakeError conflict TABLE_EXISTS */
export async function beginImport(db: Database, clock: Clock, request: ImportRequest): Promise<ImportProgress> {
  const tableId = requireUuid(request.tableId, "table id");
  const { name, location, plan, follow = false } = request;
  return db.transaction(async (tx) => {
    await takeLocks(tx, [tableLock(tableId), ...creationLocks(request)], locksAbove(request));
    const rows = await readClaims(tx, { tableId, name, location });
    const isSame = (row: Row) =>
      row.name === name && row.location === location && row.status === "IMPORTING" && !isRecovery(row);
    const same = rows.find(isSame);
    const others = rows.filter((row) => !isSame(row));
    if (others.length > 0) throw tableExists(others, request);
    if (same !== undefined) {
      if (optionalText(same, "import_plan") === plan) return progressOf(same);
      await removeImport(tx, text(same, "table_id"));
    }
    const followedAt = follow ? clock.now() : null;
    await tx.write(sql`
      insert into dl_tables (table_id, name, location, status, import_plan, created_at, followed_at)
      values (${uuid(tableId)}, ${name}, ${location}, 'IMPORTING', ${plan}, ${clock.now()}, ${followedAt})`);
    if (follow) await refuseOlderCode(tx);
    return progressOf(await lineOf(tx, tableId));
  }, LONG);
}

/** The line of dl_tables as this transaction has made it. */
export async function lineOf(tx: SqlTransaction, id: string): Promise<Row> {
  const [row] = await tx.read(sql`select * from dl_tables where table_id = ${uuid(id)}`);
  return row ?? {};
}

/** The plan of a recovery begins so, and that of an import does not. */
export const RECOVERY_PLAN = "recover ";

function isRecovery(row: Row): boolean {
  return optionalText(row, "import_plan")?.startsWith(RECOVERY_PLAN) ?? false;
}

export function progressOf(row: Row): ImportProgress {
  const version = integer(row, "import_version");
  return {
    tableId: text(row, "table_id"),
    plan: text(row, "import_plan"),
    version,
    checkpointActions: integer(row, "import_actions"),
    timestamp: version < 0 ? -1 : integer(row, "timestamp"),
  };
}

function tableExists(rows: readonly Row[], wanted: ImportRequest): Error {
  const claim = firstClaim(rows, wanted.name);
  const row = rows.find((other) => other.table_id === claim?.tableId) ?? {};
  const importing = row.status === "IMPORTING";
  const sameName = text(row, "name").toLowerCase() === wanted.name.toLowerCase();
  if (!sameName && row.location !== wanted.location && row.table_id !== wanted.tableId) {
    return overlaps(wanted.location, { name: text(row, "name"), location: text(row, "location") });
  }
  const inOtherCase = row.name === wanted.name ? "" : `, written ${text(row, "name")},`;
  const what = sameName
    ? `name ${wanted.name}${inOtherCase}`
    : row.location === wanted.location
      ? `location ${wanted.location}`
      : `id ${wanted.tableId}`;
  return new LakeError(
    "conflict",
    `the ${what} belongs to a table that ${importing ? "is being imported" : "exists"}`,
    {
      code: "TABLE_EXISTS",
      hint: isRecovery(row)
        ? "`dl recover` finishes it."
        : importing
          ? "Repeat that import to finish it."
          : sameName
            ? "Choose another name, or drop that table first (DELETE /v1/tables/{tableId})."
            : `It is in the catalog already, as "${text(row, "name")}": two tables cannot share a folder.`,
      facts: { tableId: text(row, "table_id"), name: text(row, "name"), location: text(row, "location") },
    },
  );
}

/**
 * Applies batches from `at` on and returns how far the import is then. Lenient, as readers of a log are: an unknown remove is
 * a tombstone, an add of a live file replaces it.
 */
export async function importBatches(
  db: Database,
  tableId: string,
  batches: readonly ImportBatch[],
  at: ImportPosition,
): Promise<ImportPosition> {
  const { requests, next } = requestsOf(tableId, batches, at);
  const answers = await applyAll(db, requests);
  if (answers.includes("noImport")) throw noImport(tableId);
  if (answers.includes("elsewhere")) throw importMoved(tableId);
  return next;
}

async function applyAll(db: Database, requests: readonly ImportRows[]): Promise<readonly ImportAnswer[]> {
  const files = filesAlone(requests);
  if (files && (await writeFilesAlone(db, files))) return ["applied"];
  const { functions } = db.dialect;
  // One call where a function does it all.
  if (functions) return functions.importBatches(db, requests);
  return db.transaction((tx) => applyRows(tx, requests), RELAXED);
}

/** The answers in the order of the requests; after the first that is not `applied` none is. */
export async function applyRows(tx: SqlTransaction, requests: readonly ImportRows[]): Promise<readonly ImportAnswer[]> {
  const { functions } = tx.dialect;
  if (functions) return functions.importBatches(tx, requests);
  await takeLocks(tx, requests.flatMap(locksOf));
  const answers: ImportAnswer[] = [];
  for (const request of requests) answers.push(await applyInTransaction(tx, request));
  return answers;
}

function locksOf({ tableId, appends = [], transaction }: ImportRows): readonly string[] {
  const transactions = [...appends, ...(transaction === undefined ? [] : [transaction])];
  return [tableLock(tableId), ...transactions.map((one) => transactionLock(one.transactionId))];
}

/** The twin of dl_import_batch_2 in PL/pgSQL. */
async function applyInTransaction(tx: SqlTransaction, request: ImportRows): Promise<ImportAnswer> {
  const { tableId, version, at, next, publishedAt, appends = [], transaction } = request;
  const status = publishedAt === undefined ? "IMPORTING" : "ACTIVE";
  const [row] = await tx.read(sql`select * from dl_tables where table_id = ${uuid(tableId)} and status = ${status}`);
  if (row === undefined) return "noImport";
  const isThere =
    publishedAt === undefined
      ? integer(row, "import_version") === at.version && integer(row, "import_actions") === at.checkpointActions
      : integer(row, "version") === at.version;
  if (!isThere) return "elsewhere";
  for (const append of appends) await takeTransaction(tx, tableId, append);
  const transactionId = transaction ? await takeTransaction(tx, tableId, transaction) : null;
  const to = { ...request, transactionId, importing: true };
  await writeVersion(tx, headNumbers(row), to, request, await readLiveFiles(tx, tableId, request));
  if (publishedAt === undefined) {
    await tx.write(sql`
      update dl_tables set import_version = ${next.version}, import_actions = ${next.checkpointActions}
      where table_id = ${uuid(tableId)}`);
    return "applied";
  }
  await tx.write(sql`update dl_tables set version = ${version} where table_id = ${uuid(tableId)}`);
  await tx.write(sql`
    insert into dl_mirror_status (table_id, version, status, committed_at, published_at)
    values (${uuid(tableId)}, ${version}, 'COMPLETE', ${request.timestamp}, ${publishedAt})`);
  return "applied";
}

/** Answers the transaction's id if the version is its part, as SQL would have written it. */
async function takeTransaction(tx: SqlTransaction, tableId: string, row: TransactionRow): Promise<string | null> {
  const { transactionId, requestHash } = row;
  const others = await tx.read(sql`
    select table_id from dl_tables
    where table_id = ${uuid(row.origin)} and table_id <> ${uuid(tableId)} and status <> 'DELETED'`);
  if (others.length > 0) return null;
  await tx.write(sql`
    insert into dl_transactions (transaction_id, request_hash, committed_at, result)
    values (${uuid(transactionId)}, ${requestHash}, ${row.committedAt}, ${row.result})
    ${tx.dialect.onConflict("dl_transactions", { key: ["transaction_id"], set: [] })}`);
  const own = sql`where transaction_id = ${uuid(transactionId)} and request_hash = ${requestHash}`;
  await tx.write(sql`update dl_transactions set result = replace(result, ${row.pending}, ${row.known}) ${own}`);
  const [answered] = await tx.read(sql`select result from dl_transactions ${own}`);
  return answered && row.owns && text(answered, "result").includes(row.known) ? transactionId : null;
}

/** @throws LakeError corrupt when the log brought no protocol or metadata; invalid for a keepFrom that it does not hold */
export async function finishImport(
  db: Database,
  clock: Clock,
  tableId: string,
  { keepFrom, life, noting }: ImportEnd,
): Promise<TableHead> {
  const id = requireUuid(tableId, "table id");
  return db.transaction(async (tx) => {
    await takeLocks(tx, [tableLock(id)]);
    const [row] = await tx.read(sql`select * from dl_tables where table_id = ${uuid(id)} and status = 'IMPORTING'`);
    if (row === undefined) throw noImport(tableId);
    const version = integer(row, "import_version");
    if (integer(row, "metadata_version") < 0 || integer(row, "protocol_version") < 0) {
      throw corrupt("the log holds no protocol or no metaData action up to its end", { facts: { tableId, version } });
    }
    const kept = await tx.read(
      sql`select version, timestamp from dl_versions where table_id = ${uuid(id)} and version = ${keepFrom}`,
    );
    if (kept.length === 0)
      throw invalid(`version ${keepFrom} is not among the imported ones`, { facts: { tableId, version } });
    await tx.write(
      sql`delete from dl_files where table_id = ${uuid(id)} and removed_version <= ${keepFrom} and removed_version < ${OPEN}`,
    );
    await tx.write(sql`delete from dl_versions where table_id = ${uuid(id)} and version < ${keepFrom}`);
    await tx.write(sql`delete from dl_other_actions where table_id = ${uuid(id)} and version < ${keepFrom}`);
    // What the catalog of before has committed below, nobody knows any more.
    const unknown = (life !== undefined || isRecovery(row)) && keepFrom > 0 ? keepFrom : -1;
    const until = unknown < 0 ? 0 : Math.min(integer(kept[0] ?? {}, "timestamp") + CLOCKS_MS, clock.now());
    await tx.write(sql`
      update dl_tables set status = 'ACTIVE', version = import_version, base_version = ${keepFrom}, import_plan = null,
        rows_since = ${clock.now()},
        forgotten_version = case when forgotten_version > ${unknown} then forgotten_version else ${unknown} end,
        forgotten_before = case when forgotten_before > ${until} then forgotten_before else ${until} end
      where table_id = ${uuid(id)}`);
    const now = clock.now();
    await tx.write(sql`
      insert into dl_mirror_status (table_id, version, status, committed_at, published_at)
      values (${uuid(id)}, ${version}, 'COMPLETE', ${now}, ${now})`);
    if (life !== undefined) await liveOn(tx, id, life);
    const head = headOf(await lineOf(tx, id));
    await noteChange(tx, noting, tableChain(id), { tableId: id, name: head.name });
    return head;
  }, LONG);
}

/** What the table was before its catalog was lost, or is by its log. */
export async function liveOn(tx: SqlTransaction, id: string, life: FormerLife): Promise<void> {
  const { name, changes, told, droppedAt } = life;
  await tx.write(sql`delete from dl_table_names where table_id = ${uuid(id)}`);
  for (const [i, former] of life.formerNames.entries()) {
    await tx.write(sql`
      insert into dl_table_names (table_id, "change", name, valid_from, valid_until)
      values (${uuid(id)}, ${i + 1}, ${former.name}, ${former.since}, ${former.until})`);
  }
  const status = droppedAt === undefined ? "ACTIVE" : "DELETED";
  await tx.write(sql`
    update dl_tables set name = ${name}, status = ${status}, dropped_at = ${droppedAt ?? null}, identity_changes = ${changes},
      manifest_changes = ${told} where table_id = ${uuid(id)}`);
}

export async function abortImport(db: Database, tableId: string): Promise<void> {
  const id = requireUuid(tableId, "table id");
  await db.transaction(async (tx) => {
    await takeLocks(tx, [tableLock(id)]);
    const rows = await tx.read(
      sql`select table_id from dl_tables where table_id = ${uuid(id)} and status = 'IMPORTING'`,
    );
    if (rows.length > 0) await removeImport(tx, id);
  }, LONG);
}

/** Of an import that is given up. */
async function removeImport(tx: SqlTransaction, id: string): Promise<void> {
  await giveTransactionsBack(tx, id);
  await removeRows(tx, id);
  await tx.write(sql`delete from dl_tables where table_id = ${uuid(id)}`);
}

export async function removeRows(tx: SqlTransaction, id: string): Promise<void> {
  for (const table of ROW_TABLES) await tx.write(sql`delete from ${raw(table)} where table_id = ${uuid(id)}`);
}

/** Transactions of the table alone are unknown again, and the part of the table in others is not in yet. Looks at all of them: it is rare. */
async function giveTransactionsBack(tx: SqlTransaction, id: string): Promise<void> {
  const part = partOf(id);
  await tx.write(sql`
    delete from dl_transactions where result like ${`[${part},"version":%`} and result not like ${"%},{%"}`);
  for (;;) {
    const rows = await tx.read(sql`
      select transaction_id, result from dl_transactions where result like ${`%${part},"version":%`} limit 1000`);
    if (rows.length === 0) return;
    for (const row of rows) {
      const transactionId = text(row, "transaction_id");
      const result = withoutPartsOf(text(row, "result"), id);
      await tx.write(
        result === undefined
          ? sql`delete from dl_transactions where transaction_id = ${uuid(transactionId)}`
          : sql`update dl_transactions set result = ${result} where transaction_id = ${uuid(transactionId)}`,
      );
    }
  }
}

function noImport(tableId: string): Error {
  return notFound(`no import of the table ${tableId} is open`, { code: "IMPORT_NOT_FOUND", facts: { tableId } });
}

export function importMoved(tableId: string): Error {
  return new LakeError("conflict", `the import of the table ${tableId} is not where this batch belongs`, {
    code: "IMPORT_MOVED",
    hint: "Another import of the same table may be running. Begin the import again: it goes on where it was.",
    facts: { tableId },
  });
}
