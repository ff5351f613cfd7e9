/** Names, defaults and meaning of all settings. What a file says is read by the CLI; environments of Lambdas end here, too. */

import * as z from "zod";
import { ALGORITHMS, isSafeUrl } from "./access/issuer-rules.ts";
import { DEFAULT_CONFIG } from "./default-config.ts";
import { isJsonObject, type Json, type JsonObject } from "./delta/values/json.ts";
import { invalid } from "./errors.ts";
import { checked } from "./validation.ts";

const seconds = z.number().min(0).max(86_400);
const STOPPED = ["accept", "refuse"] as const;
const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LEVELS)[number];

const hostName = z
  .string()
  .toLowerCase()
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, "expected the name of a host, such as lake.example, without a port");
const origin = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text, {
    message: "expected one origin as browsers write it, such as https://console.example",
  });
const safeUrl = z
  .string()
  .refine(isSafeUrl, { message: "expected an https URL without a password; http only on this machine" });
const claim = z.string().min(1).max(255);
const scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, "expected one scope, without spaces");

/** An identity provider whose tokens (JWT) are taken. */
const oidcIssuer = z.strictObject({
  /** As `iss` of its tokens has it. */
  issuer: safeUrl,
  /** What `aud` of a token for this service holds; one of them, if there are several. */
  audience: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
  /** Where its keys are; found by OpenID Connect Discovery if absent. */
  jwks_url: safeUrl.optional(),
  algorithms: z.array(z.enum(ALGORITHMS)).min(1).default(["RS256", "ES256"]),
  /** Seconds by which clocks may differ. */
  clock_skew_seconds: z.int().min(0).max(300).default(30),
  read_scope: scope.default("deltalakedb.read"),
  /** Who has it may read, too. */
  write_scope: scope.default("deltalakedb.write"),
  /** The claim that names the user, and what is put before it: NAME of `user:NAME`. */
  user_claim: claim.default("sub"),
  user_prefix: z.string().max(128).default(""),
  /** The claim with a name for people. */
  name_claim: claim.default("preferred_username"),
  groups_claim: claim.default("groups"),
});

