/** What may be deployed again at any time: API, functions, queues, schedules, alarms, dashboard. */

import { CfnOutput, Fn, Stack, type StackProps, Tags } from "aws-cdk-lib";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import { Alarms } from "./constructs/alarms.ts";
import { Api } from "./constructs/api.ts";
import { recordOf } from "./constructs/api-domain.ts";
import { Canary } from "./constructs/canary.ts";
import { Choices } from "./constructs/choices.ts";
import type { DatabaseAccess } from "./constructs/database.ts";
import { encryptLogs, keyByArn } from "./constructs/encryption-key.ts";
import { Front } from "./constructs/front.ts";
import { FunctionNetwork } from "./constructs/function-network.ts";
import type { Tables } from "./constructs/lake-bucket.ts";
import { LakeDashboard } from "./constructs/lake-dashboard.ts";
import { LogEvents } from "./constructs/log-events.ts";
import { Migration } from "./constructs/migration.ts";
import { Queues } from "./constructs/queues.ts";
import { Rollout } from "./constructs/rollout.ts";
import { SafetyFunctions } from "./constructs/safety-functions.ts";
import { Schedules } from "./constructs/schedules.ts";
import type { ServiceFunction } from "./constructs/service-function.ts";
import {
  CHECKPOINT_TIMEOUT,
  MIRROR_TIMEOUT,
  PARITY_TIMEOUT,
  ServiceFunctions,
} from "./constructs/service-functions.ts";
import type { Dimensions } from "./metrics.ts";
import type { Settings } from "./settings.ts";

export interface AppStackProps extends Pick<StackProps, "env" | "stackName"> {
  readonly settings: Settings;
  readonly database: DatabaseAccess;
  readonly tables: Tables;
  readonly backups: Tables;
  /** Of the key of KMS that queues, logs and alarms are encrypted with; absent: keys of AWS. */
  readonly keyArn?: string | undefined;
  /** Of a database that exists already. */
  readonly databaseUrl?: string;
}

export class AppStack extends Stack {
  readonly api: Api;

