/** Sends cases to the service and lets the readers judge the outcome. */

import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Engines, Row } from "../support/engines.ts";
import { logName } from "../support/golden.ts";
import type { Answer, Service } from "../support/service.ts";
import { copyWithout } from "../support/variants.ts";
import { BASES } from "./bases.ts";
import type { Case } from "./case.ts";
import { ALL, firstLine, type JudgingReader, QUICK, readAll, type Verdict } from "./readings.ts";
import type { Outcome } from "./report.ts";
import { justification } from "./rules.ts";
import { castShadow } from "./shadow.ts";
import type { Store } from "./store.ts";
import { GOOD_FILES, logHas, mutate, readLog, Table } from "./table.ts";

export interface Bench {
  readonly service: Service;
  readonly engines: Engines;
  readonly store: Store;
  /** For copies. */
  readonly folder: string;
  /** Spark, the slowest by far, reads every nth table; 0 for none. */
  readonly sparkEvery: number;
}

let lastTable = 0;
let judged = 0;
const goodTables = new Map<string, Promise<Table>>();

function newTable(bench: Bench, baseName: string, folder?: string): Table {
  const base = BASES.find(({ name }) => name === baseName);
  if (!base) throw new Error(`there is no base "${baseName}"`);
  lastTable += 1;
  return new Table(bench.service, bench.store, base, `diff.t${lastTable}`, folder);
}

function readersOf({ sparkEvery }: Bench): readonly JudgingReader[] {
  judged += 1;
  return sparkEvery > 0 && judged % sparkEvery === 0 ? ALL : QUICK;
}

/** A table of the base with two good files. @throws Error when the service refuses what is good */
async function goodTable(bench: Bench, baseName: string): Promise<Table> {
  const table = newTable(bench, baseName);
  const created = await table.create(table.createBody());
  if (created.status !== 201) throw new Error(`the good base "${baseName}" is refused: ${refusal(created)}`);
  for (let i = 0; i < GOOD_FILES; i += 1) {
    const answer = await table.append();
    if (answer.status !== 201) throw new Error(`a good file of "${baseName}" is refused: ${refusal(answer)}`);
  }
  return table;
}

/** A good table of the base that no case changes: what copies are made from. */
async function pristine(bench: Bench, baseName: string): Promise<Table> {
  const known = goodTables.get(baseName) ?? goodTable(bench, baseName);
  goodTables.set(baseName, known);
  return await known;
}

/** Imports a changed copy of a good table. */
async function runImport(bench: Bench, wanted: Case): Promise<Outcome> {
  const good = await pristine(bench, wanted.base);
  judged += 1;
  const folder = join(bench.folder, `import-${judged}`);
  castShadow(good, wanted, folder);
  const table = newTable(bench, wanted.base, folder);
  const answer = await table.import(good);
  if (answer.status >= 300) return await judgeRefusal(bench, wanted, answer);
  const original = await readAll(bench.engines, QUICK, folder, good.head, undefined);
  // A log that a reader could not read before us need not be read after us.
  const readers = readersOf(bench).filter((reader) => !original.some((o) => o.reader === reader && o.verdict !== "ok"));
  const told = await judgeHistory(bench, table, readers);
  const problem = await judgeTaken(bench, table, wanted.reshape, readers, told === undefined);
  return { case: wanted, taken: true, ...(problem === undefined ? {} : { problem }) };
}

/** Cases with the same base; more than one only when all are additive. */
export async function runCases(bench: Bench, cases: readonly Case[]): Promise<readonly Outcome[]> {
  const [first] = cases;
  if (!first) return [];
  if (first.import) return [await runImport(bench, first)];
  const outcomes = new Map<Case, Outcome>();
  const record = (wanted: Case, outcome: Omit<Outcome, "case">) => outcomes.set(wanted, { case: wanted, ...outcome });
  const table = first.create ? newTable(bench, first.base) : await goodTable(bench, first.base);
  const taken: Case[] = [];
  if (first.create) {
    const answer = await table.create(first.create(table.createBody()));
    if (answer.status !== 201) return [await judgeRefusal(bench, first, answer)];
  }
  for (const wanted of cases) {
    const problem = first.create ? await fill(table) : undefined;
    if (problem !== undefined) {
      record(wanted, { taken: true, problem });
      continue;
    }
    if (wanted.commit) {
      const { answer } = await mutate(table, wanted);
      if (answer.status !== 201) {
        outcomes.set(wanted, await judgeRefusal(bench, wanted, answer));
        continue;
      }
      if (answer.body.tables[0]?.mirror !== "COMPLETE") {
        record(wanted, { taken: true, problem: `taken, but not mirrored: ${answer.body.tables[0]?.mirror}` });
        return [...outcomes.values()];
      }
    }
    taken.push(wanted);
  }
  const problem = taken.length > 0 ? await judgeTaken(bench, table, first.reshape) : undefined;
  if (problem !== undefined && taken.length > 1) {
    for (const wanted of taken) for (const o of await runCases(bench, [wanted])) outcomes.set(wanted, o);
  } else for (const wanted of taken) record(wanted, { taken: true, ...(problem === undefined ? {} : { problem }) });
  return [...outcomes.values()];
}

/** Good files for a table whose creation was the mutation: what is created must be usable. */
async function fill(table: Table): Promise<string | undefined> {
  for (let i = 0; i < GOOD_FILES; i += 1) {
    const answer = await table.append();
    if (answer.status !== 201) return `created, but a good file is refused: ${refusal(answer)}`;
  }
  return undefined;
}

