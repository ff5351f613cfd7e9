/** Each cause of a state, played for real, and each place that shows the state of a table: all say the same. */

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { openHealthLog } from "../../lib/cli/serve/health-log.ts";
import { tableMetrics } from "../../lib/cli/serve/table-metrics.ts";
import type { HealthState, TableHealth } from "../../lib/delta/health.ts";
import { LakeError } from "../../lib/errors.ts";
import { commit } from "../../lib/operations/commit.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { checkParity } from "../../lib/operations/parity.ts";
import { sweepMirrors } from "../../lib/operations/sweep.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import type { Logger } from "../../lib/telemetry/log.ts";
import { exposition } from "../../lib/telemetry/samples.ts";
import { client } from "../http/stub-lake.ts";
import { putText } from "../support/foreign-log.ts";
import { addOf, commitTo, newTable, openTestLake, request, type TestLake } from "../support/lake.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const file = (version: number) => `${String(version).padStart(20, "0")}.json`;

/** The lake once somebody has taken files out of the log of a table, all of them if none is named, and put others there. */
async function without(
  location: string,
  names?: readonly string[],
  others: Readonly<Record<string, string>> = {},
): Promise<TestLake> {
  const left = openMemoryStore({ now: () => lake.clock.now() });
  for await (const { key } of lake.store(location).list("")) {
    const object = await lake.store(location).get(key);
    const goes = names === undefined || names.some((name) => key.endsWith(`/${name}`));
    if (object && !goes) await left.put(key, object.bytes);
  }
  for (const [name, text] of Object.entries(others)) await left.put(`_delta_log/${name}`, Buffer.from(text));
  return lake.with({ store: () => left });
}

const parity = (at: TestLake, tableId: string) =>
  checkParity(at, { tableId, lagThresholdSeconds: 5, maxDriftFiles: 0, wholeAfterMs: 0 });

interface Table {
  readonly id: string;
  /** Of the cause. */
  readonly code: string | undefined;
  readonly location: string;
}

/** Plays a cause on a table whose versions 0 and 1 are published. Answers the lake as it is then. */
type Cause = (table: Table) => Promise<TestLake>;

const refusing = () => {
  const refused = () => Promise.reject(new LakeError("unavailable", "S3 says AccessDenied"));
  return lake.with({ store: (store) => ({ ...store, put: refused, putIfAbsent: refused }) as typeof store });
};

const CAUSES: readonly (readonly [name: string, state: HealthState, code: string | undefined, cause: Cause])[] = [
  ["nothing is wrong", "ok", undefined, async () => lake],
  [
    "a lagging mirror",
    "late",
    "MIRROR_LATE",
    async ({ id }) => {
      await commitTo(lake, id, 1, [addOf("late")]);
      // The clock of a database goes by itself, that of SQLite is the lake's.
      lake.clock.time += 6_000;
      await setTimeout(20);
      return { ...lake, mirrorRules: { lateAfterMs: 10, maxUnpublished: 0, commitsWhenStopped: "accept" } };
    },
  ],
  [
    "a storage that refuses, and a commit after that",
    "failed",
    "MIRROR_FAILED",
    async ({ id }) => {
      await commitTo(lake, id, 1, [addOf("refused")]);
      for (let i = 0; i < 5; i += 1) await mirrorTable(refusing(), id);
      await commitTo(lake, id, 2, [addOf("later")]);
      return refusing();
    },
  ],
  [
    "a published commit with another txn",
    "failed",
    "DRIFT",
    async ({ id, location }) => {
      const bytes = (await lake.openLog(location).readCommitBytes(1)) ?? new Uint8Array();
      const other = Buffer.from(bytes).toString("utf8").replace('"version":7', '"version":8');
      const at = await without(location, [file(1)], { [file(1)]: other });
      await parity(at, id);
      const metrics = exposition(await tableMetrics(at));
      assert.match(metrics, new RegExp(`dl_drift\\{table_id="${id}",table="h\\.\\w+",kind="txn"\\} 1`));
      return at;
    },
  ],
  [
    "a foreign commit, and a commit after that",
    "quarantined",
    "FOREIGN_COMMIT",
    async ({ id, location }) => {
      await putText(lake, location, file(2), '{"commitInfo":{}}\n');
      await commitTo(lake, id, 1, [addOf("ours")]);
      await mirrorTable(lake, id);
      await commitTo(lake, id, 2, [addOf("later")]);
      return lake;
    },
  ],
  [
    "a log ahead of SQL, seen by a comparison",
    "behindLog",
    "LOG_AHEAD",
    async ({ id, location }) => {
      await putText(lake, location, file(2), '{"commitInfo":{}}\n');
      await parity(lake, id);
      return lake;
    },
  ],
  [
    "a log ahead of SQL, seen by the mirror",
    "behindLog",
    "LOG_AHEAD",
    async ({ id, location }) => {
      await commitTo(lake, id, 1, [addOf("ours")]);
      await putText(lake, location, file(5), '{"commitInfo":{}}\n');
      await mirrorTable(lake, id);
      return lake;
    },
  ],
  [
    "a lost log file, seen by a comparison while nothing is unpublished",
    "gone",
    "LOG_FILE_MISSING",
    async ({ id, location }) => {
      const at = await without(location, [file(1)]);
      await parity(at, id);
      return at;
    },
  ],
  [
    "a lost log file, seen by the mirror",
    "gone",
    "LOG_FILE_MISSING",
    async ({ id, location }) => {
      const at = await without(location, [file(1)]);
      await commitTo(at, id, 1, [addOf("ours")]);
      await mirrorTable(at, id);
      return at;
    },
  ],
  [
    "a lost log, seen by the mirror",
    "gone",
    "LOG_GONE",
    async ({ id, location }) => {
      const at = await without(location);
      await commitTo(at, id, 1, [addOf("ours")]);
      await mirrorTable(at, id);
      return at;
    },
  ],
];

