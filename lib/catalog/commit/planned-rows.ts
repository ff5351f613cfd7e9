/** What one version writes, as rows by the names of their columns: computed once from the actions, for TypeScript and PL/pgSQL alike. */

import type { CommitActions, DomainMetadata, RemoveFile } from "../../delta/actions.ts";
import type { Append } from "../../delta/appends.ts";
import { ROW_TRACKING_DOMAIN } from "../../delta/checks/system-domains.ts";
import { metadataFields, protocolFields } from "../../delta/encode.ts";
import { placesAbove } from "../../delta/files/locations.ts";
import { STOPPED_STATES, STOPPING_DRIFT, type StopCode } from "../../delta/health.ts";
import type { MirrorDemand, PlannedTable } from "../../delta/table.ts";
import { type Int64, isInt64 } from "../../delta/values/int64.ts";
import { isJsonObject, parseJson, stringifyJson } from "../../delta/values/json.ts";
import type { CommitOutcome, ImportPosition } from "../../ports.ts";
import {
  type DomainRow,
  domainRow,
  type OtherRow,
  otherRow,
  type RemoveRow,
  removeRow,
  type TxnRow,
  txnRow,
} from "../rows/actions.ts";
import { type FileRow, fileRow } from "../rows/add.ts";
import { markerColumn } from "../rows/heads.ts";
import { jsonText, requireUuid, storable } from "../rows/values.ts";

export interface TableWrite {
  readonly adds: readonly FileRow[];
  readonly removes: readonly RemoveRow[];
  readonly txns: readonly TxnRow[];
  readonly domains: readonly DomainRow[];
  readonly others: readonly OtherRow[];
  readonly metadata?: string;
  readonly protocol?: string;
  readonly commitInfo?: string;
  /** The row-id high-water mark that the actions themselves carry. */
  readonly highWaterMark?: Int64;
  /** True when a domain other than delta.rowTracking changes. */
  readonly userDomains: boolean;
  readonly isBlindAppend: boolean;
  /** True: row ids are assigned. */
  readonly rowIds: boolean;
}

/** One table of a transaction, as the commit takes it. */
export interface TableRequest extends TableWrite {
  readonly tableId: string;
  readonly create?: {
    readonly name: string;
    readonly location: string;
    /** Places that hold this one. */
    readonly above: readonly string[];
  };
  /** Absent where the writer named the table by its id. */
  readonly name?: string;
  readonly readVersion: number;
  readonly filesUpTo?: number;
  readonly checkedVersion: number;
  readonly metadataVersion: number;
  readonly protocolVersion: number;
  /** Columns of dl_tables. */
  readonly watch: readonly string[];
  readonly inCommitTimestamps: boolean;
  readonly expectedVersion?: number;
  readonly seenVersion?: number;
  readonly givenTimestamp?: number;
}

/** What the commit asks of the mirrors of its tables. */
export interface MirrorRequest {
  /** No commit from so many unpublished versions on; any number if absent. */
  readonly maxUnpublished?: number;
  /** No commit where one of these facts holds (lib/delta/health.ts). */
  readonly stops: {
    readonly codes: readonly string[];
    readonly drift: readonly string[];
    readonly quarantine: boolean;
  };
}

/** A transaction. */
export interface CommitRows {
  readonly mirror: MirrorRequest;
  readonly transactionId: string;
  /** When its id, or the oldest one of its appends, was made, in milliseconds; absent where none says it. */
  readonly madeAt?: number;
  /** True where all of them say it. */
  readonly dated?: boolean;
  readonly requestHash: string;
  /** Nothing is written in another one; absent: in any. */
  readonly epoch?: string;
  /** Names of all locks that it takes for itself, in any order. */
  readonly locks: readonly string[];
  /** Names of those that others may have, too; absent where no table is made. */
  readonly sharedLocks?: readonly string[];
  readonly tables: readonly TableRequest[];
  /** Of its one table. */
  readonly appends?: readonly Append[];
  /** Then the transaction adds a row to the audit trail. */
  readonly attempt?: string;
}

/** Commits for one SQL transaction. */
export interface CommitGroup {
  /** The catalog that they are for: in another one nothing is written. */
  readonly database: string;
  readonly requests: readonly CommitRows[];
  /**
   * True: waits for locks that others hold. All requests are of the same tables then, so that nobody waits for the writer of
   * another table. False: a request whose locks are not free is `busy`, and has written nothing.
   */
  readonly waits: boolean;
}

export type GroupAnswer = CommitOutcome | { readonly status: "busy" };

/** A batch of an import. */
export interface ImportRows extends TableWrite {
  readonly tableId: string;
  readonly at: ImportPosition;
  readonly next: ImportPosition;
  readonly version: number;
  readonly timestamp: number;
  readonly inCommitTimestamp: number | null;
  /** False while a checkpoint has more batches. */
  readonly complete: boolean;
  readonly isCheckpoint: boolean;
  readonly transaction?: TransactionRow;
  /** Those that share the version. */
  readonly appends?: readonly TransactionRow[];
  /** Milliseconds. Set in a recovery: the table is ACTIVE, and the version becomes its head. */
  readonly publishedAt?: number;
}

/** A transaction out of a log: its row, as far as it is known, and the part of one table (answers.ts). */
export interface TransactionRow {
  readonly transactionId: string;
  readonly requestHash: string;
  readonly committedAt: number;
  /** With no part in it. */
  readonly result: string;
  /** The part of this table before, and after this version is in. */
  readonly pending: string;
  readonly known: string;
  /** The id that the log gives the table. */
  readonly origin: string;
  /** True: it becomes the transaction of the version. */
  readonly owns: boolean;
}

