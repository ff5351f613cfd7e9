/** `npm run demo`: a guided tour of the main job on one machine: import, commit to two tables at once, mirror, prove parity, find damage, see lag. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { styleText } from "node:util";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const GOLDEN = join(ROOT, "test/golden");
const DL = join(ROOT, "lib/cli/main.ts");
/** The folder that the tour leaves behind; anew at every run. */
const FOLDER = process.env.DEMO_FOLDER ?? join(process.cwd(), "demo-lake");
const DATABASE = join(FOLDER, "catalog.sqlite");
const TRIPS = join(FOLDER, "tables/trips");
const AUDIT = join(FOLDER, "tables/audit");

let step = 0;
const shown = (path: string) => relative(process.cwd(), path) || ".";
const title = (text: string) => console.log(`\n${styleText("bold", `${++step}. ${text}`)}`);
const say = (text: string) => console.log(`   ${text}`);
const clip = (text: string) => (text.length > 160 ? `${text.slice(0, 159)}…` : text);
const command = (text: string) => console.log(styleText("cyan", `   $ ${text}`));

/** Runs `dl` as a user would, shows it, and stops the tour when the exit code is another than expected. */
function dl(args: readonly string[], expected = 0): string {
  command(`npx dl ${args.map((arg) => (arg.includes(" ") ? `'${arg}'` : shownArgument(arg))).join(" ")}`);
  const result = spawnSync(process.execPath, [DL, "--database", DATABASE, ...args], { encoding: "utf8" });
  for (const line of `${result.stdout}${result.stderr}`.trimEnd().split("\n")) console.log(`     ${clip(line)}`);
  if (result.status !== expected) throw new Error(`expected exit code ${expected}, got ${result.status}`);
  say(styleText("dim", `exit code ${result.status}`));
  return result.stdout;
}

function shownArgument(argument: string): string {
  return argument.startsWith(FOLDER) ? shown(argument) : argument;
}

