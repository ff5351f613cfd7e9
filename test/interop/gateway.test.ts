/** Unmodified engines write through the gateway, as docs/writers.md sets them up: `npm run test:gateway`; the grid of that page is made here. */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { apiOf, prepareS3Face } from "../../lib/cli/gateway/s3-face.ts";
import { ActionCollector } from "../../lib/delta/decode.ts";
import { isFenced } from "../../lib/delta/fence.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import type { GatewayServer } from "../../lib/gateway/server.ts";
import { type LocalLake, openLocalLake } from "../../lib/lake/local.ts";
import { commit } from "../../lib/operations/commit.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { fenceTable } from "../../lib/operations/fence.ts";
import { openLogger } from "../../lib/telemetry/log.ts";
import { needs } from "../support/skip.ts";
import { type Engines, openEngines } from "./support/engines.ts";
import { openWriter, type Writer } from "./support/gateway-writers.ts";

const SUITE = "engines through the gateway";
const cache = process.env.INTEROP_CACHE;
const DOCUMENT = fileURLToPath(new URL("../../docs/writers.md", import.meta.url));
const WRITERS = ["delta-rs", "Polars", "DuckDB", "Sail", "Trino", "Spark"] as const;
/** Two others than the writer, whose own reading would prove less. */
const readersFor = (writer: string) => [
  /^(delta-rs|Polars)$/.test(writer) ? "kernel-rs" : "delta-rs",
  writer === "DuckDB" ? "kernel-rs" : "DuckDB",
];
/** Who races: four processes of one engine, or where these are too much for a machine, of four engines. */
const RACES: readonly (readonly string[])[] = [
  ...["delta-rs", "Polars", "DuckDB", "Sail"].map((engine) => [engine, engine, engine, engine]),
  ["delta-rs", "Sail", "Trino", "Spark"],
];
const APPENDS = 3;

type Rows = ReadonlyMap<number, string>;
interface Step {
  readonly name: string;
  readonly what: string;
  readonly with?: readonly unknown[];
  /** What the rows are afterwards. */
  readonly after: (rows: Rows) => Rows;
}

const unchanged = (rows: Rows) => rows;
const FIRST = [
  [1, "a"],
  [2, "b"],
  [3, "c"],
] as const;
const STEPS: readonly Step[] = [
  { name: "create", what: "create", with: [FIRST], after: () => new Map(FIRST) },
  { name: "append", what: "append", with: [[[4, "d"]]], after: (rows) => new Map([...rows, [4, "d"]]) },
  { name: "update", what: "update", with: [2, "z"], after: (rows) => new Map([...rows, [2, "z"]]) },
  { name: "delete", what: "delete", with: [3], after: (rows) => new Map([...rows].filter(([id]) => id !== 3)) },
  {
    name: "merge",
    what: "merge",
    with: [
      [
        [4, "m"],
        [9, "n"],
      ],
    ],
    after: (rows) => new Map([...rows, [4, "m"], [9, "n"]]),
  },
  { name: "optimize", what: "optimize", after: unchanged },
  { name: "schema change", what: "schema", after: unchanged },
  { name: "restore", what: "restore", with: ["version of the append"], after: () => new Map([...FIRST, [4, "d"]]) },
  { name: "checkpoint", what: "checkpoint", after: unchanged },
  { name: "vacuum", what: "vacuum", after: unchanged },
  { name: "overwrite", what: "overwrite", with: [[[7, "o"]]], after: () => new Map([[7, "o"]]) },
];

