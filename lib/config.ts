/** All settings, once: names, forms, defaults and meaning. The types, the checks, the documents and the JSON Schema follow from here. */

import * as z from "zod";
import { cacheSettings } from "./config/cache.ts";
import { callerSettings } from "./config/callers.ts";
import { deploymentSettings } from "./config/deployment.ts";
import { hostName, httpUrl, isolation, onlyText, onlyTrue, origin, seconds } from "./config/forms.ts";
import { maintenanceSettings } from "./config/maintenance.ts";
import { securitySettings } from "./config/security.ts";
import { storageSettings } from "./config/storage.ts";
import { DEFAULT_CONFIG } from "./default-config.ts";

const D = DEFAULT_CONFIG;
export const STOPPED = ["accept", "refuse"] as const;
const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LEVELS)[number];
const SSL_MODES = ["disable", "no-verify", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** The members of a configuration file. Snake case, as in YAML files of this kind. */
export const ConfigSchema = z.strictObject({
  environment: z.string().min(1).optional().describe("A name for people and logs: production, staging …"),
  database: z
    .strictObject({
      url: z
        .string()
        .min(1)
        .optional()
        .describe("A file, `sqlite:FILE`, `postgresql://…`, `mysql://…` or `rds-data://…`.")
        .meta({ secret: true }),
      pool_size: z
        .int()
        .min(1)
        .max(1000)
        .default(D.database.pool_size)
        .describe(
          "Connections to a PostgreSQL server; 3 in 10 of them are for reads alone, and the health check has one more.",
        ),
      max_overflow: z
        .int()
        .min(0)
        .max(1000)
        .default(D.database.max_overflow)
        .describe(
          "Connections beyond `pool_size` while all are in use; closed again when they have been idle for ten seconds.",
        ),
      pool_timeout: seconds
        .default(D.database.pool_timeout)
        .describe("Seconds that a request waits for a connection before it is answered with 503."),
      pool_recycle: seconds
        .default(D.database.pool_recycle)
        .describe("Seconds after which a connection is replaced by a new one; 0 never."),
      statement_timeout: z
        .number()
        .min(0.1)
        .max(3600)
        .default(D.database.statement_timeout)
        .describe("Seconds that one statement may run on a PostgreSQL server."),
      ssl_mode: z
        .string()
        .toLowerCase()
        .pipe(z.enum(SSL_MODES))
        .optional()
        .describe(
          "TLS to a database server, where the URL says nothing; absent, `verify-full` for one on another machine. `require` and `verify-full` check the certificate and the name in it, `verify-ca` the certificate alone, `no-verify` nothing; `disable` speaks plain text. Nothing falls back to plain text: there is no `allow` and no `prefer`.",
        ),
    })
    .prefault({}),
  server: z
    .strictObject({
      host: z.string().min(1).default(D.server.host).describe("Address that the API listens on."),
      port: z.int().min(0).max(65_535).default(D.server.port).describe("Its port; 0 takes a free one."),
      body_limit_bytes: z
        .int()
        .min(1024)
        .default(D.server.body_limit_bytes)
        .describe("Bytes of the largest request body."),
      storage: z
        .string()
        .min(1)
        .optional()
        .describe(
          "Folder or s3://bucket/prefix for tables that are created without a location, or with a relative one.",
        ),
      backups: z
        .string()
        .min(1)
        .optional()
        .describe(
          "Folder or s3://bucket/prefix where `POST /v1/backups` puts backups, apart from the tables; encrypted with the key in `DL_BACKUP_KEY`, if there is one.",
        ),
      tls: z
        .strictObject({
          cert: z
            .string()
            .min(1)
            .describe("File with the certificate in PEM: the server speaks HTTPS then. Read again when it changes."),
          key: z.string().min(1).describe("File with its key in PEM."),
          client_ca: z
            .string()
            .min(1)
            .optional()
            .describe(
              "File with authorities in PEM whose certificates say who a client is ([security.md](security.md#client-certificates)).",
            ),
        })
        .optional(),
      allowed_hosts: z
        .array(hostName)
        .default([...D.server.allowed_hosts])
        .describe("Names by which the server is known, beside `localhost` and its addresses."),
      cors_origins: z
        .array(origin)
        .default([...D.server.cors_origins])
        .describe("Origins of pages that may use the API."),
      request_timeout_seconds: z
        .number()
        .min(1)
        .max(3_600)
        .default(D.server.request_timeout_seconds)
        .describe("Seconds that a request may take to come in, its body too."),
      max_connections: z.int().min(1).default(D.server.max_connections).describe("Connections of clients at once."),
      workers: z
        .int()
        .min(1)
        .max(64)
        .default(D.server.workers)
        .describe(
          "Processes that answer requests, on one port: more than one where a server has several cores, and the database is PostgreSQL or MySQL. Connections, pools and limits of callers are those of each.",
        ),
      ...callerSettings,
      drain_seconds: z
        .number()
        .min(0)
        .max(600)
        .default(D.server.drain_seconds)
        .describe(
          "After SIGTERM: seconds in which requests are taken as before while `GET /v1/health` says 503, so that a load balancer sends no more; `shutdown_seconds` come after them.",
        ),
      shutdown_seconds: z
        .number()
        .min(1)
        .max(3600)
        .default(D.server.shutdown_seconds)
        .describe(
          "After SIGTERM: seconds for the requests and mirrors under way. What is left then is said, and the exit code is 4.",
        ),
    })
    .prefault({}),
  performance: z
    .strictObject({
      cache: cacheSettings.prefault({}),
      lazy_loading: z
        .strictObject({
          enabled: onlyTrue(
            "an answer may have millions of files, so lists always come in pages or as a stream",
          ).default(true),
          strategy: onlyText(
            "paginated",
            "lists come in pages with a cursor, and as a stream where a client asks for application/x-ndjson",
          ).default("paginated"),
          chunk_size: z
            .int()
            .min(1)
            .max(10_000)
            .default(D.performance.lazy_loading.chunk_size)
            .describe("Items of a page, where a request does not say `limit`."),
        })
        .prefault({}),
      async_io: z
        .strictObject({
          enabled: onlyTrue(
            "there is no other way to do I/O in this process; bound it by max_concurrent_tasks",
          ).default(true),
          max_concurrent_tasks: z
            .int()
            .min(1)
            .max(100_000)
            .default(D.performance.async_io.max_concurrent_tasks)
            .describe("Requests that are worked on at once; health and metrics aside."),
          queue_size: z
            .int()
            .min(0)
            .max(100_000)
            .default(D.performance.async_io.queue_size)
            .describe(
              "Requests that wait for their turn beyond them; one more is answered with 503 `SERVER_OVERLOADED`.",
            ),
          task_timeout: z
            .number()
            .min(0.1)
            .max(3_600)
            .default(D.performance.async_io.task_timeout)
            .describe(
              "Seconds for one request, waiting included; then 503 `REQUEST_TIMEOUT`. A commit may have been made all the same: the same request again tells.",
            ),
        })
        .prefault({}),
    })
    .prefault({}),
  transactions: z
    .strictObject({
      isolation_level: isolation
        .optional()
        .describe(
          "Isolation of commits that name none, to tables that name none (`delta.isolationLevel`); Delta's own default if absent.",
        ),
      timeout_seconds: z
        .number()
        .min(0.1)
        .max(3_600)
        .default(D.transactions.timeout_seconds)
        .describe(
          "Seconds in which a commit that meets others is planned again; then 503 `COMMIT_TIMEOUT`, nothing is written.",
        ),
      retry_attempts: z
        .int()
        .min(1)
        .max(100)
        .default(D.transactions.retry_attempts)
        .describe(
          "Times that a commit is planned without locks; the last time comes on top, with the locks held, so that no writer starves.",
        ),
      enable_auto_recovery: onlyTrue(
        "what a killed process has left is always finished by the sweeper (mirror.sweep_interval_seconds: 0 turns that off)",
      ).default(true),
    })
    .prefault({}),
  security: securitySettings.prefault({}),
  storage: storageSettings.prefault({}),
  mirror: z
    .strictObject({
      enabled: z.boolean().default(D.mirror.enabled).describe("false leaves `_delta_log` to another process."),
      sweep_interval_seconds: seconds
        .default(D.mirror.sweep_interval_seconds)
        .describe("How often overdue tables are looked for; 0 turns the sweeper off."),
      overdue_seconds: seconds
        .default(D.mirror.overdue_seconds)
        .describe("An unpublished version of this age is overdue."),
      max_unpublished: z
        .int()
        .min(0)
        .default(D.mirror.max_unpublished)
        .describe(
          "A table with so many unpublished versions takes no commit before the mirror has caught up; 0 for any number.",
        ),
      commits_when_stopped: z
        .enum(STOPPED)
        .default(D.mirror.commits_when_stopped)
        .describe(
          "Whether commits are made to a table that nothing can be published to: quarantined, behindLog or gone.",
        ),
    })
    .prefault({}),
  tables: z
    .strictObject({
      undrop_window_days: z
        .number()
        .min(0)
        .max(3650)
        .default(D.tables.undrop_window_days)
        .describe("Days after a drop in which a table can come back."),
    })
    .prefault({}),
  parity: z
    .strictObject({
      interval_seconds: seconds
        .default(D.parity.interval_seconds)
        .describe("How often SQL and `_delta_log` are compared; 0 turns it off."),
      lag_threshold_seconds: z
        .number()
        .min(0)
        .default(D.parity.lag_threshold_seconds)
        .describe("An unpublished version of this age makes its table late."),
      max_drift_files: z.int().min(0).default(D.parity.max_drift_files).describe("Files by which the two may differ."),
    })
    .prefault({}),
  maintenance: maintenanceSettings,
  logging: z
    .strictObject({
      level: z
        .string()
        .toLowerCase()
        .pipe(z.enum(LEVELS))
        .default(D.logging.level)
        .describe("The least level of a line."),
      format: onlyText(
        "json",
        "each line is one JSON object; pipe it through a viewer such as pino-pretty to read it",
      ).default("json"),
      access: z.boolean().default(D.logging.access).describe("One line a request."),
      file: z
        .string()
        .min(1)
        .optional()
        .describe(
          "File that `dl serve` logs to in place of stderr; its folder is made. Full ones are FILE.1 (the newest), FILE.2 …",
        ),
      max_size_mb: z
        .number()
        .min(0.001)
        .max(100_000)
        .default(D.logging.max_size_mb)
        .describe("Megabytes (10^6 bytes) after which a new file begins."),
      backup_count: z.int().min(0).max(1000).default(D.logging.backup_count).describe("Full files that are kept."),
    })
    .prefault({}),
  monitoring: z
    .strictObject({
      metrics_enabled: z.boolean().default(D.monitoring.metrics_enabled).describe("Serves `GET /metrics`."),
      metrics_access: z
        .enum(["read", "open"])
        .default(D.monitoring.metrics_access)
        .describe("Who may scrape: callers who may read, or everyone."),
      health_check_interval: seconds
        .default(D.monitoring.health_check_interval)
        .describe(
          "Seconds between two looks of `dl serve` at its own health: a change is a line of the log, and `dl_service_health` a metric; 0 never.",
        ),
      performance_stats: z
        .boolean()
        .default(D.monitoring.performance_stats)
        .describe("Whether durations are in the metrics: of requests, commits, publishing and checkpoints."),
      traces_endpoint: httpUrl
        .optional()
        .describe(
          "Where `dl serve` sends traces of requests, commits and the mirror, by OTLP over HTTP: the address of a collector, such as `http://127.0.0.1:4318`; `OTEL_EXPORTER_OTLP_HEADERS` may say how it knows us. Absent: nobody is traced.",
        ),
      traces_sample_ratio: z
        .number()
        .min(0)
        .max(1)
        .default(D.monitoring.traces_sample_ratio)
        .describe(
          "Share of the traces that begin here; a request with a `traceparent` says itself whether it is traced.",
        ),
    })
    .prefault({}),
  deployment: deploymentSettings,
});

type DeepReadonly<T> = T extends readonly (infer I)[]
  ? readonly DeepReadonly<I>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** All settings, each with a value or optional. */
export type Config = DeepReadonly<z.output<typeof ConfigSchema>>;
