/** Roles made of lib/lake/duties.ts: what a function may do with the bucket, the queues and the database. */

import type * as iam from "aws-cdk-lib/aws-iam";
import { DUTIES, type Duty, type DutyName, type QueueRight, type StorageRight } from "../../lib/lake/duties.ts";
import type { DatabaseAccess } from "./database.ts";
import type { Tables } from "./lake-bucket.ts";
import type { Queues } from "./queues.ts";
import {
  allowDatabase,
  allowDeletingFiles,
  allowReadingLogs,
  allowReadingTables,
  allowSending,
  allowUploads,
  allowWritingFiles,
  allowWritingLogs,
} from "./roles.ts";

export interface Places {
  readonly database: DatabaseAccess;
  readonly tables: Tables;
  readonly queues: Queues;
  /** Where in the bucket tables may be: keys up to the last slash. */
  readonly roots: readonly string[];
}

const STORAGE: Readonly<Record<StorageRight, (role: iam.Role, places: Places) => void>> = {
  readLogs: (role, { tables }) => allowReadingLogs(role, tables),
  readFiles: (role, { tables }) => allowReadingTables(role, tables),
  writeLogs: (role, { tables }) => allowWritingLogs(role, tables),
  writeUploads: (role, { tables }) => allowUploads(role, tables),
  writeFiles: (role, { tables, roots }) => allowWritingFiles(role, tables, roots),
  remove: (role, { tables, roots }) => allowDeletingFiles(role, tables, roots),
};

const QUEUES: Readonly<Record<QueueRight, (role: iam.Role, places: Places) => void>> = {
  sendMirror: (role, { queues }) => allowSending(role, queues.mirror),
  sendParity: (role, { queues }) => allowSending(role, queues.parity),
  sendCheckpoints: (role, { queues }) => allowSending(role, queues.checkpoints),
};

/** @param more rights that only some deployments need */
export function allowDuty(
  role: iam.Role,
  name: DutyName,
  places: Places,
  { more = [] }: { readonly more?: readonly StorageRight[] } = {},
): void {
  const { storage, queues }: Duty = DUTIES[name];
  for (const right of [...storage, ...more]) STORAGE[right](role, places);
  for (const right of queues) QUEUES[right](role, places);
  allowDatabase(role, places.database, name);
}

/** The database as this function logs in to it; as the owner, where it has no login of its own. */
export function databaseUrlOf({ url, functions }: DatabaseAccess, name: DutyName): string {
  return functions?.[name].url ?? url;
}
