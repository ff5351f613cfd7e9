/** Alarms agree with the runbook and with the names of metrics, and go off over what would be printed, and only then. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AlarmDefinition } from "../../infra/alarm-definition.ts";
import { alarmsOf, RUNBOOK } from "../../infra/alarms.ts";
import { DASHBOARD } from "../../infra/dashboard.ts";
import { STAGES, settingsOf } from "../../infra/settings.ts";
import { EVENT_METRICS, NAMESPACE, STATE_METRICS, TABLE_METRICS } from "../../lib/telemetry/metric-names.ts";
import { pointsOf, stateOf } from "../support/alarms.ts";
import { readText } from "../support/source-tree.ts";

const DIMENSIONS = { service: "deltalakedb", stage: "production" };
const NOW = 1_764_000_000_000;
const SECOND = 1000;
/** With all that may be deployed. */
const alarms = alarmsOf(
  settingsOf((name) => ({ stage: "production", alarmMail: "none", compaction: "policy", canaryMinutes: "5" })[name]),
);
const NAMES: readonly string[] = [EVENT_METRICS, STATE_METRICS, TABLE_METRICS].flatMap((metrics) =>
  Object.values(metrics).map((metric) => metric.cloudwatch),
);

function alarmNamed(id: string): AlarmDefinition {
  const found = alarms.find((alarm) => alarm.id === id);
  assert.ok(found, `no alarm ${id}`);
  return found;
}

/** One line as CloudWatch's embedded metric format has it, `secondsAgo` before now. */
function emf(
  metric: string,
  value: number | number[],
  secondsAgo = 0,
  dimensions: Record<string, string> = DIMENSIONS,
) {
  return JSON.stringify({
    _aws: {
      Timestamp: NOW - secondsAgo * SECOND,
      CloudWatchMetrics: [
        { Namespace: NAMESPACE, Dimensions: [Object.keys(dimensions)], Metrics: [{ Name: metric, Unit: "None" }] },
      ],
    },
    ...dimensions,
    [metric]: value,
  });
}

function after(id: string, lines: readonly string[]): string {
  return stateOf(alarmNamed(id), pointsOf(lines), { now: NOW, dimensions: DIMENSIONS });
}

