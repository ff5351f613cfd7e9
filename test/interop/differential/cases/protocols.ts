/** Changes of the protocol. */

import type { JsonObject } from "../../../../lib/delta/values/json.ts";
import type { Case, Standing } from "../case.ts";
import { newProtocol } from "./build.ts";

const WRITER = [
  "appendOnly",
  "invariants",
  "checkConstraints",
  "changeDataFeed",
  "generatedColumns",
  "allowColumnDefaults",
  "identityColumns",
  "domainMetadata",
  "rowTracking",
  "inCommitTimestamp",
  "icebergCompatV1",
  "icebergCompatV2",
  "icebergWriterCompatV1",
  "clustering",
  "checkpointProtection",
  "materializePartitionColumns",
  "coordinatedCommits-preview",
  "coordinatedCommits",
  "collations-preview",
  "foo",
  "AppendOnly",
  "appendonly",
  "",
];
const BOTH = [
  "columnMapping",
  "deletionVectors",
  "timestampNtz",
  "typeWidening",
  "typeWidening-preview",
  "variantType",
  "variantType-preview",
  "variantShredding-preview",
  "v2Checkpoint",
  "vacuumProtocolCheck",
  "catalogManaged",
  "catalogOwned-preview",
  "geospatial",
  "foo",
];

export function protocolCases(): Case[] {
  const of = (name: string, make: (table: Standing) => unknown, base = "simple"): Case => ({
    kind: "protocol changes",
    name,
    base,
    commit: (table) => ({ actions: [make(table) as JsonObject] }),
  });
  const now = (table: Standing, change: JsonObject) => ({ protocol: { ...table.protocol, ...change } });
  const without = (table: Standing, name: string) =>
    now(table, { writerFeatures: (table.protocol.writerFeatures as string[]).filter((f) => f !== name) });
  return [
    ...WRITER.map((name) => of(`writer feature ${JSON.stringify(name)}`, (t) => newProtocol(t, [name]))),
    ...BOTH.map((name) => of(`reader and writer feature ${name}`, (t) => newProtocol(t, [], [name]))),
    ...BOTH.slice(0, 3).map((name) => of(`${name} for writers alone`, (t) => newProtocol(t, [name]))),
    of("appendOnly for readers", (t) => newProtocol(t, [], ["appendOnly"])),
    of("the same", (t) => now(t, {})),
    of("(1,2)", () => ({ protocol: { minReaderVersion: 1, minWriterVersion: 2 } })),
    of("(2,5)", () => ({ protocol: { minReaderVersion: 2, minWriterVersion: 5 } })),
    of("(3,7) without lists", () => ({ protocol: { minReaderVersion: 3, minWriterVersion: 7 } })),
    of("(3,7) with empty lists", () => ({
      protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: [], writerFeatures: [] },
    })),
    of("(4,8)", (t) => now(t, { minReaderVersion: 4, minWriterVersion: 8 })),
    of("(1,8)", (t) => now(t, { minWriterVersion: 8 })),
    of("(2,7) as it is", (t) => now(t, { minReaderVersion: 2 })),
    of("(3,7) with no reader features", (t) => now(t, { minReaderVersion: 3, readerFeatures: [] })),
    of("reader version as text", (t) => now(t, { minReaderVersion: "1" })),
    of("reader version 0", (t) => now(t, { minReaderVersion: 0 })),
    of("reader version null", (t) => now(t, { minReaderVersion: null })),
    of("writerFeatures as a text", (t) => now(t, { writerFeatures: "appendOnly" })),
    of("writerFeatures with a number", (t) => now(t, { writerFeatures: [5] })),
    of("writerFeatures twice the same", (t) =>
      now(t, {
        writerFeatures: [...(t.protocol.writerFeatures as string[]), ...(t.protocol.writerFeatures as string[])],
      }),
    ),
    of("an unknown key", (t) => now(t, { note: "x" })),
    of("without inCommitTimestamp", (t) => without(t, "inCommitTimestamp")),
    of("without the fence", (t) => without(t, "deltalakedb.managed")),
    of("deletionVectors dropped", (t) => without(t, "deletionVectors"), "vectors"),
    of("columnMapping dropped", (t) => without(t, "columnMapping"), "mapped"),
  ];
}
