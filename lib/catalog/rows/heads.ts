/** Rows of dl_tables: heads, their markers and fingerprints. */

import type { Fingerprint } from "../../delta/fingerprint.ts";
import type { Followed, MarkerName, TableHead, TableStatus } from "../../delta/table.ts";
import type { Row } from "../database.ts";
import { integer, long, optionalInteger, optionalText, text, wrong } from "./values.ts";

export const MARKER_COLUMNS: Readonly<Record<MarkerName, string>> = {
  metadata: "metadata_version",
  protocol: "protocol_version",
  add: "add_version",
  nonBlindAdd: "non_blind_add_version",
  remove: "remove_version",
  txn: "txn_version",
  domain: "domain_version",
};

export function markerColumn(name: MarkerName): string {
  return MARKER_COLUMNS[name];
}

export function markersOf(row: Row): Record<MarkerName, number> {
  return {
    metadata: integer(row, MARKER_COLUMNS.metadata),
    protocol: integer(row, MARKER_COLUMNS.protocol),
    add: integer(row, MARKER_COLUMNS.add),
    nonBlindAdd: integer(row, MARKER_COLUMNS.nonBlindAdd),
    remove: integer(row, MARKER_COLUMNS.remove),
    txn: integer(row, MARKER_COLUMNS.txn),
    domain: integer(row, MARKER_COLUMNS.domain),
  };
}

/** Of dl_tables and dl_versions. */
export const FINGERPRINT_COLUMNS = ["fingerprint_0", "fingerprint_1", "fingerprint_2", "fingerprint_3"] as const;
/** Of dl_files: what a file adds to these. */
export const HASH_COLUMNS = ["h0", "h1", "h2", "h3"] as const;

export function lanesOf(row: Row, columns: typeof FINGERPRINT_COLUMNS | typeof HASH_COLUMNS): Fingerprint {
  const [a, b, c, d] = columns;
  return [integer(row, a), integer(row, b), integer(row, c), integer(row, d)];
}

const STATUSES: readonly string[] = ["ACTIVE", "IMPORTING", "DELETED"] satisfies TableStatus[];

export function headOf(row: Row): TableHead {
  const status = text(row, "status");
  if (!STATUSES.includes(status)) throw wrong(row, "status", "a status");
  const quarantine = optionalText(row, "quarantine");
  const followed = followedOf(row);
  return {
    tableId: text(row, "table_id"),
    name: text(row, "name"),
    location: text(row, "location"),
    status: status as TableStatus,
    version: integer(row, "version"),
    baseVersion: integer(row, "base_version"),
    timestamp: integer(row, "timestamp"),
    numFiles: integer(row, "num_files"),
    sizeInBytes: long(row, "size_in_bytes"),
    markers: markersOf(row),
    ...(quarantine === undefined ? {} : { quarantine }),
    ...(followed && { followed }),
    createdAt: integer(row, "created_at"),
  };
}

/** Undefined where the catalog writes the table. */
export function followedOf(row: Row): Followed | undefined {
  const lookedAt = optionalInteger(row, "followed_at");
  if (lookedAt === undefined) return undefined;
  const error = optionalText(row, "follow_error");
  return {
    lookedAt,
    logVersion: optionalInteger(row, "followed_version") ?? -1,
    ...(error === undefined ? {} : { error }),
  };
}
