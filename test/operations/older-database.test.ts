/** However a database becomes older than its logs: nothing is committed on top of it, by any process, and after `recover` all go on. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openCatalog } from "../../lib/catalog/open.ts";
import { commitFileName } from "../../lib/delta/files/log-files.ts";
import type { CommitRequest } from "../../lib/delta/request.ts";
import { LakeError } from "../../lib/errors.ts";
import { commit } from "../../lib/operations/commit.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { checkParity } from "../../lib/operations/parity.ts";
import { recoverTable } from "../../lib/operations/recover.ts";
import { sweepMirrors } from "../../lib/operations/sweep.ts";
import { healthOfTables } from "../../lib/operations/table-health.ts";
import { addOf, commitTo, newTable, openTestLake, request, type TestLake } from "../support/lake.ts";
import { postgresWays, type Site, SQLITE_WAYS, type Way } from "../support/older-databases.ts";
import { type OwnPostgres, postgresPrograms, startOwnPostgres } from "../support/own-postgres.ts";
import { needs } from "../support/skip.ts";
import { headVersion } from "../support/table-facts.ts";

const programs = postgresPrograms();
needs("databases set back on PostgreSQL", programs, "no PostgreSQL server is installed here");
let server: Promise<OwnPostgres> | undefined;
const started = (at: string) => {
  server ??= startOwnPostgres(at);
  return server;
};
const WAYS: readonly Way[] = [
  ...SQLITE_WAYS,
  ...(programs === undefined ? [] : postgresWays(programs, () => started(programs))),
];
after(async () => (await server)?.drop());

/** A lake over the database of a site, whose logs and clock all processes on it share. */
function lakeOn(url: string): Promise<TestLake> {
  return openTestLake({ name: "sqlite", create: async () => ({ url, drop: async () => undefined }) });
}

interface Tables {
  /** Cleaned as by retention: only the checkpoint of 10 and what follows is left. */
  readonly cleaned: string;
  readonly intact: string;
  /** Not committed to since the backup. */
  readonly step: string;
}

const append = (name: string, ...ids: string[]): CommitRequest =>
  request(...ids.map((tableId) => ({ tableId, readVersion: 0, actions: [addOf(name)] })));

