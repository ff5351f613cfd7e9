/** The seven functions, with what each may do. */

import { Duration } from "aws-cdk-lib";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { Construct } from "constructs";
import type { Settings } from "../settings.ts";
import type { DatabaseAccess } from "./database.ts";
import type { Tables } from "./lake-bucket.ts";
import type { Queues } from "./queues.ts";
import {
  allowDatabase,
  allowReadingTables,
  allowSecret,
  allowSending,
  allowUploads,
  allowWritingLogs,
  mirrorRoleName,
} from "./roles.ts";
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
    const { settings, database, queues } = props;
    const common = { settings, environment: environmentOf(props) };
    this.commit = new ServiceFunction(this, "Commit", {
      ...common,
      entry: "commit",
      description: "Commits, creates, imports and forgets tables",
      timeout: ANSWER,
      // 100,000 actions in 56 MB of JSON, uploaded, take up to 820 MB.
      memory: 1769,
      parquet: true,
      grants: true,
    });
    this.read = new ServiceFunction(this, "Read", {
      ...common,
      entry: "read",
      description: "Answers reads",
      environment: { ...common.environment, DATABASE_URL: database.reader?.url ?? database.url },
      timeout: ANSWER,
      memory: 1024,
      grants: true,
    });
    this.mirror = new ServiceFunction(this, "Mirror", {
      ...common,
      entry: "mirror",
      description: "Publishes versions to _delta_log, and writes checkpoints of small tables",
      timeout: MIRROR_TIMEOUT,
      memory: 1769,
      parquet: true,
      roleName: mirrorRoleName(this, settings),
    });
    this.checkpoint = new ServiceFunction(this, "Checkpoint", {
      ...common,
      entry: "checkpoint",
      description: "Writes checkpoints of large tables",
      timeout: CHECKPOINT_TIMEOUT,
      memory: 1769,
      parquet: true,
      // It writes logs, which the bucket's policy lets this role alone do.
      role: this.mirror.role,
    });
    this.sweep = new ServiceFunction(this, "Sweep", {
      ...common,
      entry: "sweep",
      description: "Wakes the mirror up for versions that are overdue",
      timeout: Duration.seconds(60),
      memory: 512,
    });
    this.parity = new ServiceFunction(this, "Parity", {
      ...common,
      entry: "parity",
      description: "Compares SQL and _delta_log, table by table",
      timeout: PARITY_TIMEOUT,
      memory: 1769,
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
      },
      timeout: Duration.minutes(10),
      memory: 512,
    });
    this.#allow(props);
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
    for (const { role } of [this.commit, this.mirror, this.sweep, this.parity, this.migrate]) {
      allowDatabase(role, database, "write");
    }
    allowDatabase(this.read.role, database, "read");
    for (const login of [database.reader, database.scratch]) {
      if (login) allowSecret(this.migrate.role, login.secretArn);
    }
  }

  #allow({ tables, queues }: ServiceFunctionsProps): void {
    // The read function answers from SQL alone; it gets neither the bucket nor a queue.
    for (const { role } of [this.commit, this.mirror, this.parity]) allowReadingTables(role, tables);
    allowWritingLogs(this.mirror.role, tables);
    allowUploads(this.commit.role, tables);
    for (const { role } of [this.commit, this.sweep]) allowSending(role, queues.mirror);
    // A mirror whose time runs out enqueues what is left.
    allowSending(this.mirror.role, queues.mirror);
    allowSending(this.mirror.role, queues.checkpoints);
    allowSending(this.parity.role, queues.parity);
  }

  get all(): readonly ServiceFunction[] {
    return [this.commit, this.read, this.mirror, this.sweep, this.parity, this.checkpoint, this.migrate];
  }
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
    STAGE: settings.stage,
    VERIFY_FILES: String(settings.verifyFiles),
    LAG_THRESHOLD_SECONDS: String(settings.mirror.lagThresholdSeconds),
    OVERDUE_SECONDS: String(settings.mirror.overdueSeconds),
    MAX_UNPUBLISHED: String(settings.mirror.maxUnpublished),
    COMMITS_WHEN_STOPPED: settings.mirror.commitsWhenStopped,
  };
}
