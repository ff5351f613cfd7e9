/** Writes the rows of one version and moves the head's numbers. The twin of dl_write_version in PL/pgSQL. */

import { ROW_TRACKING_DOMAIN } from "../../delta/checks/system-domains.ts";
import { addFingerprint, type Fingerprint, NO_FILES, subtractFingerprint } from "../../delta/fingerprint.ts";
import { fillLateValues } from "../../delta/in-commit-timestamps.ts";
import type { MarkerName } from "../../delta/table.ts";
import { addInt64, type Int64 } from "../../delta/values/int64.ts";
import { OPEN, type Row, raw, type SqlTransaction, sql } from "../database.ts";
import { DOMAIN_COLUMNS, type DomainRow, REMOVE_COLUMNS, type RemoveRow, TXN_COLUMNS } from "../rows/actions.ts";
import { FILE_COLUMNS, type FileKey, type FileRow } from "../rows/add.ts";
import { FINGERPRINT_COLUMNS, lanesOf, markersOf } from "../rows/heads.ts";
import { integer, long, optionalLong } from "../rows/values.ts";
import type { LiveFile, LiveFiles } from "./check-rows.ts";
import { insertRows } from "./insert-rows.ts";
import type { TableWrite } from "./planned-rows.ts";

/** The numbers of a head that a write moves. */
export interface HeadNumbers {
  readonly version: number;
  readonly timestamp: number;
  readonly numFiles: number;
  readonly sizeInBytes: Int64;
  readonly markers: Readonly<Record<MarkerName, number>>;
  readonly highWaterMark: Int64;
  readonly lanes: Fingerprint;
}

export function headNumbers(row: Row): HeadNumbers {
  return {
    version: integer(row, "version"),
    timestamp: integer(row, "timestamp"),
    numFiles: integer(row, "num_files"),
    sizeInBytes: long(row, "size_in_bytes"),
    markers: markersOf(row),
    highWaterMark: long(row, "row_id_high_water_mark"),
    lanes: lanesOf(row, FINGERPRINT_COLUMNS),
  };
}

export interface VersionWrite {
  readonly tableId: string;
  readonly version: number;
  readonly timestamp: number;
  readonly inCommitTimestamp: number | null;
  readonly transactionId: string | null;
  /** True: rows are taken as they are, and the head's version stays. */
  readonly importing: boolean;
  /** False while an imported checkpoint has more batches: then there is no row in dl_versions yet. */
  readonly complete: boolean;
  /** A checkpoint's files are all its adds. */
  readonly isCheckpoint: boolean;
}

export async function writeVersion(
  tx: SqlTransaction,
  head: HeadNumbers,
  to: VersionWrite,
  write: TableWrite,
  live: LiveFiles,
): Promise<void> {
  const closed = closedFiles(write, live);
  const back = await filesComingBack(tx, to, write, closed.byPath);
  const { rows, highWaterMark } = assignRowIds(to, write, head.highWaterMark, { closed: closed.byPath, back });
  const removes = removesWithRowIds(to, write, closed.byPath);
  await writeFiles(tx, to, { removes, adds: rows }, closed.all);
  await writeActions(tx, to, write, highWaterMark > head.highWaterMark ? highWaterMark : undefined);
  const files = { added: sumOf(rows), closed };
  await writeHead(tx, to, headAfter(head, to, write, files, highWaterMark));
  if (to.complete) await writeVersionRow(tx, to, write);
}

/** What files come to. */
export interface FileSum {
  readonly count: number;
  readonly sizeInBytes: Int64;
  readonly lanes: Fingerprint;
}

export function sumOf(rows: readonly FileRow[]): FileSum {
  let [sizeInBytes, lanes]: [Int64, Fingerprint] = [0, NO_FILES];
  for (const row of rows) {
    sizeInBytes = addInt64(sizeInBytes, row.size);
    lanes = addFingerprint(lanes, [row.h0, row.h1, row.h2, row.h3]);
  }
  return { count: rows.length, sizeInBytes, lanes };
}

/** Of a write, beside its adds, what moves the markers. */
type Moving = Pick<TableWrite, "metadata" | "protocol" | "isBlindAppend" | "removes" | "txns" | "userDomains">;

/** The numbers of the head once these files have come and those have gone. */
export function headAfter(
  head: HeadNumbers,
  { version, timestamp, importing }: Pick<VersionWrite, "version" | "timestamp" | "importing">,
  write: Moving,
  { added, closed }: { readonly added: FileSum; readonly closed: Pick<ClosedFiles, "all" | "superseded"> },
  highWaterMark: Int64,
): HeadNumbers {
  let { sizeInBytes, lanes } = head;
  for (const file of closed.all) {
    sizeInBytes = addInt64(sizeInBytes, -file.size as Int64);
    lanes = subtractFingerprint(lanes, file.lanes);
  }
  return {
    version: importing ? head.version : version,
    timestamp,
    numFiles: head.numFiles + added.count - closed.all.length,
    sizeInBytes: addInt64(sizeInBytes, added.sizeInBytes),
    markers: movedMarkers(head, version, write, added.count > 0, closed.superseded),
    highWaterMark,
    lanes: addFingerprint(lanes, added.lanes),
  };
}