/** Every place that shows a table, and what it says of it. */
const PLACES: Readonly<Record<string, (at: TestLake, table: Table) => Promise<unknown>>> = {
  "GET /v1/tables": async (at, { id }) => {
    const { tables } = (await client(at).get("/v1/tables?limit=1000")).body as { tables: Listed[] };
    return tables.find(({ tableId }) => tableId === id)?.health.state;
  },
  "GET /v1/tables/{tableId}": async (at, { id }) =>
    ((await client(at).get(`/v1/tables/${id}`)).body as unknown as Listed).health.state,
  "POST /v1/snapshots": async (at, { id }) => {
    const { tables } = (await client(at).post("/v1/snapshots", { tables: [{ tableId: id }] })).body as unknown as {
      tables: Listed[];
    };
    return tables[0]?.health.state;
  },
  "GET /v1/health": async (at, { id }) => {
    const { status, parts } = (await client(at).get("/v1/health")).body as unknown as Health;
    const found = parts.tables.troubled.find(({ tableId }) => tableId === id);
    if (found) assert.deepEqual([status, parts.tables.tables[found.state]], ["degraded", 1]);
    return found?.state ?? "ok";
  },
  "/metrics": async (at, { id, code }) => {
    const text = exposition(await tableMetrics(at));
    const [, name, state] =
      new RegExp(`dl_table_health\\{table_id="${id}",table="(.*)",state="(.*)"\\} 1`).exec(text) ?? [];
    assert.ok(name?.startsWith("h."), "by its name, too");
    assert.match(text, new RegExp(`dl_tables\\{state="${state}"\\} [1-9]`));
    const status = new RegExp(`dl_mirror_status\\{table_id="${id}".*\\} (\\d)`).exec(text)?.[1];
    const isFailed = code !== undefined && code !== "DRIFT" && code !== "MIRROR_LATE";
    assert.equal(status === "2", isFailed, "however new the newest commit is");
    return state;
  },
  "the log": async (at, { id }) => {
    const lines: Record<string, unknown>[] = [];
    const push = (fields: Record<string, unknown>, message: string) => void lines.push({ ...fields, message });
    const log = openHealthLog(at, { info: push, warn: push, error: push, debug: () => undefined } as unknown as Logger);
    await log.look(id);
    await log.look(id);
    assert.ok(lines.length <= 1, "once for each change");
    const [line] = lines;
    if (line) assert.ok(String(line.message).startsWith("h.") && !("err" in line), "with its name, without a stack");
    return line?.state ?? "ok";
  },
  "metrics of the sweep": async (at) => {
    at.metricsSeen.length = 0;
    await sweepMirrors(at, { overdueMs: 5_000, limit: 100 });
    const counted = at.metricsSeen.filter(({ name, value }) => name.startsWith("Tables") && value > 0);
    const names: Record<string, string> = { TablesBehindLog: "behindLog" };
    return counted.map(({ name }) => names[name] ?? name.slice("Tables".length).toLowerCase()).join() || "ok";
  },
  // The last one, as it changes the table.
  "the answer to a commit": async (at, { id }) => {
    const [before] = await at.catalog.mirrorFacts([id]);
    const result = await commit(
      at,
      request({ tableId: id, readVersion: before?.version ?? 0, actions: [addOf("last")] }),
    ).catch((error: unknown) => error as LakeError);
    if (result instanceof LakeError) {
      assert.equal(result.code, "CATALOG_BEHIND_LOG", result.message);
      return (result.facts.health as TableHealth).state;
    }
    assert.ok(result.status === "committed");
    const [table] = result.tables;
    assert.ok((table?.health?.unpublishedVersions ?? 0) >= 1);
    if (table?.health?.state !== "ok") assert.ok(table?.health?.reason && table.health.hint);
    return table?.health?.state;
  },
};

