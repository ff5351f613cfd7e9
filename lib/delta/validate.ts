/** What a commit's actions must be, whoever else commits (delta-rules.md §1): one small function per rule, named in `checkActions`. */

import { invalid } from "../errors.ts";
import { type AddFile, type CommitActions, deletionVectorId, type Metadata, type Protocol } from "./actions.ts";
import { isActive, supportedFeatures } from "./features.ts";
import { isJsonObject, parseJson } from "./json.ts";
import { canonicalPath, checkPath } from "./paths.ts";
import { checkProtocolUpgrade, checkWritable } from "./protocol.ts";
import { parseSchema, physicalName, type SchemaField } from "./schema.ts";

/** The table that a commit is checked against, and how messages name it. */
export interface ValidationContext {
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  /** Feature names that the writer declares to honour. */
  readonly declared: ReadonlySet<string>;
  /** JSON pointer of the table's part of the request. */
  readonly at: string;
}

/**
 * Checks all rules that need no table rows. Rules that do (is a removed file live?) are in the commit statement.
 * @throws LakeError invalid, with the rule's Delta error class
 */
export function checkActions(actions: CommitActions, context: ValidationContext): void {
  const { at } = context;
  const protocol = actions.protocol ?? context.protocol;
  const metadata = actions.metadata ?? context.metadata;
  if (actions.protocol) checkProtocolUpgrade(context.protocol, actions.protocol, at);
  if (actions.metadata) checkMetadataChange(context.metadata, actions.metadata, at);
  const schema = parseSchema(metadata.schemaString ?? '{"type":"struct","fields":[]}', `${at}/metaData/schemaString`);
  if (actions.metadata) checkMetadata(metadata, schema, at);
  checkWritable(protocol, metadata, schema, context.declared, at);
  checkNoCheckpointActions(actions, at);
  for (const add of actions.adds) checkPath(add.path, at);
  checkUniqueFiles(actions, at);
  checkUniqueTxns(actions, at);
  checkDomains(actions, protocol, at);
  checkAppendOnly(actions, protocol, metadata, schema, at);
  checkPartitionKeys(actions.adds, metadata, schema, at);
  checkFileFeatures(actions.adds, protocol, at);
  checkStats(actions.adds, protocol, at);
}

/** P§Sidecar File Information, P§Action Reconciliation: these stand in checkpoints only. */
function checkNoCheckpointActions(actions: CommitActions, at: string): void {
  for (const other of actions.others) {
    const [name = ""] = Object.keys(other);
    if (["sidecar", "checkpointMetadata", "checkpoint"].includes(name)) {
      throw invalid(`"${name}" belongs in checkpoints; a commit must not hold it`, { at });
    }
  }
}

/** P§Add File and Remove File; Spark's checkNoDuplicateActions: one add and one remove per path, never both of one (path, dv). */
export function checkUniqueFiles(actions: CommitActions, at: string): void {
  const duplicate = (what: string, path: string) =>
    invalid(`${what}: "${path}"`, { at, code: "DELTA_DUPLICATE_ACTIONS_FOUND", facts: { path } });
  const removed = new Map<string, string>();
  for (const remove of actions.removes) {
    const path = canonicalPath(remove.path);
    if (removed.has(path)) throw duplicate("two remove actions for one path", remove.path);
    removed.set(path, deletionVectorId(remove));
  }
  const added = new Set<string>();
  for (const add of actions.adds) {
    const path = canonicalPath(add.path);
    if (added.has(path)) throw duplicate("two add actions for one path", add.path);
    added.add(path);
    if (removed.get(path) === deletionVectorId(add)) {
      throw duplicate("an add and a remove of the same file and deletion vector", add.path);
    }
  }
}

/** P§Transaction Identifiers: at most one txn per application. */
function checkUniqueTxns(actions: CommitActions, at: string): void {
  const versions = new Map<string, unknown>();
  for (const txn of actions.txns) {
    if (versions.has(txn.appId) && versions.get(txn.appId) !== txn.version) {
      throw invalid(`two txn actions with different versions for the application "${txn.appId}"`, {
        at,
        code: "DELTA_DUPLICATE_ACTIONS_FOUND",
      });
    }
    versions.set(txn.appId, txn.version);
  }
}

