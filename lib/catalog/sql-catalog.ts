/** The Catalog port on a SQL database: a table of contents of the files beside it, one per noun. */

import { invalid, type LakeError } from "../errors.ts";
import type { Catalog, Clock, DatabaseLogin, ImportPosition, ReadyFiles, SqlRights } from "../ports.ts";
import { adoptLives, raiseChanges } from "./adopted-lives.ts";
import { addKey, findKey, listKeys, revokeKey, touchKey } from "./api-keys.ts";
import { addAudit, auditOf, auditShards, findAudit, oldestAudit, trimAudit } from "./audit.ts";
import { holdVersions, readCut, readRows, tablesAmong } from "./backup/read.ts";
import { beginRestore, finishRestore, restorePart } from "./backup/restore.ts";
import { ROW_SETS } from "./backup/sets.ts";
import { checkedDatabase } from "./checked-database.ts";
import { wholeAnswer } from "./commit/answers.ts";
import { commitLocked, commitMove, committer } from "./commit/commit.ts";
import type { Database } from "./database.ts";
import type { Dialect } from "./dialect.ts";
import { noteFollowed, takeOver } from "./following.ts";
import { accessState, changeAccess, readAccess } from "./grants.ts";
import { writeFilesAlone } from "./import-files.ts";
import { abortImport, beginImport, finishImport, importBatches, importMoved } from "./imports.ts";
import { fileFingerprint } from "./keys.ts";
import { dropTable, listDropped, renameTable, undropTable, whereabouts } from "./lifecycle.ts";
import * as unneeded from "./maintenance/files.ts";
import { forgetTransactions, oldTransactions, transactionTables } from "./maintenance/transactions.ts";
import { trimBelowBase } from "./maintenance/trim.ts";
import { condemn, raiseBase, readUpkeep, writeUpkeep } from "./maintenance/upkeep.ts";
import { dueManifests, markManifest, readManifestFacts } from "./manifests.ts";
import { SCHEMA, tablesOn } from "./migrations/index.ts";
import { migrate, pendingMigrations } from "./migrations/migrate.ts";
import * as mirror from "./outbox.ts";
import { readParity, writeParity } from "./parity.ts";
import { formerPlaces } from "./places.ts";
import { beginPurge, purgeRows, sharesPlace } from "./purge.ts";
import { readActions } from "./reads/actions.ts";
import { readBacklog } from "./reads/backlog.ts";
import { metadataHistory, pathsLacking } from "./reads/before-change.ts";
import { readCommits, readCommitsOf } from "./reads/commits.ts";
import { readFiles, readFileTexts, readTombstones } from "./reads/files.ts";
import { formerCommits, tableAt } from "./reads/former-lives.ts";
import { rangesLosing } from "./reads/lost-ranges.ts";
import { listMirrorFacts, mirrorFacts } from "./reads/mirror-facts.ts";
import { fileTotals, smallFiles } from "./reads/small-files.ts";
import { readDomains, readTxns, stateSizes } from "./reads/state-lists.ts";
import { findTransactionRow, readFloor } from "./reads/transactions.ts";
import { firstOwnVersion, history, readHeader, readSummary, versionAt } from "./reads/versions.ts";
import { beginRebuild, finishRebuild } from "./rebuild.ts";
import * as recovery from "./recovery.ts";
import { countCandidates, readCandidates } from "./scans/candidates.ts";
import * as scans from "./scans/indexes.ts";
import { findClaim, findTable, listNamespaces, listTables, nestedTables, readStates } from "./tables.ts";

