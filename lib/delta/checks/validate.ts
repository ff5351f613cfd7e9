/** What a commit's actions must be, whoever else commits (docs/delta-rules.md §1): one small function per rule, named in `checkActions`. */

import { invalid } from "../../errors.ts";
import { type AddFile, type CommitActions, deletionVectorId } from "../actions.ts";
import { CHECKPOINT_ACTIONS } from "../fields/action-names.ts";
import { type ActionPlaces, type PlaceOf, placesOf } from "../fields/action-places.ts";
import { CHANGE_FILE, readableCommitInfo } from "../fields/actions.ts";
import { readRecord } from "../fields/fields.ts";
import { canonicalPath, checkPath } from "../files/paths.ts";
import { checkProtocolUpgrade, checkWritable } from "../protocol.ts";
import { withCanonicalPartitionValues } from "../schema/partition-values.ts";
import { assignsRowIds, isActive, type TableConfiguration } from "../table-configuration.ts";
import { type Int64, isInt64 } from "../values/int64.ts";
import { isJsonObject, type Json, parseJson } from "../values/json.ts";
import { checkFeaturesListed, checkMetadata, checkMetadataChange } from "./metadata.ts";
import { checkColumnStats } from "./stats.ts";
import { checkSystemDomain } from "./system-domains.ts";
import { checkDeletionVectors } from "./vectors.ts";

/** The table that a commit is checked against, and how messages name it. */
export interface ValidationContext {
  /** Undefined for a table that is being made. */
  readonly before: TableConfiguration | undefined;
  /** With the commit's own protocol and metaData; `before` where it has none. */
  readonly after: TableConfiguration;
  /** Files that stay live through the commit. */
  readonly keptFiles: number;
  /** The commit is strict: its writer has seen every version before it. */
  readonly isStrict: boolean;
  /** Feature names that the writer declares to honour. */
  readonly declared: ReadonlySet<string>;
  /** JSON pointer of the table's part of the request. */
  readonly at: string;
  /** Those of its actions. */
  readonly places?: ActionPlaces;
}

/**
 * Checks all rules that need no table rows. Rules that do (is a removed file live?) are in the commit statement.
 * @throws LakeError invalid, with the rule's Delta error class
 */
export function checkActions(actions: CommitActions, context: ValidationContext): void {
  const { at, before, after, keptFiles, isStrict } = context;
  const place = placesOf(context);
  if (actions.protocol) checkProtocolUpgrade(before?.protocol, actions.protocol, place("protocol"));
  if (actions.metadata) {
    const change = { after, keptFiles, at: place("metadata") };
    checkMetadata(before, after, change.at);
    if (before) checkMetadataChange({ ...change, before }, isStrict);
    checkFeaturesListed(before, after, change.at);
  }
  checkClusteringLayout(before, after, at);
  checkWritable(after, context.declared, at);
  if (actions.commitInfo) readableCommitInfo(actions.commitInfo, place("commitInfo"));
  checkNoCheckpointActions(actions, place);
  checkChangeFiles(actions, place);
  for (const [i, add] of actions.adds.entries()) checkPath(add.path, place("adds", i, "path"));
  checkUniqueFiles(actions, place);
  checkUniqueTxns(actions, place);
  checkDomains(actions, after, place);
  // Turning the property off in the commit that removes would get around it; Spark asks the old metadata, too.
  if (before) checkAppendOnly(actions, before, place);
  checkAppendOnly(actions, after, place);
  withCanonicalPartitionValues(actions, after, place);
  checkDeletionVectors(actions.adds, after, place);
  checkStats(actions, after, place);
}

/** PROTOCOL.md, "Clustered Table": a table is clustered or partitioned, not both. What was so before is let be. */
function checkClusteringLayout(before: TableConfiguration | undefined, after: TableConfiguration, at: string): void {
  const isBoth = ({ features, metadata }: TableConfiguration) =>
    features.has("clustering") && metadata.partitionColumns.length > 0;
  if (!isBoth(after) || (before && isBoth(before))) return;
  throw invalid("a table with partition columns cannot have the feature clustering", {
    at,
    code: "DELTA_CLUSTERING_WITH_PARTITIONS",
  });
}

