/** `npm run bench:report`: one page, docs/benchmarks.html, of the figures in bench/results/, for whoever decides by them. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { plot } from "./report/plot.ts";
import { COLORS, STYLE } from "./report/style.ts";
import { escaped, sentence, unitOf } from "./report/words.ts";
import { BENCHES } from "./suite/benches.ts";
import { median, ratioToOurs, shown } from "./suite/measure.ts";
import type { Figures } from "./suite/model.ts";
import { type Recorded, resultFile } from "./suite/results.ts";
import { TARGETS } from "./suite/targets.ts";
import { foundOf, isMet } from "./suite/whole.ts";

const PAGE = fileURLToPath(new URL("../docs/benchmarks.html", import.meta.url));

function row(recorded: Recorded, one: Figures): string {
  const ratio = ratioToOurs(recorded, recorded.figures, one);
  const range = `${shown(Math.min(...one.samples))}–${shown(Math.max(...one.samples))}`;
  const cells = [one.case, one.subject, shown(median(one)), unitOf(recorded, one), range];
  const last = ratio === undefined ? "–" : `${ratio.toFixed(2)} ×`;
  return `<tr>${[...cells, last].map((cell) => `<td>${escaped(cell)}</td>`).join("")}</tr>`;
}

async function section(recorded: Recorded): Promise<string> {
  const { name, title, machine, versions, command, figures } = recorded;
  const samples = figures[0]?.samples.length ?? 0;
  const plots: string[] = [];
  for (const one of new Set(figures.map((figure) => figure.case))) {
    const svg = await plot(recorded, one);
    plots.push(`<figure>\n${svg}\n<figcaption>${escaped(sentence(recorded, one))}</figcaption>\n</figure>`);
  }
  return `<section id="${name}">
<h2>${escaped(title)}</h2>
<div class="plots">${plots.join("\n")}</div>
<details><summary>The figures</summary><div class="wide"><table>
<tr><th>case</th><th>who</th><th>median</th><th>unit</th><th>range</th><th>as good as ours</th></tr>
${figures.map((one) => row(recorded, one)).join("\n")}
</table></div></details>
<p class="how">${samples} ${samples === 1 ? "sample" : "samples"} of each, in turn in one run. <code>${escaped(command)}</code><br>${escaped(machine)}${versions === undefined ? "" : `; ${escaped(versions)}`}</p>
</section>`;
}

/** What we meant to reach, of what was measured. */
function targets(all: readonly Recorded[]): string {
  const rows = TARGETS.flatMap((target) => {
    const recorded = all.find(({ name }) => name === target.bench);
    const found = recorded === undefined ? [] : foundOf(target, recorded.figures);
    if (found.length === 0) return [];
    const ratio = target.over === undefined ? "" : " ×";
    const bound = target.least === undefined ? "at most" : "at least";
    const wanted = shown(target.least ?? target.most ?? Number.NaN);
    const against = target.over === undefined || target.over.case !== undefined ? "" : ` ${target.over.subject}`;
    const now = found.map(({ engine, value }) => {
      const met = isMet(target, value);
      return `<span class="${met ? "met" : "missed"}">${engine} ${shown(value)}${ratio} ${met ? "✓" : "✗"}</span>`;
    });
    const link = `<a href="#${target.bench}">${escaped(target.row.replaceAll("`", ""))}</a>`;
    return [`<tr><td>${link}</td><td>${bound} ${wanted}${ratio}${against}</td><td>${now.join("<br>")}</td></tr>`];
  });
  return `<div class="wide"><table class="targets">
<tr><th>what</th><th>target</th><th>measured</th></tr>
${rows.join("\n")}
</table></div>`;
}

/** What the first plot of each says: the others are of other engines, sizes and numbers of tables. */
function short(recorded: Recorded): string {
  const first = recorded.figures[0]?.case ?? "";
  const link = `<a href="#${recorded.name}">${escaped(recorded.title)}</a>`;
  return `<li>${link} (${escaped(first)}). ${escaped(sentence(recorded, first))}</li>`;
}

const ROLES = { ours: "deltalakedb", peer: "others, on the same work", floor: "the floor" } as const;

async function page(all: readonly Recorded[]): Promise<string> {
  const sections: string[] = [];
  for (const recorded of all) sections.push(await section(recorded));
  const legend = Object.entries(ROLES).map(([role, text]) => `<span><i class="${role}"></i>${text}</span>`);
  const dates = all.map(({ machine }) => /\d{4}-\d\d-\d\d/.exec(machine)?.[0] ?? "").toSorted();
  const days = [...new Set([dates[0], dates.at(-1)])].join(" to ");
  const machines = [...new Set(all.map(({ machine }) => machine.replace(/, \d{4}-\d\d-\d\d$/, "")))].join("; ");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>deltalakedb: benchmarks</title><style>${STYLE}</style></head>
<body>
<h1>How fast deltalakedb is, beside others and beside the floor</h1>
<p class="legend">${legend.join("")}</p>
<p>Measured ${days} on ${escaped(machines)}. Everyone did the same work on the same machine, in turn in one run, so compare within a plot, not with figures from elsewhere.
<em>The floor</em> is the bare database: one row of the same bytes and the update of a head, each in a transaction of its own; ours can pass it only where commits share a transaction.
A point is the median, the line through it the range. Scales are logarithmic: each line of the grid to the next is the same factor.
<a href="performance.md">performance.md</a> says what the limits are.</p>
<h2>In short</h2>
<ul class="short">${all.map(short).join("\n")}</ul>
<h2>What we meant to reach</h2>
${targets(all)}
${sections.join("\n")}
</body></html>
`;
}

const all = Object.keys(BENCHES)
  .map(resultFile)
  .filter((file) => existsSync(file))
  .map((file) => JSON.parse(readFileSync(file, "utf8")) as Recorded);
if (all.length === 0) {
  console.error("there are no figures yet: `npm run bench -- commits --save` makes some");
  process.exitCode = 2;
} else {
  writeFileSync(PAGE, await page(all));
  console.log(`${PAGE}: ${all.length} benchmarks, ${Object.keys(COLORS).join(", ")}`);
}
