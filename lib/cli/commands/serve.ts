/** dl serve: the whole service in one process: API, mirror, sweeper and parity checks. */

import { setTimeout as delay } from "node:timers/promises";
import { Command } from "commander";
import { openAuditTrail } from "../../access/audit.ts";
import { callerRules } from "../../config/callers.ts";
import type { Config } from "../../config.ts";
import { sqliteFile } from "../../database-url.ts";
import { errorText } from "../../errors.ts";
import { type App, createApp, healthOf } from "../../http/app.ts";
import type { HostOptions } from "../../http/endpoint.ts";
import { type HttpServer, listen } from "../../http/node-server.ts";
import type { HealthCheck } from "../../http/service-health.ts";
import { followTlsFiles, readTlsPair } from "../../http/tls-files.ts";
import { answerCacheOf } from "../../lake/answer-cache.ts";
import { openLending } from "../../lake/lending.ts";
import { isPlainText, type LocalLake } from "../../lake/local.ts";
import { type AllowedPlaces, checkPlaces, tableLocation } from "../../lake/table-location.ts";
import { maskedUrl } from "../../masked-url.ts";
import { NESTED_HINT, nestedTables } from "../../operations/tables/nested-tables.ts";
import type { AnswerCache, BackupPlace, Traces } from "../../ports.ts";
import { type Logger, openLogger } from "../../telemetry/log.ts";
import { type LogFile, openLogFile } from "../../telemetry/log-file.ts";
import { openPrometheus, type PrometheusMetrics, withoutDurations } from "../../telemetry/prometheus.ts";
import { integer, repeated, seconds } from "../arguments.ts";
import { backupsAt } from "../backup-place.ts";
import { action, type CommandContext } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { UsageError } from "../failure.ts";
import type { Output } from "../output.ts";
import { type Background, openBackground } from "../serve/background/background.ts";
import type { Task } from "../serve/background/messages.ts";
import { type ServerDoor, serverDoor } from "../serve/door.ts";
import { endProgram } from "../serve/end.ts";
import { gatewayOf, openServedGateway, type ServedGateway } from "../serve/gateway.ts";
import { failureFields } from "../serve/health-log.ts";
import { openMaintenance } from "../serve/maintenance.ts";
import { type Measuring, measuring } from "../serve/measuring.ts";
import { serviceParts } from "../serve/parts.ts";
import { openScanIndexer } from "../serve/scan-indexes.ts";
import { every } from "../serve/schedule.ts";
import { openSelfCheck } from "../serve/self-check.ts";
import { stopSignal } from "../serve/signals.ts";
import { type End, stopWithin } from "../serve/stop.ts";
import { tableMetrics } from "../serve/table-metrics.ts";
import { tracesOf } from "../serve/traces.ts";
import { superviseWorkers } from "../serve/workers/supervisor.ts";
import { openWorkers, type Workers } from "../serve/workers/worker.ts";
import { VERSION } from "../version.ts";

const PLAIN_TEXT =
  "the database is spoken to in plain text, its password too, as ssl_mode says: verify-full would check it";
/** Whoever expected tables must hear of it. */
const NEW_CATALOG = "there was no catalog here: a new one has been made, without any table";

interface Options {
  readonly port?: number;
  readonly host?: string;
  readonly storage?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly allowedHost?: readonly string[];
  readonly corsOrigin?: readonly string[];
  readonly insecureNoAuth?: true;
  readonly root?: readonly string[];
  readonly sweepIntervalSeconds?: number;
  readonly parityIntervalSeconds?: number;
  readonly mirror: boolean;
  readonly gatewayPort?: number;
  readonly gatewayUpstream?: string;
  readonly workers?: number;
}

