/** Rules on the files of a commit that depend on schema and features: typed partition values, deletion vectors, statistics (delta-rules.md §1, §3). */

import { invalid } from "../errors.ts";
import type { AddFile } from "./actions.ts";
import type { TableShape } from "./activation.ts";
import { isActive, supportedFeatures } from "./features.ts";
import { isJsonObject, type JsonObject, parseJson } from "./json.ts";
import { typedPartitionValue } from "./partition-values.ts";
import { physicalName } from "./schema.ts";

/** P§Add File: partitionValues names exactly the partition columns, physically; P§Partition Value Serialization: each of its type. */
export function checkPartitionValues(adds: readonly AddFile[], { metadata, schema }: TableShape, at: string): void {
  const columns = metadata.partitionColumns.map((name) => {
    const field = schema.find((f) => f.name === name);
    const type = typeof field?.type === "string" ? field.type : "string";
    return { key: field ? physicalName(field) : name, name, type };
  });
  const wanted = columns.map((column) => column.key);
  for (const add of adds) {
    const keys = Object.keys(add.partitionValues);
    if (keys.length !== wanted.length || !wanted.every((key) => Object.hasOwn(add.partitionValues, key))) {
      throw invalid(
        `partitionValues of "${add.path}" must have exactly the keys ${JSON.stringify(wanted)}, not ${JSON.stringify(keys)}`,
        { at, code: "DELTA_INVALID_PARTITION_COLUMN" },
      );
    }
    for (const { key, name, type } of columns) {
      const value = add.partitionValues[key] ?? null;
      if (typedPartitionValue(value, type) === undefined) {
        throw invalid(
          `${JSON.stringify(value)} is no value of the partition column "${name}" (${type}): "${add.path}"`,
          {
            at,
            code: "DELTA_INVALID_PARTITION_VALUE",
            hint: 'For example a date is "2026-01-31", a timestamp "2026-01-31T12:00:00.000000Z", one without zone "2026-01-31 12:00:00".',
          },
        );
      }
    }
  }
}

/** P§Deletion Vectors; P§Per-file Statistics; row tracking and the Iceberg compatibility features need numRecords. */
export function checkStatistics(adds: readonly AddFile[], shape: TableShape, at: string): void {
  const { protocol, metadata, schema } = shape;
  const supported = supportedFeatures(protocol);
  const needing = ["icebergCompatV1", "icebergCompatV2"].find((name) => isActive(name, protocol, metadata, schema));
  for (const add of adds) {
    const stats = add.stats === undefined ? undefined : readStats(add, at);
    const numRecords = numberOf(stats?.numRecords);
    if (add.deletionVector) checkDeletionVector(add, stats, supported, at);
    if (numRecords !== undefined) continue;
    const missing = (why: string, code: string) =>
      invalid(`"${add.path}" needs stats with numRecords: ${why}`, { at, code });
    if (add.deletionVector) throw missing("it has a deletion vector", "DELTA_DELETION_VECTOR_MISSING_NUM_RECORDS");
    if (supported.has("rowTracking")) throw missing("the table tracks rows", "DELTA_ROW_ID_ASSIGNMENT_WITHOUT_STATS");
    if (needing)
      throw missing(`the table has the feature "${needing}"`, "DELTA_ICEBERG_COMPAT_VIOLATION.FILES_MISSING_STATS");
  }
}

function checkDeletionVector(
  add: AddFile,
  stats: JsonObject | undefined,
  supported: ReadonlySet<string>,
  at: string,
): void {
  const vector = add.deletionVector;
  const refuse = (message: string, code = "DELTA_INVALID_DELETION_VECTOR") =>
    invalid(`"${add.path}": ${message}`, { at, code });
  if (!supported.has("deletionVectors")) {
    throw refuse(
      'it has a deletion vector, but the table lacks the feature "deletionVectors"',
      "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE",
    );
  }
  if (!vector) return;
  if (!["u", "i", "p"].includes(vector.storageType)) {
    throw refuse(`a deletion vector is stored as u, i or p, not "${vector.storageType}"`);
  }
  if (vector.storageType === "i" && vector.offset !== undefined)
    throw refuse("an inline deletion vector has no offset");
  if (vector.storageType === "u" && vector.pathOrInlineDv.length < 20) {
    throw refuse("pathOrInlineDv ends with 20 characters that encode a UUID");
  }
  const numRecords = numberOf(stats?.numRecords);
  if (numRecords !== undefined && stats?.tightBounds !== false) {
    throw refuse(
      "with a deletion vector the bounds are no longer tight: stats must say tightBounds false",
      "DELTA_ADDING_DELETION_VECTORS_WITH_TIGHT_BOUNDS_DISALLOWED",
    );
  }
  if (numRecords !== undefined && vector.cardinality > numRecords) {
    throw refuse(`the deletion vector deletes ${vector.cardinality} rows, more than the ${numRecords} of the file`);
  }
}

function numberOf(value: unknown): number | bigint | undefined {
  return typeof value === "number" || typeof value === "bigint" ? value : undefined;
}

function readStats(add: AddFile, at: string): JsonObject {
  try {
    const stats = parseJson(add.stats ?? "");
    if (!isJsonObject(stats)) throw new SyntaxError("not an object");
    return stats;
  } catch (error) {
    throw invalid(`stats of "${add.path}" are not a JSON object: ${(error as Error).message}`, { at, cause: error });
  }
}
