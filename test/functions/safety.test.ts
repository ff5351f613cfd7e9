/** Backup, drill and maintenance on events as AWS sends them, over a lake in a folder: what they make, print and throw. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { alarmsOf } from "../../infra/alarms.ts";
import { settingsOf } from "../../infra/settings.ts";
import { type Anchor, noteAlone, verifyAudit } from "../../lib/access/audit.ts";
import { type LocalLake, openLocalLake } from "../../lib/lake/local.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { openFileStore } from "../../lib/storage/file.ts";
import { EVENT_METRICS } from "../../lib/telemetry/metric-names.ts";
import { pointsOf, stateOf } from "../support/alarms.ts";
import { assertEmf } from "../support/emf.ts";
import { startFakeSecrets } from "../support/fake-secrets.ts";
import { addOf, commitTo, removeOf, SCHEMA } from "../support/lake.ts";
import { putRows } from "../support/parquet-rows.ts";
import { contextOf, event, openStage, printed, type Stage } from "./stage.ts";

type Handler = (event: unknown, context: unknown) => Promise<unknown>;
let stage: Stage;
let lake: LocalLake;
let backups: string;
const handlers: Record<string, Handler> = {};

before(async () => {
  stage = await openStage();
  backups = join(stage.folder, "backups");
  process.env.BACKUPS = backups;
  for (const name of ["backup", "drill", "maintenance", "compact"]) {
    handlers[name] = (await import(`../../functions/${name}.ts`)).handler as Handler;
  }
  lake = await openLocalLake({ database: join(stage.folder, "catalog.sqlite"), verifyFiles: "off" });
});
after(async () => {
  await lake.close();
  await stage.close();
});

async function invoke<T>(name: string, payload: unknown, remainingMs?: () => number) {
  const handler = handlers[name];
  assert.ok(handler, name);
  const { result, lines } = await printed(() =>
    handler(payload, contextOf(name, remainingMs)).then(
      (value) => ({ value: value as T, error: undefined }),
      (error: Error) => ({ value: undefined, error }),
    ),
  );
  return { ...result, lines };
}

/** The alarms of the service that these lines set off, of those that silence does not. */
function alarmsAfter(lines: readonly string[]): string[] {
  const dimensions = { service: "deltalakedb", stage: "development" };
  const alarms = alarmsOf(settingsOf(() => undefined)).filter(({ source }) => source === "service");
  const options = { now: Date.now() + 1, dimensions };
  return alarms
    .filter((alarm) => alarm.about !== "clock" && stateOf(alarm, pointsOf(lines), options) === "ALARM")
    .map(({ id }) => id);
}

function measured(lines: readonly string[], metric: string): number | undefined {
  return pointsOf(lines).findLast((point) => point.metric === metric)?.value;
}

async function newTable(name: string, configuration: Record<string, string> = {}): Promise<string> {
  const location = pathToFileURL(join(stage.folder, "tables", name)).href;
  return (await createTable(lake, { name, location, schema: SCHEMA, configuration })).tableId;
}

interface Report {
  readonly backupId: string;
  readonly tables: number;
  readonly rows: number;
  readonly files: number;
  readonly rtoSeconds: number;
  readonly rpoSeconds: number;
}

test("a backup is made, verified and restored for practice; RTO and RPO are measured", async () => {
  const id = await newTable("safe.table");
  await commitTo(lake, id, 0, [addOf("a"), addOf("b")]);
  const made = await invoke<Report>("backup", { task: "backup" });
  assert.equal(made.error, undefined);
  for (const name of ["Backups", "BackupAge"]) assert.ok(assertEmf(made.lines).includes(name), name);
  assert.deepEqual(readdirSync(backups), [made.value?.backupId]);
  const noBackup = alarmsOf(settingsOf(() => undefined)).find(({ id: name }) => name === "no-good-backup");
  assert.ok(noBackup);
  const dimensions = { service: "deltalakedb", stage: "development" };
  assert.equal(stateOf(noBackup, pointsOf(made.lines), { now: Date.now() + 1, dimensions }), "OK");
  assert.equal(stateOf(noBackup, [], { now: Date.now(), dimensions }), "ALARM");
  const verified = await invoke<Report>("backup", { task: "verify" });
  assert.deepEqual([verified.value?.backupId, verified.value?.files], [made.value?.backupId, 2]);
  assert.equal(measured(verified.lines, EVENT_METRICS.backupVerifications.cloudwatch), 1);
  const drill = await invoke<Report>("drill", event("schedule"));
  assert.equal(drill.error, undefined);
  const { rtoSeconds = -1, rpoSeconds = -1, tables } = drill.value ?? {};
  assert.equal(tables, 1);
  assert.ok(rtoSeconds > 0 && rtoSeconds < 60, `${rtoSeconds}`);
  assert.ok(rpoSeconds >= 0 && rpoSeconds < 60, `${rpoSeconds}`);
  assert.equal(measured(drill.lines, EVENT_METRICS.restoreTime.cloudwatch), rtoSeconds);
  assert.equal(measured(drill.lines, EVENT_METRICS.restoreGap.cloudwatch), rpoSeconds);
  assert.ok(drill.lines.some((line) => line.includes('"Unit":"Seconds"')));
  assert.deepEqual(alarmsAfter([...made.lines, ...verified.lines, ...drill.lines]), []);
});