export function serveCommand(): Command {
  return new Command("serve")
    .option("--port <n>", "port of the API; 0 takes a free one (default: 8080)", integer(0, 65_535))
    .option("--host <address>", "address to listen on (default: 127.0.0.1)")
    .option(
      "--storage <dir>",
      "folder or s3://bucket/prefix for tables created without a location, or with a relative one",
    )
    .option("--tls-cert <file>", "certificate in PEM, to speak HTTPS; read again when it changes, and at SIGHUP")
    .option("--tls-key <file>", "its key in PEM, without a password")
    .option("--allowed-host <name>", "a name by which the server is known; may be repeated", repeated)
    .option("--cors-origin <origin>", "an origin whose pages may use the API; may be repeated", repeated)
    .option("--insecure-no-auth", "ask nobody who they are, also beyond this machine")
    .option("--root <place>", "another place below which the API may put tables; may be repeated", repeated)
    .option(
      "--sweep-interval-seconds <n>",
      "how often overdue tables are mirrored again; 0 never (default: 5)",
      seconds,
    )
    .option(
      "--parity-interval-seconds <n>",
      "how often SQL and _delta_log are compared; 0 never (default: 300)",
      seconds,
    )
    .option(
      "--gateway-port <n>",
      "also an S3 endpoint for engines (dl gateway), on loopback; 0 takes a free port",
      integer(0, 65_535),
    )
    .option("--gateway-upstream <place>", "what is behind it: s3://bucket, or a folder of buckets (default: --storage)")
    .option("--no-mirror", "leave _delta_log to another process")
    .option("--workers <n>", "processes that answer requests, on PostgreSQL or MySQL (default: 1)", integer(1, 64))
    .action(
      action<Options>(async (context, options) => {
        const workers = openWorkers();
        try {
          return await serveWith(context, options, workers);
        } finally {
          workers?.leave();
        }
      }),
    );
}

async function serveWith(
  { config, output, database, withLake }: CommandContext,
  options: Options,
  workers: Workers | undefined,
): Promise<number> {
  const settings = await withOptions(config, options);
  const { logging, environment, server } = settings;
  if (server.workers > 1 && workers === undefined) {
    checkWorkers(database());
    // To stderr: the log file is written by those who serve.
    return superviseWorkers(server.workers, openLogger({ level: logging.level, environment }));
  }
  const logFile = logFileOf(settings, workers);
  const logger = openLogger({ level: logging.level, environment, worker: workers?.number, to: logFile });
  const metrics = settings.monitoring.performance_stats ? openPrometheus() : withoutDurations(openPrometheus());
  const traces = await tracesOf(settings, logger);
  const background =
    workers && workers.number > 1 ? workers.background() : openBackground({ logger, metrics, logFile });
  await checkPlaces(placesOf(settings));
  const gateway = isFirst(workers) ? await gatewayOf(settings, options, logger) : undefined;
  const { left, isStuck } = await withLake(
    async (lake, { made }) => {
      logger.info({ database: maskedUrl(database()), version: VERSION }, "starting");
      if (made) logger.warn({ database: maskedUrl(database()) }, NEW_CATALOG);
      if (await isPlainText(database(), settings.database.ssl_mode)) logger.warn(PLAIN_TEXT);
      for (const nested of await nestedTables(lake.catalog)) logger.warn({ hint: NESTED_HINT }, nested);
      const noDoor = options.insecureNoAuth ? "asked for" : "not asked for";
      const door = await serverDoor(lake, settings, { noDoor, logger });
      const task = taskOf(database(), settings);
      return serve(lake, task, { logger, metrics, traces, output, door, background, gateway, workers });
    },
    { create: "schema", mirror: settings.mirror.enabled && background.queue, metrics, traces },
  );
  await traces?.close();
  if (left.length === 0) {
    logger.info("stopped");
    // A look at a file that nobody waits for any more would keep the program alive.
    return isStuck ? endProgram(EXIT.ok) : EXIT.ok;
  }
  logger.error({ left }, `stopped after ${settings.server.shutdown_seconds} s: ${left.join("; ")}`);
  // What hangs would keep the program alive.
  return endProgram(EXIT.unfinished);
}

/** A file has one process that writes it: those beyond the first have `FILE-2`, `FILE-3` … */
function logFileOf({ logging }: Config, workers: Workers | undefined): LogFile | undefined {
  const { file, max_size_mb, backup_count: keep } = logging;
  if (file === undefined) return undefined;
  const path = workers === undefined || workers.number === 1 ? file : `${file}-${workers.number}`;
  return openLogFile({ path, maxBytes: max_size_mb * 1e6, keep });
}

/** Mirror, parity checks, upkeep and the gateway are behind one process. */
function isFirst(workers: Workers | undefined): boolean {
  return workers === undefined || workers.number === 1;
}

/** @throws UsageError */
function checkWorkers(database: string): void {
  if (sqliteFile(database) === undefined) return;
  throw new UsageError("--workers is for PostgreSQL and MySQL: a SQLite file has one writer, and that is one process");
}

