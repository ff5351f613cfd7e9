/** Compares two states or two commits of one table, field by field: SQL on one side, `_delta_log` on the other. Pure. */

import {
  type AddFile,
  type Commit,
  type CommitActions,
  type CommitInfo,
  deletionVectorId,
  type FileIdentity,
  type Metadata,
  type Protocol,
  type UnknownFields,
} from "./actions.ts";
import {
  addFields,
  domainFields,
  encodeCommitInfo,
  metadataFields,
  protocolFields,
  removeFields,
  txnFields,
} from "./encode.ts";
import { DRIFT_KINDS, type DriftCounts, type DriftKind } from "./health.ts";
import { fileKey } from "./replay.ts";
import { canonicalJson, isJsonObject, type Json, type JsonObject, parseJson } from "./values/json.ts";

export interface FieldDrift {
  readonly field: string;
  readonly sql: Json;
  readonly log: Json;
}

/** Neither of files, nor of metadata or protocol. */
export interface OtherDrift extends FieldDrift {
  readonly kind: Exclude<DriftKind, "files" | "metadata" | "protocol">;
}

export interface FileDrift {
  /** `missing`: SQL has it, the log does not. `extra`: the other way round. `different`: both do, with other fields. */
  readonly kind: "missing" | "extra" | "different";
  readonly path: string;
  readonly deletionVector?: string;
  readonly fields?: readonly FieldDrift[];
}

export interface FileComparison {
  /** False when the log's side comes from a checkpoint without JSON statistics. */
  readonly stats: boolean;
}

/** dataChange is of the commit, not of the file: checkpoints set it as they like (docs/delta-rules.md §1.2). */
const NOT_OF_THE_FILE = new Set(["dataChange"]);

/** Checkpoints do not carry unknown fields, so a state has none; commits are compared with them. */
function onlyKnown<T extends { readonly unknown?: UnknownFields }>(action: T): T {
  const { unknown: _, ...known } = action;
  return known as T;
}

/** How one file differs; undefined when it does not. */
export function diffFile(sql: AddFile, log: AddFile, compare: FileComparison): FileDrift | undefined {
  const known = (file: AddFile): JsonObject => {
    const deletionVector = file.deletionVector && onlyKnown(file.deletionVector);
    const { stats, ...rest } = addFields(deletionVector ? { ...onlyKnown(file), deletionVector } : onlyKnown(file));
    return compare.stats ? { ...rest, stats: comparableText(stats as string | undefined) } : rest;
  };
  const fields = diffFields(known(sql), known(log)).filter((drift) => !NOT_OF_THE_FILE.has(drift.field));
  return fields.length === 0 ? undefined : { ...named("different", sql), fields };
}

/** JSON texts (statistics, schemas) are the same when they say the same, whatever the spaces. */
function comparableText(text: string | undefined): Json {
  if (text === undefined) return null;
  try {
    return canonicalJson(parseJson(text));
  } catch {
    return text;
  }
}

export function named(kind: FileDrift["kind"], file: FileIdentity): FileDrift {
  const deletionVector = deletionVectorId(file);
  return deletionVector === "" ? { kind, path: file.path } : { kind, path: file.path, deletionVector };
}

export function diffMetadata(sql: Metadata | undefined, log: Metadata | undefined): FieldDrift[] {
  const comparable = (metadata: Metadata | undefined): JsonObject => {
    if (!metadata) return {};
    const known = { ...onlyKnown(metadata), format: onlyKnown(metadata.format) };
    return { ...metadataFields(known), schemaString: comparableText(metadata.schemaString) };
  };
  return diffFields(comparable(sql), comparable(log));
}

export function diffProtocol(sql: Protocol | undefined, log: Protocol | undefined): FieldDrift[] {
  const sorted = (p: Protocol | undefined): JsonObject => {
    if (!p) return {};
    const fields = protocolFields(onlyKnown(p));
    const set = (value: Json | undefined): Json | undefined => (Array.isArray(value) ? [...value].sort() : value);
    return { ...fields, readerFeatures: set(fields.readerFeatures), writerFeatures: set(fields.writerFeatures) };
  };
  return diffFields(sorted(sql), sorted(log));
}

