/** What the deployment (infra/) tells each Lambda function: the same settings by the same names of variables, as far as they concern it. */

import * as z from "zod";
import { DEFAULT_SCOPES, type Scopes } from "../access/issuer-rules.ts";
import { STOPPED } from "../config.ts";
import { DEFAULT_CONFIG } from "../default-config.ts";
import { checked } from "../validation.ts";

const FunctionEnvironmentSchema = z.object({
  DATABASE_URL: z.string().min(1),
  /** Name of the deployment, and its stage: the dimensions of the metrics. */
  SERVICE: z.string().min(1).default("deltalakedb"),
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
  /** Logins of the other functions, each with the rights of its duty: `commit=arn:… mirror=arn:…`. */
  FUNCTION_SECRET_ARNS: z
    .string()
    .regex(/^\w+=arn:\S+( \w+=arn:\S+)*$/)
    .optional(),
  /** The database as that login sees it: for the function that practises. */
  SCRATCH_DATABASE_URL: z.string().min(1).optional(),
  /** The database as the login sees it that adds to the audit trail: for the function that reads. */
  AUDIT_DATABASE_URL: z.string().min(1).optional(),
  /** The secret with the key that backups are encrypted with. */
  BACKUP_KEY_SECRET_ARN: z.string().startsWith("arn:").optional(),
  /** Scopes of tokens that may read and that may write: for the functions that answer requests. */
  READ_SCOPE: z.string().min(1).default(DEFAULT_SCOPES.readScope),
  WRITE_SCOPE: z.string().min(1).default(DEFAULT_SCOPES.writeScope),
  /** The role whose sessions are lent to clients: for the function that lends. */
  DATA_ROLE_ARN: z.string().startsWith("arn:").optional(),
  /** Whether commits look at the files that they name, where neither they nor their table says. */
  VERIFY_FILES: z.stringbool().default(true),
  LAG_THRESHOLD_SECONDS: z.coerce.number().min(0).default(5),
  /** Age at which the sweeper enqueues its table again, of an unpublished version. */
  OVERDUE_SECONDS: z.coerce.number().min(0).default(10),
  /** A table with so many unpublished versions takes no commit; 0 for any number. */
  MAX_UNPUBLISHED: z.coerce.number().int().min(0).default(DEFAULT_CONFIG.mirror.max_unpublished),
  COMMITS_WHEN_STOPPED: z.enum(STOPPED).default(DEFAULT_CONFIG.mirror.commits_when_stopped),
  /** The secret that the front sends along, where there is one: for the functions that answer requests. */
  FRONT_SECRET_ARN: z.string().startsWith("arn:").optional(),
  /** Requests a second of one caller, and how many at once, in one container; 0: no limit. */
  CALLER_RATE: z.coerce.number().min(0).default(DEFAULT_CONFIG.server.caller_rate),
  CALLER_BURST: z.coerce.number().int().min(1).default(DEFAULT_CONFIG.server.caller_burst),
  /** How long after a drop a table can come back. */
  UNDROP_WINDOW_DAYS: z.coerce.number().min(0).max(3650).default(DEFAULT_CONFIG.tables.undrop_window_days),
  /** Where backups are: for the functions that make and read them. */
  BACKUPS: z.string().min(1).optional(),
  /** Whether maintenance removes files that no version needs, where a table does not say. */
  VACUUM: z.stringbool().default(false),
  /** How long rows of the audit trail stay; 0 for ever. */
  AUDIT_RETENTION_DAYS: z.coerce.number().min(0).max(36_500).default(DEFAULT_CONFIG.maintenance.audit_retention_days),
  /** Which tables the function that compacts takes: all that do not say otherwise, or those whose policy asks for it. */
  COMPACTION: z.enum(["policy", "all"]).default("policy"),
});

const CanaryEnvironmentSchema = FunctionEnvironmentSchema.pick({ SERVICE: true, STAGE: true }).extend({
  API_URL: z.url(),
  AWS_REGION: z.string().min(1),
  /** `namespace.name` of the table that is its own. */
  CANARY_TABLE: z.string().min(1),
  /** The secret with its client at the identity provider; absent where IAM knows callers. */
  CANARY_SECRET_ARN: z.string().startsWith("arn:").optional(),
});

export interface CanarySettings {
  readonly service: string;
  readonly stage: string;
  readonly apiUrl: string;
  readonly region: string;
  readonly table: string;
  readonly secretArn?: string;
}