test("the ends of the audit trail are anchored beside each backup, where the lock of the bucket holds them", async () => {
  const facts = { at: 1, requestId: "r", who: "operator", session: "", client: "", operation: "dl x", tables: "[]" };
  await noteAlone(lake.catalog, "dl-safe", { ...facts, decision: "allowed", outcome: "", because: "", effect: "" });
  const made = await invoke<Report>("backup", { task: "backup" });
  assert.equal(made.error, undefined);
  const [name = "none"] = readdirSync(join(backups, "anchors")).toSorted().slice(-1);
  const { anchors } = JSON.parse(readFileSync(join(backups, "anchors", name), "utf8")) as { anchors: Anchor[] };
  assert.ok(anchors.some(({ shard, seq }) => shard === "dl-safe" && seq === 1));
  assert.deepEqual((await verifyAudit(lake.catalog, anchors)).faults, []);
  await lake.catalog.trimAudit("dl-safe", 1);
  const [fault] = (await verifyAudit(lake.catalog, anchors)).faults;
  assert.match(fault ?? "", /^dl-safe 1: it was anchored, and is missing$/);
  assert.equal((await invoke<Report>("backup", { task: "verify" })).error, undefined);
});

test("with a key from Secrets Manager backups are encrypted; they are verified and practised with it, and with no other", async (t) => {
  const arn = "arn:aws:secretsmanager:us-east-1:1:secret:backup-key";
  const secrets = { [arn]: "5a".repeat(32) };
  const server = await startFakeSecrets(secrets);
  const plain = backups;
  const variables = { BACKUPS: join(stage.folder, "sealed"), BACKUP_KEY_SECRET_ARN: arn };
  Object.assign(process.env, variables);
  t.after(() => {
    server.close();
    delete process.env.BACKUP_KEY_SECRET_ARN;
    process.env.BACKUPS = plain;
  });
  // Containers of their own: settings are read once.
  const container = async (file: string, id: string) => {
    handlers[id] = (await import(`../../functions/${file}.ts?${id}`)).handler as Handler;
  };
  for (const file of ["backup", "drill"]) await container(file, `sealed-${file}`);
  const made = await invoke<Report>("sealed-backup", {});
  assert.equal(made.error, undefined);
  const folder = join(variables.BACKUPS, made.value?.backupId ?? "");
  for (const part of readdirSync(folder).filter((name) => name !== "manifest.json")) {
    assert.equal(readFileSync(join(folder, part)).subarray(0, 4).toString(), "DLE1", part);
  }
  assert.equal((await invoke<Report>("sealed-backup", { task: "verify" })).value?.backupId, made.value?.backupId);
  assert.equal((await invoke<Report>("sealed-drill", event("schedule"))).error, undefined);
  secrets[arn] = "a5".repeat(32);
  assert.match((await invoke("sealed-drill", event("schedule"))).error?.message ?? "", /is encrypted with the key/);
  // The key was changed: the same container goes on with the new one, from a full backup on.
  const next = await invoke<Report & { readonly kind: string }>("sealed-backup", {});
  assert.deepEqual([next.error, next.value?.kind], [undefined, "full"]);
  assert.equal((await invoke<Report>("sealed-backup", { task: "verify" })).value?.backupId, next.value?.backupId);
  assert.equal((await invoke<Report>("sealed-drill", event("schedule"))).error, undefined);
});

test("a damaged backup is found: by the verification, which alarms, and by the drill, which fails", async () => {
  const { value } = await invoke<Report>("backup", {});
  const folder = join(backups, value?.backupId ?? "");
  const part = readdirSync(folder).find((name) => name !== "manifest.json") ?? "";
  assert.ok(existsSync(join(folder, part)));
  writeFileSync(join(folder, part), "damaged");
  const verified = await invoke<Report>("backup", { task: "verify" });
  assert.match(verified.error?.message ?? "", /checksum/);
  assert.deepEqual(alarmsAfter(verified.lines), ["backup-verify-failed"]);
  const drill = await invoke<Report>("drill", event("schedule"));
  assert.match(drill.error?.message ?? "", /checksum/);
  assert.equal(measured(drill.lines, EVENT_METRICS.restoreDrills.cloudwatch), undefined);
  const again = await invoke<Report>("backup", { task: "backup", full: true });
  assert.equal((await invoke<Report>("backup", { task: "verify" })).value?.backupId, again.value?.backupId);
});

