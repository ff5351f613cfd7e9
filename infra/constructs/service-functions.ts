/** The seven functions, with what each may do. */

import { Duration } from "aws-cdk-lib";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { Construct } from "constructs";
import type { DutyName } from "../../lib/lake/duties.ts";
import { MEMORY_MB } from "../memory.ts";
import type { Settings } from "../settings.ts";
import { DataRole } from "./data-role.ts";
import type { DatabaseAccess } from "./database.ts";
import { allowDuty, databaseUrlOf } from "./duties.ts";
import type { Placement } from "./function-network.ts";
import type { Tables } from "./lake-bucket.ts";
import type { Queues } from "./queues.ts";
import { allowDatabase, allowSecret, mirrorRoleName } from "./roles.ts";
import { ServiceFunction } from "./service-function.ts";

/** API Gateway waits for 30 seconds. */
const ANSWER = Duration.seconds(29);
/** Short: a table whose mirror was killed waits for six times as long. */
export const MIRROR_TIMEOUT = Duration.seconds(60);
export const PARITY_TIMEOUT = Duration.minutes(5);
/** The longest that Lambda has. */
export const CHECKPOINT_TIMEOUT = Duration.minutes(15);
const FIFO_BATCH = 10;

export interface ServiceFunctionsProps {
  readonly settings: Settings;
  readonly database: DatabaseAccess;
  readonly tables: Tables;
  readonly queues: Queues;
  readonly network?: Placement | undefined;
}

export class ServiceFunctions extends Construct {
  readonly commit: ServiceFunction;
  readonly read: ServiceFunction;
  readonly mirror: ServiceFunction;
  readonly sweep: ServiceFunction;
  readonly parity: ServiceFunction;
  readonly checkpoint: ServiceFunction;
  readonly migrate: ServiceFunction;

  constructor(scope: Construct, id: string, props: ServiceFunctionsProps) {
    super(scope, id);
    const { settings, database, queues, network } = props;
    const common = { settings, network, environment: environmentOf(props) };
    const as = (name: DutyName) => ({ ...common.environment, DATABASE_URL: databaseUrlOf(database, name) });
    this.commit = new ServiceFunction(this, "Commit", {
      ...common,
      entry: "commit",
      environment: as("commit"),
      description: "Commits, creates, imports and forgets tables",
      timeout: ANSWER,
      memory: MEMORY_MB.commit,
      parquet: true,
      grants: true,
    });
    new DataRole(this, "Data", { ...props, lender: this.commit });
    this.read = new ServiceFunction(this, "Read", {
      ...common,
      entry: "read",
      description: "Answers reads",
      environment: { ...common.environment, ...readerEnvironment(database) },
      timeout: ANSWER,
      memory: MEMORY_MB.read,
      parquet: true,
      grants: true,
    });
    this.mirror = new ServiceFunction(this, "Mirror", {
      ...common,
      entry: "mirror",
      environment: as("mirror"),
      description: "Publishes versions to _delta_log, and writes checkpoints of small tables",
      timeout: MIRROR_TIMEOUT,
      memory: MEMORY_MB.mirror,
      parquet: true,
      roleName: mirrorRoleName(this, settings),
    });
    this.checkpoint = new ServiceFunction(this, "Checkpoint", {
      ...common,
      entry: "checkpoint",
      environment: as("mirror"),
      description: "Writes checkpoints of large tables",
      timeout: CHECKPOINT_TIMEOUT,
      memory: MEMORY_MB.checkpoint,
      parquet: true,
      // It writes logs, which the bucket's policy lets this role alone do.
      role: this.mirror.role,
    });
    this.sweep = new ServiceFunction(this, "Sweep", {
      ...common,
      entry: "sweep",
      environment: as("sweep"),
      description: "Wakes the mirror up for versions that are overdue",
      timeout: Duration.seconds(60),
      memory: MEMORY_MB.sweep,
    });
    this.parity = new ServiceFunction(this, "Parity", {
      ...common,
      entry: "parity",
      environment: as("parity"),
      description: "Compares SQL and _delta_log, table by table",
      timeout: PARITY_TIMEOUT,
      memory: MEMORY_MB.parity,
      parquet: true,
    });
    this.migrate = new ServiceFunction(this, "Migrate", {
      ...common,
      entry: "migrate",
      description: "Brings the SQL schema up to date, at each deploy",
      environment: {
        ...common.environment,
        ...(database.reader ? { READER_SECRET_ARN: database.reader.secretArn } : {}),
        ...(database.scratch ? { SCRATCH_SECRET_ARN: database.scratch.secretArn } : {}),
        ...(database.functions ? { FUNCTION_SECRET_ARNS: secretsText(database.functions) } : {}),
      },
      timeout: Duration.minutes(10),
      memory: MEMORY_MB.migrate,
    });
    const places = { database, queues, tables: props.tables, roots: [] };
    for (const name of ["commit", "mirror", "sweep", "parity"] as const) allowDuty(this[name].role, name, places);
    this.mirror.lambda.addEventSource(
      new SqsEventSource(queues.mirror, {
        batchSize: FIFO_BATCH,
        reportBatchItemFailures: true,
        maxConcurrency: settings.mirror.concurrency,
      }),
    );
    this.parity.lambda.addEventSource(
      new SqsEventSource(queues.parity, { batchSize: 1, reportBatchItemFailures: true, maxConcurrency: 10 }),
    );
    this.checkpoint.lambda.addEventSource(
      new SqsEventSource(queues.checkpoints, { batchSize: 1, reportBatchItemFailures: true, maxConcurrency: 10 }),
    );
    // The read function answers from SQL alone; it gets neither the bucket nor a queue, and adds no rows but those of the audit trail, and wishes for indexes.
    allowDatabase(this.read.role, database, "reader");
    if (database.functions) allowDuty(this.read.role, "witness", places);
    // The owner of the tables makes the logins, too.
    allowDatabase(this.migrate.role, database, "owner");
    for (const login of [database.reader, database.scratch, ...Object.values(database.functions ?? {})]) {
      if (login) allowSecret(this.migrate.role, login.secretArn, database.keyArn);
    }
  }