describe(SUITE, needs(SUITE, cache, "no engines here: `npm run test:gateway` installs them"), () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-engines-")));
  const objects = join(folder, "s3");
  const grid = new Map<string, Map<string, string>>();
  const note = (step: string, engine: string, mark: string) =>
    grid.set(step, (grid.get(step) ?? new Map<string, string>()).set(engine, mark));
  const closing: (() => Promise<void>)[] = [];
  let lake: LocalLake;
  let face: GatewayServer;
  let engines: Engines;
  const open = (): Writer => {
    const writer = openWriter({ cache: cache ?? "", endpoint: face.url.replace("http://", ""), document: DOCUMENT });
    closing.push(() => writer.close());
    return writer;
  };
  /** A process each, for all of the suite, as some take long to start: Sail and Spark are asked by one client, which keeps to the one that it has met first. */
  const opened = new Map<string, Writer>();
  const writerOf = (engine: string): Writer => {
    const writer = opened.get(engine) ?? open();
    opened.set(engine, writer);
    return writer;
  };
  before(async () => {
    const logger = openLogger({ level: "warn", environment: "test" });
    lake = await openLocalLake({ database: join(folder, "catalog.sqlite") });
    await lake.catalog.migrate();
    const open = await prepareS3Face({ upstream: objects, host: "127.0.0.1", port: 0, creates: true, logger });
    const audit = { note: () => undefined, flush: async () => undefined };
    face = await open(await apiOf(lake, objects, { logger, audit }));
    engines = await openEngines(cache ?? "");
  });
  after(async () => {
    for (const close of closing) await close();
    await engines?.close();
    await face?.close();
    await lake?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The rows as plain readers have them from the folder, and SQL against the log. */
  async function check(table: string, expected: Rows, writer: string): Promise<void> {
    await lake.mirrored();
    const wanted = [...expected].sort(([a], [b]) => a - b).map(([id, v]) => [String(id), v]);
    for (const reader of readersFor(writer)) {
      const read = await engines.read(reader, join(objects, "lake", table));
      assert.ok("rows" in read, `${reader}: ${"refused" in read ? read.refused : ""}`);
      const rows = read.rows.map(({ id, v }) => [String(id), v]).sort(([a], [b]) => Number(a) - Number(b));
      assert.deepEqual(rows, wanted, reader);
    }
    const report = await diffTable(lake, { ref: { name: `lake.${table}` }, lagThresholdSeconds: 60, maxDriftFiles: 0 });
    assert.equal(report.outcome, "ok", JSON.stringify(report));
  }
  const versionOf = async (table: string) => (await lake.catalog.findTable({ name: `lake.${table}` }))?.version ?? -1;

  describe("each operation is a commit, and plain readers see its rows", { concurrency: 2 }, () => {
    for (const engine of WRITERS) {
      const table = engine.toLowerCase().replace("-", "");
      test(engine, async () => {
        const writer = writerOf(engine);
        // Who makes no tables writes into one of another's.
        const maker = engine === "DuckDB" ? "delta-rs" : engine;
        let rows: Rows = new Map();
        let appended = 0;
        for (const step of STEPS) {
          const given = step.name === "restore" ? [appended] : (step.with ?? []);
          const by = step.name === "create" ? maker : engine;
          const version = await versionOf(table);
          const { done } = await writer.ask({ engine: by, what: step.what, table, with: given });
          note(step.name, engine, done && by === engine ? "ok" : "–");
          if (!done) continue;
          rows = step.after(rows);
          if (step.name === "append") appended = await versionOf(table);
          if (step.name !== "checkpoint" && step.name !== "vacuum" && step.name !== "optimize") {
            assert.ok((await versionOf(table)) > version, step.name);
          }
          await check(table, rows, engine);
        }
      });
    }
  });

  test("a fence stops no writer of the gateway, whatever it reads, and stays up", async () => {
    const maker = writerOf("delta-rs");
    for (const engine of WRITERS) {
      const table = `fenced_${engine.toLowerCase().replace("-", "")}`;
      await maker.ask({ engine: "delta-rs", what: "create", table, with: [FIRST] });
      const ref = { name: `lake.${table}` };
      await fenceTable(lake, ref, "on");
      const [state] = await lake.catalog.readStates([ref]);
      assert.ok(state);
      const { unknown: _, ...metadata } = state.metadata;
      const collector = new ActionCollector({ strict: true });
      // With a checkpoint at each version nobody reads the protocol in a commit.
      const configuration = { ...metadata.configuration, "delta.checkpointInterval": "1" };
      collector.collect({ metaData: { ...metadata, configuration } } as unknown as Json, "");
      const part = { table: ref, readVersion: state.version, actions: collector.actions(), at: "" };
      await commit(lake, { transactionId: crypto.randomUUID(), tables: [part] });
      await lake.mirrored();
      const rows = new Map<number, string>(FIRST);
      await appendUntilDone(writerOf(engine), { engine, what: "append", table, with: [[[10, "x"]]] });
      await check(table, rows.set(10, "x"), engine);
      const [after] = await lake.catalog.readStates([ref]);
      assert.ok(after && isFenced(after.protocol), engine);
      note("append to a fenced table", engine, "ok");
    }
  });

  for (const racing of RACES) {
    const names = [...new Set(racing)];
    test(`four processes append at once, of ${names.join(", ")}: every row is there, once`, async () => {
      const table = `race_${names.join("_").toLowerCase().replace("-", "")}`;
      await writerOf("delta-rs").ask({ engine: "delta-rs", what: "create", table, with: [FIRST] });
      const expected = new Map<number, string>(FIRST);
      const others: Writer[] = [];
      const racers = racing.map((engine, i) => {
        if (racing.indexOf(engine) === i) return writerOf(engine);
        const other = open();
        others.push(other);
        return other;
      });
      await Promise.all(
        racers.map(async (writer, racer) => {
          for (let i = 0; i < APPENDS; i += 1) {
            const row = [100 + racer * APPENDS + i, `${racer}`] as const;
            await appendUntilDone(writer, { engine: racing[racer] ?? "", what: "append", table, with: [[row]] });
            expected.set(...row);
          }
        }),
      );
      assert.equal(await versionOf(table), racing.length * APPENDS);
      await check(table, expected, names.at(-1) ?? "");
      for (const engine of names) note("race of 4 processes", engine, "ok");
      await Promise.all(others.map((writer) => writer.close()));
    });
  }

  test("docs/writers.md has the grid", () => {
    const marks = (step: string) => WRITERS.map((engine) => grid.get(step)?.get(engine) ?? "–").join(" | ");
    const text = [
      `| | ${WRITERS.join(" | ")} |`,
      `|---|${WRITERS.map(() => "---|").join("")}`,
      ...[...grid.keys()].map((step) => `| ${step} | ${marks(step)} |`),
    ].join("\n");
    const before = readFileSync(DOCUMENT, "utf8");
    const after = before.replace(/(<!-- grid -->\n)[\s\S]*(<!-- end of grid -->)/, `$1\n${text}\n\n$2`);
    if (process.env.UPDATE) writeFileSync(DOCUMENT, after);
    assert.equal(process.env.UPDATE ? after : before, after, "UPDATE=1 npm run test:gateway writes it");
  });
});

/** An engine that lost says so, having written nothing: its user tries again. */
async function appendUntilDone(writer: Writer, request: Parameters<Writer["ask"]>[0]): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return void (await writer.ask(request));
    } catch (error) {
      const isLost = error instanceof Error && /412|conflict|already exists|version/i.test(error.message);
      if (!isLost || attempt >= 20) throw error;
    }
  }
}
