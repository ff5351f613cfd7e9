/** Rebuilds the state of a version from the log and holds it against SQL's rows: by fingerprint, or field by field (ARCHITECTURE.md D15). */

import type { FileIdentity, Metadata, Txn } from "../../delta/actions.ts";
import { diffFile, diffMetadata, diffProtocol, named } from "../../delta/diff.ts";
import type { LogSegment } from "../../delta/files/log-files.ts";
import { NewestFirst, sameFingerprint } from "../../delta/fingerprint.ts";
import { fileKey, LogReplay, type ReplayHeader } from "../../delta/replay.ts";
import { unexpiredTxns } from "../../delta/txns.ts";
import type { DeltaLog, Lake, SnapshotHeader, TableHead } from "../../ports.ts";
import { PAGE_FILES, pages } from "../checkpoint.ts";
import type { Findings } from "./findings.ts";

/** About 1 GB (`bench/parity.ts`). */
const FILES_A_PASS = 250_000;

/** States of more files than this need not be compared field by field while their fingerprints are equal. */
export const FIELDS_AT_ONCE = 100_000;

export interface StateRequest {
  /**
   * A state of more files than this is compared by its fingerprint, which neither reads SQL's files nor holds the log's, and
   * field by field only where that differs. Absent: always field by field.
   */
  readonly fieldsUpTo?: number;
  /** So many files are held at once where fields are compared; more take more passes over the log. About 1 GB if absent. */
  readonly filesAPass?: number;
}

/** Rebuilds the state from the files that a reader would take, and compares it with the rows. */
export async function compareState(
  lake: Lake,
  head: TableHead,
  log: DeltaLog,
  request: StateRequest & { readonly segment: LogSegment },
  found: Findings,
): Promise<void> {
  const { segment, fieldsUpTo = Number.POSITIVE_INFINITY, filesAPass = FILES_A_PASS } = request;
  const header = await lake.catalog.readHeader(head.tableId, segment.version);
  if (header.numFiles > fieldsUpTo) {
    const sum = await sumLog(lake, log, segment);
    if (sum.numFiles === header.numFiles && sameFingerprint(sum.fingerprint, header.fingerprint)) {
      await compareHeaders(lake, head, header, sum.header, found);
      found.notes.push(`${header.numFiles} files were compared by their fingerprint`);
      return;
    }
  }
  await compareFields(lake, head, log, { segment, header, filesAPass }, found);
}

/** The files in as many passes as it takes, each with its share of them. */
async function compareFields(
  lake: Lake,
  head: TableHead,
  log: DeltaLog,
  { segment, header, filesAPass }: { segment: LogSegment; header: SnapshotHeader; filesAPass: number },
  found: Findings,
): Promise<void> {
  const passes = Math.max(1, Math.ceil(header.numFiles / filesAPass));
  for (let pass = 0; pass < passes; pass += 1) {
    const isOfPass = (file: FileIdentity) => passes === 1 || shareOf(fileKey(file), passes) === pass;
    const { replay, hasStats } = await replayLog(log, segment, isOfPass);
    if (pass === 0) {
      await compareHeaders(lake, head, header, replay.header, found);
      if (!hasStats) found.notes.push("the checkpoint has no JSON statistics: statistics were not compared");
    }
    const inLog = new Map(replay.files);
    for await (const page of pages((at) =>
      lake.catalog.readFiles(head.tableId, segment.version, { ...at, limit: PAGE_FILES }),
    )) {
      for (const file of page.filter(isOfPass)) {
        const key = fileKey(file);
        const twin = inLog.get(key);
        inLog.delete(key);
        const drift = twin === undefined ? named("missing", file) : diffFile(file, twin, { stats: hasStats });
        if (drift) found.file(drift);
      }
    }
    for (const file of inLog.values()) found.file(named("extra", file));
  }
}

/** Which of so many shares a text belongs to: about as many texts to each. */
function shareOf(text: string, shares: number): number {
  let hash = 0;
  for (let i = 0; i < text.length; i += 1) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return (hash >>> 0) % shares;
}

async function compareHeaders(
  lake: Lake,
  { tableId }: TableHead,
  sql: SnapshotHeader,
  log: ReplayHeader,
  found: Findings,
): Promise<void> {
  found.metadata.push(...diffMetadata(sql.metadata, log.metadata));
  found.protocol.push(...diffProtocol(sql.protocol, log.protocol));
  const settings = ({ domains }: ReplayHeader) => domains.map((d) => [d.domain, d.configuration] as const);
  const now = lake.clock.now();
  const versions = (txns: readonly Txn[], metadata: Metadata) =>
    unexpiredTxns(txns, metadata, now).map((t) => [t.appId, t.version] as const);
  const inLog = new Set(log.txns.map((txn) => txn.appId));
  let txns = sql.txns;
  if (unexpiredTxns(txns, sql.metadata, now).some((txn) => !inLog.has(txn.appId))) {
    // A checkpoint from when the property was another may have left out what had expired then.
    const history = await lake.catalog.metadataHistory(tableId);
    txns = txns.filter(
      (txn) => inLog.has(txn.appId) || history.every((metadata) => unexpiredTxns([txn], metadata, now).length > 0),
    );
  }
  compareNamed("txn", "txn", versions(txns, sql.metadata), versions(log.txns, sql.metadata), found);
  compareNamed("domain", "domainMetadata", settings(sql), settings(log), found);
}

function compareNamed(
  kind: "txn" | "domain",
  what: string,
  sql: readonly (readonly [string, string | number | bigint])[],
  log: readonly (readonly [string, string | number | bigint])[],
  found: Findings,
): void {
  const left = new Map(sql);
  const right = new Map(log);
  for (const name of new Set([...left.keys(), ...right.keys()])) {
    const a = left.get(name) ?? null;
    const b = right.get(name) ?? null;
    if (a !== b) found.other.push({ kind, field: `${what}.${name}`, sql: a, log: b });
  }
}

/** Of the files only those that `isWanted`, as removes are not compared. */
async function replayLog(
  log: DeltaLog,
  segment: LogSegment,
  isWanted: (file: FileIdentity) => boolean,
): Promise<{ replay: LogReplay; hasStats: boolean }> {
  const replay = new LogReplay();
  let hasStats = true;
  if (segment.checkpoint) {
    const header = await log.readCheckpointHeader(segment.checkpoint);
    hasStats = header.hasJsonStats;
    replay.applyHeader(header);
    for await (const batch of log.readCheckpointFiles(segment.checkpoint)) {
      replay.applyFiles(batch.filter((action) => "add" in action && isWanted(action.add)));
    }
  }
  for (const file of segment.commits) {
    const { actions } = await log.readCommit(file.version);
    replay.applyCommit({
      ...actions,
      adds: actions.adds.filter(isWanted),
      removes: actions.removes.filter(isWanted),
    });
  }
  return { replay, hasStats };
}

async function sumLog(lake: Lake, log: DeltaLog, segment: LogSegment): Promise<NewestFirst> {
  const sum = new NewestFirst((file) => lake.catalog.fingerprintOf(file));
  for (const { version } of segment.commits.toReversed()) sum.applyCommit((await log.readCommit(version)).actions);
  if (segment.checkpoint) {
    sum.applyHeader(await log.readCheckpointHeader(segment.checkpoint));
    for await (const batch of log.readCheckpointFiles(segment.checkpoint)) {
      for (const action of batch) if ("add" in action) sum.applyCheckpointFile(action.add);
    }
  }
  return sum;
}
