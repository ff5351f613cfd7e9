/**
 * `npm run mutants [-- --fast] [--only TEXT]… [--by SUITE]`: plants each bug into a copy of the tree and sees whether the
 * suites notice. A bug that survives is a hole in the tests, and fails. Needs TEST_POSTGRES_URL.
 */

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { MUTANTS, type Mutant, type Suite } from "./mutants.ts";
import { OLDER_MUTANTS } from "./older-mutants.ts";
import { RULE_MUTANTS } from "./rule-mutants.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const COPIED = ["lib", "test", "events", "package.json", "tsconfig.json"];
const SUITE_TIMEOUT_MS = 180_000;

const FILES: Record<Suite, readonly string[]> = {
  locks: ["test/catalog/lock-order.test.ts"],
  races: ["test/isolation/races.test.ts"],
  model: ["test/isolation/model.test.ts"],
  contention: ["test/isolation/contention.test.ts"],
  checker: ["--test-name-pattern=on PostgreSQL$", "test/isolation/checker.test.ts"],
  processes: ["--test-name-pattern=on one SQLite file$", "test/isolation/checker.test.ts"],
  crash: ["test/operations/crash.test.ts"],
  catalog: ["test/catalog/catalog.test.ts"],
  sight: ["test/operations/first-sight.test.ts"],
  older: ["test/operations/older-database.test.ts"],
};

const ANOMALY =
  /(G0|G1\w|G-single|G2|gap|time|phantom|doubled|torn|refused, yet committed|two minds|answer|lost|reordered|changed|blind|lost conflict|refused without cause|view|stale|log|bank|stream|locks|error|order|lost append|parity|predicate|domain|metadata|vector|row ids): [^\n]*/;

const { values } = parseArgs({
  options: {
    fast: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [""] },
    by: { type: "string" },
  },
});
if (!process.env.TEST_POSTGRES_URL) {
  console.error("TEST_POSTGRES_URL must name a PostgreSQL server on which databases may be made");
  process.exit(64);
}
const chosen = [...MUTANTS, ...RULE_MUTANTS, ...OLDER_MUTANTS]
  .filter(({ fast }) => !values.fast || fast)
  .filter(({ name }) => values.only.some((text) => name.includes(text)))
  .map((mutant) => (values.by ? { ...mutant, killers: [values.by as Suite] } : mutant));

interface Verdict {
  readonly mutant: string;
  readonly by: string;
  readonly seconds: number;
  readonly killed: boolean;
}

const copy = mkdtempSync(join(tmpdir(), "dl-mutants-"));
try {
  for (const name of COPIED) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  process.exitCode = main() ? 0 : 1;
} finally {
  rmSync(copy, { recursive: true, force: true });
}

function main(): boolean {
  const suites = new Set(chosen.flatMap(({ killers }) => (values.fast ? killers.slice(0, 1) : killers)));
  for (const suite of suites) {
    const { failed, seconds, output } = run(suite);
    console.log(`without a bug, ${suite} ${failed ? "FAILS" : "passes"} in ${seconds.toFixed(0)} s`);
    if (failed) console.log(output);
    if (failed) return false;
  }
  const verdicts = chosen.map((mutant) => {
    const verdict = judge(mutant);
    console.log(`${verdict.killed ? "killed  " : "SURVIVED"} ${verdict.mutant}: ${verdict.by}`);
    return verdict;
  });
  console.log("\n| mutant | killed by | seconds |\n|---|---|---|");
  for (const { mutant, by, seconds } of verdicts) console.log(`| ${mutant} | ${by} | ${seconds.toFixed(0)} |`);
  const survivors = verdicts.filter(({ killed }) => !killed).length;
  console.log(`\nmutants: ${verdicts.length - survivors} of ${verdicts.length} killed`);
  return survivors === 0 && verdicts.length > 0;
}

/** Suites that meet a bug by chance on a busy machine get three chances. */
function judge({ name, edits, killers }: Mutant): Verdict {
  const started = performance.now();
  const done = (killed: boolean, by: string): Verdict => {
    return { mutant: name, by, killed, seconds: (performance.now() - started) / 1000 };
  };
  const before = new Map(edits.map(({ file }) => [file, readFileSync(join(copy, file), "utf8")]));
  try {
    for (const { file, search, replace } of edits) {
      const text = readFileSync(join(copy, file), "utf8");
      const times = text.split(search).length - 1;
      if (times !== 1) return done(false, `out of date: ${JSON.stringify(search)} occurs ${times} times in ${file}`);
      writeFileSync(
        join(copy, file),
        text.replace(search, () => replace),
      );
    }
    const smoke = node(["test/mutants/smoke.ts"]);
    if (smoke.failed) return done(false, `never lived: ${smoke.output.slice(-500)}`);
    for (const suite of [...killers, ...killers, ...killers]) {
      const { failed, output } = run(suite);
      if (failed) return done(true, `${suite}: ${reason(output)}`);
    }
    return done(false, `nobody (${killers.join(", ")})`);
  } finally {
    for (const [file, text] of before) writeFileSync(join(copy, file), text);
  }
}

function run(suite: Suite) {
  return node(["--test", ...FILES[suite]]);
}

function node(args: readonly string[]) {
  const started = performance.now();
  const env = { ...process.env, ISOLATION_SEED: "1", ISOLATION_SECONDS: "8", ISOLATION_CHECKER_SECONDS: "12" };
  // A test that finds itself within a test would only report to its parent.
  const { NODE_TEST_CONTEXT: _, ...clean } = env as Record<string, string | undefined>;
  const options = { cwd: copy, env: clean, encoding: "utf8", timeout: SUITE_TIMEOUT_MS, maxBuffer: 1 << 28 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
  return { failed: status !== 0, output: stdout + stderr, seconds: (performance.now() - started) / 1000 };
}

/** The first anomaly that the suite names, else the first test that failed. */
function reason(output: string): string {
  const [anomaly] = ANOMALY.exec(output.slice(output.indexOf("failing tests:"))) ?? [];
  const [, test] = /✖ (.*) \(/.exec(output) ?? [];
  const text = (anomaly ?? test ?? "no answer in time")
    .replaceAll("|", "/")
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "…");
  return text.length > 110 ? `${text.slice(0, 109)}…` : text;
}