interface ClosedFiles {
  readonly all: readonly LiveFile[];
  /** How many of them an add replaces. */
  readonly superseded: number;
  readonly byPath: ReadonlyMap<string, readonly LiveFile[]>;
}

/** Live files that the removes name, and those that an add of the same (path, deletion vector) replaces. */
function closedFiles(write: TableWrite, live: LiveFiles): ClosedFiles {
  const byPath = new Map<string, LiveFile[]>();
  const all = new Set<LiveFile>();
  const close = (row: FileKey) => {
    const file = live.get(row.path_key)?.find((f) => f.dvKey === row.dv_key);
    if (file === undefined || all.has(file)) return;
    all.add(file);
    const others = byPath.get(row.path_key);
    if (others) others.push(file);
    else byPath.set(row.path_key, [file]);
  };
  for (const row of write.removes) close(row);
  const removed = all.size;
  for (const row of write.adds) close(row);
  return { all: [...all], superseded: all.size - removed, byPath };
}

/**
 * Files that were in the table before and come back with the row id that they had, by path_key: a restore. Of a client's ids these
 * alone are taken over, as rows prove them.
 */
async function filesComingBack(
  tx: SqlTransaction,
  to: VersionWrite,
  write: TableWrite,
  closed: ClosedFiles["byPath"],
): Promise<ReadonlyMap<string, RowIds>> {
  const back = new Map<string, RowIds>();
  if (to.importing || !write.rowIds) return back;
  for (const { path_key: key, base_row_id: id } of write.adds) {
    if (id === undefined || closed.get(key)?.some((file) => file.baseRowId !== undefined)) continue;
    const [former] = await tx.read(sql`
      select base_row_id, default_row_commit_version from dl_files
      where table_id = ${to.tableId} and path_key = unhex(${key}) and removed_version < ${to.version}
        and removed_version < ${OPEN} and base_row_id = ${id} order by removed_version desc limit 1`);
    if (former) back.set(key, rowIdsOf(former));
  }
  return back;
}

interface RowIds {
  readonly baseRowId: Int64 | undefined;
  readonly defaultRowCommitVersion: Int64 | undefined;
}

function rowIdsOf(row: Row): RowIds {
  return {
    baseRowId: optionalLong(row, "base_row_id"),
    defaultRowCommitVersion: optionalLong(row, "default_row_commit_version"),
  };
}

/**
 * Row ids under the lock (PROTOCOL.md, "Row Tracking"): a file that follows another of its path keeps that one's ids, one that
 * comes back keeps its own, any other gets fresh ones above the high-water mark, whatever the client sent. While none are
 * assigned, rows stay as they are.
 */
function assignRowIds(
  to: VersionWrite,
  write: TableWrite,
  before: Int64,
  { closed, back }: { readonly closed: ClosedFiles["byPath"]; readonly back: ReadonlyMap<string, RowIds> },
): { readonly rows: readonly FileRow[]; readonly highWaterMark: Int64 } {
  const given = write.highWaterMark;
  let mark = given !== undefined && given > before ? given : before;
  if (to.importing || !write.rowIds) return { rows: write.adds, highWaterMark: mark };
  const rows = write.adds.map((row): FileRow => {
    const ofPath = closed.get(row.path_key);
    const replaced = ofPath?.find((file) => file.dvKey === row.dv_key) ?? ofPath?.[0];
    const former = replaced?.baseRowId === undefined ? back.get(row.path_key) : replaced;
    if (former?.baseRowId !== undefined) {
      const kept = former.defaultRowCommitVersion ?? to.version;
      return { ...row, base_row_id: former.baseRowId, default_row_commit_version: kept };
    }
    const first = addInt64(mark, 1);
    mark = addInt64(mark, row.num_records ?? 0);
    return { ...row, base_row_id: first, default_row_commit_version: to.version };
  });
  return { rows, highWaterMark: mark };
}

/** Removes carry the ids of the file that they remove (PROTOCOL.md, "Row Tracking"). */
function removesWithRowIds(to: VersionWrite, write: TableWrite, closed: ClosedFiles["byPath"]): readonly RemoveRow[] {
  if (to.importing || !write.rowIds) return write.removes;
  return write.removes.map((row): RemoveRow => {
    const gone = closed.get(row.path_key)?.find((file) => file.dvKey === row.dv_key);
    if (gone?.baseRowId === undefined) return row;
    const version = gone.defaultRowCommitVersion;
    const ids = `{"baseRowId":${gone.baseRowId}${version === undefined ? "" : `,"defaultRowCommitVersion":${version}`}`;
    return { ...row, action: ids + (row.action === "{}" ? "}" : `,${row.action.slice(1)}`) };
  });
}

