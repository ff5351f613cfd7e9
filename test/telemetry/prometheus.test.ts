/** Metrics by their names: the lines of `dl diff` as the operations guide shows them, and the registry of the server. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DiffReport } from "../../lib/delta/diff.ts";
import { EVENT_METRICS, TABLE_METRICS } from "../../lib/telemetry/metric-names.ts";
import { openPrometheus } from "../../lib/telemetry/prometheus.ts";
import { exposition, reportSamples, sampleLines } from "../../lib/telemetry/samples.ts";

const REPORT: DiffReport = {
  tableId: "b1b",
  table: "sales.orders",
  logLocation: "file:///tables/sales",
  sqlVersion: 128,
  logVersion: 128,
  versionDelta: 0,
  lagSeconds: 0.8,
  mirror: { version: 128, status: "COMPLETE", attempts: 0 },
  drift: { files: [], fileCount: 0, metadata: [], protocol: [], other: [] },
  notes: [],
  outcome: "ok",
  checkedAt: 0,
};

test("a report is the sample of the operations guide, byte for byte", () => {
  assert.equal(
    sampleLines(reportSamples(REPORT)),
    `dl_mirror_lag_seconds{table_id="b1b"} 0.8
dl_mirror_status{table_id="b1b",version="128"} 1
dl_mirror_reconciliation_attempts_total{table_id="b1b",version="128"} 0
dl_file_drift_count{table_id="b1b"} 0
dl_metadata_drift{table_id="b1b"} 0
dl_protocol_drift{table_id="b1b"} 0
dl_version_delta{table_id="b1b"} 0
`,
  );
});

test("drift, failure and lag show", () => {
  const field = { field: "name", sql: "a", log: "b" };
  const report: DiffReport = {
    ...REPORT,
    versionDelta: 3,
    mirror: { version: 128, status: "FAILED", attempts: 7 },
    drift: { files: [], fileCount: 12, metadata: [field, field], protocol: [field], other: [] },
  };
  const lines = sampleLines(reportSamples(report));
  assert.match(lines, /dl_mirror_status\{.*\} 2\n/);
  assert.match(lines, /attempts_total\{.*\} 7\n/);
  assert.match(lines, /file_drift_count\{.*\} 12\n/);
  assert.match(lines, /metadata_drift\{.*\} 1\n/);
  assert.match(lines, /protocol_drift\{.*\} 1\n/);
  assert.match(lines, /version_delta\{.*\} 3\n/);
});

test("labels are escaped, groups come under one header", () => {
  const sample = (value: number) => ({ metric: TABLE_METRICS.versionDelta, labels: { table_id: 'a"\\\n' }, value });
  assert.equal(
    exposition([sample(1), sample(2)]),
    `# HELP dl_version_delta Versions that the log is behind SQL.
# TYPE dl_version_delta gauge
dl_version_delta{table_id="a\\"\\\\\\n"} 1
dl_version_delta{table_id="a\\"\\\\\\n"} 2
`,
  );
});

test("the registry counts, times in seconds, and keeps ids out of labels", async () => {
  const metrics = openPrometheus();
  metrics.record("Commits", 1, "Count", { transactionId: "t-1" });
  metrics.record("CommitDuration", 20, "Milliseconds", { transactionId: "t-1", status: "committed" });
  metrics.record("OldestUnpublished", 1500, "Milliseconds");
  // The state of tables has samples of its own, which are read at each scrape.
  metrics.record("FileDriftCount", 2, "Count", { tableId: "t-1" });
  // @ts-expect-error a name that is in no list does not compile
  metrics.record("SomethingNew", 2, "Count");
  const text = await metrics.render();
  assert.match(text, /^dl_commits_total 1$/m);
  assert.match(text, /^dl_commit_duration_seconds_sum\{status="committed"\} 0.02$/m);
  assert.match(text, /^dl_oldest_unpublished_seconds 1.5$/m);
  assert.doesNotMatch(text, /drift|something_new/);
  assert.ok(!text.includes("t-1"));
});

test("every metric has one name on each side", () => {
  const all = [...Object.values(EVENT_METRICS), ...Object.values(TABLE_METRICS)];
  assert.equal(new Set(all.map((m) => m.prometheus)).size, all.length);
  assert.equal(new Set(all.map((m) => m.cloudwatch)).size, all.length);
  for (const { prometheus, cloudwatch } of all) {
    assert.match(prometheus, /^dl_[a-z_]+$/);
    assert.match(cloudwatch, /^[A-Z][A-Za-z]+$/);
  }
});
