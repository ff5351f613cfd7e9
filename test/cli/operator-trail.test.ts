/** What `dl` does is written down: every command that changes something, by whom, and what failed; looks leave no row. */

import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { hostname, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { noteAlone, verifyAudit } from "../../lib/access/audit.ts";
import { openLocalLake } from "../../lib/lake/local.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import type { AuditRow } from "../../lib/ports.ts";
import { startFakeS3 } from "../support/fake-s3.ts";
import { dl } from "./run.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-trail-")));
after(() => rmSync(folder, { recursive: true }));
const database = join(folder, "c.sqlite");
const run = (...args: string[]) => dl(args, { env: { DATABASE_URL: database } });
const rows = async (): Promise<readonly AuditRow[]> => {
  const { stdout, stderr } = await run("audit", "--format", "ndjson");
  assert.equal(stderr, "");
  return stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as AuditRow]));
};

test("deeds are rows of one chain a day, with who and what; looks and counts are none", async () => {
  assert.equal((await run("migrate")).code, 0);
  const lake = await openLocalLake({ database, verifyFiles: "off" });
  const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
  const { tableId } = await createTable(lake, { name: "a.t", location: `file://${folder}/t`, schema });
  await lake.mirrored();
  await lake.close();
  assert.equal((await run("grant", "SELECT", "on", "table:a.t", "to", "user:etl")).code, 0);
  assert.equal((await run("tables")).code, 0);
  assert.equal((await run("vacuum", "a.t")).code, 0);
  assert.equal((await run("rename", "a.t", "a.u")).code, 0);
  assert.equal((await run("drop", "a.nothing")).code, 1);
  assert.equal((await run("drop", "a.u")).code, 0);
  const created = await run("key", "create", "etl");
  const all = (await rows()).toReversed();
  assert.deepEqual(
    all.map(({ operation, decision, outcome, tables }) => [operation, decision, outcome, tables]),
    [
      ["dl migrate", "allowed", "done", "[]"],
      ["dl grant", "allowed", "done", "[]"],
      ["dl rename", "allowed", "done", '["a.t"]'],
      ["dl drop", "failed", "TABLE_NOT_FOUND", '["a.nothing"]'],
      ["dl drop", "allowed", "done", '["a.u"]'],
      ["dl key create", "allowed", "done", "[]"],
    ],
  );
  const effects = all.map(({ effect }) => (effect === "" ? {} : (JSON.parse(effect) as Record<string, unknown>)));
  assert.deepEqual(effects[1]?.arguments, ["SELECT", "on", "table:a.t", "to", "user:etl"]);
  assert.equal(effects[4]?.tableId, tableId);
  assert.ok(
    all.every(
      ({ who, session, client }) => who === "operator" && session === userInfo().username && client === hostname(),
    ),
  );
  assert.equal(new Set(all.map(({ shard }) => shard)).size, 1);
  const [key = "none"] = /dlk_\S+/.exec(created.stdout) ?? [];
  assert.doesNotMatch(JSON.stringify(all), new RegExp(key.slice(-64)));
  assert.equal((await run("audit", "verify")).code, 0);
});

test("a deed that cannot be written down is done all the same, and says so", async () => {
  const db = new DatabaseSync(database);
  db.exec("alter table dl_audit rename to away");
  const { code, stderr } = await run("grant", "SELECT", "on", "namespace:unwritten", "to", "user:etl");
  const failed = await run("drop", "a.nothing");
  db.exec("alter table away rename to dl_audit");
  db.close();
  assert.equal(code, 0);
  assert.match(stderr, /this was done, and could not be written down in the audit trail: .*dl_audit/);
  assert.match((await run("grants")).stdout, /namespace:unwritten/);
  assert.doesNotMatch(failed.stderr, /written down/, "what failed says why it did");
  const broken = { addAudit: async () => undefined, auditOf: async () => [] };
  await assert.rejects(noteAlone(broken, "dl-x", {} as never), /no place for a row/);
});

test("many at once follow one another: no row is lost, and the chain holds", async () => {
  const lake = await openLocalLake({ database, verifyFiles: "off" });
  const facts = { at: 1, who: "operator", session: "", client: "", operation: "dl x", tables: "[]" };
  const more = { decision: "allowed", outcome: "done", because: "", effect: "" } as const;
  const note = (requestId: string) => noteAlone(lake.catalog, "dl-many", { ...facts, ...more, requestId });
  await Promise.all(Array.from({ length: 8 }, (_, i) => note(`r${i}`)));
  assert.equal((await lake.catalog.auditOf("dl-many", { after: 0, limit: 100 })).length, 8);
  assert.deepEqual((await verifyAudit(lake.catalog)).faults, []);
  await lake.close();
});

test("as CloudEvents: one a line, each with source and id of its own, and the whole row in it", async () => {
  const { stdout } = await run("audit", "--format", "cloudevents", "--table", "a.nothing");
  const [event, ...others] = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const [row] = (await rows()).filter(({ tables }) => tables === '["a.nothing"]');
  assert.equal(others.length, 0);
  const { data, ...about } = event ?? {};
  assert.deepEqual(about, {
    specversion: "1.0",
    id: String(row?.seq),
    source: `urn:deltalakedb:audit:${row?.shard}`,
    type: "deltalakedb.audit.dl.drop",
    time: new Date(row?.at ?? 0).toISOString(),
    subject: "a.nothing",
    datacontenttype: "application/json",
  });
  assert.deepEqual(data, row);
  assert.equal((await run("files", "--format", "cloudevents", "--table", "a.u")).code, 64);
});

test("anchors are read from a file or a bucket; the end of a chain that is gone is found by them", async () => {
  const s3 = await startFakeS3();
  after(() => s3.close());
  const env = {
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "a",
    AWS_SECRET_ACCESS_KEY: "a",
  };
  const at = "s3://backups/anchors/2026-11-29T10:00:00.000Z.json";
  const verify = (anchor: string) =>
    dl(["audit", "verify", "--anchor", anchor], { env: { DATABASE_URL: database, ...env } });
  const { stdout } = await run("audit", "anchor");
  const { anchors } = JSON.parse(stdout) as { anchors: { shard: string; seq: number }[] };
  s3.objects.set(at.slice("s3:/".length), Buffer.from(stdout));
  assert.equal((await verify(at)).code, 0);
  const many = anchors.find(({ shard }) => shard === "dl-many") ?? assert.fail();
  const lake = await openLocalLake({ database, verifyFiles: "off" });
  await lake.catalog.trimAudit("dl-many", many.seq);
  await lake.close();
  const gone = await verify(at);
  assert.deepEqual([gone.code, gone.stdout], [1, `dl-many ${many.seq}: it was anchored, and is missing\n`]);
  for (const nothing of ["s3://backups/anchors/other.json", join(folder, "nothing.json")]) {
    const { code, stderr } = await verify(nothing);
    assert.equal(code, 1);
    assert.match(stderr, /holds no anchors/);
  }
});