async function writeFiles(
  tx: SqlTransaction,
  { tableId, version }: VersionWrite,
  { removes, adds }: { readonly removes: readonly RemoveRow[]; readonly adds: readonly FileRow[] },
  closed: readonly LiveFile[],
): Promise<void> {
  await tx.each(
    sql`update dl_files set removed_version = ${null} where table_id = ${null} and added_version = ${null} and ord = ${null}`,
    closed.map((file) => [version, tableId, file.addedVersion, file.ord]),
  );
  await insertRows(
    tx,
    "dl_removes",
    ["table_id", "version", "ord", "path_key", "dv_key", ...REMOVE_COLUMNS],
    removes.map((row) => ({ ...row, table_id: tableId, version })),
  );
  await insertRows(
    tx,
    "dl_files",
    ["table_id", "added_version", ...FILE_COLUMNS],
    adds.map((row) => ({ ...row, table_id: tableId, added_version: version })),
  );
}

async function writeActions(
  tx: SqlTransaction,
  to: VersionWrite,
  write: TableWrite,
  newHighWaterMark: Int64 | undefined,
): Promise<void> {
  const at = { table_id: to.tableId, version: to.version };
  const ofVersion = (rows: readonly object[]) => rows.map((row) => ({ ...row, ...at }));
  const key = ["table_id", "version", "ord"];
  // An import may bring the header of a checkpoint with more than one batch: the last one counts.
  const { transactionId } = to;
  const metadata =
    write.metadata === undefined || transactionId === null
      ? write.metadata
      : fillLateValues(write.metadata, transactionId, to.version, to.timestamp);
  for (const [table, action] of [
    ["dl_metadata", metadata],
    ["dl_protocols", write.protocol],
  ] as const) {
    if (action !== undefined) {
      await insertRows(tx, table, ["table_id", "version", "action"], [{ ...at, action }], ["table_id", "version"]);
    }
  }
  const ofApp = ["table_id", "app_id", "version"];
  await insertRows(tx, "dl_txns", [...key, ...TXN_COLUMNS], ofVersion(write.txns), ofApp);
  const domains: DomainRow[] = [...write.domains];
  if (write.rowIds && newHighWaterMark !== undefined) {
    const configuration = `{"rowIdHighWaterMark":${newHighWaterMark}}`;
    domains.push({ ord: domains.length, domain: ROW_TRACKING_DOMAIN, configuration, removed: false });
  }
  const ofDomain = ["table_id", "domain", "version"];
  await insertRows(tx, "dl_domains", [...key, ...DOMAIN_COLUMNS], ofVersion(domains), ofDomain);
  await insertRows(tx, "dl_other_actions", [...key, "action"], ofVersion(write.others));
}

function movedMarkers(
  { markers }: HeadNumbers,
  version: number,
  write: Moving,
  hasAdds: boolean,
  superseded: number,
): HeadNumbers["markers"] {
  const move = (marker: MarkerName, moved: boolean) => (moved ? version : markers[marker]);
  return {
    metadata: move("metadata", write.metadata !== undefined),
    protocol: move("protocol", write.protocol !== undefined),
    add: move("add", hasAdds),
    nonBlindAdd: move("nonBlindAdd", hasAdds && !write.isBlindAppend),
    remove: move("remove", write.removes.length + superseded > 0),
    txn: move("txn", write.txns.length > 0),
    domain: move("domain", write.userDomains),
  };
}

async function writeHead(tx: SqlTransaction, to: VersionWrite, head: HeadNumbers): Promise<void> {
  const { markers, lanes } = head;
  await tx.write(sql`
    update dl_tables set version = ${head.version}, timestamp = ${head.timestamp},
      num_files = ${head.numFiles}, size_in_bytes = ${head.sizeInBytes},
      metadata_version = ${markers.metadata}, protocol_version = ${markers.protocol}, add_version = ${markers.add},
      non_blind_add_version = ${markers.nonBlindAdd}, remove_version = ${markers.remove},
      txn_version = ${markers.txn}, domain_version = ${markers.domain},
      row_id_high_water_mark = ${head.highWaterMark},
      fingerprint_0 = ${lanes[0]}, fingerprint_1 = ${lanes[1]}, fingerprint_2 = ${lanes[2]}, fingerprint_3 = ${lanes[3]}
    where table_id = ${to.tableId}`);
}

async function writeVersionRow(tx: SqlTransaction, to: VersionWrite, write: TableWrite): Promise<void> {
  const numAdds = to.isCheckpoint ? sql`num_files` : sql`${write.adds.length}`;
  const fingerprint = raw(FINGERPRINT_COLUMNS.join(", "));
  await tx.write(sql`
    insert into dl_versions (table_id, version, transaction_id, timestamp, in_commit_timestamp, is_blind_append, num_adds,
      num_removes, num_files, size_in_bytes, ${fingerprint}, commit_info)
    select table_id, ${to.version}, ${to.transactionId}, ${to.timestamp}, ${to.inCommitTimestamp}, ${write.isBlindAppend},
      ${numAdds}, ${to.isCheckpoint ? 0 : write.removes.length}, num_files, size_in_bytes,
      ${fingerprint}, ${write.commitInfo ?? null}
    from dl_tables where table_id = ${to.tableId}`);
}