/** The members of a configuration file. Snake case, as in YAML files of this kind. */
const ConfigSchema = z.strictObject({
  /** A name for people and logs: production, staging … */
  environment: z.string().min(1).optional(),
  database: z
    .strictObject({
      /** A file, `sqlite:…`, `postgresql://…`, `rds-data://…`; see `dl --help`. */
      url: z.string().min(1).optional(),
      /** Connections to a PostgreSQL server at most; 3 in 10 of them are kept for reads, and the health check has one more. */
      pool_size: z.int().min(1).max(1000).default(DEFAULT_CONFIG.database.pool_size),
      /** Seconds that a request waits for a connection before it is answered with 503. */
      pool_timeout: seconds.default(DEFAULT_CONFIG.database.pool_timeout),
      /** Seconds that one statement may run on a PostgreSQL server. */
      statement_timeout: z.number().min(0.1).max(3600).default(DEFAULT_CONFIG.database.statement_timeout),
      /** Seconds after which a connection is replaced by a new one; 0 never. */
      pool_recycle: seconds.default(DEFAULT_CONFIG.database.pool_recycle),
    })
    .prefault({}),
  server: z
    .strictObject({
      host: z.string().min(1).default(DEFAULT_CONFIG.server.host),
      port: z.int().min(0).max(65_535).default(DEFAULT_CONFIG.server.port),
      /** Bytes of the largest request body. */
      body_limit_bytes: z.int().min(1024).default(DEFAULT_CONFIG.server.body_limit_bytes),
      /** Folder or s3://bucket/prefix for tables that are created without a location, or with a relative one. */
      storage: z.string().min(1).optional(),
      /** Files in PEM; the server speaks HTTPS then. They are read again when they change. */
      tls: z.strictObject({ cert: z.string().min(1), key: z.string().min(1) }).optional(),
      /** Names by which the server is known, beside `localhost` and its addresses. */
      allowed_hosts: z.array(hostName).default([...DEFAULT_CONFIG.server.allowed_hosts]),
      /** Origins of pages that may use the API. */
      cors_origins: z.array(origin).default([...DEFAULT_CONFIG.server.cors_origins]),
      /** Seconds that a request may take to come in, its body too. */
      request_timeout_seconds: z.number().min(1).max(3_600).default(DEFAULT_CONFIG.server.request_timeout_seconds),
      max_connections: z.int().min(1).default(DEFAULT_CONFIG.server.max_connections),
      /** After SIGTERM: seconds for the requests and mirrors under way. What is left then is said, and the exit code is 4. */
      shutdown_seconds: z.number().min(1).max(3600).default(DEFAULT_CONFIG.server.shutdown_seconds),
    })
    .prefault({}),
  security: z
    .strictObject({
      oidc: z
        .array(oidcIssuer)
        .refine((all) => new Set(all.map(({ issuer }) => issuer)).size === all.length, {
          message: "an issuer is named twice",
        })
        .refine((all) => new Set(all.map(({ user_prefix }) => user_prefix)).size === all.length, {
          message:
            "with several issuers each needs a user_prefix of its own, or a user of one could pass for one of another",
        })
        .default([]),
    })
    .prefault({}),
  storage: z
    .strictObject({
      /** Folders and s3://bucket/prefix below which the API may make and import tables, beside `server.storage`; `/` is every folder. */
      roots: z.array(z.string().min(1)).max(1000).default([]),
      /** Whether commits look at the files that they name (docs/api.md, "Files are looked at"). */
      verify_files: z.boolean().default(DEFAULT_CONFIG.storage.verify_files),
    })
    .prefault({}),
  mirror: z
    .strictObject({
      enabled: z.boolean().default(DEFAULT_CONFIG.mirror.enabled),
      /** How often overdue tables are looked for; 0 turns the sweeper off. */
      sweep_interval_seconds: seconds.default(DEFAULT_CONFIG.mirror.sweep_interval_seconds),
      /** An unpublished version of this age is overdue. */
      overdue_seconds: seconds.default(DEFAULT_CONFIG.mirror.overdue_seconds),
      /** A table with so many unpublished versions takes no commit before the mirror has caught up; 0 for any number. */
      max_unpublished: z.int().min(0).default(DEFAULT_CONFIG.mirror.max_unpublished),
      /** Whether commits are made to a table that nothing can be published to: quarantined, behindLog or gone. */
      commits_when_stopped: z.enum(STOPPED).default(DEFAULT_CONFIG.mirror.commits_when_stopped),
    })
    .prefault({}),
  tables: z
    .strictObject({
      /** How long after a drop a table can come back. */
      undrop_window_days: z.number().min(0).max(3650).default(DEFAULT_CONFIG.tables.undrop_window_days),
    })
    .prefault({}),
  parity: z
    .strictObject({
      /** How often SQL and `_delta_log` are compared; 0 turns it off. */
      interval_seconds: seconds.default(DEFAULT_CONFIG.parity.interval_seconds),
      lag_threshold_seconds: z.number().min(0).default(DEFAULT_CONFIG.parity.lag_threshold_seconds),
      max_drift_files: z.int().min(0).default(DEFAULT_CONFIG.parity.max_drift_files),
    })
    .prefault({}),
  maintenance: z
    .strictObject({
      /** How often tables are looked for that are due; 0 turns upkeep off. */
      interval_seconds: seconds.default(DEFAULT_CONFIG.maintenance.interval_seconds),
      /** Hours between two runs for one table. */
      every_hours: z.number().min(0).max(8760).default(DEFAULT_CONFIG.maintenance.every_hours),
      /** What is done with tables that say nothing themselves (`dl policy set`): whether files go that only expired versions have. */
      vacuum: z.boolean().default(DEFAULT_CONFIG.maintenance.vacuum),
      /** Whether expired versions leave `_delta_log`. */
      clean_log: z.boolean().default(DEFAULT_CONFIG.maintenance.clean_log),
      /** Whether SQL forgets versions. */
      trim_history: z.boolean().default(DEFAULT_CONFIG.maintenance.trim_history),
      /** For how long SQL keeps them; never less than a table's log and its removed files stay. */
      history_retention_days: z.number().min(0).max(36_500).default(DEFAULT_CONFIG.maintenance.history_retention_days),
    })
    .prefault({}),
  logging: z
    .strictObject({
      level: z.string().toLowerCase().pipe(z.enum(LEVELS)).default(DEFAULT_CONFIG.logging.level),
      /** One line a request. */
      access: z.boolean().default(DEFAULT_CONFIG.logging.access),
    })
    .prefault({}),
  monitoring: z
    .strictObject({
      /** Serves `GET /metrics`. */
      metrics_enabled: z.boolean().default(DEFAULT_CONFIG.monitoring.metrics_enabled),
      /** Who may scrape: callers who may read, or everyone. */
      metrics_access: z.enum(["read", "open"]).default(DEFAULT_CONFIG.monitoring.metrics_access),
    })
    .prefault({}),
});

