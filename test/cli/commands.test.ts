/** The commands against a real database: data on stdout, words on stderr, exit codes that pipelines rely on. */

import assert from "node:assert/strict";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openLocalLake } from "../../lib/lake/local.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { dl, type Finished, finish, startDl } from "./run.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-cli-")));
after(() => rmSync(folder, { recursive: true }));
const database = join(folder, "lake.sqlite");
const orders = join(folder, "orders");
let tableId = "";

const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
const add = (path: string) => ({
  add: { path, partitionValues: {}, size: 2048, modificationTime: 1, dataChange: true },
});
const request = (readVersion: number, actions: object[], table = "sales.orders") =>
  JSON.stringify({ transactionId: crypto.randomUUID(), tables: [{ table, readVersion, actions }] });

const run = (...args: string[]) => dl(args, { env: { DATABASE_URL: database } });
const send = (body: string, ...args: string[]) =>
  dl(["commit", "-", ...args], { env: { DATABASE_URL: database }, input: body });

function ok(finished: Finished): string {
  assert.equal(finished.code, 0, finished.stderr);
  return finished.stdout;
}

before(async () => {
  assert.equal(ok(await run("migrate")), `made ${database}\n`);
  assert.equal(ok(await run("migrate")), "the schema is up to date\n");
  const lake = await openLocalLake({ database, verifyFiles: "off" });
  ({ tableId } = await createTable(lake, { name: "sales.orders", location: `file://${orders}`, schema }));
  await lake.close();
});

test("dl commit: from a file or standard input, mirrored before it ends", async () => {
  const file = join(folder, "request.json");
  writeFileSync(file, request(0, [add("a.parquet")]));
  const first = JSON.parse(ok(await run("commit", file, "--format", "json")));
  assert.deepEqual([first.tables[0].tableId, first.tables[0].version], [tableId, 1]);
  assert.ok(existsSync(join(orders, "_delta_log/00000000000000000001.json")));
  assert.match(ok(await run("commit", file)), /was committed before/);
  assert.match(
    ok(await send(request(1, [add("b.parquet")]))),
    /^transaction .* committed at [\s\S]*TABLE +VERSION +MIRROR\n/,
  );
});

test("dl commit: a conflict is exit code 1, in words and as data", async () => {
  ok(await send(request(2, [{ remove: { path: "b.parquet", deletionTimestamp: 1, dataChange: true } }])));
  const body = request(2, [{ remove: { path: "b.parquet", deletionTimestamp: 1, dataChange: true } }]);
  const lost = await send(body);
  assert.equal(lost.code, 1);
  assert.equal(lost.stdout, "");
  assert.match(
    lost.stderr,
    /^dl: DELTA_CONCURRENT_DELETE_\w+: sales.orders: .*version 3 won, you had read version 2\nhint: Nothing was written/,
  );
  assert.equal(JSON.parse((await send(body, "--format", "json")).stdout).status, "conflict");
});

test("dl commit: what is wrong is pointed at", async () => {
  const bad = await send(request(2, [{ add: { path: "x", size: "1" } }]));
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /^dl: expected .*got "1"\nat: \/tables\/0\/actions\/0\/add\/size\n$/);
  assert.match((await send("{")).stderr, /^dl: the text is not JSON: at line 1, column 2/);
  assert.match((await run("commit", join(folder, "none.json"))).stderr, /none.json cannot be read \(ENOENT\)/);
});

