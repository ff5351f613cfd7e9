/** Properties: every known one with good and bad values, misspelt ones, ones of others, and combinations that do not go together. */

import type { Case } from "../case.ts";
import { newMetaData, newProtocol, properties } from "./build.ts";

const BOOLEANS = [
  "delta.appendOnly",
  "delta.enableChangeDataFeed",
  "delta.enableDeletionVectors",
  "delta.enableInCommitTimestamps",
  "delta.enableExpiredLogCleanup",
  "delta.checkpoint.writeStatsAsJson",
  "delta.checkpoint.writeStatsAsStruct",
  "delta.enableTypeWidening",
  "delta.randomizeFilePrefixes",
  "delta.autoOptimize.optimizeWrite",
];
const GOOD_BOOLEANS = ["true", "false", "TRUE", "False"];
const BAD_BOOLEANS = ["yes", "1", "", " true", "true ", "on", "t", "null", "ｔrue"];

const INTERVALS = [
  "delta.deletedFileRetentionDuration",
  "delta.logRetentionDuration",
  "delta.setTransactionRetentionDuration",
];
const GOOD_INTERVALS = [
  "interval 30 days",
  "30 days",
  "INTERVAL 31 DAYS",
  "interval 5 weeks",
  "interval 60 days 3 hours",
];
const BAD_INTERVALS = [
  "7 dayz",
  "interval 1 month",
  "1 year",
  "interval -1 days",
  "-interval 1 day",
  "P7D",
  "7",
  "",
  "days",
  "interval",
  "interval 1.5 days",
  "interval 1 day 1",
  "interval 99999999999999999999 days",
  "forever",
];

const INTEGERS: Readonly<Record<string, { readonly good: readonly string[]; readonly bad: readonly string[] }>> = {
  "delta.checkpointInterval": {
    good: ["1", "2", "100"],
    bad: ["ten", "0", "-1", "1.5", "", " 3", "3 ", "+3", "0x3", "1e1", "2147483648", "99999999999999999999"],
  },
  "delta.dataSkippingNumIndexedCols": { good: ["0", "1", "-1", "32"], bad: ["-2", "all", "1.0", "", "2147483648"] },
  "delta.targetFileSize": { good: ["104857600", "100mb"], bad: ["big", "-1", "", "0"] },
};

const ENUMS: Readonly<Record<string, { readonly good: readonly string[]; readonly bad: readonly string[] }>> = {
  "delta.isolationLevel": {
    good: ["Serializable", "WriteSerializable"],
    bad: ["Foo", "serializable ", "SnapshotIsolation", "", "WRITE SERIALIZABLE"],
  },
  "delta.columnMapping.mode": { good: ["none"], bad: ["foo", "NAME ", "", "both", "1"] },
  "delta.checkpointPolicy": { good: ["classic"], bad: ["v3", "V2 ", "", "multipart"] },
  "delta.parquet.compression.codec": { good: ["snappy", "zstd"], bad: ["brotlix", ""] },
};

/** Known properties with values that are right and wrong ones, to choose from. */
export const PROPERTY_VALUES: Readonly<Record<string, readonly string[]>> = Object.fromEntries([
  ...BOOLEANS.map((key) => [key, [...GOOD_BOOLEANS, ...BAD_BOOLEANS]] as const),
  ...INTERVALS.map((key) => [key, [...GOOD_INTERVALS, ...BAD_INTERVALS]] as const),
  ...Object.entries({ ...INTEGERS, ...ENUMS }).map(([key, { good, bad }]) => [key, [...good, ...bad]] as const),
]);

const UNKNOWN = [
  "delta.apendOnly",
  "delta.AppendOnly",
  "delta.enableChangeDataFeeds",
  "delta.enableDeletionVector",
  "delta.checkpointIntervall",
  "delta.columnMapping.maxcolumnid",
  "delta.foo",
  "delta.",
  "Delta.appendOnly",
  "DELTA.ENABLECHANGEDATAFEED",
  "delta.enableRowtracking",
  "delta.logRetention",
  "delta.feature.deletionVector",
  "delta.universalFormat.enabledFormat",
];

/** Keys outside `delta.`, which belong to users: all must be taken. */
const OWN = [
  "note",
  "owner.name",
  "spark.sql.x",
  "__proto__",
  "constructor",
  "toString",
  "ключ",
  "a b",
  "hive.x",
  "deltax.y",
];

