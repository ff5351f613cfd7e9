/** Deployed by the real `cdk deploy` and driven as a client: what is committed is published, once and in order, whatever breaks meanwhile. */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { isLakeError } from "../../lib/errors.ts";
import { type CanaryLake, runCanary } from "../../lib/operations/canary.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { needs, postgresUrl } from "../support/skip.ts";
import { assertHistory, assertTheorem } from "../support/theorem.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { startLoad } from "./support/load.ts";

const SUITE = "deployed";
const bin = process.env.DEPLOY_CACHE;
const ready = bin && postgresUrl;
const SCHEMA = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
/** Above the age at which the sweeper of the stage enqueues a table again. */
const OVERDUE_MS = 10_500;

interface Committed {
  readonly transactionId: string;
  readonly tables: readonly {
    readonly tableId: string;
    readonly version: number;
    readonly inCommitTimestamp: number;
  }[];
}

const reason = "needs TEST_POSTGRES_URL, and `npm run test:deploy`, which installs the emulator";
describe(SUITE, needs(SUITE, ready, reason), () => {
  let stage: Deployment;
  let scratch: string;
  const tableIds: string[] = [];
  const heads = new Map<string, number>();
  /** Rows of all tables: each has the same. */
  let rows: number[] = [];

  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), "dl-deploy-data-"));
    stage = await deploy(bin ?? "", postgresUrl ?? "");
  });
  after(async () => {
    await stage?.close();
    if (scratch) rmSync(scratch, { recursive: true });
  });

  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const place = (i: number) => `tables/deployed/t${i}`;

  async function mirrored(tableId: string): Promise<number> {
    return (await stage.api<{ mirroredVersion: number }>("GET", `/v1/tables/${tableId}`)).mirroredVersion;
  }

  async function untilMirrored(version: (tableId: string) => number): Promise<void> {
    const until = Date.now() + 30_000;
    for (const tableId of tableIds) {
      while ((await mirrored(tableId)) < version(tableId)) {
        assert.ok(Date.now() < until, `${tableId} has not reached version ${version(tableId)}`);
        await pause(20);
      }
    }
  }

  const atHead = () => untilMirrored((tableId) => heads.get(tableId) ?? 0);

  /** A data file of a real writer in each table, and one request that adds them all. */
  async function appendRequest(count = 3): Promise<object> {
    const file = `part-${rows.length}-${crypto.randomUUID()}.parquet`;
    await stage.python("data.py", join(scratch, file), String(rows.length), String(count));
    const bytes = readFileSync(join(scratch, file));
    const tables = [];
    for (const [i, tableId] of tableIds.entries()) {
      const put = await stage.aws.call("s3", "PUT", `/${stage.bucket}/${place(i)}/${file}`, { body: bytes });
      assert.equal(put.status, 200, put.text);
      const add = {
        path: file,
        partitionValues: {},
        size: bytes.length,
        modificationTime: Date.now(),
        dataChange: true,
      };
      tables.push({ tableId, readVersion: heads.get(tableId) ?? 0, actions: [{ add }] });
    }
    rows = [...rows, ...Array.from({ length: count }, (_, i) => rows.length + i)];
    return { transactionId: crypto.randomUUID(), tables };
  }

  async function send(request: object, status = 201): Promise<Committed> {
    const committed = await stage.api<Committed>("POST", "/v1/commits", request, status);
    for (const { tableId, version } of committed.tables) heads.set(tableId, version);
    return committed;
  }

  async function readsAll(): Promise<void> {
    for (const [i, tableId] of tableIds.entries()) {
      const version = String(heads.get(tableId));
      const text = await stage.python("read.py", `s3://${stage.bucket}/${place(i)}`, version, "--rows");
      const read = JSON.parse(text) as { version: number; rows: number[] };
      assert.deepEqual([read.version, read.rows], [Number(version), rows]);
    }
  }

  /** Does something to the deployment while clients commit to a table of that name and read it: none of them may notice. */
  async function underLoad(t: TestContext, name: string, work: (tell: (what: string) => void) => Promise<void>) {
    const request = { name, schema: SCHEMA };
    const { tableId } = await stage.api<{ tableId: string }>("POST", "/v1/tables", request, 201);
    const load = startLoad(stage.ask, tableId, 0);
    const startedAt = Date.now();
    const tell = (what: string) => {
      const { commits, reads, retried, cutOff, failures, slowestMs } = load.since();
      const seconds = ((Date.now() - startedAt) / 1000).toFixed(0);
      t.diagnostic(
        `${seconds} s, ${what}: ${commits} commits, ${reads} reads, ${retried} told to come again, ${cutOff} cut off by the emulator, ${failures.length} failed, the slowest took ${slowestMs} ms`,
      );
      assert.deepEqual(failures, []);
      assert.ok(commits > 0 && reads > 0);
    };
    let head = 0;
    try {
      await work(tell);
    } finally {
      head = await load.stop();
    }
    const until = Date.now() + 60_000;
    while ((await mirrored(tableId)) < head) {
      assert.ok(Date.now() < until, "what was committed meanwhile is published");
      // As its clock does on AWS: a mirror that was ended for new code has kept its message.
      await pause(OVERDUE_MS);
      await stage.invoke("sweep", {});
    }
    assert.equal(await assertTheorem(stage.lake, tableId), head);
    await stage.api("DELETE", `/v1/tables/${tableId}`, undefined, 204);
  }

  test("the release before this one, with its schema and data, is upgraded to this one under load: no commit fails", async (t) => {
    if (stage.base === undefined) {
      t.diagnostic("there is no history of the repository to take it from: this code was deployed first");
      return;
    }
    const pending = (await stage.lake.catalog.pendingMigrations()).map(({ name }) => name);
    await underLoad(t, "upgraded.base", async (tell) => {
      t.diagnostic(`first deployed: ${stage.base}, with ${pending.length} migrations to come`);
      await stage.upgrade({ ahead: 0, fails: false });
      tell("this release is deployed");
    });
    assert.deepEqual(await stage.lake.catalog.pendingMigrations(), []);
  });

  test("three tables are made, one commit moves them all, and delta-rs reads them from S3", async (t) => {
    const startedAt = Date.now() - stage.deployMs;
    for (let i = 0; i < 3; i += 1) {
      const request = { name: `deployed.t${i}`, schema: SCHEMA, configuration: { "delta.checkpointInterval": "5" } };
      const made = await stage.api<{ tableId: string; location: string }>("POST", "/v1/tables", request, 201);
      assert.equal(made.location, `s3://${stage.bucket}/${place(i)}`);
      tableIds.push(made.tableId);
      heads.set(made.tableId, 0);
    }
    const request = await appendRequest();
    const committed = await send(request);
    assert.equal(
      new Set(committed.tables.map((table) => table.inCommitTimestamp)).size,
      1,
      "one moment for all tables",
    );
    await atHead();
    assert.ok((await stage.readerSessions()) > 0, "who asks for a table is answered with the login that may only read");
    t.diagnostic(`cdk deploy: ${stage.deployMs} ms; to the first mirrored commit: ${Date.now() - startedAt} ms`);
    await readsAll();
    assert.deepEqual(
      (await send(request, 200)).tables.map((table) => table.version),
      [1, 1, 1],
      "a replay",
    );
  });

  /** Puts a request where the API says, and commits what lies there. */
  async function sendUploaded(request: object): Promise<{ readonly upload: string; readonly committed: Committed }> {
    const body = Buffer.from(JSON.stringify(request));
    assert.ok(body.length > 7_000_000, "Lambda would take it");
    const offer = { bytes: body.length };
    const { uploadId, url } = await stage.api<{ uploadId: string; url: string }>("POST", "/v1/uploads", offer, 201);
    const put = await fetch(url, { method: "PUT", body });
    assert.equal(put.status, 200, await put.text());
    return { upload: uploadId, committed: await send({ upload: uploadId }) };
  }

  test("a warm commit of three tables, with its row of the audit trail, is one call of the Data API; what it costs until it is published", async (t) => {
    await stage.listen(false);
    const calls: number[] = [];
    // A mirror or a clock that is still under way calls as well.
    for (let i = 0; i < 3; i += 1) {
      const before = stage.dataApi.calls.ExecuteStatement;
      await send(await appendRequest());
      calls.push(stage.dataApi.calls.ExecuteStatement - before);
    }
    await stage.listen(true);
    assert.equal(Math.min(...calls), 1, calls.join());
    for (let i = 0; i < 12; i += 1) {
      await send(await appendRequest(1));
      await atHead();
    }
    const lags: number[] = [];
    for (const tableId of tableIds) {
      const { statuses } = await stage.api<{ statuses: { committedAt: number; publishedAt?: number }[] }>(
        "GET",
        `/v1/tables/${tableId}/mirror?after=4`,
      );
      for (const { committedAt, publishedAt = Number.NaN } of statuses) lags.push(publishedAt - committedAt);
    }
    lags.sort((a, b) => a - b);
    assert.ok(lags.length >= 36 && lags.every(Number.isFinite));
    const at = (share: number) => lags[Math.min(lags.length - 1, Math.floor(lags.length * share))];
    t.diagnostic(`mirror lag of ${lags.length} versions: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms`);
    await readsAll();
  });

  test("requests of 7 MB, more than Lambda takes, are uploaded; each counts once; the large table gets its checkpoint", async (t) => {
    const made = { name: "deployed.large", schema: SCHEMA, configuration: { "delta.checkpointInterval": "1" } };
    const { tableId, location } = await stage.api<{ tableId: string; location: string }>(
      "POST",
      "/v1/tables",
      made,
      201,
    );
    const paths = Array.from({ length: 20_000 }, (_, i) => `unwritten-${i}-${"x".repeat(300)}.parquet`);
    const request = (readVersion: number, actions: readonly object[]) => ({
      transactionId: crypto.randomUUID(),
      tables: [{ tableId, readVersion, actions }],
      verifyFiles: false,
    });
    const size = { size: 1, modificationTime: Date.now(), partitionValues: {} };
    const sentAt = Date.now();
    const adds = paths.map((path) => ({ add: { path, ...size, dataChange: true } }));
    const added = await sendUploaded(request(0, adds));
    t.diagnostic(`20,000 actions uploaded and committed in ${Date.now() - sentAt} ms`);
    const replay = await send({ upload: added.upload }, 200);
    assert.equal(replay.tables[0]?.version, added.committed.tables[0]?.version);
    const log = stage.lake.openLog(location);
    while ((await log.readLastCheckpoint()) !== 1) {
      assert.ok(Date.now() < sentAt + 30_000, "no checkpoint of version 1");
      await pause(50);
    }
    t.diagnostic(`published, and its checkpoint written by the function of its own, after ${Date.now() - sentAt} ms`);
    const gone = paths.map((path) => ({
      remove: { path, ...size, extendedFileMetadata: true, deletionTimestamp: Date.now(), dataChange: true },
    }));
    await sendUploaded(request(1, gone));
    while ((await mirrored(tableId)) < 2) await pause(50);
    assert.equal(await assertTheorem(stage.lake, tableId), 2);
    await stage.api("DELETE", `/v1/tables/${tableId}`, undefined, 204);
    await readsAll();
  });

  test("a backup is made in a bucket of its own, verified, and restored for practice", async (t) => {
    interface Report {
      readonly backupId: string;
      readonly kind: string;
      readonly tables: number;
      readonly files: number;
      readonly rtoSeconds: number;
      readonly rpoSeconds: number;
    }
    const live = tableIds.length;
    const full = await stage.invoke<Report>("backup", { task: "backup", full: true });
    assert.ok(full.kind === "full" && full.tables >= live, JSON.stringify(full));
    await send(await appendRequest());
    await atHead();
    const next = await stage.invoke<Report>("backup", { task: "backup" });
    assert.equal(next.kind, "incremental");
    const verified = await stage.invoke<Report>("backup", { task: "verify" });
    assert.deepEqual([verified.backupId, verified.tables], [next.backupId, next.tables]);
    const drill = await stage.invoke<Report>("drill", {});
    assert.deepEqual([drill.backupId, drill.files], [next.backupId, verified.files]);
    assert.ok(drill.rtoSeconds > 0 && drill.rpoSeconds > 0);
    t.diagnostic(`drill of ${drill.files} files: RTO ${drill.rtoSeconds} s, RPO ${drill.rpoSeconds} s`);
    const listed = await stage.aws.call("s3", "GET", `/${stage.backups}/?list-type=2`);
    for (const { backupId } of [full, next]) assert.ok(listed.text.includes(`${backupId}/manifest.json`), listed.text);
  });

  test("maintenance does what a table's policy asks for, and leaves what readers need", async () => {
    const [first = "", second = ""] = tableIds;
    await stage.lake.catalog.writeUpkeep(first, { vacuum: true });
    assert.deepEqual(await stage.invoke("maintenance", {}), { interrupted: false });
    const upkeep = await stage.lake.catalog.readUpkeep([first, second]);
    const vacuumed = upkeep.filter(({ vacuumAt }) => vacuumAt !== undefined).map(({ tableId }) => tableId);
    assert.deepEqual(vacuumed, [first], "vacuum is off until a table asks for it");
    await readsAll();
  });

  test("the canary commits, reads it back by the API and from the log; that the emulator lets everybody in it finds", async () => {
    const ask: CanaryLake["ask"] = async (_, method, path, body) => {
      const { status, text } = await stage.ask(method, path, body);
      return { status, body: JSON.parse(text) as Record<string, unknown> };
    };
    const canary = { ask, openLog: stage.lake.openLog, clock: stage.lake.clock };
    for (const version of [1, 2]) {
      const report = await runCanary(canary, { table: "canary.probe", mirroredWithinMs: 30_000 });
      assert.equal(report.version, version);
      assert.ok(report.mirrorMs !== undefined && report.commitMs !== undefined, report.failures.join());
      assert.deepEqual(report.failures, [
        "a caller who must be refused: GET /v1/tables was answered with 200 to nobody",
      ]);
    }
    const { tables } = await stage.api<{ tables: { tableId: string }[] }>("POST", "/v1/snapshots", {
      tables: [{ table: "canary.probe" }],
    });
    await stage.api("DELETE", `/v1/tables/${tables[0]?.tableId}`, undefined, 204);
  });

  test("a release that fails at its end, and how it is taken back, under load: no commit fails", async (t) => {
    await underLoad(t, "upgraded.failing", async (tell) => {
      if (stage.base === undefined) {
        await stage.upgrade({ ahead: 1, fails: false });
        tell("the next release is deployed");
      }
      const ahead = stage.base === undefined ? 2 : 1;
      await assert.rejects(stage.upgrade({ ahead, fails: true }), /WaitCondition timed out/);
      assert.equal(await stage.stackStatus(), "UPDATE_ROLLBACK_COMPLETE");
      tell("a release after this one has failed and is taken back");
    });
    const pending = stage.lake.catalog.pendingMigrations();
    if (stage.base !== undefined) {
      assert.deepEqual(await pending, [], "a schema stays when its release is taken back, and this code works with it");
    } else {
      // Two releases below it is too far; the code that is deployed is one below it.
      await assert.rejects(pending, (error) => isLakeError(error, "unavailable") && error.code === "SCHEMA_NEWER");
    }
    await readsAll();
  });

  test("a deploy that was told another key for the backups is refused before anything happens, until it is said", async () => {
    const backupKeySecret = "arn:aws:secretsmanager:us-east-1:000000000000:secret:another-AbCdEf";
    await assert.rejects(
      stage.deployAgain({ backupKeySecret }),
      /would change the key of the backups.*BackupKey=arn:/s,
    );
    await stage.deployAgain({ backupKeySecret }, "--parameters", `BackupKey=${backupKeySecret}`);
    await assert.rejects(stage.deployAgain({}), /would change the key of the backups/);
  });

  test("messages are lost: the commit is final, and the sweep makes it good", async () => {
    await stage.listen(false);
    await send(await appendRequest());
    await stage.loseMessages();
    await stage.listen(true);
    await pause(OVERDUE_MS);
    for (const tableId of tableIds) assert.ok((await mirrored(tableId)) < (heads.get(tableId) ?? 0));
    assert.deepEqual(await stage.invoke("sweep", {}), { enqueued: 3 });
    await atHead();
    await readsAll();
  });

  test("S3 is away for a while: commits go on, nothing is half-published, and all is made good", async () => {
    stage.s3.set(({ method }) => (method === "PUT" ? "busy" : "pass"));
    await send(await appendRequest());
    await send(await appendRequest());
    await pause(OVERDUE_MS);
    assert.ok(stage.s3.failed() > 0);
    for (const tableId of tableIds) assert.ok((await mirrored(tableId)) <= (heads.get(tableId) ?? 0) - 2);
    stage.s3.set(undefined);
    await pause(OVERDUE_MS);
    await stage.invoke("sweep", {});
    await atHead();
    await readsAll();
  });

  test("the mirror is killed in the middle of a write: the next one finishes, with the same bytes", async () => {
    const hanging = stage.s3.hanging();
    stage.s3.set(({ method, url }) => (method === "PUT" && url.includes("_delta_log") ? "hang" : "pass"));
    await send(await appendRequest());
    await hanging;
    assert.ok(stage.killMirror(), "there was a worker to kill");
    stage.s3.set(undefined);
    await pause(OVERDUE_MS);
    await stage.invoke("sweep", {});
    await atHead();
    await readsAll();
  });

  test("at the end SQL and logs agree, version by version, and parity says so", async () => {
    for (const tableId of tableIds) {
      assert.equal(await assertTheorem(stage.lake, tableId), heads.get(tableId));
      await assertHistory(stage.lake, tableId);
      const report = await diffTable(stage.lake, { ref: { tableId }, lagThresholdSeconds: 5, maxDriftFiles: 0 });
      assert.equal(report.outcome, "ok", JSON.stringify(report));
      const checked = await stage.invoke("parity", { Records: [record(tableId)] });
      assert.deepEqual(checked, { batchItemFailures: [] });
    }
    assert.deepEqual(await stage.invoke("parity", { source: "aws.scheduler" }), { tables: 3 });
  });
});

function record(tableId: string): object {
  const attributes = { ApproximateReceiveCount: "1" };
  const eventSourceARN = "arn:aws:sqs:eu-west-1:123456789012:parity";
  return { messageId: tableId, body: JSON.stringify({ tableId }), attributes, eventSource: "aws:sqs", eventSourceARN };
}