/** A SQLite file has one writer at a time: within a process that is one connection, in the thread of the API. */
function taskOf(database: string, settings: Config): Task {
  return { database, settings, asksToWrite: sqliteFile(database) !== undefined };
}

async function withOptions(config: Config, options: Options): Promise<Config> {
  const { storage, mirror, parity } = config;
  const server = await withAddress(config.server, options);
  const { sweepIntervalSeconds, parityIntervalSeconds, workers = server.workers } = options;
  return {
    ...config,
    server: {
      ...server,
      workers,
      storage: options.storage ?? server.storage,
    },
    storage: { ...storage, roots: options.root ?? storage.roots },
    mirror: {
      ...mirror,
      enabled: options.mirror && mirror.enabled,
      sweep_interval_seconds: sweepIntervalSeconds ?? mirror.sweep_interval_seconds,
    },
    parity: { ...parity, interval_seconds: parityIntervalSeconds ?? parity.interval_seconds },
  };
}

/** Where the server listens and by which names, checked as in a file. @throws UsageError, LakeError invalid */
async function withAddress(server: Config["server"], options: Options): Promise<Config["server"]> {
  const { tlsCert: cert = server.tls?.cert, tlsKey: key = server.tls?.key, allowedHost, corsOrigin } = options;
  if ((cert === undefined) !== (key === undefined)) throw new UsageError("--tls-cert and --tls-key go together");
  const given = { ...server, host: options.host ?? server.host, port: options.port ?? server.port };
  const tls = cert === undefined || key === undefined ? {} : { tls: { ...server.tls, cert, key } };
  if (allowedHost === undefined && corsOrigin === undefined) return { ...given, ...tls };
  const { parseConfig } = await import("../../config/resolve.ts");
  const names = {
    allowed_hosts: [...server.allowed_hosts, ...(allowedHost ?? [])],
    cors_origins: [...server.cors_origins, ...(corsOrigin ?? [])],
  };
  const { allowed_hosts, cors_origins } = parseConfig({ server: names }).config.server;
  return { ...given, ...tls, allowed_hosts, cors_origins };
}

interface Speaking {
  readonly logger: Logger;
  readonly metrics: PrometheusMetrics;
  readonly traces: Traces | undefined;
  readonly output: Output;
  readonly door: ServerDoor;
  readonly background: Background;
  readonly gateway: ServedGateway | undefined;
  readonly workers: Workers | undefined;
}

interface Answering {
  readonly health: HealthCheck;
  readonly cache: AnswerCache | undefined;
  readonly measured: Measuring;
}

async function serve(
  lake: LocalLake,
  task: Task,
  { logger, metrics, traces, output, door, background, gateway, workers }: Speaking,
): Promise<End> {
  const { settings } = task;
  const stop = workers?.stop ?? stopSignal();
  const cache = await answerCacheOf(settings);
  const health = healthOf(lake, serviceParts(background, { storage: settings.server.storage, cache }));
  const selfCheck = openSelfCheck(health, logger);
  let stopping = false;
  const audit = openAuditTrail(lake.catalog, {
    shard: lake.clock.newId(),
    now: lake.clock.now,
    onError: (error) => logger.error(failureFields(error), `the audit trail waits: ${errorText(error)}`),
  });
  const measured = measuring({ metrics, background, selfCheck, cache, workers });
  const options = hostOptions(lake, settings, { logger, door, health, cache, metrics, measured });
  const indexer = openScanIndexer(lake, logger);
  const app = createApp(lake, { ...options, audit, traces, isStopping: () => stopping, onUnindexed: indexer.wish });
  const server = await listenOn(app.fetch, settings.server, logger);
  const face =
    gateway &&
    (await openServedGateway(lake, gateway, { logger, audit, asksOthers: door.door !== undefined }).catch(
      async (error: unknown) => {
        await server.close({ withinMs: 0 });
        throw error;
      },
    ));
  // Not before all that can fail has been done: the thread keeps the program alive.
  background.start(task, lake);
  const runsBehind = isFirst(workers);
  if (runsBehind) indexer.start();
  if (runsBehind)
    await output.result({ url: server.url, ...(face && { gateway: face.url }) }, () =>
      [`dl serves ${server.url}`, ...(face ? [`dl gateway is at ${face.url}`] : [])].join("\n"),
    );
  workers?.answer(
    { metrics: measured.read, ...(runsBehind ? { hanging: background.hanging } : {}) },
    (tables) => void background.queue.enqueue(tables),
  );
  workers?.serving();
  logger.info({ url: server.url, pid: process.pid }, "serving");
  const upkeep = openMaintenance(lake, settings, logger);
  const { interval_seconds } = settings.maintenance;
  const schedule = every(settings.mirror.enabled && runsBehind ? interval_seconds : 0, upkeep.run, (error) =>
    logger.error(failureFields(error), `upkeep failed: ${errorText(error)}`),
  );
  const looks = every(runsBehind ? settings.monitoring.health_check_interval : 0, selfCheck.run, (error) =>
    logger.error(failureFields(error), `the look at the service's own health failed: ${errorText(error)}`),
  );
  const signal = await stop;
  upkeep.stop();
  stopping = true;
  const { drain_seconds, shutdown_seconds: seconds } = settings.server;
  if (drain_seconds > 0) {
    logger.info({ signal }, `stopping: health says so for ${drain_seconds} s, and requests are still taken`);
    await delay(drain_seconds * 1000);
  }
  logger.info({ signal }, `stopping: requests and the mirror have ${seconds} s; a second signal stops at once`);
  const schedules = [schedule, looks, indexer, { stop: async () => cache?.close() }, { stop: audit.flush }];
  return stopWithin(seconds, {
    servers: face ? [server, face] : [server],
    background,
    schedules,
    lake,
  });
}

