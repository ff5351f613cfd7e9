/**
 * What each function on AWS may do, in one table: in SQL, in the bucket, with the queues. The roles of IAM and the logins of the database are
 * made of it, and a test runs the operations of each function with exactly this. Logins are made before the functions are replaced, and what is
 * not here is taken from them: so a right goes one release after the last code that needs it.
 */

import type { SqlRight, SqlRights } from "../ports.ts";

/** Of objects: `logs` are those below a `_delta_log/`, `files` all others of tables, `uploads` requests that were too large to be sent. */
export type StorageRight = "readLogs" | "readFiles" | "writeLogs" | "writeUploads" | "writeFiles" | "remove";
export type QueueRight = "sendMirror" | "sendParity" | "sendCheckpoints";

export interface Duty {
  /** The login of the database; functions that may do the same have the same. */
  readonly login: string;
  readonly sql: SqlRights;
  readonly storage: readonly StorageRight[];
  readonly queues: readonly QueueRight[];
}

const READ: readonly SqlRight[] = ["select"];
const CHANGE: readonly SqlRight[] = ["select", "insert", "update"];
const ALL: readonly SqlRight[] = ["select", "insert", "update", "delete"];

/** What every function looks at before anything else: whether the schema is one that it knows. */
const SCHEMA_ROWS: SqlRights = { dl_migrations: READ };

/** Rows of versions: written by commits, read by all who publish or compare. */
const HISTORY = [
  "dl_versions",
  "dl_files",
  "dl_removes",
  "dl_metadata",
  "dl_protocols",
  "dl_txns",
  "dl_domains",
  "dl_other_actions",
] as const;

/** All that is kept of a table. */
const ROWS_OF_TABLES = [
  ...HISTORY,
  ...(["dl_tables", "dl_transactions", "dl_mirror_status", "dl_table_names", "dl_table_places"] as const),
];

function all(tables: readonly string[], rights: readonly SqlRight[]): SqlRights {
  return Object.fromEntries(tables.map((table) => [table, rights]));
}

/** For who makes tables and takes them away. What is derived from them is made by others. */
const WHOLE_TABLES: SqlRights = {
  ...all(ROWS_OF_TABLES, ALL),
  ...all(["dl_parity", "dl_scan_indexes", "dl_scan_bounds"], ["select", "delete"]),
};

export const DUTIES = {
  /** Routes that write: commits, tables, imports, grants. */
  commit: {
    login: "dl_commit",
    sql: {
      ...SCHEMA_ROWS,
      // An import that is given up takes its rows back.
      ...WHOLE_TABLES,
      dl_maintenance: READ,
      dl_access: CHANGE,
      ...all(["dl_grants", "dl_operator_grants"], ["select", "insert", "delete"]),
      ...all(["dl_role_members", "dl_policies"], READ),
      dl_staged_requests: ["select", "insert", "delete"],
      // What is in the trail nobody who writes it can change.
      dl_audit: ["select", "insert"],
    },
    storage: ["readLogs", "readFiles", "writeUploads"],
    queues: ["sendMirror"],
  },
  /** The mirror, and the checkpoints of large tables. Of a table that others write it takes over versions: it adds rows, and ends some. */
  mirror: {
    login: "dl_mirror",
    sql: {
      ...SCHEMA_ROWS,
      ...all([...HISTORY, "dl_transactions"], CHANGE),
      dl_maintenance: READ,
      dl_tables: ["select", "update"],
      dl_table_names: READ,
      dl_mirror_status: CHANGE,
    },
    storage: ["readLogs", "writeLogs"],
    queues: ["sendMirror", "sendCheckpoints"],
  },
  /** Who writes down what the function that reads has refused, and what its scans wish for: the login by which that one reads may write nothing. */
  witness: {
    login: "dl_witness",
    sql: { ...SCHEMA_ROWS, ...all(["dl_audit", "dl_scan_wishes"], ["select", "insert"]) },
    storage: [],
    queues: [],
  },
  /** Wakes the mirror up, and keeps the indexes of scans up with the commits. */
  sweep: {
    login: "dl_sweep",
    sql: {
      ...SCHEMA_ROWS,
      ...all([...HISTORY, "dl_tables", "dl_mirror_status", "dl_parity"], READ),
      ...all(["dl_scan_indexes", "dl_scan_bounds"], ALL),
      dl_scan_wishes: ["select", "delete"],
    },
    storage: [],
    queues: ["sendMirror"],
  },
  parity: {
    login: "dl_compare",
    sql: {
      ...SCHEMA_ROWS,
      ...all(HISTORY, READ),
      dl_tables: READ,
      dl_mirror_status: ["select", "update"],
      dl_parity: CHANGE,
    },
    storage: ["readLogs"],
    queues: ["sendParity"],
  },
  backup: {
    login: "dl_backup",
    sql: {
      ...SCHEMA_ROWS,
      ...all(ROWS_OF_TABLES, READ),
      ...all(["dl_maintenance", "dl_api_keys", "dl_audit"], READ),
      ...all(["dl_access", "dl_grants", "dl_operator_grants", "dl_role_members", "dl_policies"], READ),
    },
    storage: [],
    queues: [],
  },
  /** Upkeep, and compaction where it is deployed. */
  maintenance: {
    login: "dl_maintenance",
    sql: {
      ...SCHEMA_ROWS,
      ...WHOLE_TABLES,
      dl_maintenance: ALL,
      // Those on a table that is gone for good.
      ...all(["dl_grants", "dl_operator_grants"], ["select", "delete"]),
      dl_access: ["select", "update"],
      ...all(["dl_staged_requests", "dl_audit"], ["select", "insert", "delete"]),
    },
    storage: ["readLogs", "readFiles", "writeLogs", "remove"],
    queues: ["sendMirror", "sendCheckpoints"],
  },
} as const satisfies Readonly<Record<string, Duty>>;

export type DutyName = keyof typeof DUTIES;