export function propertyCases(): Case[] {
  const of = (key: string, values: readonly string[]) =>
    values.flatMap((value) => properties("properties", "simple", { [key]: value }));
  return [
    ...BOOLEANS.flatMap((key, i) =>
      of(
        key,
        [...GOOD_BOOLEANS, ...BAD_BOOLEANS].filter((_, j) => i < 4 || j % 4 === i % 4),
      ),
    ),
    ...INTERVALS.flatMap((key) => of(key, [...GOOD_INTERVALS, ...BAD_INTERVALS])),
    ...Object.entries({ ...INTEGERS, ...ENUMS }).flatMap(([key, { good, bad }]) => of(key, [...good, ...bad])),
    ...UNKNOWN.flatMap((key) => of(key, ["true"])),
    ...OWN.flatMap((key) => of(key, ["x"])),
    ...combinations(),
    ...names(),
  ];
}

function combinations(): Case[] {
  const many = (base: string, ...sets: readonly Readonly<Record<string, string>>[]) =>
    sets.flatMap((set) => properties("properties", base, set));
  return [
    ...many(
      "simple",
      { "delta.logRetentionDuration": "interval 1 days", "delta.deletedFileRetentionDuration": "interval 7 days" },
      { "delta.logRetentionDuration": "interval 7 days", "delta.deletedFileRetentionDuration": "interval 7 days" },
      { "delta.deletedFileRetentionDuration": "interval 31 days" },
      { "delta.enableRowTracking": "true" },
      { "delta.enableIcebergCompatV1": "true", "delta.enableIcebergCompatV2": "true" },
      { "delta.enableIcebergCompatV1": "true" },
      { "delta.enableIcebergCompatV2": "true" },
      { "delta.universalFormat.enabledFormats": "iceberg" },
      { "delta.universalFormat.enabledFormats": "foo" },
      { "delta.columnMapping.mode": "name" },
      { "delta.columnMapping.mode": "id" },
      { "delta.columnMapping.maxColumnId": "5" },
      { "delta.inCommitTimestampEnablementVersion": "0" },
      { "delta.inCommitTimestampEnablementTimestamp": "soon" },
      { "delta.constraints.positive": "id > 0" },
      { "delta.constraints.broken": "id >" },
      { "delta.constraints.": "id > 0" },
      { "delta.dataSkippingStatsColumns": "id" },
      { "delta.dataSkippingStatsColumns": "id,name" },
      { "delta.dataSkippingStatsColumns": "nothing" },
      { "delta.dataSkippingStatsColumns": "`id" },
      { "delta.dataSkippingStatsColumns": "id,id" },
      { "delta.checkpointPolicy": "v2" },
      { "delta.enableVariantShredding": "true" },
      { "delta.coordinatedCommits.commitCoordinator-preview": "dynamodb" },
    ),
    ...many(
      "row ids",
      { "delta.rowTrackingSuspended": "true" },
      { "delta.rowTrackingSuspended": "maybe" },
      { "delta.enableRowTracking": "yes" },
    ),
    ...many("vectors", { "delta.enableIcebergCompatV1": "true" }, { "delta.enableIcebergCompatV2": "true" }),
    ...many(
      "mapped",
      { "delta.columnMapping.maxColumnId": "99999999999" },
      { "delta.columnMapping.maxColumnId": "1" },
      { "delta.columnMapping.maxColumnId": "two" },
      { "delta.columnMapping.mode": "none" },
      { "delta.columnMapping.mode": "id" },
      { "delta.columnMapping.mode": "NAME" },
      { "delta.enableIcebergCompatV2": "true" },
    ),
    {
      kind: "properties",
      name: "row tracking suspended, and on",
      base: "row ids",
      commit: (table) => ({ actions: [newMetaData(table, { "delta.rowTrackingSuspended": "true" })] }),
    },
    {
      kind: "properties",
      name: "row tracking switched on without ids of the live files",
      base: "domains",
      commit: (table) => ({
        actions: [
          newProtocol(table, ["rowTracking"]),
          newMetaData(table, {
            "delta.enableRowTracking": "true",
            "delta.rowTracking.materializedRowIdColumnName": "_a",
            "delta.rowTracking.materializedRowCommitVersionColumnName": "_b",
          }),
        ],
      }),
    },
  ];
}

/** Names of ours that a client must not take away or change. */
function names(): Case[] {
  const taking = (base: string, key: string): Case => ({
    kind: "properties",
    name: `${key} taken away`,
    base,
    commit: (table) => ({ actions: [newMetaData(table, { [key]: null })] }),
  });
  return [
    taking("simple", "delta.enableInCommitTimestamps"),
    taking("simple", "delta.checkpointInterval"),
    taking("mapped", "delta.columnMapping.mode"),
    taking("mapped", "delta.columnMapping.maxColumnId"),
    taking("row ids", "delta.rowTracking.materializedRowIdColumnName"),
    taking("vectors", "delta.enableDeletionVectors"),
    taking("change feed", "delta.enableChangeDataFeed"),
    taking("append only", "delta.appendOnly"),
  ];
}