test("dl tables, files, history and snapshot: text and one JSON document", async () => {
  assert.match(
    ok(await run("tables")),
    /^TABLE +STATE +VERSION +FILES +SIZE +ID +LOCATION\nsales.orders +ok +3 +1 +2.0 KiB \(2,048 bytes\)/,
  );
  assert.equal(JSON.parse(ok(await run("tables", "--format", "json"))).tables[0].tableId, tableId);
  assert.match(ok(await run("tables", "--table-id", tableId)), /sales.orders\n +id +[\s\S]*mirrored +up to 3/);
  assert.deepEqual(JSON.parse(ok(await run("files", "--table", "sales.orders", "--format", "json"))).files.length, 1);
  const old = ok(await run("files", "--table", "sales.orders", "--version", "2", "--format", "ndjson"));
  assert.deepEqual(
    old
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).path)
      .sort(),
    ["a.parquet", "b.parquet"],
  );
  const text = await run("files", "--table", "sales.orders");
  assert.match(ok(text), /^SIZE +MODIFIED +PATH\n2.0 KiB \(2,048 bytes\) +1970-01-01T00:00:00.001Z +a.parquet\n$/);
  assert.match(text.stderr, /^1 file at version 3 /);
  assert.match(
    ok(await run("history", "--table", "sales.orders", "--limit", "2")),
    /^VERSION .*\n +3 .*COMPLETE\n +2 .*\n$/,
  );
  assert.equal(JSON.parse(ok(await run("history", "--table", "sales.orders", "--format", "json"))).versions.length, 4);
  const snapshot = JSON.parse(
    ok(await run("snapshot", "--table", "sales.orders", "--version", "1", "--format", "json")),
  );
  assert.deepEqual([snapshot.tables[0].version, snapshot.tables[0].numFiles], [1, 1]);
  assert.match(ok(await run("snapshot", "--table-id", tableId)), /sales.orders +3/);
});

test("unknown tables and versions: exit code 1 and one message", async () => {
  for (const [args, words] of [
    [["files", "--table", "no.such"], /^dl: there is no table named "no.such"\nhint: /],
    [
      ["files", "--table", "sales.orders", "--version", "9"],
      /^dl: "sales.orders" has no version 9: the catalog holds 0 to 3\n/,
    ],
    [["files", "--table", "orders"], /^dl: "orders" names no table\nhint: /],
    [["diff", "--table-id", crypto.randomUUID()], /^dl: there is no table with the id /],
    [
      ["diff", "--table", "sales.orders", "--log-dir", join(folder, "nowhere")],
      /^dl: there is no folder .*nowhere\nhint: /,
    ],
    [["import", "gs://b/t", "--name", "a.b"], /^dl: gs:\/\/b\/t: "gs:" is no storage.*\nhint: /],
    [["import", "s3://b//t", "--name", "a.b"], /^dl: s3:\/\/b\/\/t is not a location on S3\nhint: /],
    [["import", join(folder, "nowhere"), "--name", "a.b"], /^dl: .*nowhere/],
  ] as const) {
    const { code, stdout, stderr } = await run(...args);
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr, words);
  }
});

const diff = (...more: string[]) => run("diff", "--table-id", tableId, ...more);

test("dl diff: 0 and the metrics of the operations guide", async () => {
  const metrics = join(folder, "new/metrics/orders.prom");
  const json = join(folder, "artifacts/diff.json");
  const text = await diff(
    "--log-dir",
    join(orders, "_delta_log"),
    "--metrics-format",
    "prometheus",
    "--metrics-output",
    metrics,
    "--json-output",
    json,
  );
  assert.match(ok(text), /ok: SQL and _delta_log agree\n$/);
  const lines = readFileSync(metrics, "utf8").replace(/^(dl_mirror_lag_seconds\{.*\}) [\d.]+$/m, "$1 S");
  assert.equal(
    lines,
    `dl_mirror_lag_seconds{table_id="${tableId}"} S
dl_mirror_status{table_id="${tableId}",version="3"} 1
dl_mirror_reconciliation_attempts_total{table_id="${tableId}",version="3"} 0
dl_file_drift_count{table_id="${tableId}"} 0
dl_metadata_drift{table_id="${tableId}"} 0
dl_protocol_drift{table_id="${tableId}"} 0
dl_version_delta{table_id="${tableId}"} 0
`,
  );
  assert.equal(JSON.parse(readFileSync(json, "utf8")).outcome, "ok");
  assert.deepEqual(readdirSync(join(folder, "new/metrics")), ["orders.prom"]);
  const report = JSON.parse(ok(await diff("--log-dir", orders, "--format", "json", "--metrics-format", "json")));
  assert.deepEqual([report.outcome, report.metrics.length], ["ok", 7]);
  const bare = await diff("--metrics-format", "prometheus");
  assert.ok(ok(bare).startsWith("dl_mirror_lag_seconds{"));
  assert.match(bare.stderr, /ok: SQL and _delta_log agree/);
});

