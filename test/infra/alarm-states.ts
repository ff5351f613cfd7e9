/** States that a deployed service can be in, each with how it comes about and how it is mended, and the alarms that are red meanwhile. */

import { commitFileName } from "../../lib/delta/files/log-files.ts";
import { LakeError } from "../../lib/errors.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { repairTable } from "../../lib/operations/repair.ts";
import { resolveTable } from "../../lib/operations/resolve.ts";
import type { ObjectStore } from "../../lib/ports.ts";
import { EVENT_METRICS } from "../../lib/telemetry/metric-names.ts";
import { putText } from "../support/foreign-log.ts";
import { addOf, commitTo, newTable } from "../support/lake.ts";
import type { ClockName, World } from "../support/model-world.ts";

export interface PlayedState {
  /** As docs/alarms.md says it. */
  readonly name: string;
  /** Alarms that are red while it lasts, and no others. */
  readonly alarms: readonly string[];
  /** Brings it about, and answers what ends it. */
  readonly begin: (world: World) => Promise<() => Promise<void>>;
  /** Minutes until the first alarm of it, at most; five by default. */
  readonly redWithin?: number;
  /** Minutes from what ends it to the last alarm, at most. By default what the alarms themselves say. */
  readonly greenWithin?: number;
  /** Alarms that tell of its end alone. */
  readonly afterwards?: readonly string[];
  /** A day if absent. */
  readonly minutes?: number;
  /** Nothing of it is seen in tables: the sweeps need not be real. */
  readonly still?: true;
}

const LOCATION = "file:///lake/m.t";
const FOREIGN = '{"commitInfo":{}}\n';
/** Parity finds it and finds it gone, once an hour. */
const HOUR_MINUTES = 60;
/** What has waited for a day comes late. */
const LATE = ["mirror-lag", "mirror-lag-for-hours", "mirror-lag-for-a-day"];
const CAUGHT_UP = LATE;

/** A table whose versions 0 and 1 are published, beside one that is always well. */
export async function twoTables({ lake }: World): Promise<string> {
  const [id = "", other = ""] = await Promise.all(
    ["m.t", "m.well"].map((name) => newTable(lake, name, { fenced: false })),
  );
  for (const one of [id, other]) {
    await commitTo(lake, one, 0, [addOf("f")]);
    await mirrorTable(lake, one);
  }
  return id;
}

async function commitNext({ lake }: World, version: number): Promise<void> {
  const head = await lake.catalog.findTable({ name: "m.t" });
  await commitTo(lake, head?.tableId ?? "", version - 1, [addOf(`f${version}`)]);
}

async function removeFile({ lake }: World, version: number): Promise<Uint8Array> {
  const key = `_delta_log/${commitFileName(version)}`;
  const found = await lake.store(LOCATION).get(key);
  await lake.store(LOCATION).remove([key]);
  return found?.bytes ?? new Uint8Array();
}

/** Somebody changes a published file, and puts back what was there. */
function changed(version: number, from: string | RegExp, to: string): PlayedState["begin"] {
  return async (world) => {
    const bytes = await removeFile(world, version);
    const before = Buffer.from(bytes).toString("utf8");
    const after = before.replace(from, to);
    if (after === before) throw new Error(`nothing to change in ${before}`);
    await putText(world.lake, LOCATION, commitFileName(version), after);
    return () => putText(world.lake, LOCATION, commitFileName(version), before);
  };
}

/** AWS measures something of a resource for as long as it lasts. */
function measured(of: string, metric: string, value = 1): PlayedState["begin"] {
  return async (world) => {
    world.measured.set(`${of} ${metric}`, value);
    return async () => void world.measured.delete(`${of} ${metric}`);
  };
}

function clock(set: "stopped" | "failing", name: ClockName): PlayedState["begin"] {
  return async (world) => {
    world[set].add(name);
    return async () => void world[set].delete(name);
  };
}

const refused = () => Promise.reject(new LakeError("unavailable", "S3 says AccessDenied"));
const refusing = (store: ObjectStore): ObjectStore => ({ ...store, put: refused, putIfAbsent: refused });