/** Listens; with TLS, renews the certificate as its files change, and at SIGHUP. */
async function listenOn(fetch: App["fetch"], settings: Config["server"], logger: Logger): Promise<HttpServer> {
  const { tls: paths, request_timeout_seconds, max_connections } = settings;
  const files = paths && { ...paths, clientCa: paths.client_ca };
  const tls = files && (await readTlsPair(files));
  const limits = { requestTimeoutMs: request_timeout_seconds * 1000, maxConnections: max_connections };
  const server = await listen(fetch, settings, { ...limits, tls });
  if (files === undefined || tls === undefined) return server;
  const followed = followTlsFiles(files, tls, {
    onChange(pair) {
      server.renew(pair);
      logger.info({ validTo: pair.validTo }, "the certificate has been renewed");
    },
    onError: (error) => logger.error({ reason: errorText(error) }, "the certificate from before stays in use"),
  });
  const look = () => void followed.look();
  process.on("SIGHUP", look);
  return {
    ...server,
    close(options) {
      process.off("SIGHUP", look);
      followed.stop();
      return server.close(options);
    },
  };
}

/** With the key that commands have, too. */
function backupsOf(place: string): () => Promise<BackupPlace> {
  return () => backupsAt(place, {});
}

function placesOf({ server, storage }: Config): AllowedPlaces {
  return { storage: server.storage, roots: storage.roots };
}

function hostOptions(
  lake: LocalLake,
  settings: Config,
  { logger, metrics, door, health, cache, measured }: Pick<Speaking, "logger" | "metrics" | "door"> & Answering,
): HostOptions {
  const { body_limit_bytes } = settings.server;
  const { async_io, lazy_loading } = settings.performance;
  const text = async () => {
    const samples = await tableMetrics(lake);
    return { contentType: metrics.contentType, text: await measured.render(samples) };
  };
  return {
    version: VERSION,
    bodyLimitBytes: body_limit_bytes,
    resolveLocation: (location, tableName) => tableLocation(placesOf(settings), location, tableName),
    ...door,
    backups: settings.server.backups === undefined ? undefined : backupsOf(settings.server.backups),
    lending: openLending({
      clock: lake.clock,
      roleArn: settings.security.data_credentials.role_arn,
      validSeconds: settings.security.data_credentials.valid_seconds,
    }),
    onAnswer: settings.logging.access ? (line) => logger.info(line, "answered") : undefined,
    health,
    cache,
    pageSize: lazy_loading.chunk_size,
    callers: callerRules(settings.server),
    turns: {
      atOnce: async_io.max_concurrent_tasks,
      waiting: async_io.queue_size,
      withinMs: async_io.task_timeout * 1000,
    },
    onIncident: (error, incident) => logger.error({ err: error, incident }, errorText(error)),
    ...(settings.monitoring.metrics_enabled
      ? { metrics: { access: settings.monitoring.metrics_access, render: text } }
      : {}),
  };
}