test("dl diff: 2 on drift, of files, and not below the tolerated number", async () => {
  const copy = join(folder, "copy");
  cpSync(orders, copy, { recursive: true });
  appendFileSync(join(copy, "_delta_log/00000000000000000003.json"), `${JSON.stringify(add("foreign.parquet"))}\n`);
  const drift = await diff("--log-dir", copy);
  assert.equal(drift.code, 2, drift.stderr);
  assert.match(drift.stdout, /file only in the log: foreign.parquet[\s\S]*drift: SQL and _delta_log differ\n$/);
  const tolerated = await diff("--log-dir", copy, "--max-drift-files", "1");
  assert.equal(tolerated.code, 0, tolerated.stdout);
});

test("dl diff: 3 when the mirror is only late; dl mirror catches up", async () => {
  ok(await send(request(3, [add("late.parquet")]), "--no-mirror"));
  await new Promise((resolve) => setTimeout(resolve, 20));
  const late = await diff("--lag-threshold-seconds", "0.01", "--format", "json");
  assert.equal(late.code, 3, late.stdout);
  const report = JSON.parse(late.stdout);
  assert.deepEqual([report.outcome, report.versionDelta, report.mirror.status], ["lag", 1, "IN_FLIGHT"]);
  assert.equal((await diff("--lag-threshold-seconds", "600")).code, 0);
  assert.match(ok(await run("mirror")), /sales\.orders +1 version +up to date/);
  assert.equal(ok(await run("mirror")), "nothing is unpublished\n");
  assert.equal(
    ok(await run("mirror", "--table", "sales.orders", "--format", "json")),
    `{"tables":[{"tableId":"${tableId}","table":"sales.orders","published":[],"checkpoints":[]}]}\n`,
  );
});

test("dl mirror: a foreign commit quarantines the table, which every view then says", async () => {
  const lake = await openLocalLake({ database, verifyFiles: "off" });
  await createTable(lake, { name: "sales.seized", location: `file://${folder}/seized`, schema });
  await lake.close();
  ok(await send(request(0, [add("ours.parquet")], "sales.seized"), "--no-mirror"));
  writeFileSync(
    join(folder, "seized/_delta_log/00000000000000000001.json"),
    `${JSON.stringify(add("theirs.parquet"))}\n`,
  );
  const stopped = await run("mirror");
  assert.equal(stopped.code, 1);
  assert.match(stopped.stdout, /quarantined: /);
  assert.match(
    ok(await run("tables")),
    /sales\.seized +quarantined [\s\S]*sales\.seized: quarantined, 1 version unpublished .*`dl resolve/,
  );
  const late = await send(request(1, [add("more.parquet")], "sales.seized"));
  assert.equal(late.code, 0, "a commit is final in SQL whatever the mirror does");
  assert.match(late.stderr, /is quarantined, 2 versions unpublished .*`dl resolve/);
  assert.equal((await run("diff", "--table", "sales.seized")).code, 2);
});

test("dl export and dl import: there and back, the same table", async () => {
  const to = join(folder, "exported");
  const exported = JSON.parse(ok(await run("export", "--table", "sales.orders", "--to", to, "--format", "json")));
  assert.equal(exported.versions, 5);
  const name = "00000000000000000002.json";
  assert.deepEqual(readFileSync(join(to, "_delta_log", name)), readFileSync(join(orders, "_delta_log", name)));
  assert.match(ok(await run("export", "--table", "sales.orders", "--to", to)), /^exported 5 versions \(0 to 4\)/);
  const other = join(folder, "other.sqlite");
  const imported = await dl(["import", to, "--name", "copy.orders", "--database", other]);
  const { version, files, bytes, mode } = JSON.parse(ok(imported));
  assert.deepEqual([version, files, bytes, mode], [4, 2, 4096, "full-history"]);
  assert.match(
    imported.stderr,
    /^there was no catalog here: a new one has been made\nimported copy.orders: versions 0 to 4, 2 files, 4.0 KiB/,
  );
  assert.equal((await dl(["diff", "--database", other, "--table", "copy.orders"])).code, 0);
  const again = await dl(["import", to, "--name", "copy.again", "--database", other]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /^dl: .*exported.* table/);
});