test("maintenance vacuums the tables that want it, and no others; one that fails holds up no other", async () => {
  const wanted = await newTable("up.wanted");
  const other = await newTable("up.other");
  const stopped = await newTable("up.a-stopped");
  for (const id of [wanted, other, stopped]) {
    await commitTo(lake, id, 0, [addOf("old"), addOf("new")]);
    await commitTo(lake, id, 1, [removeOf("old")]);
  }
  await lake.mirrored();
  for (const id of [wanted, stopped]) await lake.catalog.writeUpkeep(id, { vacuum: true });
  await lake.catalog.setQuarantine(stopped, "a foreign commit");
  const { error, lines } = await invoke("maintenance", event("schedule"));
  assert.match(error?.message ?? "", /maintenance failed 1 times, first for up\.a-stopped/);
  assert.equal(measured(lines, EVENT_METRICS.maintenanceRuns.cloudwatch), 1);
  assert.equal(measured(lines, EVENT_METRICS.maintenanceFailures.cloudwatch), 1);
  const upkeep = await lake.catalog.readUpkeep([wanted, other, stopped]);
  const looked = upkeep.filter(({ vacuumAt }) => vacuumAt !== undefined).map(({ tableId }) => tableId);
  assert.deepEqual(looked, [wanted]);
  await lake.catalog.setQuarantine(stopped, undefined);
  assert.equal((await invoke("maintenance", event("schedule"))).error, undefined);
});

test("compaction takes the tables that ask for it, and no others; one that fails holds up no other", async () => {
  const [wanted, other, broken] = [
    await newTable("small.wanted"),
    await newTable("small.other"),
    await newTable("small.a-broken"),
  ];
  const rows = (name: string) =>
    ["a", "b"].map((path) =>
      putRows(openFileStore(join(stage.folder, "tables", name)), path, `select 1::bigint as id, '${path}' as "day"`),
    );
  await commitTo(lake, wanted, 0, await Promise.all(rows("small.wanted")));
  await commitTo(lake, other, 0, await Promise.all(rows("small.other")));
  await commitTo(lake, broken, 0, [addOf("nowhere"), addOf("nowhere-2")]);
  for (const id of [wanted, broken]) await lake.catalog.writeUpkeep(id, { compact: true });
  const aQuarter = () => 900_000;
  const { error, lines } = await invoke("compact", event("schedule"), aQuarter);
  assert.match(error?.message ?? "", /compaction failed 1 times, first for small\.a-broken/);
  assert.equal(measured(lines, EVENT_METRICS.maintenanceFailures.cloudwatch), 1);
  const files = async (tableId: string) => (await lake.catalog.findTable({ tableId }))?.numFiles;
  assert.deepEqual([await files(wanted), await files(other), await files(broken)], [1, 2, 2]);
  await lake.catalog.writeUpkeep(broken, { compact: null });
  assert.deepEqual((await invoke("compact", event("schedule"), aQuarter)).value, { interrupted: false });
  await lake.catalog.writeUpkeep(other, { compact: true });
  const late = await invoke("compact", event("schedule"), () => 100_000);
  assert.deepEqual([late.value, await files(other)], [{ interrupted: true }, 2], "no group begins that could not end");
});

test("maintenance begins nothing when its time is over", async () => {
  const { value, error } = await invoke<{ interrupted: boolean }>("maintenance", event("schedule"), () => 10_000);
  assert.deepEqual([value?.interrupted, error], [true, undefined]);
});

test("maintenance purges dropped tables that can no longer come back, and leaves their files", async () => {
  const [gone, young] = [await newTable("gone.old"), await newTable("gone.young")];
  for (const id of [gone, young]) await commitTo(lake, id, 0, [addOf("a")]);
  await lake.mirrored();
  for (const id of [gone, young]) await dropTable(lake, { tableId: id });
  const database = new DatabaseSync(join(stage.folder, "catalog.sqlite"));
  database.prepare("update dl_tables set dropped_at = 1 where table_id = ?").run(gone);
  database.close();
  const { error, lines } = await invoke("maintenance", event("schedule"));
  assert.equal(error, undefined);
  assert.ok(assertEmf(lines).includes("MaintenanceRuns"));
  const { items } = await lake.catalog.listDropped({ limit: 100 });
  assert.deepEqual(
    items.filter(({ name }) => name.startsWith("gone.")).map(({ name }) => name),
    ["gone.young"],
  );
  assert.ok(existsSync(join(stage.folder, "tables", "gone.old", "_delta_log")));
});