/** Goes on to the next checkpoint, then reads from the commits alone, and from the checkpoint alone. */
async function judgeTaken(
  bench: Bench,
  table: Table,
  reshape: Case["reshape"],
  readers = readersOf(bench),
  withHistory = true,
): Promise<string | undefined> {
  const shape = (rows: readonly Row[]) => (reshape ? rows.map(reshape) : rows);
  const mutated = { version: table.head, rows: shape(table.rows()) };
  const before = problems("before the checkpoint", await readAt(bench, table, readers, "commits", mutated));
  if (before !== undefined) return before;
  const { "delta.checkpointInterval": text } = (table.newest("metaData").configuration ?? {}) as Record<string, string>;
  const interval = Number(text);
  const wanted = Number.isSafeInteger(interval) && interval > 0 ? interval : 10;
  const history = async () => (withHistory ? await judgeHistory(bench, table, readers) : undefined);
  if (wanted > 10) return await history();
  do {
    const answer = await table.append();
    if (answer.status === 409 || answer.status === 400) {
      const info = await table.send({ actions: [{ commitInfo: { operation: "NOTE" } }] });
      if (info.status !== 201) return `taken, but then even a note is refused: ${refusal(info)}`;
    } else if (answer.status !== 201) return `taken, but a good file after it fails: ${refusal(answer)}`;
  } while (table.head % wanted !== 0);
  if (!(await checkpointed(table))) return `taken, but no checkpoint follows at version ${table.head}`;
  const head = { version: table.head, rows: shape(table.rows()) };
  const after = problems("after the checkpoint", await readAt(bench, table, readers, "checkpoint", head));
  return after ?? (await history());
}

async function checkpointed(table: Table): Promise<boolean> {
  const file = new RegExp(`^${logName(table.head)}\\.checkpoint\\.`);
  for (let i = 0; i < 50; i += 1) {
    if (logHas(table.folder, file)) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

async function readAt(
  bench: Bench,
  table: Table,
  readers: readonly JudgingReader[],
  from: "commits" | "checkpoint",
  { version, rows }: { readonly version: number; readonly rows: readonly Row[] },
): Promise<readonly Verdict[]> {
  const copy = join(bench.folder, `${table.name}-${from}`);
  const isCheckpoint = (file: string) =>
    file.includes(".checkpoint.") || file === "_last_checkpoint" || file === "_sidecars";
  const isOld = (file: string) => /^\d{20}\./.test(file) && Number(file.slice(0, 20)) < version;
  copyWithout(table.folder, copy, from === "commits" ? isCheckpoint : isOld);
  const verdicts = await readAll(bench.engines, readers, copy, version, rows);
  rmSync(copy, { recursive: true });
  return verdicts;
}

function problems(when: string, verdicts: readonly Verdict[]): string | undefined {
  const bad = verdicts.filter(({ verdict }) => verdict === "refuses" || verdict === "misreads");
  if (bad.length === 0) return undefined;
  return `${when}: ${bad.map(({ reader, verdict, note }) => `${reader} ${verdict}: ${note}`).join(" | ")}`;
}

/** Every version is in the histories of Spark and delta-rs. */
async function judgeHistory(
  bench: Bench,
  table: Table,
  readers: readonly JudgingReader[],
): Promise<string | undefined> {
  const engines = ["delta-rs", "Spark"]
    .filter((engine) => (readers as string[]).includes(engine))
    .map((engine) => `${engine} history`);
  for (const engine of engines) {
    try {
      const history = await bench.engines.look<readonly { version: number }[]>(engine, table.folder);
      const versions = Array.from({ length: table.head + 1 }, (_, version) => version);
      // delta-rs lists the commits that say something of themselves.
      const told = versions.filter(
        (v) => engine.startsWith("Spark") || readLog(table.folder, v).some((a) => a.commitInfo),
      );
      if (history.length !== told.length) return `${engine} has ${history.length} of ${told.length} versions`;
    } catch (error) {
      return `${engine} fails: ${firstLine((error as Error).message)}`;
    }
  }
  return undefined;
}

/** Right when a reader objects, too, or when the rule is on the list of what we refuse though all take it. */
async function judgeRefusal(bench: Bench, wanted: Case, answer: Answer): Promise<Outcome> {
  const rule = refusal(answer);
  if (answer.status >= 500) return { case: wanted, taken: false, rule, problem: `a fault of ours: ${rule}` };
  const listed = justification(rule);
  if (listed !== undefined) return { case: wanted, taken: false, rule, listed };
  const good = await pristine(bench, wanted.base);
  judged += 1;
  const copy = join(bench.folder, `shadow-${lastTable}-${judged}`);
  const { version, sent } = castShadow(good, wanted, copy);
  const kept = good.live.filter((file) => !sent.removed?.includes(file)).flatMap((file) => file.rows);
  const unshaped = sent.rows ?? [...kept, ...(sent.added ?? [])];
  const known = unshaped === "as listed" ? undefined : unshaped;
  const rows = wanted.reshape ? known?.map(wanted.reshape) : known;
  const readers = bench.sparkEvery > 0 ? ALL : QUICK;
  const verdicts = await readAll(bench.engines, readers, copy, version, rows, true);
  const objection = problems("a reader agrees", verdicts);
  let history: string | undefined;
  if (objection === undefined && bench.sparkEvery > 0) {
    history = await bench.engines.look("Spark history", copy).then(
      () => undefined,
      (error: Error) => `a reader agrees: Spark history fails: ${firstLine(error.message)}`,
    );
  }
  rmSync(copy, { recursive: true });
  const seen = objection ?? history;
  if (seen !== undefined) return { case: wanted, taken: false, rule, seen };
  return { case: wanted, taken: false, rule, problem: `refused, though every reader takes it: ${rule}` };
}

function refusal({ status, body }: Answer): string {
  const { code, detail, pointer } = body as unknown as { code?: string; detail?: string; pointer?: string };
  return `${status} ${code} ${pointer ?? ""}: ${detail}`.slice(0, 400);
}