/** All settings, each with a value or optional. */
export interface Config {
  readonly environment?: string | undefined;
  readonly database: {
    readonly url?: string | undefined;
    readonly pool_size: number;
    readonly pool_timeout: number;
    readonly pool_recycle: number;
    readonly statement_timeout: number;
  };
  readonly server: {
    readonly host: string;
    readonly port: number;
    readonly body_limit_bytes: number;
    readonly storage?: string | undefined;
    readonly tls?: { readonly cert: string; readonly key: string } | undefined;
    readonly allowed_hosts: readonly string[];
    readonly cors_origins: readonly string[];
    readonly request_timeout_seconds: number;
    readonly max_connections: number;
    readonly shutdown_seconds: number;
  };
  readonly security: { readonly oidc: readonly z.output<typeof oidcIssuer>[] };
  readonly storage: { readonly roots: readonly string[]; readonly verify_files: boolean };
  readonly mirror: {
    readonly enabled: boolean;
    readonly sweep_interval_seconds: number;
    readonly overdue_seconds: number;
    readonly max_unpublished: number;
    readonly commits_when_stopped: (typeof STOPPED)[number];
  };
  readonly tables: { readonly undrop_window_days: number };
  readonly parity: {
    readonly interval_seconds: number;
    readonly lag_threshold_seconds: number;
    readonly max_drift_files: number;
  };
  readonly maintenance: {
    readonly interval_seconds: number;
    readonly every_hours: number;
    readonly vacuum: boolean;
    readonly clean_log: boolean;
    readonly trim_history: boolean;
    readonly history_retention_days: number;
  };
  readonly logging: { readonly level: LogLevel; readonly access: boolean };
  readonly monitoring: { readonly metrics_enabled: boolean; readonly metrics_access: "read" | "open" };
}

/** Settings that guides of this kind of service name, and why they mean nothing here. They are accepted with a warning. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  "database/max_overflow": "there are never more connections than database.pool_size says",
  "database/ssl_mode": "say it in the URL: ?sslmode=require",
  performance: "there is no cache, lazy loading or thread pool to set",
  transactions: "isolation is chosen per commit, and commits retry by themselves",
  "logging/format": "logs are JSON lines",
  "logging/file": "logs go to stderr; redirect it",
  "logging/max_size_mb": "logs go to stderr; rotate them there",
  "logging/backup_count": "logs go to stderr; rotate them there",
  "monitoring/health_check_interval": "whoever watches /v1/health sets the interval",
  "monitoring/performance_stats": "durations are always measured",
  "security/encryption_at_rest": "encryption is set where data and database live",
  "security/audit_logging": "each request is a line of the log (logging.access)",
  "security/access_control_enabled":
    "callers are asked who they are once there is a key (dl key create) or an issuer (security.oidc)",
};

export interface ParsedConfig {
  readonly config: Config;
  /** One sentence each, for people. */
  readonly warnings: readonly string[];
}

/**
 * Checks the content of a configuration file and fills in the defaults.
 * @throws LakeError invalid, naming each unknown or wrong member
 */
export function parseConfig(value: Json | undefined): ParsedConfig {
  const given = value ?? {};
  if (!isJsonObject(given)) throw invalid("a configuration is a mapping of sections, such as `database:`");
  const warnings: string[] = [];
  const config = checked(ConfigSchema, withoutEffectless(given, "", warnings), { texts: "hidden" });
  return { config, warnings };
}

function withoutEffectless(value: JsonObject, path: string, warnings: string[]): JsonObject {
  const kept: Record<string, Json> = {};
  for (const [key, item] of Object.entries(value)) {
    const here = path + key;
    const reason = Object.hasOwn(WITHOUT_EFFECT, here) ? WITHOUT_EFFECT[here] : undefined;
    if (reason !== undefined) warnings.push(`${here.replaceAll("/", ".")} has no effect: ${reason}`);
    // A section without content (`server:`) is null in YAML and means the defaults.
    else if (isJsonObject(item)) kept[key] = withoutEffectless(item, `${here}/`, warnings);
    else if (item !== null && item !== undefined) kept[key] = item;
  }
  return kept;
}

/** A setting that is on or off, as environments spell it. @throws LakeError invalid naming the variable */
export function parseFlag(name: string, text: string): boolean {
  const parsed = z.stringbool().safeParse(text);
  if (parsed.success) return parsed.data;
  throw invalid(`${name} is "${text}"`, { hint: "Write true or false." });
}

