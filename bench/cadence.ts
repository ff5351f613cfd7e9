/**
 * What checkpoints cost a table that many small commits go to: with an interval of ten versions, without one, and as V2 checkpoints, in
 * turn in one run. `node bench/cadence.ts [--files 100000] [--commits 1000] [--only changed,v2] [--removes newest|random]`: with
 * `--removes` each commit also removes a file, one of the newest thousand or any.
 */

import { randomUUID } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ActionCollector } from "../lib/delta/decode.ts";
import { type LocalLake, openLocalLake, toLocation } from "../lib/lake/local.ts";
import { writeCheckpoint } from "../lib/operations/checkpoint.ts";
import { commit } from "../lib/operations/commit.ts";
import { createTable } from "../lib/operations/create-table.ts";
import { mirrorTable } from "../lib/operations/mirror.ts";
import { readOptions } from "./options.ts";
import { addFile, inTemporaryFolder, machine, markdownTable, PARTITION_COLUMNS, SCHEMA } from "./support.ts";

const FILES_A_COMMIT = 5_000;

const SUBJECTS = {
  often: { title: "10 versions", configuration: { "delta.checkpointInterval": "10" } },
  changed: { title: "none: by what has changed", configuration: {} },
  v2: { title: "none, V2 checkpoints", configuration: { "delta.checkpointPolicy": "v2" } },
} as const;
const REMOVES = ["none", "newest", "random"];

const oneOf = (names: readonly string[]) => (value: string) =>
  value.split(",").every((name) => names.includes(name)) ? undefined : `is none of ${names.join(", ")}`;

const {
  files,
  commits,
  only = Object.keys(SUBJECTS).join(),
  removes = "none",
} = readOptions({
  run: "node bench/cadence.ts",
  about:
    "What checkpoints cost a table that many small commits go to: with an interval of ten versions, without one, and as V2 checkpoints.",
  options: {
    files: { count: 100_000, what: "of the table" },
    commits: { count: 1000, what: "of one file each" },
    only: { text: "NAMES", what: `some of ${Object.keys(SUBJECTS).join()}`, check: oneOf(Object.keys(SUBJECTS)) },
    removes: { text: "WHICH", what: "each commit also removes a file: newest, random", check: oneOf(REMOVES) },
  },
}).values;
const chosen = only.split(",") as (keyof typeof SUBJECTS)[];

type Added = ReturnType<typeof addFile>;

interface Change {
  readonly first: number;
  readonly count: number;
  readonly readVersion?: number;
  readonly removed?: Added | undefined;
}

async function change(lake: LocalLake, tableId: string, { first, count, readVersion = 0, removed }: Change) {
  const collector = new ActionCollector({ strict: true });
  const added = Array.from({ length: count }, (_, i) => addFile(first + i));
  for (const file of added) collector.collect({ add: file }, "");
  if (removed !== undefined) {
    const { path, partitionValues, size } = removed;
    const remove = { path, partitionValues, size, deletionTimestamp: Date.now(), dataChange: true };
    collector.collect({ remove }, "");
  }
  const table = { table: { tableId }, readVersion, actions: collector.actions(), at: "" };
  const { status } = await commit(lake, { transactionId: randomUUID(), tables: [table] });
  if (status !== "committed") throw new Error(status);
  return added;
}

/** Files of a log with their sizes. */
function sizesIn(log: string): Map<string, number> {
  const names = readdirSync(log, { recursive: true, encoding: "utf8" });
  return new Map(names.map((name) => [name, statSync(join(log, name)).size]));
}

async function openSubject(lake: LocalLake, folder: string, name: keyof typeof SUBJECTS) {
  const { title, configuration } = SUBJECTS[name];
  const table = join(folder, name);
  const location = await toLocation(table);
  const options = { schema: SCHEMA, partitionColumns: PARTITION_COLUMNS, configuration };
  const { tableId } = await createTable(lake, { name: `bench.${name}`, location, ...options });
  const live: Added[] = [];
  for (let first = 0; first < files; first += FILES_A_COMMIT) {
    const added = await change(lake, tableId, { first, count: FILES_A_COMMIT });
    if (removes !== "none") live.push(...added);
  }
  await mirrorTable(lake, tableId);
  // The first one is whole in any case.
  await writeCheckpoint(lake, lake.openLog(location), tableId, Math.ceil(files / FILES_A_COMMIT));
  const log = join(table, "_delta_log");
  return { title, tableId, log, before: sizesIn(log), live, ms: 0, slowest: 0, checkpoints: 0 };
}

/** A file that is still there, taken out of the list. */
function toRemove(live: Added[], n: number): Added | undefined {
  if (removes === "none") return undefined;
  const from = removes === "newest" ? Math.max(0, live.length - 1000) : 0;
  const place = from + ((n * 7_919) % (live.length - from));
  const found = live[place];
  live[place] = live.at(-1) as Added;
  live.pop();
  return found;
}

const rows = await inTemporaryFolder(async (folder) => {
  const lake = await openLocalLake({ database: join(folder, "lake.sqlite"), mirror: false, verifyFiles: "off" });
  await lake.catalog.migrate();
  const subjects = [];
  for (const name of chosen) subjects.push(await openSubject(lake, folder, name));
  for (let n = 0; n < commits; n += 1) {
    for (const subject of subjects) {
      const removed = toRemove(subject.live, n);
      const readVersion = Math.ceil(files / FILES_A_COMMIT) + n;
      subject.live.push(...(await change(lake, subject.tableId, { first: files + n, count: 1, readVersion, removed })));
      const from = performance.now();
      const { checkpoints } = await mirrorTable(lake, subject.tableId);
      const ms = performance.now() - from;
      subject.ms += ms;
      subject.slowest = Math.max(subject.slowest, ms);
      subject.checkpoints += checkpoints.length;
    }
  }
  await lake.close();
  return subjects.map(({ title, log, before, ms, slowest, checkpoints }) => {
    const written = [...sizesIn(log)].filter(([name]) => !before.has(name));
    const bytes = written.reduce((sum, [name, size]) => sum + (name === "_sidecars" ? 0 : size), 0);
    return {
      interval: title,
      checkpoints,
      "KB a commit": (bytes / 1000 / commits).toFixed(1),
      "ms of the mirror a commit": (ms / commits).toFixed(2),
      "slowest, ms": slowest.toFixed(0),
    };
  });
});
const told =
  removes === "none"
    ? ""
    : `, each of which removes one of the ${removes === "newest" ? "newest thousand" : "files at random"}`;
console.log(
  `${markdownTable(rows)}\n\n${commits} commits of one file each to a table of ${files}${told}, each published at once. ${machine()}`,
);