/** Members of two objects that differ; nested objects are named `outer.inner`. Absent and null are the same. */
export function diffFields(sql: JsonObject, log: JsonObject, prefix = ""): FieldDrift[] {
  const drifts: FieldDrift[] = [];
  for (const name of new Set([...Object.keys(sql), ...Object.keys(log)])) {
    const left = (Object.hasOwn(sql, name) ? sql[name] : null) ?? null;
    const right = (Object.hasOwn(log, name) ? log[name] : null) ?? null;
    if (isJsonObject(left) && isJsonObject(right)) drifts.push(...diffFields(left, right, `${prefix}${name}.`));
    else if (left !== right && canonicalJson(left) !== canonicalJson(right)) {
      drifts.push({ field: `${prefix}${name}`, sql: left, log: right });
    }
  }
  return drifts;
}

/** How two accounts of one version differ. Order has no meaning. */
export function diffCommit(sql: Commit, log: CommitActions): { files: FileDrift[]; other: FieldDrift[] } {
  const files = [
    ...diffFileActions(sql.actions.adds, log.adds, (add) => addFields(add)),
    ...diffFileActions(sql.actions.removes, log.removes, (remove) => removeFields(remove)),
  ];
  const rest = (actions: CommitActions, commitInfo: CommitInfo | undefined): JsonObject => ({
    commitInfo,
    protocol: actions.protocol && protocolFields(actions.protocol),
    metaData: actions.metadata && metadataFields(actions.metadata),
    txn: Object.fromEntries(actions.txns.map((txn) => [txn.appId, txnFields(txn)])),
    domainMetadata: Object.fromEntries(actions.domains.map((domain) => [domain.domain, domainFields(domain)])),
    others: actions.others.map(canonicalJson).sort(),
  });
  // An imported commitInfo may lack the timestamp that we would write.
  const info = encodeCommitInfo(sql);
  const expected =
    info && log.commitInfo && log.commitInfo.timestamp === undefined ? { ...info, timestamp: undefined } : info;
  return { files, other: diffFields(rest(sql.actions, expected), rest(log, log.commitInfo)) };
}

function diffFileActions<T extends FileIdentity>(
  sql: readonly T[],
  log: readonly T[],
  fieldsOf: (file: T) => JsonObject,
): FileDrift[] {
  const drifts: FileDrift[] = [];
  const inLog = new Map(log.map((file) => [fileKey(file), file]));
  for (const file of sql) {
    const twin = inLog.get(fileKey(file));
    inLog.delete(fileKey(file));
    if (twin === undefined) drifts.push(named("missing", file));
    else {
      const fields = diffFields(fieldsOf(file), fieldsOf(twin));
      if (fields.length > 0) drifts.push({ ...named("different", file), fields });
    }
  }
  for (const file of inLog.values()) drifts.push(named("extra", file));
  return drifts;
}

/** What `dl diff` finds out about one table. */
export interface DiffReport {
  readonly tableId: string;
  readonly table: string;
  readonly logLocation: string;
  /** The head in SQL. */
  readonly sqlVersion: number;
  /** The newest version in `_delta_log`; −1 when there is none. */
  readonly logVersion: number;
  /** sqlVersion − logVersion: above 0 the mirror is behind, below 0 somebody else has written. */
  readonly versionDelta: number;
  /** The version at which files, metadata and protocol were compared; undefined when the log could not be read. */
  readonly comparedVersion?: number;
  /** Age of the oldest unpublished version, or the time that the last published one took. */
  readonly lagSeconds: number;
  readonly mirror?: {
    readonly version: number;
    readonly status: "IN_FLIGHT" | "COMPLETE" | "FAILED";
    readonly attempts: number;
  };
  readonly drift: {
    /** At most {@link MAX_LISTED_FILES}; fileCount has the truth. */
    readonly files: readonly FileDrift[];
    readonly fileCount: number;
    readonly metadata: readonly FieldDrift[];
    readonly protocol: readonly FieldDrift[];
    readonly other: readonly OtherDrift[];
  };
  readonly notes: readonly string[];
  readonly outcome: "ok" | "drift" | "lag";
  /** Milliseconds since the epoch. */
  readonly checkedAt: number;
}

export const MAX_LISTED_FILES = 1000;

/** How many differences of each kind, zeros included; of versions that one side lacks, how many. */
export function driftCounts({ drift }: Pick<DiffReport, "drift">): Required<DriftCounts> {
  const counts = Object.fromEntries(DRIFT_KINDS.map((kind) => [kind, 0])) as Record<DriftKind, number>;
  counts.files = drift.fileCount;
  counts.metadata = drift.metadata.length;
  counts.protocol = drift.protocol.length;
  for (const { kind, sql, log } of drift.other) {
    const isRange = kind === "logAhead" || kind === "versionGone";
    counts[kind] += isRange && typeof sql === "number" && typeof log === "number" ? Math.abs(sql - log) : 1;
  }
  return counts;
}
