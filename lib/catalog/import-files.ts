/** Batches of an import that add files and take none away: most rows of a table come so, and go in many at once. */

import { isLakeError } from "../errors.ts";
import { insertRows } from "./commit/insert-rows.ts";
import type { ImportRows } from "./commit/planned-rows.ts";
import { type HeadNumbers, headAfter, headNumbers } from "./commit/write-version.ts";
import {
  type Database,
  join,
  type Row,
  type RowGroup,
  raw,
  type SqlTransaction,
  type SqlValue,
  sql,
  uuid,
} from "./database.ts";
import { tableLock, takeLocks } from "./dialect.ts";
import { FILE_COLUMNS } from "./rows/add.ts";
import { FINGERPRINT_COLUMNS } from "./rows/heads.ts";
import { integer } from "./rows/values.ts";

/** What a crash takes away is imported again, and the end of an import waits for all of it. */
export const RELAXED = { long: true, relaxed: true } as const;

/** After the table's. */
const VERSION_COLUMNS = [
  "version",
  "timestamp",
  "in_commit_timestamp",
  "is_blind_append",
  "num_adds",
  "num_removes",
  "num_files",
  "size_in_bytes",
  ...FINGERPRINT_COLUMNS,
  "commit_info",
];

/** It writes rows of files and of versions, and nothing else: the midst of a checkpoint, or a commit that only adds. */
function addsFilesAlone(request: ImportRows): boolean {
  const { removes, txns, domains, others, metadata, protocol, highWaterMark, transaction, appends, publishedAt } =
    request;
  const isBare = [removes, txns, domains, others].every((list) => list.length === 0);
  const isPlain = [metadata, protocol, highWaterMark, transaction, appends, publishedAt].every(
    (it) => it === undefined,
  );
  // The last batch of a checkpoint counts what all of them have brought.
  return isBare && isPlain && !(request.isCheckpoint && request.complete);
}

const NONE_CLOSED = { all: [], superseded: 0 };

/** Leaves the transaction without writing. */
class NotWhole extends Error {}

/**
 * Rows go in without a look at those that are there: that is half of the work of a version, and finds only what no sound log has, a file
 * that is added while it is live. The unique index on live files says so.
 * @returns false where batches are of another kind, do not belong here, or cannot be written so; then nothing was written
 */
export async function importFilesAlone(db: Database, requests: readonly ImportRows[]): Promise<boolean> {
  const [first] = requests;
  if (first === undefined || !requests.every(addsFilesAlone)) return false;
  const write = async (tx: SqlTransaction) => {
    await takeLocks(tx, [tableLock(first.tableId)]);
    await writeFilesAlone(tx, first, requests);
    return true;
  };
  return db.transaction(write, RELAXED).catch((error: unknown) => {
    const isThere = isLakeError(error, "conflict") && error.code === "CONSTRAINT_VIOLATED";
    if (error instanceof NotWhole || isThere) return false;
    throw error;
  });
}

async function writeFilesAlone(tx: SqlTransaction, first: ImportRows, requests: readonly ImportRows[]): Promise<void> {
  const { tableId, at } = first;
  const [row] = await tx.read(sql`select * from dl_tables where table_id = ${uuid(tableId)} and status = 'IMPORTING'`);
  const isHere =
    row !== undefined &&
    integer(row, "import_version") === at.version &&
    integer(row, "import_actions") === at.checkpointActions;
  if (!isHere) throw new NotWhole();
  let head = headNumbers(row as Row);
  const files: RowGroup[] = [];
  const versions: Readonly<Record<string, SqlValue>>[] = [];
  for (const request of requests) {
    head = headAfter(head, { ...request, importing: true }, request, NONE_CLOSED, head.highWaterMark);
    files.push({ common: { table_id: tableId, added_version: request.version }, rows: request.adds });
    if (request.complete) versions.push(versionRow(request, head));
  }
  await insertMany(tx, "dl_files", FILE_COLUMNS, files);
  await insertMany(tx, "dl_versions", VERSION_COLUMNS, [{ common: { table_id: tableId }, rows: versions }]);
  const { next } = requests.at(-1) ?? first;
  const lanes = FINGERPRINT_COLUMNS.map((lane, i) => sql`${raw(lane)} = ${head.lanes[i] ?? 0}`);
  await tx.write(sql`
    update dl_tables set num_files = ${head.numFiles}, size_in_bytes = ${head.sizeInBytes}, ${join(lanes)},
      timestamp = ${head.timestamp}, add_version = ${head.markers.add}, non_blind_add_version = ${head.markers.nonBlindAdd},
      import_version = ${next.version}, import_actions = ${next.checkpointActions}
    where table_id = ${uuid(tableId)}`);
}

function versionRow(request: ImportRows, head: HeadNumbers): Readonly<Record<string, SqlValue>> {
  const lanes = Object.fromEntries(FINGERPRINT_COLUMNS.map((lane, i) => [lane, head.lanes[i] ?? 0]));
  return {
    version: request.version,
    timestamp: request.timestamp,
    in_commit_timestamp: request.inCommitTimestamp,
    is_blind_append: request.isBlindAppend,
    num_adds: request.adds.length,
    num_removes: 0,
    num_files: head.numFiles,
    size_in_bytes: head.sizeInBytes,
    ...lanes,
    commit_info: request.commitInfo ?? null,
  };
}

/** In the one way in which the engine takes many rows fastest. */
async function insertMany(
  tx: SqlTransaction,
  table: string,
  columns: readonly string[],
  groups: readonly RowGroup[],
): Promise<void> {
  const filled = groups.filter((group) => group.rows.length > 0);
  const [first] = filled;
  if (first === undefined) return;
  if (tx.copy) return tx.copy(table, columns, filled);
  const all = [...Object.keys(first.common), ...columns];
  const rows = filled.flatMap((group) => group.rows.map((row) => ({ ...row, ...group.common })));
  if (tx.dialect.functions) return tx.dialect.functions.insertRows(tx, table, all, rows);
  return insertRows(tx, table, all, rows);
}
