/** All migrations, in order. A static list, so that it survives bundling. */

import type { Dialect } from "../dialect.ts";
import { IDENTITY_MIGRATION } from "../rows/identity.ts";
import { INITIAL_TABLES } from "./0001-initial.ts";
import { POSTGRES_COMMIT_FUNCTIONS } from "./0002-commit-functions.ts";
import { STAGED_REQUESTS } from "./0003-staged-requests.ts";
import { PARITY } from "./0004-parity.ts";
import { POSTGRES_CHECK_ROWS } from "./0005-conflicts-are-final.ts";
import { NAME_IN_ANY_CASE, POSTGRES_FUNCTIONS_BY_NAME } from "./0006-rows-by-name.ts";
import { addMirrorErrorCode, MIRROR_ERROR_CODE } from "./0007-mirror-error-code.ts";
import { API_KEYS } from "./0008-api-keys.ts";
import { DRIFT, FAULTS, MIRROR_FACTS_FUNCTION, QUARANTINED_TABLES } from "./0009-health.ts";
import { DATABASE_ID, giveIdentity, identityColumn } from "./0010-identity.ts";
import { DROPPED_TABLES, IDENTITY_COLUMNS, MANIFEST_DUE, TABLE_NAMES } from "./0012-names.ts";
import { MAINTENANCE, OUTSIDE, SHARED_VECTORS, VECTORS } from "./0013-maintenance.ts";
import { TABLE_PLACES } from "./0016-places.ts";
import { WORKS_FROM } from "./0020-compatible-code.ts";
import { COMMIT_ONE_WITH_FLOORS, FORGOTTEN_COLUMNS, OLDEST_TRANSACTIONS } from "./0021-forgotten-transactions.ts";
import { SCAN_BOUNDS, SCAN_INDEXES } from "./0028-scan-indexes.ts";
import { ACCESS, ACCESS_MIGRATION, ACCESS_WORKS_FROM, GRANTS, POLICIES, ROLE_MEMBERS } from "./0032-grants.ts";
import { CHECK_ROWS_UP_TO } from "./0033-new-files-only.ts";
import { AUDIT } from "./0034-audit.ts";
import { POSTGRES_APPENDS } from "./0041-appends.ts";
import { ROWS_SINCE } from "./0048-rows-since.ts";
import { COMPACTION } from "./0049-compaction.ts";
import { FOLLOWED_COLUMNS, FOLLOWED_MIGRATION, FOLLOWED_TABLES, FOLLOWED_WORKS_FROM } from "./0051-followed.ts";
import { MYSQL_COMMIT } from "./0058-mysql-commit.ts";
import { KEY_KIND } from "./0059-s3-keys.ts";
import { MYSQL_NOTED_COMMITS, POSTGRES_NOTED_COMMITS } from "./0061-noted-commits.ts";
import { POSTGRES_LAST_PLACES } from "./0062-last-places.ts";
import { BY_ROWS, FILL_SLOTS, MYSQL_COMMIT_BY_SLOTS, SLOTS } from "./0064-mysql-slots.ts";
import { MYSQL_UNPUBLISHED } from "./0066-mysql-unpublished.ts";
import { OPERATOR_GRANTS, OPERATOR_GRANTS_MIGRATION, OPERATOR_GRANTS_WORKS_FROM } from "./0069-operator-grants.ts";
import { SCAN_WISHES } from "./0071-scan-wishes.ts";
import { POSTGRES_PLAIN_APPENDS } from "./0077-plain-appends.ts";
import { addColumn, createIndex, createTable, type TableSpec } from "./ddl.ts";

export interface Migration {
  readonly id: number;
  readonly name: string;
  /**
   * The newest migration of the oldest code that works on after this one: a migration only adds, and what it takes away it takes
   * away one release later. Each migration after 0020 says it.
   */
  readonly worksFrom?: number;
  /** The statements for an engine; none where there is nothing to do. */
  statements(dialect: Dialect): readonly string[];
  /** Statements that write rows, after those. */
  rows?(dialect: Dialect): readonly string[];
}

export const SLOTS_MIGRATION = 64;

export const MIGRATIONS_TABLE: TableSpec = {
  name: "dl_migrations",
  comment: "Migrations of this schema that have run.",
  backup: "schema",
  columns: [
    { name: "id", type: "int64", comment: "Number of the migration." },
    { name: "name", type: "text", comment: "Its name." },
    { name: "applied_at", type: "int64", comment: "When it ran, in milliseconds." },
  ],
  primaryKey: ["id"],
};

