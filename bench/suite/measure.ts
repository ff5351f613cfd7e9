/** Runs the cases of a benchmark: subjects take turns, so that whatever else the machine does meets all of them. */

import { markdownTable, percentile, progress } from "../support.ts";
import type { Bench, Context, Figures } from "./model.ts";

/** @param rounds samples of each subject */
export async function measure(bench: Bench, context: Context, rounds: number): Promise<readonly Figures[]> {
  const figures: Figures[] = [];
  progress(`${bench.title}: getting ready`);
  for await (const one of bench.cases(context)) {
    const samples = one.subjects.map((): number[] => []);
    try {
      for (let round = 0; round < rounds; round += 1) {
        for (const [i, subject] of one.subjects.entries()) {
          progress(`${one.name}: ${subject.name}, ${round + 1} of ${rounds}`);
          samples[i]?.push(await subject.sample());
        }
      }
    } finally {
      await one.close?.();
    }
    const own = { ...(one.unit && { unit: one.unit }), ...(one.better && { better: one.better }) };
    for (const [i, { name, role }] of one.subjects.entries()) {
      figures.push({ case: one.name, subject: name, role, ...own, samples: samples[i] ?? [] });
    }
  }
  return figures;
}

export function median({ samples }: Pick<Figures, "samples">): number {
  return percentile(samples, 0.5);
}

/**
 * How many times as good as the first of ours in its case a subject is: 2 is twice as fast, whatever the unit.
 * @returns undefined where the case has none of ours
 */
export function ratioToOurs(bench: Pick<Bench, "better">, all: readonly Figures[], one: Figures): number | undefined {
  const ours = all.find((other) => other.case === one.case && other.role === "ours");
  if (ours === undefined) return undefined;
  const better = one.better ?? bench.better;
  return better === "more" ? median(one) / median(ours) : median(ours) / median(one);
}

export function figuresTable(bench: Bench, figures: readonly Figures[]): string {
  return markdownTable(
    figures.map((one) => ({
      case: one.case,
      who: one.subject,
      "as good as ours": `${ratioToOurs(bench, figures, one)?.toFixed(2) ?? "–"} ×`,
      median: shown(median(one)),
      unit: one.unit ?? bench.unit,
      min: shown(Math.min(...one.samples)),
      max: shown(Math.max(...one.samples)),
    })),
  );
}

/** Three digits, or all before the point. */
export function shown(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}