describe("agreement", () => {
  test("each alarm has a heading in the runbook, and each heading an alarm", () => {
    const headings = [...readText(RUNBOOK).matchAll(/^## (\S+)$/gm)].map((match) => match[1]);
    assert.deepEqual(headings.toSorted(), alarms.map((alarm) => alarm.id).toSorted());
  });

  test("each alarm and graph of the service shows a metric that has a name", () => {
    const graphed = DASHBOARD.flatMap((row) => row.graphs.flatMap((graph) => graph.metrics));
    const unknown = [...alarms, ...graphed].filter(
      ({ source = "service", metric }) => source === "service" && !NAMES.includes(metric),
    );
    assert.deepEqual(unknown, []);
  });

  test("the deployment guide lists the dashboard as it is", () => {
    const guide = readText("docs/deployment.md");
    for (const { title, graphs } of DASHBOARD) {
      const line = guide.split("\n").find((text) => text.startsWith(`| ${title} |`));
      assert.ok(line, title);
      for (const graph of graphs) assert.ok(line.includes(graph.title), `${title}: ${graph.title}`);
    }
  });

  test("the stages have the same alarms, none longer than CloudWatch takes", () => {
    for (const stage of STAGES) {
      const own = alarmsOf(
        settingsOf((name) => ({ stage, alarmMail: "none", compaction: "policy", canaryMinutes: "5" })[name]),
      );
      assert.deepEqual(
        own.map((alarm) => alarm.id),
        alarms.map((alarm) => alarm.id),
      );
      for (const { id, periodSeconds, evaluationPeriods } of own) {
        const longest = periodSeconds >= 3600 ? 7 * 86_400 : 86_400;
        assert.ok(periodSeconds * evaluationPeriods <= longest, `${stage}: ${id} looks back too far`);
      }
    }
  });
});

describe("an alarm goes off", () => {
  test("over versions that are late too often, for long and still, not over a single one among many", () => {
    const name = EVENT_METRICS.mirrorLag.cloudwatch;
    assert.equal(after("mirror-lag", [emf(name, [100, 200, 5001])]), "ALARM");
    assert.equal(after("mirror-lag", [emf(name, [...Array<number>(99).fill(100), 60_000])]), "OK");
    assert.equal(after("mirror-lag", [emf(name, 5000)]), "OK", "the threshold itself is allowed");
    assert.equal(after("mirror-lag", [emf(name, 60_000, 301)]), "OK", "five minutes later it is over");
    const [often, seldom] = [15, 14].map((late) => Array.from({ length: 100 }, (_, i) => (i < late ? 6000 : 100)));
    assert.equal(after("mirror-lag", [emf(name, often ?? [])]), "ALARM");
    assert.equal(after("mirror-lag", [emf(name, seldom ?? [])]), "OK");
    assert.equal(after("mirror-lag-for-hours", [emf(name, seldom ?? [])]), "ALARM");
    const burst = [emf(name, often ?? []), emf(name, Array<number>(1000).fill(100), 3000)];
    assert.equal(after("mirror-lag", burst), "OK", "in the hour they were few");
  });

  test("over a version that was never published, which has no lag yet", () => {
    assert.equal(after("oldest-unpublished", [emf(EVENT_METRICS.oldestUnpublished.cloudwatch, 11_000)]), "ALARM");
  });

  for (const [id, { cloudwatch }] of [
    ["file-drift", TABLE_METRICS.fileDriftCount],
    ["metadata-drift", TABLE_METRICS.metadataDrift],
    ["protocol-drift", TABLE_METRICS.protocolDrift],
    ["foreign-commits", STATE_METRICS.quarantined],
    ["tables-behind-log", STATE_METRICS.behindLog],
    ["tables-gone", STATE_METRICS.gone],
    ["tables-failed", STATE_METRICS.failed],
    ["commits-behind-log", EVENT_METRICS.commitsBehindLog],
    ["server-errors", EVENT_METRICS.serverErrors],
  ] as const) {
    test(`${id}: at one, among any number of zeros`, () => {
      assert.equal(after(id, [emf(cloudwatch, 0), emf(cloudwatch, 1), emf(cloudwatch, 0)]), "ALARM");
      assert.equal(after(id, [emf(cloudwatch, 0)]), "OK");
      assert.equal(after(id, []), "OK", "silence is health");
    });
  }

  test("over a table that falls behind, before its commits are refused", () => {
    const name = EVENT_METRICS.unpublishedVersions.cloudwatch;
    assert.equal(after("unpublished-versions", [emf(name, 5_000)]), "OK");
    assert.equal(after("unpublished-versions", [emf(name, 5_001)]), "ALARM");
  });

  test("over failures of the mirror that last, not over one that was made good", () => {
    const name = EVENT_METRICS.retriedTables.cloudwatch;
    assert.equal(after("mirror-failures", [emf(name, 1), emf(name, 1, 60), emf(name, 0, 120)]), "OK");
    assert.equal(after("mirror-failures", [emf(name, 1), emf(name, 1, 60), emf(name, 1, 120)]), "ALARM");
  });

  test("over slow commits and failing calls that last", () => {
    const { commitDuration, databaseErrors } = EVENT_METRICS;
    const slow = [0, 301, 601].map((ago) => emf(commitDuration.cloudwatch, 3000, ago));
    assert.equal(after("commit-duration", slow), "ALARM");
    assert.equal(after("commit-duration", slow.slice(1)), "OK");
    assert.equal(after("database-errors", Array<string>(6).fill(emf(databaseErrors.cloudwatch, 1))), "ALARM");
    assert.equal(after("database-errors", Array<string>(5).fill(emf(databaseErrors.cloudwatch, 1))), "OK");
  });

  for (const [id, { cloudwatch }] of [
    ["sweeper-not-running", EVENT_METRICS.sweeps],
    ["parity-not-running", EVENT_METRICS.parityRuns],
  ] as const) {
    test(`${id}: in silence, and one run ends it`, () => {
      assert.equal(after(id, []), "ALARM");
      assert.equal(after(id, [emf(cloudwatch, 1, 30)]), "OK");
      assert.equal(after(id, [emf(cloudwatch, 1, 4 * alarmNamed(id).periodSeconds)]), "ALARM", "that was long ago");
    });
  }
});

describe("an alarm stays silent", () => {
  const name = TABLE_METRICS.fileDriftCount.cloudwatch;

  test("over a metric with a dimension more, less or different: it is another metric", () => {
    assert.equal(after("file-drift", [emf(name, 1, 0, { ...DIMENSIONS, table: "t" })]), "OK");
    assert.equal(after("file-drift", [emf(name, 1, 0, { service: "deltalakedb" })]), "OK");
    assert.equal(after("file-drift", [emf(name, 1, 0, { ...DIMENSIONS, stage: "staging" })]), "OK");
  });

  test("over lines that are logs", () => {
    assert.equal(after("file-drift", ["not JSON", "null", JSON.stringify({ [name]: 1 })]), "OK");
  });
});