export type ImportAnswer = "applied" | "noImport" | "elsewhere";

/** Whatever the commit asks for: on top of a database that is older than the log nothing is committed. */
const BEHIND_CODES: readonly StopCode[] = ["LOG_AHEAD"];

export function mirrorRequest({ running = false, below }: Partial<MirrorDemand> = {}): MirrorRequest {
  return {
    ...(below === undefined ? {} : { maxUnpublished: below }),
    stops: running
      ? { codes: Object.keys(STOPPED_STATES), drift: STOPPING_DRIFT, quarantine: true }
      : { codes: BEHIND_CODES, drift: [], quarantine: false },
  };
}

export function tableRequest(planned: PlannedTable): TableRequest {
  const { create } = planned;
  return {
    ...tableWrite(planned.actions, planned),
    tableId: requireUuid(planned.tableId, "table id"),
    ...(create === undefined
      ? {}
      : {
          create: {
            name: storable(create.name, "name"),
            location: storable(create.location, "location"),
            above: placesAbove(create.location),
          },
        }),
    ...(planned.name === undefined ? {} : { name: planned.name }),
    readVersion: planned.readVersion,
    ...(planned.filesUpTo === undefined ? {} : { filesUpTo: planned.filesUpTo }),
    checkedVersion: planned.checkedVersion,
    metadataVersion: planned.metadataVersion,
    protocolVersion: planned.protocolVersion,
    watch: planned.watch.map(markerColumn),
    inCommitTimestamps: planned.inCommitTimestamps,
    ...(planned.expectedVersion === undefined ? {} : { expectedVersion: planned.expectedVersion }),
    ...(planned.seenVersion === undefined ? {} : { seenVersion: planned.seenVersion }),
    ...(planned.givenTimestamp === undefined ? {} : { givenTimestamp: planned.givenTimestamp }),
  };
}

/**
 * @param options.location of the table, which decides what is one file
 * @param options.assignRowIds then a row-id high-water mark in the actions is dropped: the commit writes its own
 * @param options.firstOrd place of the first add and remove: batches of one checkpoint follow each other
 */
export function tableWrite(
  actions: CommitActions,
  options: {
    readonly location?: string;
    readonly isBlindAppend: boolean;
    readonly assignRowIds: boolean;
    readonly firstOrd?: number;
  },
): TableWrite {
  const { assignRowIds: rowIds, firstOrd = 0, location } = options;
  const removes = actions.removes.map((remove, i) =>
    removeRow(rowIds ? withoutRowIds(remove) : remove, firstOrd + i, location),
  );
  const replaced = new Map(removes.map((row) => [row.path_key, row.dv_key]));
  const adds = actions.adds.map((add, i): FileRow => {
    const row = fileRow(add, firstOrd + i, location);
    const replaces = replaced.get(row.path_key);
    return replaces === undefined ? row : { ...row, replaces };
  });
  const domains = actions.domains.filter((domain) => !rowIds || domain.domain !== ROW_TRACKING_DOMAIN);
  const highWaterMark = highWaterMarkOf(domains);
  return {
    adds: lastOfEach(adds, (row) => row.path_key + row.dv_key),
    removes,
    txns: lastOfEach(actions.txns.map(txnRow), (row) => row.app_id),
    domains: lastOfEach(domains.map(domainRow), (row) => row.domain),
    others: actions.others.map(otherRow),
    ...(actions.metadata ? { metadata: jsonText(metadataFields(actions.metadata)) } : {}),
    ...(actions.protocol ? { protocol: jsonText(protocolFields(actions.protocol)) } : {}),
    ...(actions.commitInfo ? { commitInfo: jsonText(actions.commitInfo) } : {}),
    ...(highWaterMark === undefined ? {} : { highWaterMark }),
    userDomains: domains.some((domain) => domain.domain !== ROW_TRACKING_DOMAIN),
    isBlindAppend: options.isBlindAppend,
    rowIds,
  };
}

/** Ids of a removed file are copied from its live row under the lock (PROTOCOL.md, "Row Tracking"). */
function withoutRowIds(remove: RemoveFile): RemoveFile {
  const { baseRowId: _, defaultRowCommitVersion: __, ...rest } = remove;
  return rest;
}

function highWaterMarkOf(domains: readonly DomainMetadata[]): Int64 | undefined {
  const domain = domains.findLast((d) => d.domain === ROW_TRACKING_DOMAIN && !d.removed);
  if (domain === undefined) return undefined;
  try {
    const configuration = parseJson(domain.configuration);
    const value = isJsonObject(configuration) ? configuration.rowIdHighWaterMark : undefined;
    return isInt64(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Readers take the last of two equal keys in one commit; foreign logs that an import meets have such. */
function lastOfEach<T extends { readonly ord: number }>(rows: readonly T[], key: (row: T) => string): readonly T[] {
  const last = new Map<string, T>();
  for (const row of rows) last.set(key(row), row);
  if (last.size === rows.length) return rows;
  const first = rows[0]?.ord ?? 0;
  // Places stay without gaps.
  return rows.filter((row) => last.get(key(row)) === row).map((row, i) => ({ ...row, ord: first + i }));
}

/** The JSON that a database function takes. */
export function requestJson(request: CommitGroup | readonly ImportRows[]): string {
  return stringifyJson(request);
}
