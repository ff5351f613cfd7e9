/**
 * Table properties (PROTOCOL.md, "Table Properties"): every one that we know, defined once, with its type, default and meaning.
 * Creation, commits, imports, checkpoints and docs/properties.md all read this list. Pure.
 */

import type { Metadata } from "../actions.ts";
import { nearestName } from "../values/nearest-name.ts";
import {
  byteSize,
  columnList,
  flag,
  integerFrom,
  interval,
  oneOf,
  someOf,
  sqlCondition,
  text,
  type ValueKind,
} from "./values.ts";

const DAY_MS = 86_400_000;

export interface PropertyDefinition<T> {
  readonly kind: ValueKind<T>;
  /** What is in force when the table does not set it. */
  readonly default: T;
  /** One sentence for docs/properties.md. */
  readonly about: string;
  /** Another name that Spark still reads; the value of the name itself goes first. */
  readonly formerly?: string;
  /** Absent: any writer. `service`: known only when a version is committed, so what a writer sends is replaced. */
  readonly setBy?: "service";
}

function define<T>(
  kind: ValueKind<T>,
  fallback: NoInfer<T>,
  about: string,
  more: { readonly formerly?: string; readonly setBy?: "service" } = {},
): PropertyDefinition<T> {
  return { kind, default: fallback, about, ...more };
}

/** A property that may be absent: then it reads as undefined. */
function optional<T>(
  kind: ValueKind<T>,
  about: string,
  more: { readonly setBy?: "service" } = {},
): PropertyDefinition<T | undefined> {
  return { kind: kind as ValueKind<T | undefined>, default: undefined, about, ...more };
}

const INT64_MAX = Number.MAX_SAFE_INTEGER;

