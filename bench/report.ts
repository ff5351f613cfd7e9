/** `npm run bench:report`: one page, docs/benchmarks.html, of the figures in bench/results/, for whoever decides by them. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { median, ratioToOurs } from "./suite/measure.ts";
import type { Figures } from "./suite/model.ts";
import type { Recorded } from "./suite/results.ts";

const RESULTS = new URL("results/", import.meta.url);
const PAGE = fileURLToPath(new URL("../docs/benchmarks.html", import.meta.url));
const COLORS = { ours: "#0b6e4f", peer: "#b5651d", floor: "#9aa0a6" } as const;

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Points for the medians, with the range of the samples: one plot a case. The scale is logarithmic: half the way is not half the figure. */
async function plot({ figures, unit }: Recorded, name: string): Promise<string> {
  const values = figures
    .filter((one) => one.case === name)
    .map((one) => ({
      who: one.subject,
      role: one.role,
      median: median(one),
      low: Math.min(...one.samples),
      high: Math.max(...one.samples),
    }));
  const y = {
    field: "who",
    type: "nominal",
    sort: null,
    title: null,
    axis: { labelLimit: 240, minExtent: 200 },
  } as const;
  const color = {
    field: "role",
    type: "nominal",
    scale: { domain: Object.keys(COLORS), range: Object.values(COLORS) },
    legend: null,
  } as const;
  const scale = { type: "log", nice: true } as const;
  const spec: TopLevelSpec = {
    title: { text: name, anchor: "start", fontSize: 13 },
    data: { values },
    width: 460,
    height: { step: 24 },
    layer: [
      {
        mark: { type: "point", filled: true, size: 110, opacity: 1 },
        encoding: { y, x: { field: "median", type: "quantitative", scale, title: unit }, color },
      },
      {
        mark: { type: "rule", strokeWidth: 2 },
        encoding: { y, x: { field: "low", type: "quantitative", scale }, x2: { field: "high" }, color },
      },
    ],
    config: { font: "system-ui, sans-serif", view: { stroke: "#ddd" } },
  };
  return new View(parse(compile(spec).spec), { renderer: "none" }).toSVG();
}

function row(recorded: Recorded, one: Figures): string {
  const ratio = ratioToOurs(recorded, recorded.figures, one);
  const cells = [
    one.case,
    one.subject,
    median(one).toPrecision(3),
    ratio === undefined ? "–" : `${ratio.toFixed(2)} ×`,
  ];
  return `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join("")}</tr>`;
}

async function section(recorded: Recorded): Promise<string> {
  const { title, unit, better, machine, command, figures } = recorded;
  const samples = figures[0]?.samples.length ?? 0;
  const plots: string[] = [];
  for (const name of new Set(figures.map((one) => one.case))) plots.push(await plot(recorded, name));
  return `<section>
<h2>${escaped(title)}</h2>
<p>In ${escaped(unit)}; ${better} is better. Medians of ${samples} ${samples === 1 ? "sample" : "samples"}, in turn in one run.</p>
${plots.join("\n")}
<table><tr><th>case</th><th>who</th><th>${escaped(unit)}</th><th>as good as ours</th></tr>
${figures.map((one) => row(recorded, one)).join("\n")}
</table>
<p class="how"><code>${escaped(command)}</code><br>${escaped(machine)}</p>
</section>`;
}

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#222}
h2{margin-top:2.5rem}table{border-collapse:collapse;font-size:.9rem}td,th{border-bottom:1px solid #ddd;padding:.2rem .8rem .2rem 0;text-align:left}
.how{color:#666;font-size:.85rem}svg{display:block;max-width:100%;height:auto}`;

const names = existsSync(RESULTS)
  ? readdirSync(RESULTS)
      .filter((name) => name.endsWith(".json"))
      .sort()
  : [];
if (names.length === 0) {
  console.error("there are no figures yet: `npm run bench -- commits --save` makes some");
  process.exitCode = 2;
} else {
  const all = names.map((name) => JSON.parse(readFileSync(new URL(name, RESULTS), "utf8")) as Recorded);
  const sections: string[] = [];
  for (const recorded of all) sections.push(await section(recorded));
  writeFileSync(
    PAGE,
    `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>deltalakedb: benchmarks</title><style>${STYLE}</style>
<h1>What deltalakedb takes, beside others and beside the floor</h1>
<p>Green is ours, brown a peer, grey the floor. Figures of one run are compared with each other only: the machine is shared, and its speed is not yours. <em>Floor</em> is one row of the same bytes and
the update of a head, in a transaction of its own each: ours pass it only where commits share a transaction, as those of many writers do. Peers do the same work in their own way, on the same
disk. <a href="performance.md">performance.md</a> says what the limits are.</p>
${sections.join("\n")}
</html>
`,
  );
  console.log(`${PAGE}: ${names.length} benchmarks`);
}
