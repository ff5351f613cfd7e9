/** The SQL side: the truth about every table. Each noun has a file of its own; a Catalog is all of them on one database. */

import type { Audit } from "./audit.ts";
import type { Backups } from "./backups.ts";
import type { Commits } from "./commits.ts";
import type { Compactions } from "./compaction.ts";
import type { Following } from "./following.ts";
import type { Grants } from "./grants.ts";
import type { Imports } from "./imports.ts";
import type { ApiKeys } from "./keys.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Maintenance } from "./maintenance.ts";
import type { Outbox } from "./outbox.ts";
import type { Parity } from "./parity.ts";
import type { Rebuilds } from "./rebuild.ts";
import type { Recovery } from "./recovery.ts";
import type { Scans } from "./scans.ts";
import type { Snapshots } from "./snapshots.ts";
import type { Tables } from "./tables.ts";
import type { Versions } from "./versions.ts";

/** One contract suite runs on every engine. Reads of a table that is not ACTIVE find nothing, except where they say so. */
export interface Catalog
  extends Schema,
    Tables,
    Lifecycle,
    Commits,
    Versions,
    Snapshots,
    Scans,
    Compactions,
    Outbox,
    Parity,
    Imports,
    Maintenance,
    Rebuilds,
    Recovery,
    Following,
    ApiKeys,
    Grants,
    Audit,
    Backups {}

/** The database itself. */
export interface Schema {
  /**
   * @param options.reader a login that may then read all tables, and write none
   * @param options.scratch a login that may then make a catalog in a schema of its own, and reaches nothing else
   * @throws LakeError unavailable SCHEMA_NEWER
   */
  migrate(options?: MigrateLogins): Promise<{ readonly applied: readonly string[] }>;
  /** What `migrate` would run, in order; nothing is written. @throws LakeError unavailable SCHEMA_NEWER, RESTORE_UNFINISHED */
  pendingMigrations(): Promise<readonly PendingMigration[]>;
  /**
   * Drops all tables in the schema of this login, which has nothing else: what a restore for practice has left.
   * @throws LakeError invalid where the login is not shut into a schema of its own
   */
  emptyScratch(): Promise<void>;
  /**
   * Asks the database whether it can be worked with, beside all other work and without waiting for it.
   * @returns what is not as it should be, as sentences. @throws LakeError unavailable, also when the schema does not fit
   */
  ping(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface PendingMigration {
  readonly name: string;
  /** In the SQL of the engine. */
  readonly statements: readonly string[];
}

export interface MigrateLogins {
  readonly reader?: DatabaseLogin;
  readonly scratch?: DatabaseLogin;
  /** Of the functions, each with its rights. */
  readonly functions?: readonly FunctionLogin[];
}

export type SqlRight = "select" | "insert" | "update" | "delete";
/** By the name of a table. */
export type SqlRights = Readonly<Record<string, readonly SqlRight[]>>;

export interface FunctionLogin extends DatabaseLogin {
  readonly rights: SqlRights;
}

export interface DatabaseLogin {
  readonly name: string;
  readonly password: string;
}