const OF_TABLES: readonly PlayedState[] = [
  { name: "nothing is wrong", alarms: [], begin: async () => async () => undefined },
  {
    name: "a table is quarantined: another writer has put a version",
    alarms: ["foreign-commits", "oldest-unpublished", "mirror-failures", "file-drift"],
    redWithin: HOUR_MINUTES + 1,
    afterwards: CAUGHT_UP,
    async begin(world) {
      await commitNext(world, 2);
      await putText(world.lake, LOCATION, commitFileName(2), FOREIGN);
      return async () => {
        await removeFile(world, 2);
        await resolveTable(world.lake, { name: "m.t" });
      };
    },
  },
  {
    name: "a log is ahead of SQL",
    alarms: ["tables-behind-log", "oldest-unpublished", "mirror-failures"],
    afterwards: CAUGHT_UP,
    async begin(world) {
      await commitNext(world, 2);
      await putText(world.lake, LOCATION, commitFileName(5), FOREIGN);
      return async () => {
        await removeFile(world, 5);
        await resolveTable(world.lake, { name: "m.t" });
      };
    },
  },
  {
    name: "a published version is gone",
    alarms: ["tables-gone", "oldest-unpublished", "mirror-failures"],
    afterwards: CAUGHT_UP,
    async begin(world) {
      await removeFile(world, 1);
      await commitNext(world, 2);
      return async () => void (await repairTable(world.lake, { name: "m.t" }));
    },
  },
  {
    name: "the storage refuses what is published",
    alarms: ["oldest-unpublished", "mirror-failures", "tables-failed"],
    redWithin: 8,
    afterwards: CAUGHT_UP,
    async begin(world) {
      world.at = world.lake.with({ store: refusing });
      await commitNext(world, 2);
      return async () => world.mend();
    },
  },
  {
    name: "a table has too much unpublished",
    alarms: ["oldest-unpublished", "unpublished-versions"],
    async begin(world) {
      const { catalog } = world.lake;
      const [facts] = await catalog.mirrorFacts([(await catalog.findTable({ name: "m.t" }))?.tableId ?? ""]);
      const since = world.lake.clock.time;
      const many = async () => {
        const oldest = { version: 2, status: "IN_FLIGHT", committedAt: since, attempts: 0 } as const;
        return { items: facts ? [{ ...facts, version: 6000, now: world.lake.clock.time, oldest }] : [] };
      };
      world.at = world.lake.with({ catalog: { ...catalog, listMirrorFacts: many } });
      return async () => world.mend();
    },
  },
  {
    name: "a parity check finds other files",
    alarms: ["file-drift", "tables-failed"],
    redWithin: HOUR_MINUTES + 1,
    greenWithin: HOUR_MINUTES + 2,
    begin: changed(1, '"size":100', '"size":999'),
  },
  {
    name: "a parity check finds other metadata",
    alarms: ["metadata-drift", "tables-failed"],
    redWithin: HOUR_MINUTES + 1,
    greenWithin: HOUR_MINUTES + 2,
    begin: changed(0, '"partitionColumns":[]', '"partitionColumns":["day"]'),
  },
  {
    name: "a parity check finds another protocol",
    alarms: ["protocol-drift", "tables-failed"],
    redWithin: HOUR_MINUTES + 1,
    greenWithin: HOUR_MINUTES + 2,
    begin: changed(0, /"minWriterVersion":\d/, '"minWriterVersion":3'),
  },
];

const STOPPED: readonly PlayedState[] = [
  { name: "the sweep does not run", alarms: ["sweeper-not-running"], begin: clock("stopped", "sweep") },
  {
    name: "the parity checks do not run",
    alarms: ["parity-not-running"],
    redWithin: 5 * HOUR_MINUTES,
    greenWithin: HOUR_MINUTES + 1,
    begin: clock("stopped", "parity"),
  },
  {
    name: "no backup is made",
    alarms: ["no-good-backup"],
    redWithin: 5 * HOUR_MINUTES,
    greenWithin: HOUR_MINUTES + 1,
    begin: clock("stopped", "backup"),
  },
  {
    name: "no backup is verified",
    alarms: ["backup-not-verified"],
    minutes: 10 * 1440,
    redWithin: 6 * 1440,
    greenWithin: 1440 + HOUR_MINUTES,
    begin: clock("stopped", "verify"),
  },
  {
    name: "no restore is practised",
    alarms: ["no-restore-drill"],
    minutes: 15 * 1440,
    redWithin: 13 * 1440,
    greenWithin: 3 * 1440 + HOUR_MINUTES,
    begin: clock("stopped", "drill"),
  },
  {
    name: "maintenance does not run",
    alarms: ["maintenance-not-running"],
    redWithin: 5 * HOUR_MINUTES,
    greenWithin: HOUR_MINUTES + 1,
    begin: clock("stopped", "maintenance"),
  },
  {
    name: "the canary does not run",
    alarms: ["canary-not-running"],
    redWithin: 30,
    greenWithin: 6,
    begin: clock("stopped", "canary"),
  },
].map((state) => ({ ...state, still: true }));