  get all(): readonly ServiceFunction[] {
    return [this.commit, this.read, this.mirror, this.sweep, this.parity, this.checkpoint, this.migrate];
  }
}

/**
 * It reads by a login that may write nothing, and adds to the audit trail, and wishes for indexes, by one that may do nothing else. A database of one's own has the second only where all
 * log in as its URL says.
 */
function readerEnvironment({ url, reader, functions }: DatabaseAccess): Record<string, string> {
  const trail = functions?.witness.url ?? (reader === undefined ? url : undefined);
  return { DATABASE_URL: reader?.url ?? url, ...(trail === undefined ? {} : { AUDIT_DATABASE_URL: trail }) };
}

/** `commit=arn:… mirror=arn:…`, as lib/config/functions.ts reads it. */
function secretsText(functions: NonNullable<DatabaseAccess["functions"]>): string {
  return Object.entries(functions)
    .map(([name, { secretArn }]) => `${name}=${secretArn}`)
    .join(" ");
}

/** What every function is told. */
export function environmentOf({ settings, database, tables, queues }: ServiceFunctionsProps): Record<string, string> {
  return {
    DATABASE_URL: database.url,
    MIRROR_QUEUE_URL: queues.mirror.queueUrl,
    PARITY_QUEUE_URL: queues.parity.queueUrl,
    CHECKPOINT_QUEUE_URL: queues.checkpoints.queueUrl,
    STORAGE: `s3://${tables.bucketName}/tables`,
    STORAGE_ROOTS: settings.storageRoots.join(","),
    ...(settings.existingBucketKey && { STORAGE_ENCRYPTION: `${tables.bucketName}=${settings.existingBucketKey}` }),
    SERVICE: settings.name,
    STAGE: settings.stage,
    VERIFY_FILES: String(settings.verifyFiles),
    LAG_THRESHOLD_SECONDS: String(settings.mirror.lagThresholdSeconds),
    OVERDUE_SECONDS: String(settings.mirror.overdueSeconds),
    MAX_UNPUBLISHED: String(settings.mirror.maxUnpublished),
    ...(settings.callers && { CALLER_RATE: String(settings.callers.rate) }),
    ...(settings.callers?.burst && { CALLER_BURST: String(settings.callers.burst) }),
    COMMITS_WHEN_STOPPED: settings.mirror.commitsWhenStopped,
    ...scopesFor(settings),
  };
}

function scopesFor({ authorisation }: ServiceFunctionsProps["settings"]): Record<string, string> {
  if (authorisation.kind === "iam") return {};
  return { READ_SCOPE: authorisation.scopes.readScope, WRITE_SCOPE: authorisation.scopes.writeScope };
}
