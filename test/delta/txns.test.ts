/** Applications expire by `delta.setTransactionRetentionDuration` as in Spark's InMemoryLogReplay.getTransactions. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { txnsExpireAt, unexpiredTxns } from "../../lib/delta/txns.ts";
import { metadata } from "../support/builders.ts";

const HOUR = 3_600_000;
const NOW = 100 * HOUR;
const keeping = (duration: string) =>
  metadata({ configuration: { "delta.setTransactionRetentionDuration": duration } });

test("without the property nothing expires", () => {
  const txns = [
    { appId: "old", version: 1, lastUpdated: 0 },
    { appId: "timeless", version: 2 },
  ];
  assert.equal(txnsExpireAt(metadata(), NOW), undefined);
  assert.deepEqual(unexpiredTxns(txns, metadata(), NOW), txns);
});

test("kept is what was last updated after the moment that lies as long ago; what does not say when has expired", () => {
  const at = (appId: string, lastUpdated?: number) => ({
    appId,
    version: 1,
    ...(lastUpdated === undefined ? {} : { lastUpdated }),
  });
  const txns = [
    at("just", NOW - HOUR + 1),
    at("exactly", NOW - HOUR),
    at("long ago", 0),
    at("to come", NOW + HOUR),
    at("before 1970", -5),
    at("timeless"),
  ];
  const kept = unexpiredTxns(txns, keeping("interval 1 hour"), NOW);
  assert.deepEqual(
    kept.map(({ appId }) => appId),
    ["just", "to come"],
  );
  assert.equal(txnsExpireAt(keeping("interval 2 days"), NOW), NOW - 48 * HOUR);
});

test("a 64-bit time is compared exactly", () => {
  const txns = [{ appId: "far", version: 1, lastUpdated: 9_223_372_036_854_775_807n }];
  assert.equal(unexpiredTxns(txns, keeping("interval 1 hour"), NOW).length, 1);
});
