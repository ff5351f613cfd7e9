/** The whole table of the benchmarks: each target finds its figures, and the page has what is kept. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { BENCHES } from "../../bench/suite/benches.ts";
import type { Figures } from "../../bench/suite/model.ts";
import { type Recorded, resultFile } from "../../bench/suite/results.ts";
import { TARGETS, type Target } from "../../bench/suite/targets.ts";
import { foundOf, isMet, pageWithTable, wholeTable } from "../../bench/suite/whole.ts";
import { readText } from "../support/source-tree.ts";

const figures = (name: string, subject: string, role: Figures["role"], ...samples: number[]): Figures => ({
  ...{ case: name, subject, role, samples },
});

const MEASURED = [
  figures("SQLite, 1 table", "we", "ours", 10, 30, 20),
  figures("SQLite, 1 table", "floor", "floor", 40),
  figures("SQLite, 1 table", "delta-rs", "peer", 5),
  figures("SQLite, 9 tables", "we", "ours", 22),
  figures("PostgreSQL, 1 table", "we", "ours", 8),
  figures("PostgreSQL, 1 table", "floor", "floor", 4),
  figures("PostgreSQL, 9 tables", "we", "ours", 12),
];
const target = (rest: Partial<Target>): Target => ({
  ...{ row: "r", bench: "b", case: /, 1 table$/, subject: "we", before: "–", ...rest },
});

test("a figure is judged by the floor of its case, by a peer that was measured once, by another case, or alone", () => {
  const of = (rest: Partial<Target>) => foundOf(target(rest), MEASURED).map(({ engine, value }) => [engine, value]);
  assert.deepEqual(of({}), [
    ["SQLite", 20],
    ["PostgreSQL", 8],
  ]);
  assert.deepEqual(of({ over: { subject: "floor" } }), [
    ["SQLite", 0.5],
    ["PostgreSQL", 2],
  ]);
  assert.deepEqual(of({ over: { subject: "delta-rs" } }), [
    ["SQLite", 4],
    ["PostgreSQL", 1.6],
  ]);
  const beside = { case: /, 9 tables$/, over: { subject: "we", case: /, 1 table$/ } };
  assert.deepEqual(of(beside), [
    ["SQLite", 1.1],
    ["PostgreSQL", 1.5],
  ]);
  assert.deepEqual(of({ over: { subject: "nobody" } }), []);
});

test("met is met on either side", () => {
  assert.ok(isMet(target({ least: 1 }), 1) && !isMet(target({ least: 1 }), 0.99));
  assert.ok(isMet(target({ most: 3 }), 3) && !isMet(target({ most: 3 }), 3.01));
});

test("every target is of a benchmark that there is, and finds its figures in what was kept of it", () => {
  for (const one of TARGETS) {
    assert.ok(BENCHES[one.bench], one.bench);
    assert.ok((one.least === undefined) !== (one.most === undefined), one.row);
    const file = resultFile(one.bench);
    if (!existsSync(file)) continue;
    const kept = JSON.parse(readFileSync(file, "utf8")) as Recorded;
    const subjects = kept.figures.filter((figure) => one.case.test(figure.case)).map(({ subject }) => subject);
    // What was kept before a case was there has none of it.
    if (subjects.length === 0) continue;
    assert.ok(subjects.includes(one.subject), `${one.row}: nothing in ${file} is of it`);
    if (one.over === undefined || one.over.subject === "delta-rs") continue;
    assert.ok(foundOf(one, kept.figures).length > 0, `${one.row}: it cannot be compared`);
  }
});

test("what was not measured is called so; bench/README.md has a row for each target", () => {
  assert.match(
    wholeTable(() => undefined),
    /not measured/,
  );
  const rowsIn = (text: string) => text.split("\n").filter((line) => line.startsWith("| "));
  // What is measured is of a day; what is meant stays.
  const meant = (line: string) => line.split(" | ").slice(0, 3);
  const there = new Set(rowsIn(readText("bench/README.md")).map((line) => String(meant(line))));
  for (const line of rowsIn(wholeTable())) {
    assert.ok(there.has(String(meant(line))), `${line}: \`npm run bench -- table --save\` writes it`);
  }
  const page = pageWithTable();
  assert.ok(page.includes(wholeTable()));
  assert.equal(pageWithTable(page), page);
});
