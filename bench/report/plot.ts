/** One case as a picture: a line for each who did the work, with the median and the range of the samples. */

import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { median, shown } from "../suite/measure.ts";
import type { Recorded } from "../suite/results.ts";
import { COLORS, GRID, INK } from "./style.ts";
import { betterOf, unitOf } from "./words.ts";

const WIDTH = 440;
const LINE = 44;
/** 0.1, 100, 1k, 1M: thousandths are no letter. */
const LABEL = "format(datum.value, datum.value < 1000 ? '~g' : '~s')";
/** Beyond the figures, so that the words beside them have room. */
const [BEFORE, BEHIND] = [0.7, 2.2];

/** Tens, hundreds, thousands; with fewer of them than three also twice and five times as much. */
function ticksOf([low, high]: readonly [number, number]): number[] {
  const tens = Array.from({ length: 25 }, (_, i) => 10 ** (i - 12));
  const of = high / low > 1000 ? [1] : [1, 2, 5];
  return tens.flatMap((ten) => of.map((one) => one * ten)).filter((tick) => tick >= low && tick <= high);
}

/** As SVG. Names are above their lines: they take no room from the scale, which all cases with the same unit have in common. */
export async function plot({ figures, ...bench }: Recorded, name: string): Promise<string> {
  const of = figures.filter((one) => one.case === name);
  const [first] = of;
  if (first === undefined) throw new Error(`there is no case ${name}`);
  const unit = unitOf(bench, first);
  const samples = figures.filter((one) => unitOf(bench, one) === unit).flatMap((one) => one.samples);
  const domain: [number, number] = [Math.min(...samples) * BEFORE, Math.max(...samples) * BEHIND];
  const values = of.map((one, i) => ({
    // Two may have the same name.
    line: String(i),
    who: one.subject,
    role: one.role,
    median: median(one),
    said: shown(median(one)),
    low: Math.min(...one.samples),
    high: Math.max(...one.samples),
  }));
  const y = { field: "line", type: "nominal", sort: null, axis: null } as const;
  const color = {
    field: "role",
    type: "nominal",
    scale: { domain: Object.keys(COLORS), range: Object.values(COLORS) },
    legend: null,
  } as const;
  const side = betterOf(bench, first) === "more" ? "more is better →" : "← less is better";
  const axis = {
    title: `${unit}, ${side}`,
    values: ticksOf(domain),
    labelExpr: LABEL,
    grid: true,
    labelFlush: false,
  } as const;
  const x = (field: string) =>
    ({ field, type: "quantitative", scale: { type: "log", domain, nice: false }, axis }) as const;
  const spec: TopLevelSpec = {
    title: { text: name, anchor: "start", fontSize: 14, offset: 6 },
    data: { values },
    width: WIDTH,
    height: { step: LINE },
    layer: [
      {
        mark: { type: "rule", strokeWidth: 3, yOffset: 8 },
        encoding: { y, x: x("low"), x2: { field: "high" }, color },
      },
      {
        mark: { type: "point", filled: true, size: 130, opacity: 1, yOffset: 8 },
        encoding: { y, x: x("median"), color },
      },
      {
        mark: { type: "text", align: "left", dx: 4, dy: -11, fontSize: 13 },
        encoding: { y, x: { value: 0 }, text: { field: "who" }, color },
      },
      {
        mark: { type: "text", align: "left", dx: 10, dy: 8, fontSize: 13, fontWeight: "bold" },
        encoding: { y, x: x("high"), text: { field: "said" }, color },
      },
    ],
    config: {
      font: "system-ui, sans-serif",
      view: { stroke: GRID },
      axis: {
        gridColor: GRID,
        domainColor: GRID,
        tickColor: GRID,
        labelColor: INK,
        titleColor: INK,
        labelFontSize: 12,
      },
      title: { color: INK },
      background: "transparent",
    },
  };
  return new View(parse(compile(spec).spec), { renderer: "none" }).toSVG();
}
