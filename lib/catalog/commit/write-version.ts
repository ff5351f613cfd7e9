/** Writes the rows of one version and moves the head's numbers. The twin of dl_write_version in PL/pgSQL. */

import { addFingerprint, type Fingerprint, subtractFingerprint } from "../../delta/fingerprint.ts";
import { fillLateValues } from "../../delta/in-commit-timestamps.ts";
import { addInt64, type Int64 } from "../../delta/int64.ts";
import { ROW_TRACKING_DOMAIN } from "../../delta/system-domains.ts";
import type { MarkerName } from "../../delta/table.ts";
import { type Row, type SqlTransaction, type SqlValue, sql } from "../database.ts";
import { integer, lanesOf, long, markersOf } from "../rows.ts";
import type { LiveFile, LiveFiles } from "./check-rows.ts";
import type { AddRow, RemoveRow, TableWrite } from "./planned-rows.ts";

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
    lanes: lanesOf(row, "fingerprint_"),
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
  /** Place of the first add and remove: batches of one checkpoint follow each other. */
  readonly firstOrd: number;
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
  const { rows, highWaterMark } = assignRowIds(to, write, head.highWaterMark, closed.byPath);
  const removes = removesWithRowIds(to, write, closed.byPath);
  await writeFiles(tx, to, { removes, adds: rows }, closed.all);
  await writeActions(tx, to, write, highWaterMark > head.highWaterMark ? highWaterMark : undefined);
  let sizeInBytes = head.sizeInBytes;
  let lanes = head.lanes;
  for (const file of closed.all) {
    sizeInBytes = addInt64(sizeInBytes, -file.size as Int64);
    lanes = subtractFingerprint(lanes, file.lanes);
  }
  for (const row of rows) {
    sizeInBytes = addInt64(sizeInBytes, row[5]);
    lanes = addFingerprint(lanes, [row[16], row[17], row[18], row[19]]);
  }
  await writeHead(tx, to, {
    version: to.importing ? head.version : to.version,
    timestamp: to.timestamp,
    numFiles: head.numFiles + rows.length - closed.all.length,
    sizeInBytes,
    markers: movedMarkers(head, to, write, closed.superseded),
    highWaterMark,
    lanes,
  });
  if (to.complete) await writeVersionRow(tx, to, write);
}

interface ClosedFiles {
  readonly all: readonly LiveFile[];
  readonly superseded: number;
  readonly byPath: ReadonlyMap<string, readonly LiveFile[]>;
}

/** Live files that the removes name, and those that an add of the same (path, deletion vector) replaces. */
function closedFiles(write: TableWrite, live: LiveFiles): ClosedFiles {
  const byPath = new Map<string, LiveFile[]>();
  const all = new Set<LiveFile>();
  const close = (key: string, dv: string) => {
    const file = live.get(key)?.find((f) => f.dvKey === dv);
    if (file === undefined || all.has(file)) return;
    all.add(file);
    const others = byPath.get(key);
    if (others) others.push(file);
    else byPath.set(key, [file]);
  };
  for (const [, key, dv] of write.removes) close(key, dv);
  const removed = all.size;
  for (const [, key, dv] of write.adds) close(key, dv);
  return { all: [...all], superseded: all.size - removed, byPath };
}

/**
 * Row ids under the lock (design D4, delta-rules.md §3.1): a file that follows another of its path keeps that one's ids,
 * any other gets fresh ones above the high-water mark, whatever the client sent. While none are assigned, rows stay as they are.
 */
function assignRowIds(
  to: VersionWrite,
  write: TableWrite,
  before: Int64,
  closed: ClosedFiles["byPath"],
): { readonly rows: readonly AddRow[]; readonly highWaterMark: Int64 } {
  const given = write.highWaterMark;
  let mark = given !== undefined && given > before ? given : before;
  if (to.importing || !write.rowIds) return { rows: write.adds, highWaterMark: mark };
  const rows = write.adds.map((row): AddRow => {
    const ofPath = closed.get(row[1]);
    const former = ofPath?.find((file) => file.dvKey === row[2]) ?? ofPath?.[0];
    if (former?.baseRowId !== undefined) {
      return withRowIds(row, former.baseRowId, former.defaultRowCommitVersion ?? to.version);
    }
    const first = addInt64(mark, 1);
    mark = addInt64(mark, row[9] ?? 0);
    return withRowIds(row, first, to.version);
  });
  return { rows, highWaterMark: mark };
}

function withRowIds(row: AddRow, baseRowId: Int64, defaultRowCommitVersion: Int64): AddRow {
  const copy: [...AddRow] = [...row];
  copy[12] = baseRowId;
  copy[13] = defaultRowCommitVersion;
  return copy;
}

/** Removes carry the ids of the file that they remove (delta-rules.md §3.1). */
function removesWithRowIds(to: VersionWrite, write: TableWrite, closed: ClosedFiles["byPath"]): readonly RemoveRow[] {
  if (to.importing || !write.rowIds) return write.removes;
  return write.removes.map((row): RemoveRow => {
    const gone = closed.get(row[1])?.find((file) => file.dvKey === row[2]);
    if (gone?.baseRowId === undefined) return row;
    const version = gone.defaultRowCommitVersion;
    const ids = `{"baseRowId":${gone.baseRowId}${version === undefined ? "" : `,"defaultRowCommitVersion":${version}`}`;
    const [path, key, dv, deletionTimestamp, dataChange, action] = row;
    const rest = action === "{}" ? "}" : `,${action.slice(1)}`;
    return [path, key, dv, deletionTimestamp, dataChange, ids + rest];
  });
}