/** What the deployment tells each Lambda function (infra/). */
const FunctionEnvironmentSchema = z.object({
  DATABASE_URL: z.string().min(1),
  /** Dimension of the metrics. */
  STAGE: z.string().min(1),
  /** FIFO: one group a table. */
  MIRROR_QUEUE_URL: z.url(),
  /** Standard: one message a table to compare. */
  PARITY_QUEUE_URL: z.url(),
  /** Standard: one message a checkpoint that takes long. */
  CHECKPOINT_QUEUE_URL: z.url(),
  /** Where tables without a location of their own are made. */
  STORAGE: z.string().min(1),
  /** Places, separated by commas, below which tables may be made and imported beside STORAGE. */
  STORAGE_ROOTS: z.string().optional(),
  /** Login that the function that reads has; made, and given its password, by the one that migrates. */
  READER_SECRET_ARN: z.string().startsWith("arn:").optional(),
  /** Login that restores for practice have; made likewise. */
  SCRATCH_SECRET_ARN: z.string().startsWith("arn:").optional(),
  /** The database as that login sees it: for the function that practises. */
  SCRATCH_DATABASE_URL: z.string().min(1).optional(),
  /** The secret with the key that backups are encrypted with. */
  BACKUP_KEY_SECRET_ARN: z.string().startsWith("arn:").optional(),
  /** Whether commits look at the files that they name, where neither they nor their table says. */
  VERIFY_FILES: z.stringbool().default(true),
  LAG_THRESHOLD_SECONDS: z.coerce.number().min(0).default(5),
  /** Age at which the sweeper enqueues its table again, of an unpublished version. */
  OVERDUE_SECONDS: z.coerce.number().min(0).default(10),
  /** A table with so many unpublished versions takes no commit; 0 for any number. */
  MAX_UNPUBLISHED: z.coerce.number().int().min(0).default(DEFAULT_CONFIG.mirror.max_unpublished),
  COMMITS_WHEN_STOPPED: z.enum(STOPPED).default(DEFAULT_CONFIG.mirror.commits_when_stopped),
  /** How long after a drop a table can come back. */
  UNDROP_WINDOW_DAYS: z.coerce.number().min(0).max(3650).default(DEFAULT_CONFIG.tables.undrop_window_days),
  /** Where backups are: for the functions that make and read them. */
  BACKUPS: z.string().min(1).optional(),
  /** Whether maintenance removes files that no version needs, where a table does not say. */
  VACUUM: z.stringbool().default(false),
});

export interface FunctionSettings {
  readonly databaseUrl: string;
  readonly stage: string;
  readonly mirrorQueueUrl: string;
  readonly parityQueueUrl: string;
  readonly checkpointQueueUrl: string;
  readonly storage: string;
  readonly storageRoots: readonly string[];
  readonly readerSecretArn?: string;
  readonly scratchSecretArn?: string;
  readonly scratchDatabaseUrl?: string;
  readonly backupKeySecretArn?: string;
  readonly verifyFiles: "size" | "off";
  readonly lagThresholdSeconds: number;
  readonly overdueSeconds: number;
  readonly maxUnpublished: number;
  readonly commitsWhenStopped: (typeof STOPPED)[number];
  readonly undropWindowDays: number;
  readonly backups?: string;
  readonly vacuum: boolean;
}

/** @throws LakeError invalid, naming the variable that is missing or wrong */
export function parseFunctionEnvironment(environment: Readonly<Record<string, string | undefined>>): FunctionSettings {
  const given = checked(FunctionEnvironmentSchema, environment, { texts: "hidden" });
  return {
    databaseUrl: given.DATABASE_URL,
    stage: given.STAGE,
    mirrorQueueUrl: given.MIRROR_QUEUE_URL,
    parityQueueUrl: given.PARITY_QUEUE_URL,
    checkpointQueueUrl: given.CHECKPOINT_QUEUE_URL,
    storage: given.STORAGE,
    storageRoots: (given.STORAGE_ROOTS ?? "").split(",").flatMap((root) => root.trim() || []),
    verifyFiles: given.VERIFY_FILES ? "size" : "off",
    ...(given.READER_SECRET_ARN === undefined ? {} : { readerSecretArn: given.READER_SECRET_ARN }),
    ...(given.SCRATCH_SECRET_ARN === undefined ? {} : { scratchSecretArn: given.SCRATCH_SECRET_ARN }),
    ...(given.SCRATCH_DATABASE_URL === undefined ? {} : { scratchDatabaseUrl: given.SCRATCH_DATABASE_URL }),
    ...(given.BACKUP_KEY_SECRET_ARN === undefined ? {} : { backupKeySecretArn: given.BACKUP_KEY_SECRET_ARN }),
    lagThresholdSeconds: given.LAG_THRESHOLD_SECONDS,
    overdueSeconds: given.OVERDUE_SECONDS,
    maxUnpublished: given.MAX_UNPUBLISHED,
    commitsWhenStopped: given.COMMITS_WHEN_STOPPED,
    undropWindowDays: given.UNDROP_WINDOW_DAYS,
    ...(given.BACKUPS === undefined ? {} : { backups: given.BACKUPS }),
    vacuum: given.VACUUM,
  };
}
