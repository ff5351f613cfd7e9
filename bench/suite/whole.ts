/** The whole table: each target, what was before, and what the kept figures say now. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { markdownTable } from "../support.ts";
import { median, shown } from "./measure.ts";
import type { Figures } from "./model.ts";
import { type Recorded, resultFile } from "./results.ts";
import { TARGETS, type Target } from "./targets.ts";

const PAGE = fileURLToPath(new URL("../README.md", import.meta.url));
const [BEGIN, END] = [
  "<!-- the whole table, by `npm run bench -- table --save` -->",
  "<!-- end of the whole table -->",
];

interface Found {
  readonly engine: string;
  readonly value: number;
}

/** One for each engine that was measured. */
export function foundOf(target: Target, figures: readonly Figures[]): readonly Found[] {
  return figures.flatMap((one) => {
    if (one.subject !== target.subject || !target.case.test(one.case)) return [];
    const [engine = ""] = one.case.split(", ");
    if (target.over === undefined) return [{ engine, value: median(one) }];
    const other =
      figures.find((two) => isOver(target, one, two)) ?? figures.find((two) => isOver(target, undefined, two));
    return other === undefined ? [] : [{ engine, value: median(one) / median(other) }];
  });
}

/** @param one of the same case, or of its engine; absent: of any, as a peer is measured once */
function isOver({ over, case: own }: Target, one: Figures | undefined, two: Figures): boolean {
  if (over === undefined || two.subject !== over.subject) return false;
  if (over.case !== undefined) return one !== undefined && over.case.test(two.case) && engineOf(one) === engineOf(two);
  return one === undefined ? two.role === "peer" && own.test(two.case) : two.case === one.case;
}

const engineOf = (one: Figures) => one.case.split(", ")[0];

export function isMet({ least, most }: Target, value: number): boolean {
  return (least === undefined || value >= least) && (most === undefined || value <= most);
}

/** @param resultsOf what was kept of a benchmark; undefined: nothing */
export function wholeTable(resultsOf: (bench: string) => Recorded | undefined = kept): string {
  return markdownTable(
    TARGETS.map((target) => {
      const recorded = resultsOf(target.bench);
      const found = recorded === undefined ? [] : foundOf(target, recorded.figures);
      const ratio = target.over === undefined ? "" : " ×";
      const bound = target.least === undefined ? `≤ ${target.most}` : `≥ ${target.least}`;
      const now = found.map(
        (one) => `${one.engine} ${shown(one.value)}${ratio} ${isMet(target, one.value) ? "met" : "**missed**"}`,
      );
      const against = target.over === undefined || target.over.case !== undefined ? "" : ` ${target.over.subject}`;
      return {
        what: target.row,
        target: `${bound.replace(/0\.3333\d*/, "1/3")}${ratio}${against}`,
        before: target.before,
        now: now.length === 0 ? "not measured" : now.join("<br>"),
        command: recorded === undefined ? `\`npm run bench -- ${target.bench}\`` : `\`${recorded.command}\``,
      };
    }),
  );
}

function kept(bench: string): Recorded | undefined {
  const file = resultFile(bench);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Recorded) : undefined;
}

/** The page, with the table that the kept figures make. */
export function pageWithTable(page = readFileSync(PAGE, "utf8")): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error("bench/README.md has no place for the whole table");
  return `${page.slice(0, from + BEGIN.length)}\n\n${wholeTable()}\n\n${page.slice(to)}`;
}

export function saveWholeTable(): void {
  writeFileSync(PAGE, pageWithTable());
}