test("dl health", async () => {
  const troubled = await run("health");
  assert.equal(troubled.code, 2, "a table is quarantined");
  assert.match(troubled.stdout, /^degraded: .* answers\nsales\.seized: quarantined, /);
  const empty = join(folder, "well.sqlite");
  ok(await dl(["migrate", "--database", empty]));
  assert.equal(ok(await dl(["health", "--database", empty])), `healthy: ${empty} answers\n`);
  writeFileSync(
    join(folder, "text.sqlite"),
    "this is no database, but some text that is long enough to be read as a header".repeat(3),
  );
  const broken = await dl(["health", "--database", join(folder, "text.sqlite")]);
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /^dl: .*text\.sqlite/);
  const oracle = await dl(["health", "--database", "oracle://u@h/d"]);
  assert.match(oracle.stderr, /^dl: .*oracle/);
});

test("a reader that stops reading is no error", async () => {
  ok(
    await send(
      request(
        4,
        Array.from({ length: 3000 }, (_, n) => add(`part-${n}-${"x".repeat(100)}.parquet`)),
      ),
    ),
  );
  const child = startDl(["files", "--table-id", tableId, "--format", "ndjson"], { env: { DATABASE_URL: database } });
  child.stdout?.once("data", () => child.stdout?.destroy());
  const { code, stderr } = await finish(child);
  assert.deepEqual([code, stderr], [0, ""]);
});

test("DL_DEBUG=1 shows the stack, nothing else does", async () => {
  const args = ["files", "--table", "no.such", "--database", database];
  assert.match((await dl(args, { env: { DL_DEBUG: "1" } })).stderr, /\n\s+at /);
  assert.ok(!/\n\s+at /.test((await dl(args)).stderr));
});

test("dl resolve: refuses while a foreign commit is in the way, names it, and lets the mirror go on afterwards", async () => {
  const name = "sales.foreign";
  const location = join(folder, "foreign");
  const lake = await openLocalLake({ database, mirror: false, verifyFiles: "off" });
  await createTable(lake, { name, location: `file://${location}`, schema });
  await lake.close();
  ok(await run("mirror", "--table", name));
  const foreign = join(location, "_delta_log", "00000000000000000001.json");
  ok(await send(request(0, [add("ours.parquet")], name), "--no-mirror"));
  // After our commit has looked at the log, and before the mirror does.
  writeFileSync(foreign, '{"commitInfo":{}}\n');
  assert.match((await run("mirror", "--table", name)).stdout, /quarantined: /);
  const refused = await run("resolve", "--table", name);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /still holds what SQL has not committed: 00000000000000000001.json/);
  assert.match(refused.stderr, /hint: .*move these files out of _delta_log/);
  rmSync(foreign);
  assert.equal(
    ok(await run("resolve", "--table", name)),
    "sales.foreign is no longer quarantined; 1 version to publish: the sweeper does, or `dl mirror --table sales.foreign`\n",
  );
  ok(await run("mirror", "--table", name));
  assert.equal(ok(await run("resolve", "--table", name)), "sales.foreign is not quarantined\n");
  ok(await run("diff", "--table", name, "--log-dir", location));
});

test("dl mirror and dl repair: a published file is gone: the one says so, the other puts it back", async () => {
  const name = "sales.damaged";
  const lake = await openLocalLake({ database, verifyFiles: "off" });
  await createTable(lake, { name, location: `file://${folder}/damaged`, schema });
  await lake.close();
  ok(await send(request(0, [add("a.parquet")], name)));
  const log = join(folder, "damaged/_delta_log");
  const file = join(log, "00000000000000000001.json");
  const bytes = readFileSync(file);
  rmSync(file);
  const told = await run("mirror", "--table", name);
  assert.equal(told.code, 1);
  assert.match(told.stdout, /00000000000000000001\.json was published, and is not in the log any more.*`dl repair`/s);
  ok(await send(request(1, [add("b.parquet")], name), "--no-mirror"));
  assert.equal((await run("mirror", "--table", name)).code, 1);
  assert.ok(!existsSync(join(log, "00000000000000000002.json")), "nothing is published into the gap");
  assert.match(ok(await run("repair", name)), /sales\.damaged +.*1 version put back \(1\)/);
  assert.deepEqual(readFileSync(file), bytes);
  assert.ok(existsSync(join(log, "00000000000000000002.json")), "the mirror was woken up");
  rmSync(log, { recursive: true });
  const all = await run("repair", "--all", "--format", "json");
  assert.equal(all.code, 1, "sales.seized is still wrong");
  const { tables } = JSON.parse(all.stdout);
  const repaired = tables.find((t: { table: string }) => t.table === name);
  assert.deepEqual([repaired.restored, repaired.fault], [[0, 1, 2], undefined]);
  assert.match(ok(await run("repair", "--table", name)), /nothing is missing/);
  assert.equal((await run("repair")).code, 64);
  assert.equal((await run("repair", name, "--all")).code, 64);
});