export const MIGRATIONS: readonly Migration[] = [
  {
    id: 1,
    name: "0001-initial",
    statements: (dialect) => INITIAL_TABLES.flatMap((table) => createTable(dialect, table)),
  },
  {
    id: 2,
    name: "0002-commit-functions",
    statements: (dialect) => (dialect.name === "postgres" ? POSTGRES_COMMIT_FUNCTIONS : []),
  },
  {
    id: 3,
    name: "0003-staged-requests",
    statements: (dialect) => (dialect.name === "postgres" ? createTable(dialect, STAGED_REQUESTS) : []),
  },
  { id: 4, name: "0004-parity", statements: (dialect) => createTable(dialect, PARITY) },
  {
    id: 5,
    name: "0005-conflicts-are-final",
    statements: (dialect) => (dialect.name === "postgres" ? POSTGRES_CHECK_ROWS : []),
  },
  {
    id: 6,
    name: "0006-rows-by-name",
    statements: (dialect) => [
      ...createIndex(dialect, "dl_tables", NAME_IN_ANY_CASE),
      ...(dialect.name === "postgres" ? POSTGRES_FUNCTIONS_BY_NAME : []),
    ],
  },
  { id: 7, name: "0007-mirror-error-code", statements: addMirrorErrorCode },
  { id: 8, name: "0008-api-keys", statements: (dialect) => createTable(dialect, API_KEYS) },
  {
    id: 9,
    name: "0009-health",
    statements: (dialect) => [
      ...addColumn(dialect, "dl_parity", DRIFT),
      ...createIndex(dialect, "dl_tables", QUARANTINED_TABLES),
      ...createIndex(dialect, "dl_mirror_status", FAULTS),
      ...(dialect.name === "postgres" ? [MIRROR_FACTS_FUNCTION] : []),
    ],
  },
  { id: IDENTITY_MIGRATION, name: "0010-identity", statements: identityColumn, rows: giveIdentity },
  {
    id: 12,
    name: "0012-names",
    statements: (dialect) => [
      ...IDENTITY_COLUMNS.flatMap((column) => addColumn(dialect, "dl_tables", column)),
      ...[MANIFEST_DUE, ...DROPPED_TABLES].flatMap((index) => createIndex(dialect, "dl_tables", index)),
      ...createTable(dialect, TABLE_NAMES),
    ],
  },
  {
    id: 13,
    name: "0013-maintenance",
    statements: (dialect) => [
      ...createTable(dialect, MAINTENANCE),
      ...[VECTORS, OUTSIDE, SHARED_VECTORS].flatMap((index) => createIndex(dialect, "dl_files", index)),
    ],
  },
  { id: 16, name: "0016-places", statements: (dialect) => createTable(dialect, TABLE_PLACES) },
  {
    id: 20,
    name: "0020-compatible-code",
    worksFrom: 13,
    statements: (dialect) => addColumn(dialect, "dl_migrations", WORKS_FROM),
  },
  {
    id: ACCESS_MIGRATION,
    name: "0032-grants",
    worksFrom: ACCESS_WORKS_FROM,
    statements: (dialect) => [ACCESS, GRANTS, ROLE_MEMBERS, POLICIES].flatMap((table) => createTable(dialect, table)),
  },
  {
    id: 33,
    name: "0033-new-files-only",
    worksFrom: 20,
    statements: (dialect) => (dialect.name === "postgres" ? [CHECK_ROWS_UP_TO] : []),
  },
  { id: 34, name: "0034-audit", worksFrom: 20, statements: (dialect) => createTable(dialect, AUDIT) },
  {
    id: 21,
    name: "0021-forgotten-transactions",
    worksFrom: 20,
    statements: (dialect) => [
      ...FORGOTTEN_COLUMNS.flatMap((column) => addColumn(dialect, "dl_tables", column)),
      ...createIndex(dialect, "dl_transactions", OLDEST_TRANSACTIONS),
      ...(dialect.name === "postgres" ? [COMMIT_ONE_WITH_FLOORS] : []),
    ],
  },
  {
    id: 28,
    name: "0028-scan-indexes",
    worksFrom: 20,
    statements: (dialect) => [SCAN_INDEXES, SCAN_BOUNDS].flatMap((table) => createTable(dialect, table)),
  },
  {
    id: 41,
    name: "0041-appends",
    worksFrom: 20,
    statements: (dialect) => (dialect.name === "postgres" ? POSTGRES_APPENDS : []),
  },
  {
    id: 48,
    name: "0048-rows-since",
    worksFrom: 20,
    statements: (dialect) => addColumn(dialect, "dl_tables", ROWS_SINCE),
  },
  {
    id: 49,
    name: "0049-compaction",
    worksFrom: 20,
    statements: (dialect) => COMPACTION.flatMap((column) => addColumn(dialect, "dl_maintenance", column)),
  },
  {
    id: FOLLOWED_MIGRATION,
    name: "0051-followed",
    worksFrom: FOLLOWED_WORKS_FROM,
    statements: (dialect) => [
      ...FOLLOWED_COLUMNS.flatMap((column) => addColumn(dialect, "dl_tables", column)),
      ...createIndex(dialect, "dl_tables", FOLLOWED_TABLES),
    ],
  },
  {
    id: 58,
    name: "0058-mysql-commit",
    worksFrom: 20,
    statements: (dialect) => (dialect.locks === "names" ? MYSQL_COMMIT : []),
  },
  {
    id: 59,
    name: "0059-s3-keys",
    worksFrom: 20,
    statements: (dialect) => addColumn(dialect, "dl_api_keys", KEY_KIND),
  },
  {
    id: 61,
    name: "0061-noted-commits",
    worksFrom: 20,
    statements: (dialect) =>
      dialect.name === "postgres" ? POSTGRES_NOTED_COMMITS : dialect.locks === "names" ? MYSQL_NOTED_COMMITS : [],
  },
  {
    id: 62,
    name: "0062-last-places",
    worksFrom: 20,
    statements: (dialect) => (dialect.name === "postgres" ? POSTGRES_LAST_PLACES : []),
  },
  {
    id: SLOTS_MIGRATION,
    name: "0064-mysql-slots",
    worksFrom: 20,
    statements: (dialect) =>
      dialect.locks === "rows"
        ? [...[STAGED_REQUESTS, SLOTS].flatMap((table) => createTable(dialect, table)), ...MYSQL_COMMIT_BY_SLOTS]
        : [],
    rows: (dialect) =>
      dialect.locks === "rows"
        ? [FILL_SLOTS, `update dl_migrations set name = '${BY_ROWS}' where id = ${SLOTS_MIGRATION}`]
        : [],
  },
  {
    id: 66,
    name: "0066-mysql-unpublished",
    worksFrom: 20,
    statements: (dialect) => (dialect.name === "mysql" ? MYSQL_UNPUBLISHED : []),
  },
  {
    id: OPERATOR_GRANTS_MIGRATION,
    name: "0069-operator-grants",
    worksFrom: OPERATOR_GRANTS_WORKS_FROM,
    statements: (dialect) => createTable(dialect, OPERATOR_GRANTS),
  },
  {
    id: 71,
    name: "0071-scan-wishes",
    worksFrom: 20,
    statements: (dialect) => createTable(dialect, SCAN_WISHES),
  },
  {
    id: 77,
    name: "0077-plain-appends",
    worksFrom: 20,
    statements: (dialect) => (dialect.name === "postgres" ? POSTGRES_PLAIN_APPENDS : []),
  },
];

