/** The thread behind the API of a server: the mirror, its sweeper, and parity checks. */

import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { errorText } from "../../../errors.ts";
import { MIRROR_WRITES, type MirrorWrites, openLocalLake } from "../../../lake/local.ts";
import { hangingFolders, stepsUnderWay } from "../../../lake/stores.ts";
import { sweepMirrors } from "../../../operations/sweep.ts";
import { type Outcome, resultOf } from "../../../outcome.ts";
import type { Metrics } from "../../../ports.ts";
import { openLogger } from "../../../telemetry/log.ts";
import { lakeOptions } from "../../lake-options.ts";
import { failureFields, openHealthLog } from "../health-log.ts";
import { openParityChecks } from "../parity.ts";
import { every } from "../schedule.ts";
import { stopSchedules } from "../stop.ts";
import { tracesOf } from "../traces.ts";
import type { FromBackground, Task, ToBackground } from "./messages.ts";

/** Tables that one sweep enqueues; the next sweep takes the rest. */
const SWEEP_TABLES = 1000;
/** To a database on a server, beside those of the API: what waits here for a connection is no request. */
const CONNECTIONS = 4;

if (parentPort) await work(parentPort, workerData as Task);

async function work(port: MessagePort, { database, settings, asksToWrite }: Task): Promise<void> {
  const say = (message: FromBackground) => port.postMessage(message);
  const { level } = settings.logging;
  const to = settings.logging.file === undefined ? undefined : { write: (line: string) => say({ kind: "line", line }) };
  const logger = openLogger({ level, environment: settings.environment, to });
  const writes = openWrites(say);
  const { pool, ...options } = lakeOptions(settings);
  const traces = await tracesOf(settings, logger);
  const lake = await openLocalLake({
    ...options,
    traces,
    pool: { ...pool, poolSize: Math.min(CONNECTIONS, settings.database.pool_size) },
    database,
    missing: "refuse",
    mirror: settings.mirror.enabled,
    metrics: gathered(say),
    ...(asksToWrite ? { mirrorWrites: writes.calls } : {}),
    onMirrorError: (tableId, error) => health.mirrorFailed(tableId, error),
  });
  const health = openHealthLog(lake, logger);
  const parity = openParityChecks(lake, settings.parity, { logger, health });
  const { enabled, sweep_interval_seconds, overdue_seconds } = settings.mirror;
  const sweeper = every(
    enabled ? sweep_interval_seconds : 0,
    async () => {
      const { unsettled } = await sweepMirrors(lake, { overdueMs: overdue_seconds * 1000, limit: SWEEP_TABLES });
      health.swept(unsettled);
    },
    (error) => logger.error(failureFields(error), `the sweep failed: ${errorText(error)}`),
  );
  const checks = every(
    settings.parity.interval_seconds,
    async () => say({ kind: "samples", samples: await parity.run() }),
    (error) => logger.error(failureFields(error), `the parity checks failed: ${errorText(error)}`),
  );
  port.on("message", async (message: ToBackground) => {
    if (message.kind === "enqueue") await lake.queue.enqueue(message.tables);
    else if (message.kind === "written") writes.done(message.id, message.outcome);
    else if (message.kind === "look") {
      say({ kind: "looked", id: message.id, hanging: { folders: hangingFolders(), tables: lake.slowMirrors() } });
    } else {
      parity.stop();
      const left = await stopSchedules({ schedules: [sweeper, checks], lake }, message.withinMs);
      await traces?.close();
      say({ kind: "stopped", left, isStuck: stepsUnderWay() > 0 });
      port.close();
    }
  });
  say({ kind: "ready" });
}

/** Measurements of one turn of the event loop go together. */
function gathered(say: (message: FromBackground) => void): Metrics {
  let records: Parameters<Metrics["record"]>[] = [];
  const send = () => {
    say({ kind: "metrics", records });
    records = [];
  };
  return {
    record(...record) {
      if (records.length === 0) setImmediate(send);
      records.push(record);
    },
  };
}

/** The writes of a mirror, made by the other thread. */
function openWrites(say: (message: FromBackground) => void) {
  let asked = 0;
  const open = new Map<number, (outcome: Outcome) => void>();
  const call =
    (name: keyof MirrorWrites) =>
    async (...values: unknown[]): Promise<unknown> => {
      asked += 1;
      const id = asked;
      const outcome = new Promise<Outcome>((resolve) => open.set(id, resolve));
      say({ kind: "write", id, name, values });
      return resultOf(await outcome);
    };
  return {
    calls: Object.fromEntries(MIRROR_WRITES.map((name) => [name, call(name)])) as unknown as MirrorWrites,
    done(id: number, outcome: Outcome) {
      open.get(id)?.(outcome);
      open.delete(id);
    },
  };
}