test("dl drop: forgets a table once its log has all of it; --force gives the rest up", async () => {
  const name = "sales.dropped";
  const lake = await openLocalLake({ database, verifyFiles: "off" });
  await createTable(lake, { name, location: `file://${folder}/dropped`, schema });
  await lake.close();
  ok(await send(request(0, [add("a.parquet")], name), "--no-mirror"));
  assert.match(ok(await run("drop", name)), /^sales\.dropped is dropped\. Its files are where they were/);
  assert.ok(existsSync(join(folder, "dropped/_delta_log/00000000000000000001.json")), "published first");
  assert.equal((await run("drop", name)).code, 1);
  ok(await run("import", join(folder, "dropped"), "--name", name));
  ok(await send(request(1, [add("b.parquet")], name), "--no-mirror"));
  writeFileSync(join(folder, "dropped/_delta_log/00000000000000000002.json"), "{}\n");
  const refused = await run("drop", name);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^dl: "sales\.dropped" has 1 version in SQL alone: .*force/s);
  assert.match(ok(await run("drop", name, "--force")), /1 version that it had in SQL alone is given up/);
});

test("what reads makes no catalog: neither of a missing file nor of an empty one", async () => {
  const path = join(folder, "none.sqlite");
  for (const wanted of [/there is no database .*none\.sqlite/, /none\.sqlite is empty: it holds no catalog/]) {
    for (const args of [["tables"], ["health"], ["diff"], ["files", "--table", "a.b"], ["mirror"]]) {
      const { code, stderr } = await dl([...args, "--database", path]);
      assert.equal(code, 1, stderr);
      assert.match(stderr, wanted);
      assert.match(stderr, /dl serve, dl import and dl migrate make a new one/);
    }
    if (existsSync(path)) assert.equal(statSync(path).size, 0);
    else writeFileSync(path, "");
  }
});

test("dl recover: a database that was copied back is brought up to the log", async () => {
  const name = "sales.recovered";
  const lake = await openLocalLake({ database, verifyFiles: "off" });
  await createTable(lake, { name, location: `file://${folder}/recovered`, schema });
  await lake.close();
  ok(await send(request(0, [add("a.parquet")], name)));
  const old = join(folder, "old.sqlite");
  cpSync(database, old);
  ok(await send(request(1, [add("b.parquet")], name)));
  const onOld = (...args: string[]) => dl(args, { env: { DATABASE_URL: old } });
  const told = ok(await onOld("recover", name));
  assert.match(told, /sales\.recovered +1 +2 +2 +1 version taken over/);
  assert.match(ok(await onOld("recover", name)), /no log is ahead of SQL \(1 table looked at\)/);
  const all = JSON.parse(ok(await onOld("recover", "--all", "--format", "json")));
  assert.deepEqual([all.tables, all.incomplete], [[], []]);
  const foreign = JSON.stringify({ commitInfo: { operation: "WRITE" } });
  writeFileSync(join(folder, "recovered/_delta_log/00000000000000000003.json"), `${foreign}\n`);
  const stopped = await onOld("recover", name);
  assert.equal(stopped.code, 1);
  assert.match(stopped.stdout, /stopped before version 3: others have written it past the catalog/);
  assert.match(ok(await onOld("recover", name, "--foreign")), /1 version taken over/);
  for (const wrong of [[], [name, "--all"]]) assert.equal((await onOld("recover", ...wrong)).code, 64);
  assert.equal((await onOld("recover", "sales.none")).code, 1);
});