interface Listed {
  readonly tableId: string;
  readonly health: TableHealth;
}
interface Health {
  readonly status: string;
  readonly parts: {
    readonly tables: {
      readonly tables: Record<string, number>;
      readonly troubled: readonly { tableId: string; state: HealthState }[];
    };
  };
}

afterEach(async () => {
  // The next cause begins with a lake in which all is well.
  for (const { tableId } of (await lake.catalog.listTables({ limit: 100 })).items) {
    await lake.catalog.dropTable(tableId, { unpublished: "giveUp" });
  }
});

for (const [i, [name, state, code, cause]] of CAUSES.entries()) {
  test(`${name}: ${state}, wherever the table is shown`, async () => {
    const table = `h.table${i}`;
    const id = await newTable(lake, table, { fenced: false });
    const location = `file:///lake/${table}`;
    await commitTo(lake, id, 0, [addOf("f"), { txn: { appId: "app", version: 7 } }]);
    await mirrorTable(lake, id);
    const at = await cause({ id, code, location });
    const { health } = (await client(at).get(`/v1/tables/${id}`)).body as unknown as Listed;
    assert.deepEqual([health.state, health.code], [state, code], health.reason);
    const shown: Record<string, unknown> = {};
    for (const [place, look] of Object.entries(PLACES)) shown[place] = await look(at, { id, code, location });
    assert.deepEqual(shown, Object.fromEntries(Object.keys(PLACES).map((place) => [place, state])));
    const isStopped = state === "quarantined" || state === "behindLog" || state === "gone";
    const refusal = state === "behindLog" ? "unavailable CATALOG_BEHIND_LOG" : "conflict MIRROR_STOPPED";
    await assertMirrored(at, id, isStopped ? refusal : undefined);
  });
}

/** `acknowledge: "mirrored"` is refused at once where nothing can be published, before anything is written. */
async function assertMirrored(at: TestLake, id: string, refusal: string | undefined): Promise<void> {
  const [facts] = await at.catalog.mirrorFacts([id]);
  const wanted = { ...request({ tableId: id, readVersion: facts?.version ?? 0, actions: [addOf("more")] }) };
  const startedAt = at.clock.time;
  const outcome = await commit(at, { ...wanted, acknowledge: "mirrored" }).then(
    (result) => result.status,
    (error: unknown) => (error instanceof LakeError ? `${error.kind} ${error.code}` : String(error)),
  );
  assert.equal(outcome, refusal ?? "committed");
  if (refusal === undefined) return;
  assert.equal(at.clock.time, startedAt, "without waiting");
  assert.equal((await at.catalog.mirrorFacts([id]))[0]?.version, facts?.version, "nothing is written");
  const rules = { lateAfterMs: 5_000, maxUnpublished: 10_000, commitsWhenStopped: "refuse" } as const;
  const refused = await commit(
    { ...at, mirrorRules: rules },
    request({ tableId: id, readVersion: facts?.version ?? 0, actions: [addOf("x")] }),
  ).then(
    () => "committed",
    (error: unknown) => (error as LakeError).code,
  );
  assert.equal(refused, refusal.split(" ")[1], "and so is every commit where that is set");
}

test("a table with too much unpublished takes no commit until the mirror has caught up", async () => {
  const id = await newTable(lake, "h.full");
  const rules = { lateAfterMs: 5_000, maxUnpublished: 3, commitsWhenStopped: "accept" } as const;
  const bounded = { ...lake, mirrorRules: rules };
  const api = client(bounded);
  const post = async (readVersion: number) =>
    api.post("/v1/commits", {
      transactionId: crypto.randomUUID(),
      tables: [{ tableId: id, readVersion, actions: [addOf(`f${readVersion}`)] }],
    });
  for (const version of [0, 1]) assert.equal((await post(version)).status, 201);
  lake.metricsSeen.length = 0;
  const full = await post(2);
  assert.deepEqual([full.status, full.body.code, full.headers.get("retry-after")], [503, "MIRROR_BACKLOG_FULL", "5"]);
  assert.deepEqual((full.body.health as TableHealth).unpublishedVersions, 3);
  assert.ok(lake.metricsSeen.some(({ name }) => name === "CommitsRefused"));
  assert.equal((await lake.catalog.findTable({ tableId: id }))?.version, 2);
  await mirrorTable(lake, id);
  assert.equal((await post(2)).status, 201);
  for (let i = 0; i < 2; i += 1) await post(3 + i);
  await lake.catalog.setQuarantine(id, "by hand");
  const stopped = await post(5);
  assert.deepEqual([stopped.status, stopped.body.code], [409, "MIRROR_STOPPED"], "waiting would be of no use");
});
