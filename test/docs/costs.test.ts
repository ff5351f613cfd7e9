/** docs/costs.md is what the model makes of prices and measurements; by hand the same sums come out. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { FIXED_COUNTS } from "../../bench/costs/measured.ts";
import { breakEven, commitLines, logBytesPerCommit, savedPerCommit, serversUsd, sum } from "../../bench/costs/model.ts";
import { costsPage } from "../../bench/costs/page.ts";
import { alarmsOf } from "../../infra/alarms.ts";
import { settingsOf } from "../../infra/settings.ts";
import { DRIFT_METRICS, EVENT_METRICS, STATE_METRICS, TABLE_METRICS } from "../../lib/telemetry/metric-names.ts";

const FILE = new URL("../../docs/costs.md", import.meta.url);

/** `UPDATE=1 node --test test/docs/costs.test.ts` writes the page anew. */
test("docs/costs.md is what the model says", () => {
  const wanted = costsPage();
  if (process.env.UPDATE === "1") writeFileSync(FILE, wanted);
  else
    assert.ok(
      readFileSync(FILE, "utf8") === wanted,
      "the page is out of date: UPDATE=1 node --test test/docs/costs.test.ts",
    );
});

test("by hand: a million commits, and where servers begin to win", () => {
  const usd = (what: string) => commitLines(1e6).find((line) => line.what.startsWith(what))?.usd ?? Number.NaN;
  const near = (got: number, wanted: number) => assert.ok(Math.abs(got - wanted) < 0.02, `${got}, by hand ${wanted}`);
  near(usd("S3, versions"), 5);
  near(usd("SQS"), 1.1);
  // 0.2 s × 1.7275 GB × 13.3334 + 0.20
  near(usd("Lambda, commit"), 4.81);
  // 0.6 × (0.15 s × 1.7275 GB × 13.3334 + 0.20)
  near(usd("Lambda, mirror"), 2.19);
  // 1 + 0.6 × 2 calls
  near(usd("Data API"), 0.77);
  near(sum(commitLines(2e6)), 2 * sum(commitLines(1e6)));
  near(serversUsd({ nat: false }), 51.1);
  near(savedPerCommit() * 1e6, 1 + 1.1 + 4.81 + 2.19 + 0.77);
  assert.ok(Math.abs(breakEven({ nat: false }) - 51.1e6 / 9.87) < 1e5);
});

test("alarms and metrics are about as many as there are", () => {
  const groups = [EVENT_METRICS, STATE_METRICS, TABLE_METRICS, DRIFT_METRICS];
  const names = groups.flatMap((group) => Object.values(group) as { readonly cloudwatch: string }[]);
  const alarms = alarmsOf(settingsOf((name) => ({ stage: "production", alarmMail: "none" })[name]));
  const windows = alarms.filter(({ alsoWithinSeconds }) => alsoWithinSeconds !== undefined).length;
  const counted = {
    metrics: new Set(names.map(({ cloudwatch }) => cloudwatch)).size,
    alarms: alarms.length + windows,
    // One that another may tell of has two, one of two windows has one.
    composites: 2 * alarms.filter(({ toldBy }) => toldBy !== undefined).length + windows,
  };
  for (const [what, count] of Object.entries(counted)) {
    const said = FIXED_COUNTS[what as keyof typeof counted];
    assert.ok(Math.abs(count - said) <= 0.3 * said, `${what}: ${count}, and bench/costs/measured.ts says ${said}`);
  }
});

test("of the logs of a commit less than a kilobyte is ours", () => {
  assert.ok(logBytesPerCommit().ours < 1_000);
});