/** Every property that we know. Whatever else begins with `delta.` or `deltalakedb.` is refused by name. */
export const PROPERTIES = {
  "delta.appendOnly": define(flag, false, "Rows may be added, never removed or changed."),
  "delta.autoOptimize": optional(flag, "Spark compacts small files after a write (old name of the two that follow)."),
  "delta.autoOptimize.autoCompact": optional(oneOf("true", "false", "auto", "legacy"), "Spark compacts after a write."),
  "delta.autoOptimize.optimizeWrite": optional(flag, "Spark shuffles before a write, for larger files."),
  "delta.castIcebergTimeType": define(flag, false, "Spark reads Iceberg's time type as a long."),
  "delta.checkpoint.writeStatsAsJson": define(flag, true, "Checkpoints hold statistics as JSON text."),
  "delta.checkpoint.writeStatsAsStruct": define(
    flag,
    false,
    "Checkpoints hold statistics and partition values as typed columns.",
  ),
  "delta.checkpointInterval": optional(
    integerFrom(1),
    "A checkpoint follows every that many versions; without it after 10 % of the files have changed, 10 versions at least, 100 at most.",
  ),
  "delta.checkpointPolicy": define(
    oneOf("classic", "v2"),
    "classic",
    "`v2` with the feature `v2Checkpoint`: a checkpoint is written in parts, and those that have not changed are named again by the next.",
  ),
  "delta.checkpointRetentionDuration": define(interval, 2 * DAY_MS, "How long old checkpoints stay."),
  "delta.columnMapping.maxColumnId": define(integerFrom(0), 0, "The largest column id ever given."),
  "delta.columnMapping.mode": define(
    oneOf("none", "name", "id"),
    "none",
    "How columns are found in data files: by their names, by physical names, or by field ids.",
  ),
  "delta.compatibility.symlinkFormatManifest.enabled": define(flag, false, "Spark writes manifests for Hive readers."),
  "delta.dataSkippingNumIndexedCols": define(
    integerFrom(-1),
    32,
    "Statistics cover that many leading columns; -1 for all.",
  ),
  "delta.dataSkippingStatsColumns": optional(columnList, "Statistics cover these columns; goes before the number."),
  "delta.deletedFileRetentionDuration": define(interval, 7 * DAY_MS, "How long removed files stay readable."),
  "delta.dropFeatureTruncateHistory.retentionDuration": define(interval, DAY_MS, "Log kept by DROP FEATURE."),
  "delta.enableChangeDataFeed": define(flag, false, "Writers record which rows changed.", {
    formerly: "delta.enableChangeDataCapture",
  }),
  "delta.enableDeletionVectors": define(flag, false, "Writers may mark rows as deleted instead of rewriting files."),
  "delta.enableExpiredLogCleanup": define(flag, true, "Old log files are removed after a checkpoint."),
  "delta.enableFullRetentionRollback": define(flag, true, "The table can go back within the whole log retention."),
  "delta.enableIcebergCompatV1": define(flag, false, "Files and schema fit Iceberg readers, version 1 of the rules."),
  "delta.enableIcebergCompatV2": define(flag, false, "Files and schema fit Iceberg readers, version 2 of the rules."),
  "delta.enableIcebergCompatV3": define(flag, false, "Files and schema fit Iceberg readers, version 3 of the rules."),
  "delta.enableInCommitTimestamps": define(flag, false, "Each commit carries its timestamp."),
  "delta.enableRowTracking": define(flag, false, "Rows keep an id and the version that last changed them."),
  "delta.enableTypeWidening": define(flag, false, "Columns may change to a wider type."),
  "delta.enableVariantShredding": define(flag, false, "Variant columns may be stored shredded."),
  "delta.inCommitTimestampEnablementTimestamp": optional(
    integerFrom(0, INT64_MAX),
    "When in-commit timestamps were turned on: milliseconds.",
    { setBy: "service" },
  ),
  "delta.inCommitTimestampEnablementVersion": optional(
    integerFrom(0, INT64_MAX),
    "The version that turned in-commit timestamps on.",
    { setBy: "service" },
  ),
  "delta.isolationLevel": define(
    oneOf("Serializable", "WriteSerializable"),
    "Serializable",
    "The least isolation of a commit; see docs/isolation.md.",
  ),
  "delta.logRetentionDuration": define(interval, 30 * DAY_MS, "How long versions stay in the log."),
  "delta.parquet.compression.codec": optional(
    oneOf("uncompressed", "none", "snappy", "gzip", "lzo", "brotli", "lz4", "lz4_raw", "zstd"),
    "How Spark compresses data files.",
  ),
  "delta.randomPrefixLength": define(integerFrom(1), 2, "Length of random prefixes."),
  "delta.randomizeFilePrefixes": define(flag, false, "File paths begin with random letters."),
  "delta.rowTracking.materializedRowCommitVersionColumnName": optional(
    text,
    "Column of data files that keeps the commit versions of rows that were moved.",
  ),
  "delta.rowTracking.materializedRowIdColumnName": optional(
    text,
    "Column of data files that keeps the ids of rows that were moved.",
  ),
  "delta.rowTrackingSuspended": define(flag, false, "No row ids are given to new files."),
  "delta.sampleRetentionDuration": define(interval, 7 * DAY_MS, "How long samples stay."),
  "delta.setTransactionRetentionDuration": optional(interval, "How long the last version of an application is kept."),
  "delta.targetFileSize": optional(byteSize, "Size of files that OPTIMIZE aims at."),
  "delta.tuneFileSizesForRewrites": optional(flag, "Spark prefers smaller files in tables that MERGE rewrites."),
  "delta.universalFormat.enabledFormats": define(
    someOf("iceberg", "hudi"),
    [],
    "Formats that Spark also writes metadata for.",
  ),
  "deltalakedb.allowPathsOutsideTable": define(
    flag,
    false,
    "Commits may name files outside the table's location, as a shallow clone does.",
  ),
  "deltalakedb.verifyFiles": optional(
    oneOf("true", "false", "deep"),
    "Whether commits look at the files that they add, where a request does not say; see docs/api.md.",
  ),
  "delta.writePartitionColumnsToParquet": define(flag, false, "Data files hold the partition columns, too."),
} as const;

export type PropertyName = keyof typeof PROPERTIES;

/** Properties with a name of their own behind a fixed beginning. */
export const PROPERTY_PREFIXES: Readonly<Record<string, { readonly kind: ValueKind<string>; readonly about: string }>> =
  {
    "delta.constraints.": { kind: sqlCondition, about: "A CHECK constraint: the SQL condition that every row meets." },
    "delta.universalFormat.config.": { kind: text, about: "A setting of one of the formats that Spark also writes." },
  };

