/**
 * Us and others on the same work, in turn, in one run: `npm run bench -- commits --peers delta-rs,ducklake`. One Markdown table, and with --save
 * the figures in bench/results/, from which `npm run bench:report` makes a page. With --check the ratio to the floor is held against them.
 * `all` runs one after the other, and `table` shows what the kept figures say of the targets.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { endMisused, Misused, type Program, readOptions } from "./options.ts";
import { reachPostgres, wrongPostgres } from "./postgres-url.ts";
import { BENCHES } from "./suite/benches.ts";
import { figuresTable, measure, ratioToOurs } from "./suite/measure.ts";
import type { Bench, Figures } from "./suite/model.ts";
import { openPeers, PEERS, type PeerName, type Peers } from "./suite/peers.ts";
import { type Recorded, resultFile } from "./suite/results.ts";
import { versionsOf } from "./suite/versions.ts";
import { saveWholeTable, wholeTable } from "./suite/whole.ts";
import { inTemporaryFolder, machine, progress } from "./support.ts";

const PROGRAM = {
  run: "npm run bench --",
  about:
    "Us, others and the bare database on the same work, in turn. `all` runs the suite, `table` shows the targets and what was kept.",
  words: { name: "benchmark", among: [...Object.keys(BENCHES), "all", "table"], atMost: 1 },
  options: {
    peers: {
      text: PEERS.join(","),
      what: "others on the same work; they are installed from PyPI (python3), Spark with jars (Java 17, Maven)",
      check: wrongPeers,
    },
    postgres: { text: "URL", what: "on this server, too; databases are made there and dropped", check: wrongPostgres },
    rounds: { count: 3, what: "samples of each" },
    files: { count: 100_000, what: "files of a large table, or rows of an audit trail" },
    seconds: { count: 3, what: "how long a load lasts" },
    minutes: { count: 40, what: "of all: what has not begun by then is left out" },
    save: { flag: false, what: "keep the figures in bench/results/, and the whole table in bench/README.md" },
    check: {
      text: "SHARE",
      what: "fail where a ratio to the floor is below this share of the one kept: 0.5, or less where others work beside",
      check: (share: string) => (Number(share) > 0 && Number(share) <= 1 ? undefined : "it is above 0, and 1 at most"),
    },
  },
} as const satisfies Program;

type Values = ReturnType<typeof readOptions<typeof PROGRAM.options>>["values"];

function wrongPeers(names: string): string | undefined {
  const unknown = names.split(",").find((name) => !PEERS.includes(name as PeerName));
  return unknown === undefined ? undefined : `there is no peer ${unknown}, but ${PEERS.join(", ")}`;
}

/** How ours compares with the floor, by case: larger is better. Of each the best sample, which others on the machine have disturbed least. */
function ratios(bench: Pick<Bench, "better">, all: readonly Figures[]): ReadonlyMap<string, number> {
  const bestOf = ({ better = bench.better, samples }: Figures) =>
    better === "more" ? Math.max(...samples) : Math.min(...samples);
  const figures = all.map((one) => ({ ...one, samples: [bestOf(one)] }));
  const floors = figures.filter(({ role }) => role === "floor");
  return new Map(floors.map((floor) => [floor.case, 1 / (ratioToOurs(bench, figures, floor) ?? Number.NaN)]));
}

function check(name: string, bench: Bench, figures: readonly Figures[], tolerated: number): boolean {
  const file = resultFile(name);
  if (!existsSync(file)) throw new Misused(`there is nothing to compare with: ${file} is made by --save`);
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

/** How it is run again: as it was, without what concerns this run alone. */
function commandOf(name: string, { peers, postgres, rounds, files, seconds }: Values): string {
  const { options } = PROGRAM;
  const words = [
    ...(peers === undefined ? [] : ["--peers", peers]),
    ...(postgres === undefined ? [] : ["--postgres", "…"]),
    ...(rounds === options.rounds.count ? [] : ["--rounds", rounds]),
    ...(files === options.files.count ? [] : ["--files", files]),
    ...(seconds === options.seconds.count ? [] : ["--seconds", seconds]),
  ];
  return ["npm run bench --", name, ...words].join(" ");
}

async function run(name: string, bench: Bench, values: Values, peers: Peers | undefined): Promise<readonly Figures[]> {
  const { postgres, files, seconds, rounds, save } = values;
  const figures = await inTemporaryFolder((folder) => {
    const context = { folder, files, loadMs: seconds * 1000, ...(postgres && { postgres }), ...(peers && { peers }) };
    return measure(bench, context, rounds);
  });
  const command = commandOf(name, values);
  console.log(`${bench.title}\n\n${figuresTable(bench, figures)}\n\n${machine()}. \`${command}\`\n`);
  if (save) {
    const { title, unit, better } = bench;
    const versions = await versionsOf(peers?.names ?? [], postgres);
    const recorded: Recorded = { name, title, unit, better, machine: machine(), versions, command, figures };
    mkdirSync(new URL("results/", import.meta.url), { recursive: true });
    writeFileSync(resultFile(name), `${JSON.stringify(recorded, null, 2)}\n`);
    saveWholeTable();
  }
  return figures;
}

async function all(values: Values, peers: Peers | undefined): Promise<boolean> {
  const endsAt = performance.now() + values.minutes * 60_000;
  const missing: string[] = [];
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (performance.now() > endsAt) {
      missing.push(`${name}: the time was over`);
      continue;
    }
    progress(name);
    try {
      await run(name, bench, values, peers);
    } catch (error) {
      missing.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  console.log(wholeTable());
  for (const one of missing) console.error(`not measured: ${one}`);
  return missing.length === 0;
}

async function main(): Promise<number> {
  const { values, words } = readOptions(PROGRAM);
  const [name = ""] = words;
  if (name === "") throw new Misused("which benchmark?");
  if (name === "table") {
    console.log(wholeTable());
    if (values.save) saveWholeTable();
    return 0;
  }
  if (values.postgres !== undefined) await reachPostgres(values.postgres);
  const peers = values.peers === undefined ? undefined : await openPeers(values.peers.split(",") as PeerName[]);
  try {
    if (name === "all") return (await all(values, peers)) ? 0 : 1;
    const bench = BENCHES[name] as Bench;
    const figures = await run(name, bench, values, peers);
    return values.check !== undefined && !check(name, bench, figures, Number(values.check)) ? 1 : 0;
  } finally {
    await peers?.close();
  }
}

// Servers that were started end with the process (`serve.ts`), which a signal alone would not tell them.
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)
  process.once(signal, () => process.exit(code));
try {
  process.exitCode = await main();
} catch (error) {
  endMisused(PROGRAM, error);
}