/** PROTOCOL.md, "Sidecar File Information": these are in checkpoints only. */
function checkNoCheckpointActions(actions: CommitActions, place: PlaceOf): void {
  for (const [i, other] of actions.others.entries()) {
    const [name = ""] = Object.keys(other);
    if (CHECKPOINT_ACTIONS.has(name)) {
      throw invalid(`"${name}" belongs in checkpoints; a commit must not hold it`, { at: place("others", i) });
    }
  }
}

/** PROTOCOL.md, "Add CDC File": they tell what changed and change nothing themselves. */
function checkChangeFiles(actions: CommitActions, place: PlaceOf): void {
  for (const [i, { cdc }] of actions.others.entries()) {
    if (cdc === undefined) continue;
    const { path, dataChange } = readRecord(CHANGE_FILE, cdc, place("others", i), "request");
    checkPath(path, place("others", i, "path"));
    if (dataChange) {
      throw invalid(`dataChange of the cdc file "${path}" must be false`, { at: place("others", i, "dataChange") });
    }
  }
}

/** PROTOCOL.md, "Add File and Remove File"; Spark's checkNoDuplicateActions: one add and one remove per path, never both of one (path, dv). */
export function checkUniqueFiles(actions: CommitActions, place: PlaceOf): void {
  const duplicate = (what: string, path: string, at: string) =>
    invalid(`${what}: "${path}"`, { at, code: "DELTA_DUPLICATE_ACTIONS_FOUND", facts: { path } });
  const removed = new Map<string, string>();
  for (const [i, remove] of actions.removes.entries()) {
    const path = canonicalPath(remove.path);
    if (removed.has(path)) {
      throw duplicate("two remove actions for one path", remove.path, place("removes", i, "path"));
    }
    removed.set(path, deletionVectorId(remove));
  }
  const added = new Set<string>();
  for (const [i, add] of actions.adds.entries()) {
    const path = canonicalPath(add.path);
    const at = place("adds", i, "path");
    if (added.has(path)) throw duplicate("two add actions for one path", add.path, at);
    added.add(path);
    if (removed.get(path) === deletionVectorId(add)) {
      throw duplicate("an add and a remove of the same file and deletion vector", add.path, at);
    }
  }
}

/** PROTOCOL.md, "Transaction Identifiers": at most one txn per application. */
function checkUniqueTxns(actions: CommitActions, place: PlaceOf): void {
  const versions = new Map<string, unknown>();
  for (const [i, txn] of actions.txns.entries()) {
    if (versions.has(txn.appId) && versions.get(txn.appId) !== txn.version) {
      throw invalid(`two txn actions with different versions for the application "${txn.appId}"`, {
        at: place("txns", i),
        code: "DELTA_DUPLICATE_ACTIONS_FOUND",
      });
    }
    versions.set(txn.appId, txn.version);
  }
}

/** PROTOCOL.md, "Domain Metadata": needs the feature, one per domain, `delta.*` belongs to the system. */
function checkDomains(actions: CommitActions, table: TableConfiguration, place: PlaceOf): void {
  const seen = new Set<string>();
  for (const [i, action] of actions.domains.entries()) {
    const { domain } = action;
    const at = place("domains", i);
    if (!table.features.has("domainMetadata")) {
      throw invalid(`domainMetadata "${domain}" needs the table feature "domainMetadata"`, {
        at,
        code: "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE",
      });
    }
    if (seen.has(domain)) {
      throw invalid(`two domainMetadata actions for the domain "${domain}"`, {
        at,
        code: "DELTA_DUPLICATE_DOMAIN_METADATA_INTERNAL_ERROR",
      });
    }
    seen.add(domain);
    if (domain.startsWith("delta.")) checkSystemDomain(action, table, at);
  }
}