async function startServer(): Promise<{ server: ChildProcess; url: string }> {
  command(`npx dl serve --database ${shown(DATABASE)} --storage ${shown(join(FOLDER, "tables"))} --port 0`);
  const server = spawn(
    process.execPath,
    [DL, "serve", "--database", DATABASE, "--storage", join(FOLDER, "tables"), "--port", "0"],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let log = "";
  server.stderr.on("data", (data) => (log += data));
  const url = await new Promise<string>((resolve, reject) => {
    let output = "";
    server.stdout.on("data", (data) => {
      output += data;
      const found = /http:\/\/[^\s"]+/.exec(output);
      if (found) resolve(found[0].replace(/\/$/, ""));
    });
    server.once("exit", (code) => reject(new Error(`dl serve ended with ${code}\n${log}`)));
  });
  say(`The whole service is at ${url} (API, mirror, sweeper, parity), process ${server.pid}.`);
  return { server, url };
}

async function stopServer(server: ChildProcess): Promise<void> {
  command(`kill -INT ${server.pid}`);
  server.kill("SIGINT");
  const [code] = await once(server, "exit");
  say(styleText("dim", `it drained and ended with exit code ${code}`));
}

async function http(method: string, url: string, body?: unknown): Promise<Record<string, unknown>> {
  command(`curl -X ${method} ${url}`);
  const init: RequestInit = { method };
  if (body !== undefined) {
    init.headers = { "content-type": "application/json" };
    init.body = JSON.stringify(body);
    say(styleText("dim", clip(JSON.stringify(body))));
  }
  const response = await fetch(url, init);
  const answer = (await response.json()) as Record<string, unknown>;
  say(`${response.status} ${clip(JSON.stringify(answer))}`);
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}`);
  return answer;
}

function addAction(path: string, file: string, partitionValues: Record<string, string>, stats: object) {
  const { size, mtimeMs } = statSync(file);
  return {
    add: {
      path,
      partitionValues,
      size,
      modificationTime: Math.floor(mtimeMs),
      dataChange: true,
      stats: JSON.stringify(stats),
    },
  };
}

/** The writer's part: data files are in place before the commit names them. */
function writeDataFiles() {
  mkdirSync(join(TRIPS, "city=Bern"), { recursive: true });
  mkdirSync(AUDIT, { recursive: true });
  const trip = join(TRIPS, "city=Bern/part-0007.parquet");
  const audit = join(AUDIT, "part-0001.parquet");
  cpSync(join(GOLDEN, "incoming/trips.parquet"), trip);
  cpSync(join(GOLDEN, "incoming/audit.parquet"), audit);
  return {
    trip: addAction("city=Bern/part-0007.parquet", trip, { city: "Bern" }, { numRecords: 1 }),
    audit: addAction("part-0001.parquet", audit, {}, { numRecords: 1, nullCount: { trip_id: 0, checked_by: 0 } }),
  };
}

function damage(file: string): () => void {
  const before = readFileSync(file, "utf8");
  writeFileSync(file, before.replace(/"size":\d+/, '"size":1'));
  return () => writeFileSync(file, before);
}

function newestCommit(table: string): string {
  const names = readdirSync(join(table, "_delta_log")).filter((name) => /^\d{20}\.json$/.test(name));
  return join(table, "_delta_log", names.sort().at(-1) ?? "");
}

async function tour(): Promise<void> {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(join(FOLDER, "tables"), { recursive: true });
  cpSync(join(GOLDEN, "trips"), TRIPS, { recursive: true, preserveTimestamps: true });
  console.log(styleText("bold", "deltalakedb: SQL is the truth, _delta_log is the mirror"));
  console.log(`Everything happens in ${shown(FOLDER)}/, on SQLite and local folders; no cloud account is needed.`);

  title("Start the service");
  const { server, url } = await startServer();
  try {
    title("Take over a real Delta table (delta-rs wrote it: appends, a delete, an OPTIMIZE, checkpoints)");
    dl(["import", TRIPS, "--name", "demo.trips", "--mode", "full-history"]);

    title("Create a second table");
    await http("POST", `${url}/v1/tables`, {
      name: "demo.audit",
      location: AUDIT,
      schema: {
        type: "struct",
        fields: [
          { name: "trip_id", type: "long", nullable: true, metadata: {} },
          { name: "checked_by", type: "string", nullable: true, metadata: {} },
        ],
      },
    });

    title("Commit to both tables in one transaction: both move, or none");
    const files = writeDataFiles();
    const request = {
      transactionId: crypto.randomUUID(),
      tables: [
        { table: "demo.trips", readVersion: 7, actions: [files.trip] },
        { table: "demo.audit", readVersion: 0, actions: [files.audit] },
      ],
      acknowledge: "mirrored",
    };
    await http("POST", `${url}/v1/commits`, request);
    say("The same request again, as after a lost answer, gives the first answer and commits nothing:");
    await http("POST", `${url}/v1/commits`, request);

    title("The mirror has published both versions; any Delta reader sees plain Delta tables");
    for (const table of [TRIPS, AUDIT]) say(shown(newestCommit(table)));

    title("Prove that SQL and _delta_log agree");
    dl(["diff", "--table", "demo.trips", "--log-dir", TRIPS]);
    dl(["diff", "--table", "demo.audit", "--log-dir", AUDIT]);

    title("Damage one mirrored file, as a foreign hand might: drift is found, exit code 2");
    const repair = damage(newestCommit(TRIPS));
    dl(["diff", "--table", "demo.trips", "--log-dir", TRIPS], 2);
    repair();
    say("The file is put right again.");
  } finally {
    if (server.exitCode === null) {
      title("Stop the service, so that nothing mirrors");
      await stopServer(server);
    }
  }

  title("Commit while the mirror is held back: lag alone, exit code 3");
  const body = {
    transactionId: crypto.randomUUID(),
    tables: [
      {
        table: "demo.audit",
        readVersion: 1,
        actions: [{ commitInfo: { operation: "NOTE", userMetadata: "nothing but a version" } }],
        reads: {},
      },
    ],
  };
  writeFileSync(join(FOLDER, "held-back.json"), JSON.stringify(body, null, 2));
  dl(["commit", join(FOLDER, "held-back.json"), "--no-mirror"]);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  dl(["diff", "--table", "demo.audit", "--log-dir", AUDIT, "--lag-threshold-seconds", "1"], 3);

  title("Let the mirror catch up: in agreement again");
  dl(["mirror", "--table", "demo.audit"]);
  dl(["diff", "--table", "demo.audit", "--log-dir", AUDIT]);

  title("Look around");
  dl(["tables"]);
  say(`${shown(DATABASE)} is an ordinary SQLite file; ${shown(join(FOLDER, "tables"))}/ holds ordinary Delta tables.`);
  say("Try next:");
  const on = `--database ${shown(DATABASE)}`;
  command(`npx dl history --table demo.trips ${on}`);
  command(`npx dl files --table demo.trips --version 3 ${on}`);
  command(`npx dl serve ${on} --storage ${shown(join(FOLDER, "tables"))}`);
}

try {
  await tour();
} catch (error) {
  console.error(`\nThe tour stopped: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