/** P§Domain Metadata: needs the feature, one per domain, `delta.*` belongs to the system. */
function checkDomains(actions: CommitActions, protocol: Protocol, at: string): void {
  const seen = new Set<string>();
  for (const { domain } of actions.domains) {
    if (!supportedFeatures(protocol).has("domainMetadata")) {
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
    if (domain.startsWith("delta.")) {
      throw invalid(`the domain "${domain}" is owned by the system; only domains outside "delta." can be set`, { at });
    }
  }
}

/** P§Append-only Tables: a remove is allowed only without data change. */
function checkAppendOnly(
  actions: CommitActions,
  protocol: Protocol,
  metadata: Metadata,
  schema: readonly SchemaField[],
  at: string,
): void {
  const culprit = actions.removes.find((remove) => remove.dataChange);
  if (culprit && isActive("appendOnly", protocol, metadata, schema)) {
    throw invalid(`the table is append-only (delta.appendOnly); it must not lose "${culprit.path}"`, {
      at,
      code: "DELTA_CANNOT_MODIFY_APPEND_ONLY",
    });
  }
}

/** P§Add File: partitionValues names exactly the partition columns, physically. */
function checkPartitionKeys(
  adds: readonly AddFile[],
  metadata: Metadata,
  schema: readonly SchemaField[],
  at: string,
): void {
  const byName = new Map(schema.map((field) => [field.name, physicalName(field)]));
  const wanted = metadata.partitionColumns.map((name) => byName.get(name) ?? name);
  for (const add of adds) {
    const keys = Object.keys(add.partitionValues);
    if (keys.length === wanted.length && wanted.every((key) => Object.hasOwn(add.partitionValues, key))) continue;
    throw invalid(
      `partitionValues of "${add.path}" must have exactly the keys ${JSON.stringify(wanted)}, not ${JSON.stringify(keys)}`,
      { at, code: "DELTA_INVALID_PARTITION_COLUMN" },
    );
  }
}

/** A deletion vector needs its feature (P§Deletion Vectors). */
function checkFileFeatures(adds: readonly AddFile[], protocol: Protocol, at: string): void {
  if (supportedFeatures(protocol).has("deletionVectors")) return;
  const culprit = adds.find((add) => add.deletionVector);
  if (culprit) {
    throw invalid(`"${culprit.path}" has a deletion vector, but the table lacks the feature "deletionVectors"`, {
      at,
      code: "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE",
    });
  }
}

/** Statistics are JSON objects; numRecords is needed with a deletion vector and for row tracking (P§Per-file Statistics). */
function checkStats(adds: readonly AddFile[], protocol: Protocol, at: string): void {
  const rowIds = supportedFeatures(protocol).has("rowTracking");
  for (const add of adds) {
    const numRecords = add.stats === undefined ? undefined : readNumRecords(add, at);
    if (numRecords === undefined && (add.deletionVector || rowIds)) {
      throw invalid(`"${add.path}" needs stats with numRecords: it has a deletion vector, or the table tracks rows`, {
        at,
        code: rowIds ? "DELTA_ROW_ID_ASSIGNMENT_WITHOUT_STATS" : "DELTA_DELETION_VECTOR_MISSING_NUM_RECORDS",
      });
    }
    if (add.deletionVector && numRecords !== undefined && add.deletionVector.cardinality > numRecords) {
      throw invalid(`the deletion vector of "${add.path}" deletes more rows than the file has`, { at });
    }
  }
}

function readNumRecords(add: AddFile, at: string): number | bigint | undefined {
  try {
    const stats = parseJson(add.stats ?? "");
    if (!isJsonObject(stats)) throw new SyntaxError("not an object");
    const { numRecords } = stats;
    return typeof numRecords === "number" || typeof numRecords === "bigint" ? numRecords : undefined;
  } catch (error) {
    throw invalid(`stats of "${add.path}" are not a JSON object: ${(error as Error).message}`, { at, cause: error });
  }
}

/** P§Change Metadata: a new metaData replaces the old one whole, yet stays the same table. */
function checkMetadataChange(before: Metadata, after: Metadata, at: string): void {
  if (before.id !== after.id) {
    throw invalid(`metaData.id must stay "${before.id}"; "${after.id}" would make it another table`, { at });
  }
  const moved = before.partitionColumns.join("\n") !== after.partitionColumns.join("\n");
  const mapped = (after.configuration["delta.columnMapping.mode"] ?? "none") !== "none";
  if (moved && !mapped) {
    throw invalid("partitionColumns cannot change: the files at hand are laid out by the old ones", {
      at,
      hint: "Create a new table with the new partition columns.",
    });
  }
}

/** Rules on one metaData action by itself (delta-rules.md §1). */
export function checkMetadata(metadata: Metadata, schema: readonly SchemaField[], at: string): void {
  if (metadata.schemaString === undefined) throw invalid("metaData has no schemaString", { at: `${at}/metaData` });
  for (const key of Object.keys(metadata.configuration)) {
    if (/^delta\.(minReaderVersion|minWriterVersion|feature\..*)$/.test(key)) {
      throw invalid(`"${key}" is no table property: the protocol action carries it`, {
        at: `${at}/metaData/configuration`,
      });
    }
  }
  const columns = new Set(schema.map((field) => field.name));
  const seen = new Set<string>();
  for (const column of metadata.partitionColumns) {
    if (!columns.has(column)) throw invalid(`partition column "${column}" is not a column of the schema`, { at });
    if (seen.has(column)) throw invalid(`partition column "${column}" is named twice`, { at });
    seen.add(column);
  }
  if (columns.size > 0 && seen.size === columns.size) {
    throw invalid("a table cannot be partitioned by all of its columns", { at });
  }
  if (metadata.format.provider !== "parquet") {
    throw invalid(`the format "${metadata.format.provider}" is not supported; Delta files are parquet`, { at });
  }
}
