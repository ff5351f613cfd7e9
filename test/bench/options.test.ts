/** Command lines of benchmarks: what is wrong is said in a sentence with the usage, and nothing is run. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Misused, type Program, parsed, usageOf } from "../../bench/options.ts";
import { ROOT, readText } from "../support/source-tree.ts";

const PROGRAM = {
  run: "node some.ts",
  about: "Shows something.",
  numbers: [{ name: "files", count: 10, what: "of a table" }],
  words: { name: "measurement", among: ["one", "two"], atMost: 1 },
  options: {
    rounds: { count: 3, what: "samples" },
    url: { text: "URL", what: "a server", check: (url: string) => (url === "bad" ? "it is a URL" : undefined) },
    save: { flag: false, what: "keep it" },
  },
} as const satisfies Program;

test("what is told is read, and the rest is as the program has it", () => {
  const { values, numbers, words } = parsed(PROGRAM, ["two", "7", "--url", "x", "--save"]);
  assert.deepEqual([{ ...values }, numbers, words], [{ rounds: 3, url: "x", save: true }, [7], ["two"]]);
  assert.deepEqual({ ...parsed(PROGRAM, []).values }, { rounds: 3, url: undefined, save: false });
});

test("what is wrong is told in a sentence", () => {
  for (const [args, told] of [
    [["--rounds", "x"], "--rounds x: it is a whole number of at least 1"],
    [["--rounds", "-1"], "--rounds -1: it is a whole number of at least 1"],
    [["--rounds", "0"], "--rounds 0: it is a whole number of at least 1"],
    [["--rounds", "1.5"], "--rounds 1.5: it is a whole number of at least 1"],
    [["--rounds", "1e9"], "--rounds 1e9: it is a whole number of at least 1"],
    [["--rounds="], "--rounds : it is a whole number of at least 1"],
    [["many"], "files many: it is a whole number of at least 1"],
    [["1", "three"], "three: there is no such measurement"],
    [["one", "two"], "one measurement at a time"],
    [["--url", "bad"], "--url bad: it is a URL"],
    [["--other"], "Unknown option '--other'"],
    [["--url"], "Option '--url <value>' argument missing"],
    [["--save=yes"], "Option '--save' does not take an argument"],
  ] as const) {
    const isTold = (error: unknown) => error instanceof Misused && error.message === told;
    assert.throws(() => parsed(PROGRAM, args), isTold, told);
  }
});

test("the usage has every argument with its default", () => {
  assert.equal(
    usageOf({ ...PROGRAM, environment: { A_SERVER: "where" } }),
    `node some.ts one|two [files] [options]

Shows something.

  files       of a table (default: 10)
  --rounds N  samples (default: 3)
  --url URL   a server
  --save      keep it
  --help      this text
  A_SERVER    where
`,
  );
});

/** What others import, and pages that are written without being told anything. */
const NO_PROGRAMS = ["body", "calls", "options", "postgres-url", "report", "serve", "sink-s3", "slow-s3", "support"];

test("every program of bench/ reads its command line so", () => {
  const programs = readdirSync(join(ROOT, "bench"))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => name.slice(0, -3))
    .filter((name) => !NO_PROGRAMS.includes(name));
  assert.ok(programs.length > 20);
  for (const name of programs) {
    const source = readText(`bench/${name}.ts`);
    assert.match(source, /readOptions\(/, name);
    assert.doesNotMatch(source, /parseArgs/, name);
    // Arguments are looked at elsewhere only by one that a program starts of itself.
    if (/process\.argv/.test(source)) assert.match(source, /"--child"|"--adds"/, name);
  }
});

test("a process ends with the text alone: 0 for --help, 2 where something is wrong", async () => {
  const help = await ended("run", "--help");
  assert.deepEqual([help.code, help.stderr], [0, ""]);
  assert.match(help.stdout, /^npm run bench -- [\s\S]*\n {2}--help +this text\n/);
  for (const [name, args, told] of [
    ["run", ["latency", "--rounds", "x"], "--rounds x: it is a whole number of at least 1"],
    ["run", ["latency", "--peers", "trino"], "--peers trino: there is no peer trino, but delta-rs, ducklake, spark"],
    ["run", ["latency", "--postgres", "here"], "--postgres here: it is postgres://USER@HOST:PORT/DATABASE"],
    [
      "run",
      ["latency", "--postgres", "postgres://u:topsecret@127.0.0.1:1/x"],
      "cannot use postgres://u:***@127.0.0.1:1/x: ",
    ],
    ["run", [], "which benchmark?"],
    ["scale", ["--no-such-option"], "Unknown option '--no-such-option'"],
    ["scale", [], "set BENCH_POSTGRES_URL or BENCH_MYSQL_URL"],
  ] as const) {
    const { code, stdout, stderr } = await ended(name, ...args);
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.ok(stderr.startsWith(told), stderr);
    assert.match(stderr, /\n\n(node|npm run) /, "the usage comes after it");
    assert.doesNotMatch(stderr, /\n {4}at |topsecret/, "a person reads this");
  }
});

async function ended(name: string, ...args: readonly string[]) {
  // The tests' own Node would take the child's output for a report.
  const { NODE_TEST_CONTEXT: _, BENCH_POSTGRES_URL: _one, BENCH_MYSQL_URL: _other, ...env } = process.env;
  const child = spawn(process.execPath, [join(ROOT, "bench", `${name}.ts`), ...args], { env, cwd: ROOT });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => (stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  const [code] = (await once(child, "close")) as [number];
  return { code, stdout, stderr };
}