/** @throws LakeError invalid, naming the variable that is missing or wrong */
export function parseCanaryEnvironment(environment: Readonly<Record<string, string | undefined>>): CanarySettings {
  const given = checked(CanaryEnvironmentSchema, environment, { texts: "hidden" });
  return {
    service: given.SERVICE,
    stage: given.STAGE,
    apiUrl: given.API_URL,
    region: given.AWS_REGION,
    table: given.CANARY_TABLE,
    ...(given.CANARY_SECRET_ARN === undefined ? {} : { secretArn: given.CANARY_SECRET_ARN }),
  };
}

export interface FunctionSettings {
  readonly databaseUrl: string;
  readonly service: string;
  readonly stage: string;
  readonly mirrorQueueUrl: string;
  readonly parityQueueUrl: string;
  readonly checkpointQueueUrl: string;
  readonly storage: string;
  readonly storageRoots: readonly string[];
  readonly readerSecretArn?: string;
  readonly scratchSecretArn?: string;
  /** By the name of the duty. */
  readonly functionSecretArns: Readonly<Record<string, string>>;
  readonly scratchDatabaseUrl?: string;
  readonly auditDatabaseUrl?: string;
  readonly backupKeySecretArn?: string;
  readonly scopes: Scopes;
  readonly dataRoleArn?: string;
  readonly verifyFiles: "size" | "off";
  readonly lagThresholdSeconds: number;
  readonly overdueSeconds: number;
  readonly maxUnpublished: number;
  readonly commitsWhenStopped: (typeof STOPPED)[number];
  readonly undropWindowDays: number;
  readonly frontSecretArn?: string;
  readonly callerRate: number;
  readonly callerBurst: number;
  readonly backups?: string;
  readonly vacuum: boolean;
  readonly auditRetentionDays: number;
  readonly compaction: "policy" | "all";
}

/** @throws LakeError invalid, naming the variable that is missing or wrong */
export function parseFunctionEnvironment(environment: Readonly<Record<string, string | undefined>>): FunctionSettings {
  const given = checked(FunctionEnvironmentSchema, environment, { texts: "hidden" });
  return {
    databaseUrl: given.DATABASE_URL,
    service: given.SERVICE,
    stage: given.STAGE,
    mirrorQueueUrl: given.MIRROR_QUEUE_URL,
    parityQueueUrl: given.PARITY_QUEUE_URL,
    checkpointQueueUrl: given.CHECKPOINT_QUEUE_URL,
    storage: given.STORAGE,
    storageRoots: (given.STORAGE_ROOTS ?? "").split(",").flatMap((root) => root.trim() || []),
    verifyFiles: given.VERIFY_FILES ? "size" : "off",
    ...(given.READER_SECRET_ARN === undefined ? {} : { readerSecretArn: given.READER_SECRET_ARN }),
    functionSecretArns: Object.fromEntries(
      [...(given.FUNCTION_SECRET_ARNS ?? "").matchAll(/(\w+)=(\S+)/g)].map(([, name = "", arn = ""]) => [name, arn]),
    ),
    ...(given.SCRATCH_SECRET_ARN === undefined ? {} : { scratchSecretArn: given.SCRATCH_SECRET_ARN }),
    ...(given.SCRATCH_DATABASE_URL === undefined ? {} : { scratchDatabaseUrl: given.SCRATCH_DATABASE_URL }),
    ...(given.AUDIT_DATABASE_URL === undefined ? {} : { auditDatabaseUrl: given.AUDIT_DATABASE_URL }),
    ...(given.BACKUP_KEY_SECRET_ARN === undefined ? {} : { backupKeySecretArn: given.BACKUP_KEY_SECRET_ARN }),
    scopes: { readScope: given.READ_SCOPE, writeScope: given.WRITE_SCOPE },
    ...(given.DATA_ROLE_ARN === undefined ? {} : { dataRoleArn: given.DATA_ROLE_ARN }),
    lagThresholdSeconds: given.LAG_THRESHOLD_SECONDS,
    overdueSeconds: given.OVERDUE_SECONDS,
    maxUnpublished: given.MAX_UNPUBLISHED,
    commitsWhenStopped: given.COMMITS_WHEN_STOPPED,
    undropWindowDays: given.UNDROP_WINDOW_DAYS,
    ...(given.FRONT_SECRET_ARN === undefined ? {} : { frontSecretArn: given.FRONT_SECRET_ARN }),
    callerRate: given.CALLER_RATE,
    callerBurst: given.CALLER_BURST,
    ...(given.BACKUPS === undefined ? {} : { backups: given.BACKUPS }),
    vacuum: given.VACUUM,
    auditRetentionDays: given.AUDIT_RETENTION_DAYS,
    compaction: given.COMPACTION,
  };
}
