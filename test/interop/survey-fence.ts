/**
 * Prints who reads and who writes a table whose writerFeatures hold a name that nobody knows (ARCHITECTURE.md D14), with and without
 * that name: `INTEROP_CACHE="$(test/interop/setup.sh)" node test/interop/survey-fence.ts`.
 */

import { cpSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AT_ONCE, type Engines, openEngines } from "./support/engines.ts";
import { type Action, copyUpTo, logName, openGolden, readCommit } from "./support/golden.ts";
import { replay } from "./support/replay.ts";
import { type Service, startService } from "./support/service.ts";

const FENCE = "deltalakedb.managed";
const WRITES = [
  ...["append", "delete", "optimize", "vacuum", "properties"].map((write) => `Spark ${write}`),
  ...["append", "delete", "optimize", "vacuum", "checkpoint", "log cleanup"].map((write) => `delta-rs ${write}`),
  ...["Polars append", "Daft append", "DuckDB append"],
];

interface Base {
  readonly label: string;
  readonly path: string;
}

async function bases(service: Service, folder: string): Promise<readonly Base[]> {
  const copy = (kind: string) => {
    const golden = openGolden(kind);
    const path = join(folder, kind.replace("/", "-"));
    copyUpTo(golden, path, golden.head);
    return path;
  };
  const ours = await replay(service, openGolden("delta-rs/history"), { name: "fence.ours" });
  await service.dl("fence", "fence.ours", "off");
  return [
    { label: "(1,2) of delta-rs, fenced (1,7)", path: copy("delta-rs/history") },
    { label: "(1,7) of ours, in-commit timestamps", path: ours.path },
    { label: "(3,7) timestampNtz of Spark", path: copy("spark/timestamp-ntz") },
    { label: "(3,7) deletionVectors of Spark", path: copy("spark/deletion-vectors") },
  ];
}

/** Adds a commit that puts the unknown name into writerFeatures, and into nothing else. */
function fence(table: string): void {
  const commits = readdirSync(join(table, "_delta_log")).filter((name) => /^\d{20}\.json$/.test(name));
  const head = Math.max(...commits.map((name) => Number(name.slice(0, 20))));
  const actions: Action[] = [];
  for (let version = 0; version <= head; version += 1) actions.push(...readCommit(table, version));
  const old = actions.findLast((action) => action.protocol)?.protocol ?? {};
  const listed = (old.writerFeatures as string[] | undefined) ?? ["appendOnly", "invariants"];
  const protocol = { ...old, minWriterVersion: 7, writerFeatures: [...listed, FENCE] };
  const now = Date.now();
  const commitInfo = { timestamp: now, inCommitTimestamp: now, operation: "FENCE", operationParameters: {} };
  const text = [{ commitInfo }, { protocol }].map((action) => JSON.stringify(action)).join("\n");
  writeFileSync(join(table, "_delta_log", `${logName(head + 1)}.json`), `${text}\n`);
}

async function survey(engines: Engines, { label, path }: Base, folder: string): Promise<void> {
  const fenced = join(folder, "fenced");
  rmSync(fenced, { recursive: true, force: true });
  cpSync(path, fenced, { recursive: true });
  fence(fenced);
  const rows = [];
  for (const reader of AT_ONCE) {
    const [before, after] = [await engines.read(reader, path), await engines.read(reader, fenced)];
    const same = JSON.stringify(before) === JSON.stringify(after) && "rows" in before;
    rows.push([`${reader} reads`, readText(before), same ? "the same rows" : readText(after)]);
  }
  for (const write of WRITES) {
    const outcome = [];
    for (const from of [path, fenced]) {
      const copy = join(folder, "copy");
      rmSync(copy, { recursive: true, force: true });
      cpSync(from, copy, { recursive: true });
      outcome.push(clip(await engines.write(write, copy)));
    }
    rows.push([write, ...outcome]);
  }
  console.log(`\n### ${label}\n\n| | without the fence | fenced |\n|---|---|---|`);
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
}

function readText(result: Awaited<ReturnType<Engines["read"]>>): string {
  return "rows" in result ? `${result.rows.length} rows` : clip(result.refused);
}

function clip(refusal: string | undefined): string {
  return refusal === undefined
    ? "**writes**"
    : `refuses: ${refusal.replaceAll(/\s+/g, " ").replaceAll("|", "\\|").slice(0, 150)}`;
}

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-fence-")));
const engines = await openEngines(process.env.INTEROP_CACHE ?? "");
const service = await startService(folder);
try {
  for (const base of await bases(service, folder)) await survey(engines, base, folder);
} finally {
  await service.close();
  await engines.close();
  rmSync(folder, { recursive: true, force: true });
}
