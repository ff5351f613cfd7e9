/** What the table properties of a new metaData action must be, each by itself and together (docs/properties.md). Pure. */

import { invalid } from "../../errors.ts";
import type { Metadata } from "../actions.ts";
import type { TableDescription } from "../table-configuration.ts";
import { pointerToken } from "../values/json.ts";
import { canonicalPropertyValue, type PropertyName, propertyProblem, type TableProperties } from "./properties.ts";

/**
 * The configuration to store: each property that this change sets in the spelling that every reader understands. What the
 * table had before stays as it is, whatever it is.
 * @param before absent for a table that is being created
 * @param at JSON pointer of `configuration`
 * @throws LakeError invalid DELTA_UNKNOWN_CONFIGURATION or DELTA_INVALID_TABLE_PROPERTY, with the nearest known name
 */
export function canonicalConfiguration(
  before: Metadata["configuration"] | undefined,
  after: Metadata["configuration"],
  at: string,
): Metadata["configuration"] {
  const entries = Object.entries(after).map(([name, value]): [string, string] => {
    if (before !== undefined && Object.hasOwn(before, name) && before[name] === value) return [name, value];
    const wrong = propertyProblem(name, value);
    if (wrong === undefined) return [name, canonicalPropertyValue(name, value)];
    throw invalid(`"${name}" ${wrong.problem}`, {
      at: `${at}/${pointerToken(name)}`,
      code: wrong.problem.startsWith("must be") ? "DELTA_INVALID_TABLE_PROPERTY" : "DELTA_UNKNOWN_CONFIGURATION",
      ...(wrong.hint === undefined ? {} : { hint: wrong.hint }),
      facts: { property: name },
    });
  });
  if (entries.every(([name, value]) => after[name] === value)) return after;
  return Object.fromEntries(entries);
}

interface Combination {
  /** The properties that it is about. A combination that a table had before is let be. */
  readonly of: readonly PropertyName[];
  readonly isWrong: (properties: TableProperties) => boolean;
  readonly message: string;
}

/** Sets of properties that no table may have at the same time. */
const COMBINATIONS: readonly Combination[] = [
  {
    of: ["delta.enableRowTracking", "delta.rowTrackingSuspended"],
    isWrong: (p) => p["delta.enableRowTracking"] && p["delta.rowTrackingSuspended"],
    message: "row tracking cannot be enabled and suspended at the same time",
  },
  {
    of: ["delta.logRetentionDuration", "delta.deletedFileRetentionDuration"],
    isWrong: (p) => p["delta.logRetentionDuration"] < p["delta.deletedFileRetentionDuration"],
    message: "the log must be kept as long as removed files, or longer",
  },
  {
    of: ["delta.enableIcebergCompatV1", "delta.enableIcebergCompatV2"],
    isWrong: (p) => p["delta.enableIcebergCompatV1"] && p["delta.enableIcebergCompatV2"],
    message: "only one version of Iceberg compatibility can be enabled",
  },
  {
    of: ["delta.enableIcebergCompatV1", "delta.enableDeletionVectors"],
    isWrong: (p) => p["delta.enableIcebergCompatV1"] && p["delta.enableDeletionVectors"],
    message: "Iceberg readers know no deletion vectors",
  },
  {
    of: ["delta.enableIcebergCompatV2", "delta.enableDeletionVectors"],
    isWrong: (p) => p["delta.enableIcebergCompatV2"] && p["delta.enableDeletionVectors"],
    message: "Iceberg readers know no deletion vectors",
  },
  {
    of: ["delta.enableIcebergCompatV1", "delta.columnMapping.mode"],
    isWrong: (p) => p["delta.enableIcebergCompatV1"] && p["delta.columnMapping.mode"] === "none",
    message: "Iceberg compatibility needs column mapping by name or id",
  },
  {
    of: ["delta.enableIcebergCompatV2", "delta.columnMapping.mode"],
    isWrong: (p) => p["delta.enableIcebergCompatV2"] && p["delta.columnMapping.mode"] === "none",
    message: "Iceberg compatibility needs column mapping by name or id",
  },
  {
    of: ["delta.universalFormat.enabledFormats", "delta.enableIcebergCompatV1", "delta.enableIcebergCompatV2"],
    isWrong: (p) =>
      p["delta.universalFormat.enabledFormats"].includes("iceberg") &&
      !p["delta.enableIcebergCompatV1"] &&
      !p["delta.enableIcebergCompatV2"],
    message: "the format iceberg needs delta.enableIcebergCompatV1 or V2",
  },
  {
    of: ["delta.enableIcebergCompatV3"],
    isWrong: (p) => p["delta.enableIcebergCompatV3"],
    message: 'the feature "icebergCompatV3" is not supported yet',
  },
];

/**
 * Refuses properties that contradict each other.
 * @param before absent for a table that is being created
 * @param at JSON pointer of `configuration`
 * @throws LakeError invalid DELTA_INVALID_TABLE_PROPERTY
 */
export function checkPropertyCombinations(
  before: TableDescription | undefined,
  after: TableDescription,
  at: string,
): void {
  for (const { of, isWrong, message } of COMBINATIONS) {
    if (!isWrong(after.properties)) continue;
    if (before !== undefined && isWrong(before.properties)) continue;
    const set = of.find((name) => Object.hasOwn(after.metadata.configuration, name)) ?? of[0];
    throw invalid(`${of.join(", ")}: ${message}`, {
      at: `${at}/${pointerToken(set ?? "")}`,
      code: "DELTA_INVALID_TABLE_PROPERTY",
      facts: { properties: of },
    });
  }
}