const FAILING: readonly PlayedState[] = [
  {
    name: "the newest backup is damaged",
    alarms: ["backup-verify-failed"],
    redWithin: 1440,
    greenWithin: 1440,
    begin: clock("failing", "verify"),
  },
  {
    name: "the restore for practice fails",
    alarms: ["restore-drill-failed"],
    minutes: 4 * 1440,
    redWithin: 3 * 1440,
    greenWithin: 3 * 1440,
    begin: clock("failing", "drill"),
  },
  {
    name: "a client cannot commit",
    alarms: ["canary-failed"],
    redWithin: 15,
    greenWithin: 10,
    begin: clock("failing", "canary"),
  },
  {
    name: "the compaction of a table fails",
    alarms: ["compaction-failed"],
    redWithin: HOUR_MINUTES,
    greenWithin: HOUR_MINUTES,
    begin: clock("failing", "compaction"),
  },
  {
    name: "maintenance of a table fails, and all others are done",
    alarms: ["maintenance-failed"],
    redWithin: HOUR_MINUTES,
    greenWithin: HOUR_MINUTES,
    begin: async (world: World) => {
      world.failing.add("maintenance");
      world.measured.set(`service ${EVENT_METRICS.maintenanceRuns.cloudwatch}`, 1);
      return async () => {
        world.failing.delete("maintenance");
        world.measured.clear();
      };
    },
  },
].map((state) => ({ ...state, still: true }));

const VISIBLE = "ApproximateNumberOfMessagesVisible";
const MEASURED: readonly PlayedState[] = (
  [
    ["a message to the mirror was given up", "mirror-dead-letters", "DoorbellsMirrorDeadLetters", VISIBLE, 1],
    ["a parity check was given up", "parity-dead-letters", "DoorbellsParityDeadLetters", VISIBLE, 1],
    ["a checkpoint was given up", "checkpoint-dead-letters", "DoorbellsCheckpointDeadLetters", VISIBLE, 1],
    ["messages to the mirror wait", "queue-age", "DoorbellsMirror", "ApproximateAgeOfOldestMessage", 90],
    ["checks of parity wait", "parity-queue-age", "DoorbellsParity", "ApproximateAgeOfOldestMessage", 2000],
    ["checkpoints wait", "checkpoint-queue-age", "DoorbellsCheckpoint", "ApproximateAgeOfOldestMessage", 2000],
    ["Aurora has no capacity left", "database-capacity", "Database", "ACUUtilization", 99],
    ["Aurora's processors are busy", "database-processor", "Database", "CPUUtilization", 99],
    ["requests are answered with 5xx", "server-errors", "service", EVENT_METRICS.serverErrors.cloudwatch, 1],
    ["the gateway answers with 5xx", "api-errors", "ApiHttp", "5xx", 1],
    [
      "commits are refused as SQL is older",
      "commits-behind-log",
      "service",
      EVENT_METRICS.commitsBehindLog.cloudwatch,
      1,
    ],
    ["commits are slow", "commit-duration", "service", EVENT_METRICS.commitDuration.cloudwatch, 2_500],
    ["calls of the database fail", "database-errors", "service", EVENT_METRICS.databaseErrors.cloudwatch, 10],
    ["the mirror function breaks off", "mirror-function-errors", "FunctionsMirrorFunction", "Errors", 1],
    ["the mirror function is throttled", "mirror-function-throttles", "FunctionsMirrorFunction", "Throttles", 1],
  ] as const
).map(([name, alarm, of, metric, value]) => ({
  name,
  alarms: [alarm],
  redWithin: 20,
  greenWithin: 20,
  still: true,
  begin: measured(of, metric, value),
}));

const LAGGING: PlayedState = {
  name: "versions come late",
  alarms: LATE,
  // The longest period is looked at once an hour, and each may look back for three of its short ones.
  redWithin: HOUR_MINUTES + 1,
  greenWithin: 7 * HOUR_MINUTES,
  still: true,
  begin: measured("service", EVENT_METRICS.mirrorLag.cloudwatch, 6_000),
};

export const PLAYED_STATES: readonly PlayedState[] = [...OF_TABLES, ...STOPPED, ...FAILING, ...MEASURED, LAGGING];