export function catalogOn(database: Database, clock: Clock): Catalog {
  const { db, recheck, ping } = checkedDatabase(database);
  const imports = importPositions();
  return {
    async migrate({ reader, scratch, functions = [] } = {}) {
      const result = await migrate(database, clock);
      recheck();
      if (reader) await allowLogin(database, reader, readerRights(database));
      for (const { rights, ...login } of functions) await allowLogin(database, login, rights);
      if (scratch) await scratchOf(database).allow(database, scratch);
      return result;
    },
    pendingMigrations: () => pendingMigrations(database),
    async emptyScratch() {
      await scratchOf(database).empty(database);
      recheck();
    },
    ping,
    close: () => database.close(),

    findTable: (ref, options) => findTable(db, ref, options),
    listTables: (options) => listTables(db, options),
    listNamespaces: (options) => listNamespaces(db, options),
    tableAt: (location) => tableAt(db, location),
    findClaim: (wanted) => findClaim(db, wanted),
    nestedTables: (limit) => nestedTables(db, limit),
    readStates: (refs) => readStates(db, refs),

    dropTable: (tableId, options) => dropTable(db, tableId, options, clock),
    undropTable: (tableId, options) => undropTable(db, tableId, options, clock),
    renameTable: (tableId, name, noting) => renameTable(db, tableId, name, clock, noting),
    formerPlaces: (tableId) => formerPlaces(db, tableId),
    beginPurge: (tableId, options) => beginPurge(db, tableId, options, clock),
    purgeRows: (tableId, limit) => purgeRows(db, tableId, limit),
    sharesPlace: (tableId, location) => sharesPlace(db, tableId, location),
    whereabouts: (ref) => whereabouts(db, ref),
    listDropped: (options) => listDropped(db, options),
    async beginRebuild(options) {
      const catalogId = await beginRebuild(database, clock, options);
      recheck();
      return catalogId;
    },
    finishRebuild: () => finishRebuild(db),
    readManifestFacts: (tableId) => readManifestFacts(db, tableId),
    markManifest: (tableId, changes) => markManifest(db, tableId, changes),
    dueManifests: (limit) => dueManifests(db, limit),

    epoch: () => db.epoch(),
    commit: committer(db, clock),
    commitLocked: (transactionId, tables, plan) => commitLocked(db, clock, transactionId, tables, plan),
    commitMove: (transactionId, move) => commitMove(db, clock, transactionId, move),
    async findTransaction(transactionId) {
      const stored = await findTransactionRow(db, transactionId);
      return stored && wholeAnswer(stored);
    },
    transactionFloor: () => readFloor(db),

    readCommitsOf: (ranges) => readCommitsOf(db, ranges),
    readCommits: (tableId, from, to, options) => readCommits(db, tableId, from, to, options),
    formerCommits: (location, version) => formerCommits(db, location, version),
    firstOwnVersion: (tableId) => firstOwnVersion(db, tableId),
    readActions: (tableId, version, options) => readActions(db, tableId, version, options),
    history: (tableId, options) => history(db, tableId, options),
    versionAt: (tableId, timestamp) => versionAt(db, tableId, timestamp),
    readHeader: (tableId, version) => readHeader(db, tableId, version),
    readSummary: (tableId, version) => readSummary(db, tableId, version),
    readTxns: (tableId, version, options) => readTxns(db, tableId, version, options),
    readDomains: (tableId, version, options) => readDomains(db, tableId, version, options),
    stateSizes: (tableId, version, options) => stateSizes(db, tableId, version, options),
    fingerprintOf: fileFingerprint,
    readFiles: (tableId, version, options) => readFiles(db, tableId, version, options),
    readFileTexts: (tableId, version, options) => readFileTexts(db, tableId, version, options),
    metadataHistory: (tableId) => metadataHistory(db, tableId),
    pathsLacking: (tableId, version, options) => pathsLacking(db, tableId, version, options),
    rangesLosing: (tableId, options) => rangesLosing(db, tableId, options),
    readTombstones: (tableId, version, options) => readTombstones(db, tableId, version, options),

    scanIndexes: (tableId) => scans.scanIndexes(db, tableId),
    scanIndexesBehind: () => scans.scanIndexesBehind(db),
    addScanWish: (wish) => scans.addScanWish(db, clock, wish),
    scanWishes: (limit) => scans.scanWishes(db, limit),
    endScanWish: (wish) => scans.endScanWish(db, wish),
    addScanIndex: (index) => scans.addScanIndex(db, clock, index),
    dropScanIndex: (indexId) => scans.dropScanIndex(db, indexId),
    sweepScanBounds: (limit) => scans.sweepScanBounds(db, limit),
    filesToIndex: (tableId, options) => scans.filesToIndex(db, tableId, options),
    advanceScanIndex: (index, to, rows) => scans.advanceScanIndex(db, index, to, rows),
    countCandidates: (tableId, options) => countCandidates(db, tableId, options),
    readCandidates: (tableId, version, options) => readCandidates(db, tableId, version, options),

    fileTotals: (tableId, version, rule) => fileTotals(db, tableId, version, rule),
    smallFiles: (tableId, version, options) => smallFiles(db, tableId, version, options),

    readBacklog: (tableId, maxVersions, options) => readBacklog(db, tableId, maxVersions, options),
    unpublished: (tableId, limit) => mirror.unpublished(db, tableId, limit),
    mirroredVersion: (tableId) => mirror.mirroredVersion(db, tableId),
    mirrorStatuses: (tableId, options) => mirror.mirrorStatuses(db, tableId, options),
    markPublished: (tableId, versions, at) => mirror.markPublished(db, tableId, versions, at),
    markMirrorError: (tableId, version, error) => mirror.markMirrorError(db, tableId, version, error),
    markLogFault: (tableId, version, fault) => mirror.markLogFault(db, tableId, version, fault),
    setQuarantine: (tableId, reason, noting) => mirror.setQuarantine(db, tableId, reason, noting),
    mirrorFacts: (tableIds) => mirrorFacts(db, clock, tableIds),
    listMirrorFacts: (options) => listMirrorFacts(db, clock, options),

    noteFollowed: (tableId, look) => noteFollowed(db, tableId, look),
    takeOver: (tableId, head) => takeOver(db, tableId, head),

    readParity: (tableId) => readParity(db, tableId),
    writeParity: (record) => writeParity(db, record),

    readUpkeep: (tableIds) => readUpkeep(db, tableIds),
    writeUpkeep: (tableId, change) => writeUpkeep(db, tableId, change),
    newestRemoval: (tableId, upTo) => unneeded.newestRemoval(db, tableId, upTo),
    condemn: (tableId, options) => condemn(db, tableId, options),
    expiredFiles: (tableId, options) => unneeded.expiredFiles(db, tableId, options),
    neededFiles: (tableId, options) => unneeded.neededFiles(db, tableId, options),
    filesInUse: (table, wanted) => unneeded.filesInUse(db, table, wanted),
    changeFilesFrom: (tableId, version, limit) => unneeded.changeFilesFrom(db, tableId, version, limit),
    sharedVectors: (options) => unneeded.sharedVectors(db, options),
    placesWithin: (location) => unneeded.placesWithin(db, location),
    raiseBase: (tableId, version) => raiseBase(db, tableId, version),
    trimBelowBase: (tableId, keep) => trimBelowBase(db, tableId, keep),
    oldTransactions: (options) => oldTransactions(db, options),
    transactionTables: (tableIds) => transactionTables(db, tableIds),
    forgetTransactions: (what) => forgetTransactions(db, what),

    addKey: (key) => addKey(db, key),
    findKey: (keyId) => findKey(db, keyId),
    listKeys: (options) => listKeys(db, options),
    revokeKey: (keyId, at) => revokeKey(db, keyId, at),
    touchKey: (keyId, at) => touchKey(db, keyId, at),

    accessState: () => accessState(db),
    readAccess: () => readAccess(db),
    changeAccess: (change) => changeAccess(db, change),

    addAudit: (rows) => addAudit(db, rows),
    auditOf: (shard, options) => auditOf(db, shard, options),
    findAudit: (filter) => findAudit(db, filter),
    auditShards: () => auditShards(db),
    oldestAudit: (but) => oldestAudit(db, but),
    trimAudit: (shard, upTo) => trimAudit(db, shard, upTo),

    backupSets: ROW_SETS,
    readCut: () => readCut(db),
    readRows: (wanted) => readRows(db, wanted),
    holdVersions: (tables) => holdVersions(db, tables),
    tablesAmong: (tableIds) => tablesAmong(db, tableIds),
    // The database that is restored into is none that may be worked with yet.
    beginRestore: (plan) => beginRestore(database, clock, plan),
    restorePart: (plan, part) => restorePart(database, plan, part),
    async finishRestore(plan, end) {
      await finishRestore(database, clock, plan, end);
      recheck();
    },

    async beginImport(request) {
      const progress = await beginImport(db, clock, request);
      imports.set(progress.tableId, progress);
      return progress;
    },
    importBatches: (tableId, batches) => imports.advance(tableId, (at) => importBatches(db, tableId, batches, at)),
    ...(database.takesReadyRows && {
      importReady: (files: ReadyFiles) => imports.advanceIf(files, () => writeFilesAlone(db, files)),
    }),
    finishImport: (tableId, end) => finishImport(db, clock, tableId, end),
    abortImport: (tableId) => abortImport(db, tableId),

    recoverVersions: (tableId, batches) => recovery.recoverVersions(db, tableId, batches),
    async beginRecovery(tableId, from) {
      const progress = await recovery.beginRecovery(db, tableId, from, clock);
      imports.set(progress.tableId, progress);
      return progress;
    },
    followMove: (tableId, move) => recovery.followMove(db, tableId, move, clock),
    adoptLives: (lives) => adoptLives(db, lives),
    raiseChanges: (tableId, changes) => raiseChanges(db, tableId, changes),
    openRecoveries: () => recovery.openRecoveries(db),
    incompleteTransactions: (options) => recovery.incompleteTransactions(db, options),
    findTransactionParts: (transactionId) => recovery.findTransactionParts(db, transactionId),
    settleTransaction: (transactionId, tableIds) => recovery.settleTransaction(db, clock, transactionId, tableIds),
  };
}