/** What later migrations added to the first tables. */
const ADDED: Readonly<Record<string, Partial<Pick<TableSpec, "columns" | "indexes">>>> = {
  dl_tables: {
    columns: [...IDENTITY_COLUMNS, ...FORGOTTEN_COLUMNS, ROWS_SINCE, ...FOLLOWED_COLUMNS],
    indexes: [NAME_IN_ANY_CASE, QUARANTINED_TABLES, MANIFEST_DUE, ...DROPPED_TABLES, FOLLOWED_TABLES],
  },
  dl_transactions: { indexes: [OLDEST_TRANSACTIONS] },
  dl_files: { indexes: [VECTORS, OUTSIDE, SHARED_VECTORS] },
  dl_mirror_status: { columns: [MIRROR_ERROR_CODE], indexes: [FAULTS] },
};

/** The schema that all migrations together make, on all engines together. */
export const SCHEMA: readonly TableSpec[] = [
  { ...MIGRATIONS_TABLE, columns: [...MIGRATIONS_TABLE.columns, DATABASE_ID, WORKS_FROM] },
  ...INITIAL_TABLES.map((table) => ({
    ...table,
    columns: [...table.columns, ...(ADDED[table.name]?.columns ?? [])],
    indexes: [...(table.indexes ?? []), ...(ADDED[table.name]?.indexes ?? [])],
  })),
  STAGED_REQUESTS,
  SLOTS,
  { ...PARITY, columns: [...PARITY.columns, DRIFT] },
  { ...API_KEYS, columns: [...API_KEYS.columns, KEY_KIND] },
  TABLE_NAMES,
  { ...MAINTENANCE, columns: [...MAINTENANCE.columns, ...COMPACTION] },
  TABLE_PLACES,
  ACCESS,
  GRANTS,
  OPERATOR_GRANTS,
  ROLE_MEMBERS,
  POLICIES,
  SCAN_INDEXES,
  SCAN_BOUNDS,
  SCAN_WISHES,
];

/** The tables that there are on an engine. */
export function tablesOn(dialect: Dialect): readonly TableSpec[] {
  return SCHEMA.filter(({ isOn }) => isOn === undefined || isOn(dialect));
}