async function writeFiles(
  tx: SqlTransaction,
  to: VersionWrite,
  { removes, adds }: { readonly removes: readonly RemoveRow[]; readonly adds: readonly AddRow[] },
  closed: readonly LiveFile[],
): Promise<void> {
  const { tableId, version, firstOrd } = to;
  await tx.each(
    sql`update dl_files set removed_version = ${null} where table_id = ${null} and added_version = ${null} and ord = ${null}`,
    closed.map((file) => [version, tableId, file.addedVersion, file.ord]),
  );
  await tx.each(
    sql`insert into dl_removes (table_id, version, ord, path, path_key, dv_key, deletion_timestamp, data_change, action)
      values (${null}, ${null}, ${null}, ${null}, unhex(${null}), ${null}, ${null}, ${null}, ${null})`,
    removes.map((row, i) => [tableId, version, firstOrd + i, ...row]),
  );
  const v = null;
  await tx.each(
    sql`insert into dl_files (table_id, added_version, ord, path, path_key, dv_key, partition_values, size,
        modification_time, data_change, stats, num_records, tags, deletion_vector, base_row_id,
        default_row_commit_version, clustering_provider, unknown, h0, h1, h2, h3)
      values (${v}, ${v}, ${v}, ${v}, unhex(${v}), ${v}, ${v}, ${v}, ${v}, ${v}, ${v},
        ${v}, ${v}, ${v}, ${v}, ${v}, ${v}, ${v}, ${v}, ${v}, ${v}, ${v})`,
    adds.map(([path, key, dv, _replaces, ...rest], i) => [tableId, version, firstOrd + i, path, key, dv, ...rest]),
  );
}

async function writeActions(
  tx: SqlTransaction,
  to: VersionWrite,
  write: TableWrite,
  newHighWaterMark: Int64 | undefined,
): Promise<void> {
  const at: readonly SqlValue[] = [to.tableId, to.version];
  // An import may bring the header of a checkpoint with more than one batch: the last one counts.
  const { transactionId } = to;
  const metadata =
    write.metadata === undefined || transactionId === null
      ? write.metadata
      : fillLateValues(write.metadata, transactionId, to.version, to.timestamp);
  for (const [table, action] of [
    [sql`dl_metadata`, metadata],
    [sql`dl_protocols`, write.protocol],
  ] as const) {
    if (action === undefined) continue;
    await tx.all(sql`insert into ${table} (table_id, version, action) values (${to.tableId}, ${to.version}, ${action})
      on conflict (table_id, version) do update set action = excluded.action`);
  }
  await tx.each(
    sql`insert into dl_txns (table_id, version, ord, app_id, txn_version, last_updated, unknown)
      values (${null}, ${null}, ${null}, ${null}, ${null}, ${null}, ${null})
      on conflict (table_id, app_id, version) do update
      set txn_version = excluded.txn_version, last_updated = excluded.last_updated, unknown = excluded.unknown`,
    write.txns.map((row, i) => [...at, i, ...row]),
  );
  const domains = [...write.domains];
  if (write.rowIds && newHighWaterMark !== undefined) {
    domains.push([ROW_TRACKING_DOMAIN, `{"rowIdHighWaterMark":${newHighWaterMark}}`, false, null]);
  }
  await tx.each(
    sql`insert into dl_domains (table_id, version, ord, domain, configuration, removed, unknown)
      values (${null}, ${null}, ${null}, ${null}, ${null}, ${null}, ${null})
      on conflict (table_id, domain, version) do update
      set configuration = excluded.configuration, removed = excluded.removed, unknown = excluded.unknown`,
    domains.map((row, i) => [...at, i, ...row]),
  );
  await tx.each(
    sql`insert into dl_other_actions (table_id, version, ord, action) values (${null}, ${null}, ${null}, ${null})`,
    write.others.map((action, i) => [...at, i, action]),
  );
}

function movedMarkers(
  { markers }: HeadNumbers,
  { version }: VersionWrite,
  write: TableWrite,
  superseded: number,
): HeadNumbers["markers"] {
  const hasAdds = write.adds.length > 0;
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
  await tx.all(sql`
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
  await tx.all(sql`
    insert into dl_versions (table_id, version, transaction_id, timestamp, in_commit_timestamp, is_blind_append, num_adds,
      num_removes, num_files, size_in_bytes, fingerprint_0, fingerprint_1, fingerprint_2, fingerprint_3, commit_info)
    select table_id, ${to.version}, ${to.transactionId}, ${to.timestamp}, ${to.inCommitTimestamp}, ${write.isBlindAppend},
      ${numAdds}, ${to.isCheckpoint ? 0 : write.removes.length}, num_files, size_in_bytes,
      fingerprint_0, fingerprint_1, fingerprint_2, fingerprint_3, ${write.commitInfo ?? null}
    from dl_tables where table_id = ${to.tableId}`);
}