type ValueOf<D> = D extends PropertyDefinition<infer T> ? T : never;

/** All properties of a table, typed, with their defaults. */
export type TableProperties = { readonly [N in PropertyName]: ValueOf<(typeof PROPERTIES)[N]> };

const NAMES = Object.keys(PROPERTIES) as PropertyName[];
const known = new WeakMap<Readonly<Record<string, string>>, TableProperties>();

/**
 * The properties of a table, typed. What an imported table has and nobody can read counts as not set, as kernel-based
 * readers take it; {@link unreadableProperties} names it.
 */
export function tableProperties({ configuration }: Pick<Metadata, "configuration">): TableProperties {
  const before = known.get(configuration);
  if (before !== undefined) return before;
  const read = (name: PropertyName): unknown => {
    const definition = PROPERTIES[name] as unknown as PropertyDefinition<unknown>;
    for (const key of [name, definition.formerly]) {
      const value = key === undefined ? undefined : configured(configuration, key);
      const typed = value === undefined ? undefined : definition.kind.read(value);
      if (typed !== undefined) return typed;
    }
    return definition.default;
  };
  const properties = Object.fromEntries(NAMES.map((name) => [name, read(name)])) as unknown as TableProperties;
  known.set(configuration, properties);
  return properties;
}

function configured(configuration: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(configuration, key) ? configuration[key] : undefined;
}

export interface PropertyProblem {
  readonly name: string;
  readonly value: string;
  /** Completes a sentence that begins with the name. */
  readonly problem: string;
  /** What to write instead. */
  readonly hint?: string;
}

/** True for names that belong to Delta or to this service, however they are capitalised. */
function isGoverned(name: string): boolean {
  return /^(delta|deltalakedb)\./i.test(name);
}

/** What is wrong with one property by itself; undefined when every reader understands it. */
export function propertyProblem(name: string, value: string): PropertyProblem | undefined {
  if (!isGoverned(name)) return undefined;
  if (/^delta\.(minReaderVersion|minWriterVersion|feature\..*)$/i.test(name)) {
    return { name, value, problem: "is no table property: the protocol action carries it" };
  }
  const kind = valueKind(name);
  if (kind === undefined) {
    const begun = NAMES.find((other) => other.toLowerCase().startsWith(name.toLowerCase()));
    const nearest = nearestName(name, [...NAMES, ...Object.keys(PROPERTY_PREFIXES)]) ?? begun;
    return {
      name,
      value,
      problem: "is not a property that Delta tables have",
      hint: nearest ? `Did you mean "${nearest}"?` : 'Properties of your own need a name outside "delta.".',
    };
  }
  if (kind.read(value) !== undefined) return undefined;
  return { name, value, problem: `must be ${kind.form}, not ${JSON.stringify(shortened(value))}` };
}

function valueKind(name: string): ValueKind<unknown> | undefined {
  if (Object.hasOwn(PROPERTIES, name)) return PROPERTIES[name as PropertyName].kind as unknown as ValueKind<unknown>;
  const prefix = Object.keys(PROPERTY_PREFIXES).find((p) => name.startsWith(p) && name.length > p.length);
  return prefix === undefined ? undefined : (PROPERTY_PREFIXES[prefix]?.kind as unknown as ValueKind<unknown>);
}

function shortened(value: string): string {
  return value.length > 80 ? `${value.slice(0, 80)}…` : value;
}

/** The properties that no reader, or not every reader, understands: what an import reports. */
export function unreadableProperties({ configuration }: Pick<Metadata, "configuration">): PropertyProblem[] {
  return Object.entries(configuration).flatMap(([name, value]) => propertyProblem(name, value) ?? []);
}

/** The spelling of a property's value that every reader understands; as it is where we know no better. */
export function canonicalPropertyValue(name: string, value: string): string {
  const kind = valueKind(name);
  const typed = kind?.read(value);
  return kind === undefined || typed === undefined ? value : kind.write(typed, value);
}