/**
 * Makes the login, or gives it this password and these rights. Safe to run again, and at once.
 * @throws LakeError invalid where the engine has no logins
 */
async function allowLogin(database: Database, login: DatabaseLogin, rights: SqlRights): Promise<void> {
  const { allowLogin: allow } = database.dialect;
  if (allow === undefined) throw noLogins();
  await allow(database, login, rightsOn(database, rights));
}

/** Some tables are on some engines alone. */
function rightsOn({ dialect }: Database, rights: SqlRights): SqlRights {
  const absent = SCHEMA.filter(({ isOn }) => isOn?.(dialect) === false).map(({ name }) => name);
  return Object.fromEntries(Object.entries(rights).filter(([table]) => !absent.includes(table)));
}

/** All tables that there are now, but for those with secrets of callers. */
function readerRights({ dialect }: Database): SqlRights {
  const open = tablesOn(dialect).filter(({ isPrivate }) => !isPrivate);
  return Object.fromEntries(open.map(({ name }) => [name, ["select"] as const]));
}

function scratchOf({ dialect }: Database): NonNullable<Dialect["scratch"]> {
  if (dialect.scratch === undefined) throw noLogins();
  return dialect.scratch;
}

function noLogins(): LakeError {
  return invalid("SQLite has no logins: whoever can open the file may write to it", {
    hint: "Open the file read-only, or use PostgreSQL or MySQL.",
  });
}

/** Where the imports begun through this catalog are. After a failure whose outcome may be unknown, an import begins again. */
function importPositions() {
  const positions = new Map<string, ImportPosition>();
  return {
    set(tableId: string, { version, checkpointActions }: ImportPosition) {
      positions.set(tableId, { version, checkpointActions });
    },
    async advance(tableId: string, apply: (at: ImportPosition) => Promise<ImportPosition>): Promise<void> {
      const at = positions.get(tableId.toLowerCase());
      if (at === undefined) throw importMoved(tableId);
      positions.delete(tableId.toLowerCase());
      positions.set(tableId.toLowerCase(), await apply(at));
    },
    /** @param apply false: nothing was written */
    async advanceIf({ tableId, at, next }: ReadyFiles, apply: () => Promise<boolean>): Promise<boolean> {
      const here = positions.get(tableId);
      if (here?.version !== at.version || here.checkpointActions !== at.checkpointActions) throw importMoved(tableId);
      positions.delete(tableId);
      const isDone = await apply();
      positions.set(tableId, isDone ? next : at);
      return isDone;
    },
  };
}
