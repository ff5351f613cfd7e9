/** Every side effect of the product, as interfaces: a file a noun in ports/. Operations see only these and the model. */

export {
  MARKER_NAMES,
  type MarkerName,
  type Markers,
  type PlannedCommit,
  type PlannedTable,
  type TableHead,
  type TableState,
  type TableStatus,
} from "./delta/table.ts";
export type * from "./ports/audit.ts";
export type * from "./ports/backups.ts";
export type * from "./ports/cache.ts";
export type * from "./ports/catalog.ts";
export type * from "./ports/clock.ts";
export type * from "./ports/commits.ts";
export type * from "./ports/compaction.ts";
export type * from "./ports/data-files.ts";
export type * from "./ports/files.ts";
export type * from "./ports/following.ts";
export type * from "./ports/grants.ts";
export type * from "./ports/imports.ts";
export type * from "./ports/keys.ts";
export type * from "./ports/lake.ts";
export type * from "./ports/lending.ts";
export type * from "./ports/lifecycle.ts";
export type * from "./ports/log.ts";
export type * from "./ports/maintenance.ts";
export type * from "./ports/metrics.ts";
export type * from "./ports/outbox.ts";
export type * from "./ports/page.ts";
export type * from "./ports/parity.ts";
export type * from "./ports/queue.ts";
export type * from "./ports/rebuild.ts";
export type * from "./ports/recovery.ts";
export type * from "./ports/scans.ts";
export type * from "./ports/snapshots.ts";
export type * from "./ports/storage.ts";
export type * from "./ports/tables.ts";
export type * from "./ports/traces.ts";
export type * from "./ports/versions.ts";