/** PROTOCOL.md, "Append-only Tables": a remove is allowed only without data change. */
function checkAppendOnly(actions: CommitActions, table: TableConfiguration, place: PlaceOf): void {
  const first = actions.removes.findIndex((remove) => remove.dataChange);
  const culprit = actions.removes[first];
  if (culprit && isActive("appendOnly", table)) {
    throw invalid(`the table is append-only (delta.appendOnly); it must not lose "${culprit.path}"`, {
      at: place("removes", first),
      code: "DELTA_CANNOT_MODIFY_APPEND_ONLY",
    });
  }
}

/** Statistics are JSON objects; numRecords is needed by deletion vectors, row ids and Iceberg (PROTOCOL.md, "Per-file Statistics"). */
function checkStats(actions: CommitActions, table: TableConfiguration, place: PlaceOf): void {
  const rowIds = assignsRowIds(table);
  const iceberg = ["icebergCompatV1", "icebergCompatV2"].some((name) => isActive(name, table));
  const removed = new Set(actions.removes.map((remove) => canonicalPath(remove.path)));
  for (const [i, add] of actions.adds.entries()) {
    const at = place("adds", i, "stats");
    const { numRecords, tightBounds } = readStats(add, at, table);
    const dv = add.deletionVector;
    if (numRecords === undefined && (dv || rowIds || iceberg)) {
      throw invalid(
        `"${add.path}" needs stats with numRecords: it has a deletion vector, or the table tracks rows or serves Iceberg`,
        { at, code: missingRecordsCode(add, rowIds) },
      );
    }
    if (dv === undefined || numRecords === undefined) continue;
    if (dv.cardinality > numRecords) {
      throw invalid(`the deletion vector of "${add.path}" deletes more rows than the file has`, {
        at: place("adds", i, "deletionVector/cardinality"),
      });
    }
    // Only a file that this commit takes away under its old vector is known to get a new one.
    if (removed.has(canonicalPath(add.path)) && tightBounds !== false) {
      throw invalid(
        `stats of "${add.path}" need "tightBounds":false: its new deletion vector may have cut the bounds`,
        {
          at,
        },
      );
    }
  }
}

function missingRecordsCode(add: AddFile, rowIds: boolean): string {
  if (rowIds) return "DELTA_ROW_ID_ASSIGNMENT_WITHOUT_STATS";
  return add.deletionVector ? "DELTA_DELETION_VECTOR_MISSING_NUM_RECORDS" : "DELTA_ICEBERG_COMPAT_VIOLATION";
}

function readStats(
  add: AddFile,
  at: string,
  table: TableConfiguration,
): { readonly numRecords?: Int64; readonly tightBounds?: Json } {
  if (add.stats === undefined) return {};
  const refuse = (why: string, cause?: unknown) => invalid(`stats of "${add.path}" ${why}`, { at, cause });
  let stats: Json;
  try {
    stats = parseJson(add.stats);
  } catch (error) {
    throw refuse(`are not JSON: ${(error as Error).message}`, error);
  }
  if (!isJsonObject(stats)) throw refuse("are not a JSON object");
  if (holdsHalfCharacter(add.stats)) throw refuse("hold half a surrogate pair, which is no character");
  checkColumnStats(stats, { path: add.path, at }, table);
  const { numRecords, tightBounds = null } = stats;
  if (numRecords === undefined || numRecords === null) return { tightBounds };
  if (!isInt64(numRecords) || numRecords < 0) throw refuse("have a numRecords that is not a count");
  return { numRecords, tightBounds };
}

/** Readers refuse a JSON text as a whole if any text in it is no Unicode. */
function holdsHalfCharacter(json: string): boolean {
  if (!/\\u[dD][89a-fA-F]/.test(json) && json.isWellFormed()) return false;
  let found = false;
  JSON.parse(json, (key, value: unknown) => {
    found ||= !key.isWellFormed() || (typeof value === "string" && !value.isWellFormed());
    return value;
  });
  return found;
}
