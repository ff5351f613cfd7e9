/** The public API: open a lake, and move data with the operations. */

export type { AddFile, Commit, CommitActions, Metadata, Protocol, RemoveFile } from "./delta/actions.ts";
export type { DiffReport } from "./delta/diff.ts";
export type { CommitRequest, CommitResult, TableCommit, TableConflict, TableRef } from "./delta/request.ts";
export { isLakeError, LakeError } from "./errors.ts";
export {
  type LocalLake,
  type LocalLakeOptions,
  openLocalLake,
  openLocalLake as openLake,
  toLocation,
} from "./lake/local.ts";
export { commit } from "./operations/commit.ts";
export { createTable } from "./operations/create-table.ts";
export { diffTable } from "./operations/diff.ts";
export { exportTable } from "./operations/export.ts";
export { tableCommits, tableHistory } from "./operations/history.ts";
export { importTable } from "./operations/import.ts";
export { listDomains, listFiles, listTxns } from "./operations/lists.ts";
export { mirrorTable } from "./operations/mirror.ts";
export { planScan } from "./operations/plan-scan.ts";
export { describeTable, resolveVersion, snapshots } from "./operations/read.ts";
export { resolveTable } from "./operations/resolve.ts";
export { sweepMirrors } from "./operations/sweep.ts";
export type { Lake } from "./ports.ts";
