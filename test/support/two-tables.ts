/** Two tables with all kinds of actions, and a transaction of both, for tests that lose the database. */

import assert from "node:assert/strict";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { addOf, newTable, removeOf, request } from "./lake.ts";
import type { LossyLake } from "./old-database.ts";
import { type Sent, send } from "./replays.ts";

export const STATS = { stats: '{"numRecords":3}' };
const NO_TIMES = { "delta.enableInCommitTimestamps": "false" };
const ROW_IDS = { "delta.enableRowTracking": "true" };

/** The tables with a commit each, as a backup may have them. */
export async function filled(lake: LossyLake, names = ["r.a", "r.b"]) {
  const [a = "", b = ""] = [
    await newTable(lake, names[0] ?? "", { configuration: { ...ROW_IDS, "delta.checkpointInterval": "100" } }),
    await newTable(lake, names[1] ?? "", { configuration: NO_TIMES }),
  ];
  const sent: Sent[] = [];
  await send(lake, sent, request({ tableId: a, readVersion: 0, actions: [addOf("f0", STATS)] }));
  await send(lake, sent, request({ tableId: b, readVersion: 0, actions: [addOf("g0")] }));
  return { a, b, sent };
}

/** What is done to them later; all of it is published. */
export async function grow(lake: LossyLake, a: string, b: string, sent: Sent[]): Promise<void> {
  const txn = { txn: { appId: "app", version: 7, lastUpdated: 5 } };
  const domain = { domainMetadata: { domain: "mine", configuration: "{}", removed: false } };
  await send(lake, sent, request({ tableId: a, readVersion: 1, actions: [addOf("f1", STATS), removeOf("f0"), txn] }));
  const both = [
    {
      tableId: b,
      readVersion: 1,
      actions: [addOf("g1"), { commitInfo: { operation: "WRITE", timestamp: 4, z: [1] } }],
    },
    { tableId: a, readVersion: 2, actions: [addOf("f2", STATS)] },
  ];
  await send(lake, sent, request(...both));
  await send(lake, sent, request({ tableId: b, readVersion: 2, actions: [removeOf("g0"), { cdc: CDC }] }));
  const [state] = await lake.catalog.readStates([{ tableId: a }]);
  assert.ok(state);
  const configuration = { ...state.metadata.configuration, note: "x" };
  const metaData = { ...state.metadata, configuration };
  await send(lake, sent, request({ tableId: a, readVersion: 3, actions: [{ metaData: metaData as never }] }));
  await send(lake, sent, request({ tableId: a, readVersion: 4, actions: [addOf("f3", STATS), domain] }));
  for (const id of [a, b]) await mirrorTable(lake, id);
}

const CDC = { path: "c", partitionValues: {}, size: 1, dataChange: false };