  constructor(scope: Construct, id: string, props: AppStackProps) {
    const { settings, database, tables, backups, keyArn } = props;
    const { env, stackName } = props;
    super(scope, id, {
      ...(env === undefined ? {} : { env }),
      ...(stackName === undefined ? {} : { stackName }),
      description: `deltalakedb ${settings.stage}: API, mirror, sweep, parity, backups and maintenance`,
    });
    Tags.of(this).add("service", "deltalakedb");
    Tags.of(this).add("stage", settings.stage);
    // Here as well: this stack may be deployed without the other.
    new Choices(this, "Choices", { settings, databaseUrl: props.databaseUrl });
    const key = keyArn === undefined ? undefined : keyByArn(this, keyArn);
    encryptLogs(this, key);
    // The id says what they once were called: another one would replace the queues.
    const queues = new Queues(this, "Doorbells", {
      settings,
      key,
      mirrorTimeout: MIRROR_TIMEOUT,
      parityTimeout: PARITY_TIMEOUT,
      checkpointTimeout: CHECKPOINT_TIMEOUT,
    });
    const { placement: network } = new FunctionNetwork(this, "Network", { settings });
    const functions = new ServiceFunctions(this, "Functions", { settings, database, tables, queues, network });
    const { commit, read, mirror, sweep, parity, checkpoint, migrate } = functions;
    const safety = new SafetyFunctions(this, "Safety", {
      settings,
      database,
      tables,
      backups,
      queues,
      network,
    });
    const migration = new Migration(this, "Migration", { settings, database, migrate: migrate.lambda });
    // New code meets the new schema, never the old one.
    for (const { lambda } of [commit, read, mirror, sweep, parity, checkpoint, ...safety.all])
      lambda.node.addDependency(migration.done);
    const answers = { commit: commit.lambda as IFunction, read: read.lambda as IFunction };
    if (settings.canary) {
      answers.commit = new Rollout(this, "CommitRollout", { settings, lambda: commit.lambda }).alias;
      answers.read = new Rollout(this, "ReadRollout", { settings, lambda: read.lambda }).alias;
    }
    this.api = new Api(this, "Api", { settings, ...answers });
    const { api } = this;
    const target = this.#named(settings, key, [commit, read]);
    const [backup, drill, maintenance] = [safety.backup.lambda, safety.drill.lambda, safety.maintenance.lambda];
    const clocks = { sweep: sweep.lambda, parity: parity.lambda, backup, drill, maintenance };
    const compaction = safety.compaction?.lambda;
    const canary =
      settings.canaryMinutes > 0 ? new Canary(this, "Canary", { settings, api, tables, keyArn }).lambda : undefined;
    new Schedules(this, "Schedules", { settings, ...clocks, compaction, canary });
    if (settings.followEvents) new LogEvents(this, "LogEvents", { settings, tables, sweep: sweep.lambda });
    const dimensions: Dimensions = {
      service: { service: settings.name, stage: settings.stage },
      mirrorQueue: { QueueName: queues.mirror.queueName },
      mirrorDeadLetters: { QueueName: queues.mirrorDeadLetters.queueName },
      parityQueue: { QueueName: queues.parity.queueName },
      checkpointQueue: { QueueName: queues.checkpoints.queueName },
      checkpointDeadLetters: { QueueName: queues.checkpointDeadLetters.queueName },
      parityDeadLetters: { QueueName: queues.parityDeadLetters.queueName },
      api: { ApiId: api.api.apiId },
      mirrorFunction: { FunctionName: mirror.lambda.functionName },
      drillFunction: { FunctionName: drill.functionName },
      maintenanceFunction: { FunctionName: maintenance.functionName },
      database: clusterDimension(database),
      canaryFunction: canary ? { FunctionName: canary.functionName } : {},
      compactionFunction: compaction ? { FunctionName: compaction.functionName } : {},
    };
    const { alarms, topics } = new Alarms(this, "Alarms", { settings, dimensions, key });
    const dashboard = new LakeDashboard(this, "Dashboard", { settings, dimensions, alarms });
    this.#say({
      ApiUrl: api.url,
      ...(target === undefined ? {} : { DomainTarget: target }),
      MirrorQueueUrl: queues.mirror.queueUrl,
      MirrorDeadLettersUrl: queues.mirrorDeadLetters.queueUrl,
      ParityQueueUrl: queues.parity.queueUrl,
      CheckpointQueueUrl: queues.checkpoints.queueUrl,
      TablesBucket: tables.bucketName,
      BackupsBucket: backups.bucketName,
      ...(topics ? { PageTopicArn: topics.page.topicArn, TicketTopicArn: topics.ticket.topicArn } : {}),
      DashboardUrl: `https://${this.region}.console.aws.amazon.com/cloudwatch/home?region=${this.region}#dashboards:name=${dashboard.name}`,
      NextStep: `curl ${api.url}v1/health${authorisationHint(settings, this.region)}`,
    });
  }

  /** What the name of one's own has to lead to, where there is one: it does, if its zone is in Route 53. */
  #named(
    { domain, front }: Settings,
    key: IKey | undefined,
    functions: readonly ServiceFunction[],
  ): string | undefined {
    const { domainTarget } = this.api;
    if (domain === undefined || domainTarget === undefined) return undefined;
    const origin = domainTarget.dnsName;
    const target =
      front === undefined ? domainTarget : new Front(this, "Front", { front, domain, origin, key, functions }).target;
    recordOf(this.api, domain, target);
    return target.dnsName;
  }

  #say(outputs: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}

/** None for a database that has no ARN, as an emulator. */
function clusterDimension({ clusterArn }: DatabaseAccess): Dimensions["database"] {
  if (clusterArn === undefined) return {};
  return { DBClusterIdentifier: Fn.select(6, Fn.split(":", clusterArn)) };
}

function authorisationHint({ authorisation }: Settings, region: string): string {
  if (authorisation.kind === "jwt") return ' -H "Authorization: Bearer $TOKEN"';
  return ` --aws-sigv4 aws:amz:${region}:execute-api --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H "x-amz-security-token: $AWS_SESSION_TOKEN"`;
}