/** `committed`, or the code of the refusal. Connections may break while the database is exchanged. */
async function outcomeOf(lake: TestLake, wanted: CommitRequest): Promise<string> {
  for (let i = 0; ; i += 1) {
    try {
      return (await commit(lake, wanted)).status;
    } catch (error) {
      if (!(error instanceof LakeError)) throw error;
      const isPassing = ["DATABASE_UNAVAILABLE", "DATABASE_GONE"].includes(error.code);
      if (!isPassing || i > 20) return error.code;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function contents(lake: TestLake, { cleaned, intact, step }: Tables): Promise<string[]> {
  const keys: string[] = [];
  for (const id of [cleaned, intact, step]) {
    for await (const { key, size } of lake.store(`file:///lake/t.${nameOf[id]}`).list("")) keys.push(`${key} ${size}`);
  }
  return keys;
}
const nameOf: Record<string, string> = {};

async function made(lake: TestLake): Promise<Tables> {
  const make = async (name: keyof Tables) => {
    const configuration = { "delta.checkpointInterval": name === "cleaned" ? "10" : "100" };
    const id = await newTable(lake, `t.${name}`, { configuration });
    nameOf[id] = name;
    return id;
  };
  return { cleaned: await make("cleaned"), intact: await make("intact"), step: await make("step") };
}

/** Both logs go on to version 12, and one is cleaned. */
async function goOn(lake: TestLake, { cleaned, intact }: Tables): Promise<void> {
  for (const id of [cleaned, intact]) {
    while ((await headVersion(lake, id)) < 12)
      await commitTo(lake, id, 0, [addOf(`later${await headVersion(lake, id)}`)]);
    await mirrorTable(lake, id);
  }
  const store = lake.store("file:///lake/t.cleaned");
  for (let version = 0; version < 10; version += 1) {
    const key = `_delta_log/${commitFileName(version)}`;
    const found = await store.get(key);
    if (found) await store.removeIf(key, found.bytes);
  }
}

for (const way of WAYS) {
  test(way.name, { timeout: 120_000 }, async (t) => {
    const site = await way.open();
    t.after(() => site.drop());
    await tryWay(way, site);
  });
}

async function tryWay(way: Way, site: Site): Promise<void> {
  const [url = ""] = site.urls;
  const busy = await lakeOn(url);
  const open: TestLake[] = [busy];
  const process = async (at: string): Promise<TestLake> => {
    const lake = busy.with({ catalog: await openCatalog(at, busy.clock) });
    open.push(lake);
    return lake;
  };
  try {
    const tables = await made(busy);
    const { cleaned, intact, step } = tables;
    // Processes that have looked at all tables, and hear nothing of what follows.
    const idle = await Promise.all(site.urls.map(process));
    for (const lake of idle)
      assert.equal(await outcomeOf(lake, append(crypto.randomUUID(), cleaned, intact, step)), "committed");
    for (const id of [cleaned, intact, step]) await mirrorTable(busy, id);
    const heads = await Promise.all([cleaned, intact].map((id) => headVersion(busy, id)));
    const saved = await site.save();
    await goOn(busy, tables);
    if (way.isBetweenServers) for (const lake of open.splice(0)) await lake.catalog.close();
    await site.setBack(saved);

    const before = await contents(busy, tables);
    const fresh = await Promise.all(site.urls.map(process));
    const running = open.filter((lake) => !fresh.includes(lake));
    const [at] = fresh;
    assert.ok(at);
    for (const lake of [...running, ...fresh]) {
      // Each has to notice it by itself: what the one before has written down is taken back.
      for (const [i, id] of [cleaned, intact].entries()) await at.catalog.markLogFault(id, heads[i] ?? 0, undefined);
      const isStuck = way.running !== undefined && running.includes(lake);
      const wanted = isStuck ? way.running : "CATALOG_BEHIND_LOG";
      for (const ids of [[intact], [cleaned], [step, intact], [cleaned, step]]) {
        const refused = append("lost", ...ids);
        assert.equal(await outcomeOf(lake, refused), wanted);
        assert.equal(await at.catalog.findTransaction(refused.transactionId), undefined);
      }
      if (!isStuck)
        assert.equal(await outcomeOf(lake, append(crypto.randomUUID(), step)), "committed", "in step with its log");
    }
    assert.deepEqual(await contents(busy, tables), before, "nothing was published");
    assert.deepEqual(
      await Promise.all([cleaned, intact].map((id) => headVersion(at, id))),
      heads,
      "nothing was written",
    );
    const health = await healthOfTables(at, [cleaned, intact, step]);
    const isBehind = (id: string) => health.get(id)?.health.state === "behindLog";
    assert.deepEqual([cleaned, intact, step].map(isBehind), [true, true, false]);
    at.metricsSeen.length = 0;
    await sweepMirrors(at, { overdueMs: 60_000, limit: 10 });
    assert.ok(at.metricsSeen.some(({ name, value }) => name === "TablesBehindLog" && value === 2));

    for (const id of [cleaned, intact]) await recoverTable(at, { tableId: id });
    const alive = way.running === undefined ? [...running, ...fresh] : fresh;
    for (const lake of alive) {
      const wanted = request(
        ...[intact, cleaned].map((tableId) => ({ tableId, readVersion: 12, actions: [addOf(crypto.randomUUID())] })),
      );
      assert.equal(await outcomeOf(lake, wanted), "committed", "without a restart");
    }
    for (const id of [cleaned, intact]) {
      assert.equal(await headVersion(at, id), 12 + alive.length);
      await mirrorTable(at, id);
      const report = await checkParity(at, { tableId: id, lagThresholdSeconds: 60, maxDriftFiles: 0 });
      assert.equal(report.outcome, "ok");
    }
  } finally {
    for (const lake of open) await lake.catalog.close();
  }
}
