/** Batches of an import that add files and take none away: most rows of a table come so, and go in many at once. */

import { isLakeError } from "../errors.ts";
import type { ReadyFiles, ReadyVersion } from "../ports.ts";
import { insertRows } from "./commit/insert-rows.ts";
import type { ImportRows } from "./commit/planned-rows.ts";
import { type HeadNumbers, headAfter, headNumbers, sumOf } from "./commit/write-version.ts";
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
/** All that moves a marker beside adds. */
const NOTHING_ELSE = { removes: [], txns: [], userDomains: false } as const;

/** Leaves the transaction without writing. */
class NotWhole extends Error {}

/** Batches as they go into SQL: rows, or what another thread has made of them. */
interface Files extends Omit<ReadyFiles, "rows"> {
  readonly rows: readonly RowGroup[] | ReadyFiles["rows"];
}

/** @returns undefined where batches are of another kind */
export function filesAlone(
  requests: readonly ImportRows[],
): (Files & { readonly rows: readonly RowGroup[] }) | undefined {
  const [first, last] = [requests[0], requests.at(-1)];
  if (first === undefined || last === undefined || !requests.every(addsFilesAlone)) return undefined;
  const { tableId, at } = first;
  return {
    tableId,
    at,
    next: last.next,
    versions: requests.map(({ version, timestamp, inCommitTimestamp, isBlindAppend, complete, commitInfo, adds }) => ({
      version,
      timestamp,
      inCommitTimestamp,
      isBlindAppend,
      complete,
      commitInfo: commitInfo ?? null,
      added: sumOf(adds),
    })),
    rows: requests.map(({ version, adds }) => ({ common: { table_id: tableId, added_version: version }, rows: adds })),
  };
}

/** The columns of {@link filesAlone}. */
export const COPIED_COLUMNS: readonly string[] = ["table_id", "added_version", ...FILE_COLUMNS];

/**
 * Rows go in without a look at those that are there: that is half of the work of a version, and finds only what no sound log has, a file
 * that is added while it is live. The unique index on live files says so.
 * @returns false where files do not belong here, or cannot be written so; then nothing was written
 */
export async function writeFilesAlone(db: Database, files: Files): Promise<boolean> {
  const write = async (tx: SqlTransaction) => {
    await takeLocks(tx, [tableLock(files.tableId)]);
    await writeIn(tx, files);
    return true;
  };
  return db.transaction(write, RELAXED).catch((error: unknown) => {
    const isThere = isLakeError(error, "conflict") && error.code === "CONSTRAINT_VIOLATED";
    if (error instanceof NotWhole || isThere) return false;
    throw error;
  });
}

async function writeIn(tx: SqlTransaction, { tableId, at, next, versions, rows }: Files): Promise<void> {
  const [row] = await tx.read(sql`select * from dl_tables where table_id = ${uuid(tableId)} and status = 'IMPORTING'`);
  const isHere =
    row !== undefined &&
    integer(row, "import_version") === at.version &&
    integer(row, "import_actions") === at.checkpointActions;
  if (!isHere) throw new NotWhole();
  let head = headNumbers(row as Row);
  const whole: Readonly<Record<string, SqlValue>>[] = [];
  for (const version of versions) {
    const files = { added: version.added, closed: NONE_CLOSED };
    const { isBlindAppend } = version;
    head = headAfter(
      head,
      { ...version, importing: true },
      { ...NOTHING_ELSE, isBlindAppend },
      files,
      head.highWaterMark,
    );
    if (version.complete) whole.push(versionRow(version, head));
  }
  if (isReady(rows)) await tx.copyReady?.("dl_files", COPIED_COLUMNS, rows);
  else await insertMany(tx, "dl_files", FILE_COLUMNS, rows);
  await insertMany(tx, "dl_versions", VERSION_COLUMNS, [{ common: { table_id: tableId }, rows: whole }]);
  const lanes = FINGERPRINT_COLUMNS.map((lane, i) => sql`${raw(lane)} = ${head.lanes[i] ?? 0}`);
  await tx.write(sql`
    update dl_tables set num_files = ${head.numFiles}, size_in_bytes = ${head.sizeInBytes}, ${join(lanes)},
      timestamp = ${head.timestamp}, add_version = ${head.markers.add}, non_blind_add_version = ${head.markers.nonBlindAdd},
      import_version = ${next.version}, import_actions = ${next.checkpointActions}
    where table_id = ${uuid(tableId)}`);
}

function isReady(rows: Files["rows"]): rows is ReadyFiles["rows"] {
  return rows[0] instanceof Uint8Array;
}

function versionRow(version: ReadyVersion, head: HeadNumbers): Readonly<Record<string, SqlValue>> {
  const lanes = Object.fromEntries(FINGERPRINT_COLUMNS.map((lane, i) => [lane, head.lanes[i] ?? 0]));
  return {
    version: version.version,
    timestamp: version.timestamp,
    in_commit_timestamp: version.inCommitTimestamp,
    is_blind_append: version.isBlindAppend,
    num_adds: version.added.count,
    num_removes: 0,
    num_files: head.numFiles,
    size_in_bytes: head.sizeInBytes,
    ...lanes,
    commit_info: version.commitInfo,
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
