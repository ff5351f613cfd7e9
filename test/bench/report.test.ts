/** The page of benchmarks: what a plot says in words, and that the plot has it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { plot } from "../../bench/report/plot.ts";
import { COLORS, STYLE } from "../../bench/report/style.ts";
import { sentence } from "../../bench/report/words.ts";
import type { Figures } from "../../bench/suite/model.ts";
import type { Recorded } from "../../bench/suite/results.ts";

const one = (subject: string, role: Figures["role"], ...samples: number[]): Figures => ({
  ...{ case: "SQLite", subject, role, samples },
});
const RATES: Recorded = {
  ...{ name: "b", title: "Commits", unit: "commits/s", better: "more", machine: "Node", command: "npm run bench" },
  figures: [
    one("by one", "ours", 1000, 2500, 1200),
    one("by many", "ours", 3000),
    one("floor", "floor", 2400),
    one("delta-rs", "peer", 60),
  ],
};

test("a sentence has the first of ours beside the others, in the direction that is better", () => {
  assert.equal(
    sentence(RATES, "SQLite"),
    "by one: 1,200 commits/s, 0.500 times the floor, 20.0 times delta-rs; by many: 3,000 commits/s.",
  );
  const times = { unit: "ms", better: "less", figures: RATES.figures } as const;
  assert.match(
    sentence(times, "SQLite"),
    /^by one: 1,200 ms, 2\.00 times as fast as the floor, 20\.0 times as long as delta-rs;/,
  );
  const bytes = [{ ...one("in SQL", "ours", 30), unit: "bytes a file", better: "less" as const }];
  const log = { ...one("in the log", "floor", 20), unit: "bytes a file", better: "less" as const };
  const text = sentence({ ...times, figures: [...bytes, log] }, "SQLite");
  assert.equal(text, "in SQL: 30.0 bytes a file, 1.50 times as many as in the log.");
});

test("a plot names everyone with the figure, the unit and which side is better, in colours that the page knows by night", async () => {
  const svg = await plot(RATES, "SQLite");
  for (const text of [
    "by one",
    "by many",
    "floor",
    "delta-rs",
    "1,200",
    "60.0",
    "commits/s, more is better →",
    "100",
    "1k",
  ]) {
    assert.ok(svg.includes(`>${text}</text>`), `${text}: ${svg}`);
  }
  for (const color of Object.values(COLORS)) {
    assert.ok(svg.includes(`"${color}"`), color);
    assert.ok(STYLE.includes(`svg [fill="${color}"]`), color);
  }
});
