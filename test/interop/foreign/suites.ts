/** What runs of others' test suites share: a gateway of their own, what became of each test, and what only the run through the gateway fails. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../../lib/cli/main.ts", import.meta.url));

export interface Outcome {
  readonly outcome: "passed" | "failed" | "skipped";
  readonly message: string;
}
export type Outcomes = ReadonlyMap<string, Outcome>;

/** A gateway on a free port, in front of a folder. */
export async function startGateway(database: string, upstream: string) {
  const args = [MAIN, "gateway", "--database", database, "--upstream", upstream, "--listen", "127.0.0.1:0"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const close = async () => {
    child.kill();
    await once(child, "exit");
  };
  return { url: /http:\/\/[\d.:]+/.exec(line)?.[0] ?? "", close };
}

/** Of a file with a JSON object a line: name, outcome and message. */
export function readOutcomes(file: string): Outcomes {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  const outcomes = lines.map((line) => JSON.parse(line) as Outcome & { readonly name: string });
  return new Map(outcomes.map(({ name, ...outcome }) => [name, outcome]));
}

/** Prints both counts, and each test that fails through the gateway alone. */
export function report(plain: Outcomes, through: Outcomes): void {
  const count = (outcomes: Outcomes, wanted: string) =>
    [...outcomes.values()].filter((o) => o.outcome === wanted).length;
  const line = (name: string, outcomes: Outcomes) =>
    `| ${name} | ${["passed", "failed", "skipped"].map((outcome) => count(outcomes, outcome)).join(" | ")} |`;
  console.log("| | passed | failed | skipped |\n|---|---|---|---|");
  console.log(`${line("a folder", plain)}\n${line("through the gateway", through)}\n`);
  for (const [name, { outcome, message }] of through) {
    if (outcome !== "failed" || plain.get(name)?.outcome === "failed") continue;
    console.log(`${name}\n    ${message.replaceAll("\n", " ").slice(0, 400)}`);
  }
}
