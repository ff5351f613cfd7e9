/** Counts and lists of the differential test. */

import type { Case } from "./case.ts";

export interface Outcome {
  readonly case: Case;
  readonly taken: boolean;
  /** Our refusal: status, code, pointer, message. */
  readonly rule?: string;
  /** The rule of the list that justifies a refusal of what all readers take. */
  readonly listed?: string;
  /** What a reader says against what we refused. */
  readonly seen?: string;
  /** A disagreement. */
  readonly problem?: string;
}

/** Counts by kind of mutation, refusals by rule, and every disagreement. */
export function report(outcomes: readonly Outcome[]): string {
  const kinds = [...new Set(outcomes.map((o) => o.case.kind))];
  const line = (name: string, some: readonly Outcome[]) => {
    const count = (matches: (o: Outcome) => boolean) => some.filter(matches).length;
    const cells = [
      some.length,
      count((o) => o.taken),
      count((o) => !o.taken),
      count((o) => o.listed !== undefined),
      count((o) => o.problem !== undefined),
    ];
    return `| ${name} | ${cells.join(" | ")} |`;
  };
  return [
    "| mutations of | sent | taken | refused | of these listed | disagreements |",
    "|---|---|---|---|---|---|",
    ...kinds.map((kind) =>
      line(
        kind,
        outcomes.filter((o) => o.case.kind === kind),
      ),
    ),
    line("**all**", outcomes),
    "",
    "Refused by rule:",
    ...byRule(outcomes),
    "",
    "Disagreements:",
    ...outcomes
      .filter((o) => o.problem)
      .map((o) => `- ${o.case.kind}: ${o.case.name} → ${o.taken ? "taken" : "refused"}; ${o.problem}`),
  ].join("\n");
}

/** One line for a person. */
export function disagreement({ case: { kind, name }, taken, problem }: Outcome): string {
  return `- ${kind}: ${name} → ${taken ? "taken" : "refused"}; ${problem}`;
}

function byRule(outcomes: readonly Outcome[]): string[] {
  const counts = new Map<string, number>();
  for (const { rule, taken } of outcomes) {
    if (taken || rule === undefined) continue;
    const name = ruleName(rule);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]).map(([name, count]) => `- ${count} × ${name}`);
}

/** The refusal without what is particular to the request. */
export function ruleName(rule: string): string {
  return rule
    .replace(/^(\d+ \S+) \S*:/, "$1:")
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, "…")
    .replaceAll(/file:\S+/g, "…")
    .replaceAll(/\d+/g, "n")
    .slice(0, 110);
}
