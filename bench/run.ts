/**
 * Us and others on the same work, in turn, in one run: `npm run bench -- commits --peers delta-rs,ducklake`. One Markdown table, and with --save
 * the figures in bench/results/, from which `npm run bench:report` makes a page. With --check the ratio to the floor is held against them.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { AUDIT } from "./suite/audit.ts";
import { figuresTable, measure, ratioToOurs } from "./suite/measure.ts";
import type { Bench, Figures } from "./suite/model.ts";
import { openPeers, PEERS, type PeerName } from "./suite/peers.ts";
import { CHECKPOINT, GROWTH, IMPORT, LIST, MIRROR, OPEN, PLAN } from "./suite/reading.ts";
import { type Recorded, resultFile } from "./suite/results.ts";
import { COMMITS, LATENCY, MULTI } from "./suite/writing.ts";
import { inTemporaryFolder, machine } from "./support.ts";

const BENCHES: Readonly<Record<string, Bench>> = {
  commits: COMMITS,
  latency: LATENCY,
  multi: MULTI,
  open: OPEN,
  plan: PLAN,
  list: LIST,
  checkpoint: CHECKPOINT,
  mirror: MIRROR,
  import: IMPORT,
  growth: GROWTH,
  audit: AUDIT,
};

const USAGE = `npm run bench -- ${Object.keys(BENCHES).join("|")} [options]

  --peers ${PEERS.join(",")}   others on the same work; they are installed from PyPI (needs python3)
  --postgres URL           on this server, too; databases are made there and dropped
  --rounds N               samples of each (default: 3)
  --files N                files of a large table, or rows of an audit trail (default: 100000)
  --seconds N              how long a load lasts (default: 5)
  --save                   keep the figures in bench/results/
  --check SHARE            fail where a ratio to the floor is below this share of the one kept there: 0.5, or less where others work beside
`;

/** How ours compares with the floor, by case: larger is better. Of each the best sample, which others on the machine have disturbed least. */
function ratios(bench: Pick<Bench, "better">, all: readonly Figures[]): ReadonlyMap<string, number> {
  const best = bench.better === "more" ? Math.max : Math.min;
  const figures = all.map((one) => ({ ...one, samples: [best(...one.samples)] }));
  const floors = figures.filter(({ role }) => role === "floor");
  return new Map(floors.map((floor) => [floor.case, 1 / (ratioToOurs(bench, figures, floor) ?? Number.NaN)]));
}

function check(name: string, bench: Bench, figures: readonly Figures[], tolerated: number): boolean {
  const file = resultFile(name);
  if (!existsSync(file)) throw new Error(`there is nothing to compare with: ${file} is made by --save`);
  const kept = ratios(bench, (JSON.parse(readFileSync(file, "utf8")) as Recorded).figures);
  let isFine = true;
  for (const [of, ratio] of ratios(bench, figures)) {
    const before = kept.get(of);
    if (before === undefined) continue;
    const isWorse = ratio < before * tolerated;
    console.log(
      `${name}, ${of}: ${ratio.toFixed(3)} of the floor, ${before.toFixed(3)} was kept${isWorse ? ": WORSE" : ""}`,
    );
    isFine &&= !isWorse;
  }
  return isFine;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      peers: { type: "string" },
      postgres: { type: "string" },
      rounds: { type: "string", default: "3" },
      files: { type: "string", default: "100000" },
      seconds: { type: "string", default: "5" },
      save: { type: "boolean", default: false },
      check: { type: "string" },
    },
  });
  const [name = ""] = positionals;
  const bench = BENCHES[name];
  const wanted = values.peers?.split(",") ?? [];
  const unknown = wanted.find((peer) => !PEERS.includes(peer as PeerName));
  if (bench === undefined || positionals.length !== 1 || unknown !== undefined) {
    if (unknown !== undefined) console.error(`there is no peer ${unknown}`);
    if (bench === undefined && name !== "") console.error(`there is no benchmark ${name}`);
    console.error(USAGE);
    return 2;
  }
  const peers = wanted.length === 0 ? undefined : await openPeers(wanted as PeerName[]);
  try {
    const figures = await inTemporaryFolder((folder) => {
      const { postgres } = values;
      const load = { files: Number(values.files), loadMs: Number(values.seconds) * 1000 };
      const context = { folder, ...load, ...(postgres && { postgres }), ...(peers && { peers }) };
      return measure(bench, context, Number(values.rounds));
    });
    const command = `npm run bench -- ${process.argv
      .slice(2)
      .filter((word) => word !== "--save")
      .join(" ")}`;
    console.log(`${bench.title}\n\n${figuresTable(bench, figures)}\n\n${machine()}. \`${masked(command)}\``);
    if (values.save) {
      const { title, unit, better } = bench;
      const recorded: Recorded = { name, title, unit, better, machine: machine(), command: masked(command), figures };
      mkdirSync(new URL("results/", import.meta.url), { recursive: true });
      writeFileSync(resultFile(name), `${JSON.stringify(recorded, null, 2)}\n`);
    }
    return values.check && !check(name, bench, figures, Number(values.check)) ? 1 : 0;
  } finally {
    await peers?.close();
  }
}

function masked(command: string): string {
  return command.replace(/(--postgres[ =])\S+/, "$1…");
}

process.exitCode = await main();
