/** Aurora Serverless v2 with PostgreSQL or MySQL, reached by the Data API only. */

import { Annotations, Duration, RemovalPolicy, Stack, Validations } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as logs from "aws-cdk-lib/aws-logs";
import * as rds from "aws-cdk-lib/aws-rds";
import type * as secrets from "aws-cdk-lib/aws-secretsmanager";
import { AwsCustomResource, AwsCustomResourcePolicy, PhysicalResourceId } from "aws-cdk-lib/custom-resources";
import { Construct } from "constructs";
import { DUTIES, type DutyName } from "../../lib/lake/duties.ts";
import { retentionOf } from "../retention.ts";
import type { Settings } from "../settings.ts";
import { uniqueNameOf } from "../unique-name.ts";
import { CLUSTER_ENGINES } from "./cluster-engines.ts";
import { ClusterParameters, insightsOf } from "./cluster-parameters.ts";

const NAME = "deltalakedb";

/** What a function needs to call the Data API: the URL, and on AWS whose permission. */
export interface DatabaseAccess {
  readonly url: string;
  readonly clusterArn?: string;
  readonly secretArn?: string;
  /** Of the key of KMS that the secrets are encrypted with; absent: AWS's own. */
  readonly keyArn?: string;
  /** The login that may only read; without it, who reads logs in as all others do. */
  readonly reader?: Login;
  /** The login of restores for practice, which has a schema of its own and nothing else; without it they use SQLite. */
  readonly scratch?: Login;
  /** Of each function that writes, or compares; without them these log in as the owner of the tables. */
  readonly functions?: Readonly<Record<DutyName, Login>>;
}

interface Login {
  readonly url: string;
  readonly secretArn: string;
}

export interface DatabaseProps {
  readonly settings: Settings;
  readonly vpc: ec2.IVpc;
  readonly key: kms.IKey | undefined;
}

export class Database extends Construct {
  readonly access: DatabaseAccess;
  readonly clusterArn: string;
  /** Comes last of all that is deployed; none in development. */
  readonly protection: Construct | undefined;

  constructor(scope: Construct, id: string, props: DatabaseProps) {
    super(scope, id);
    const { settings, vpc, key } = props;
    const encrypted = key ? { encryptionKey: key } : {};
    const { minCapacity, maxCapacity, pauseAfterMinutes, backupDays, standby } = settings.database;
    const of = CLUSTER_ENGINES[settings.databaseEngine];
    const clusterIdentifier = uniqueNameOf(settings, of.what);
    // Made before RDS makes them, which would keep the lines forever.
    const logGroups = Object.entries(of.logs).map(
      ([log, id]) =>
        new logs.LogGroup(this, id, {
          logGroupName: `/aws/rds/cluster/${clusterIdentifier}/${log}`,
          retention: retentionOf(settings.logDays),
          removalPolicy: RemovalPolicy.DESTROY,
        }),
    );
    const parameters = new ClusterParameters(this, "Parameters", { settings, of });
    const ofInstance = parameters.instances === undefined ? {} : { parameterGroup: parameters.instances };
    const cluster = new rds.DatabaseCluster(this, "Cluster", {
      clusterIdentifier,
      engine: of.engine,
      parameterGroup: parameters.group,
      ...insightsOf(settings, key),
      vpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
      securityGroups: [
        new ec2.SecurityGroup(this, "Closed", {
          vpc,
          description: "Nobody connects: the Data API does not come through the network",
          allowAllOutbound: false,
        }),
      ],
      writer: rds.ClusterInstance.serverlessV2("writer", ofInstance),
      readers: standby ? [rds.ClusterInstance.serverlessV2("standby", { ...ofInstance, scaleWithWriter: true })] : [],
      serverlessV2MinCapacity: minCapacity,
      serverlessV2MaxCapacity: maxCapacity,
      ...(pauseAfterMinutes === undefined
        ? {}
        : { serverlessV2AutoPauseDuration: Duration.minutes(pauseAfterMinutes) }),
      defaultDatabaseName: NAME,
      enableDataApi: true,
      // RDS makes the secret and rotates it each week; a rotation of our own would need a function inside the network.
      manageMasterUserPassword: true,
      // The name is the one that it has without.
      ...(key ? { storageEncryptionKey: key, credentials: rds.Credentials.fromUsername(of.owner, encrypted) } : {}),
      storageEncrypted: true,
      iamAuthentication: true,
      backup: { retention: Duration.days(backupDays) },
      copyTagsToSnapshot: true,
      cloudwatchLogsExports: Object.keys(of.logs),
    });
    cluster.node.addDependency(...logGroups);
    Annotations.of(cluster).acknowledgeWarning("@aws-cdk/aws-rds:instancePerformanceInsightsOverridden");
    const secretArn = cluster.secret?.secretArn;
    if (secretArn === undefined) throw new Error("The cluster came without a secret.");
    const { clusterArn } = cluster;
    this.clusterArn = clusterArn;
    const urlWith = (secret: string, name = NAME) =>
      `rds-data://${clusterArn}?secret=${secret}&database=${name}${of.query}`;
    const login = (id: string, username: string, what: string, name = NAME) => {
      const { secretArn } = loginSecret(this, cluster, { id, username, what, ...encrypted });
      return { url: urlWith(secretArn, name), secretArn };
    };
    this.access = {
      url: urlWith(secretArn),
      clusterArn,
      secretArn,
      reader: login("Reader", "dl_reader", "Reads nothing but our tables"),
      scratch: login("Scratch", "dl_scratch", "Has one schema, which is empty but for a drill", of.scratchDatabase),
      functions: Object.fromEntries(
        Object.entries(DUTIES).map(([name, duty]) => [
          name,
          login(`Login-${name}`, duty.login, "Has the rights to our tables that its function needs"),
        ]),
      ) as Record<DutyName, Login>,
    };
    if (settings.protectData) this.protection = new DeletionProtection(this, "Protection", { settings, cluster });
    if (settings.databaseEngine === "aurora-mysql") {
      Validations.of(cluster).acknowledge(
        {
          id: "AwsSolutions-RDS14",
          reason:
            "To go back in place would leave versions in logs that the database does not know; a restore into a new cluster, to any second, can be compared first.",
        },
        { id: "AwsSolutions-RDS11", reason: "No network leads to the port, whichever it is." },
      );
    }
    Validations.of(cluster).acknowledge({
      id: "AwsSolutions-RDS10",
      reason:
        "Development databases are thrown away on purpose. Those of staging and production are protected once they are made: " +
        "before, a deploy that fails could not take them back, and not be repeated.",
    });
  }
}

/** The last thing that is done to a new cluster: from then on RDS refuses to delete it. */
class DeletionProtection extends Construct {
  constructor(
    scope: Construct,
    id: string,
    props: { readonly settings: Settings; readonly cluster: rds.DatabaseCluster },
  ) {
    super(scope, id);
    const { settings, cluster } = props;
    const protect = {
      service: "RDS",
      action: "modifyDBCluster",
      parameters: { DBClusterIdentifier: cluster.clusterIdentifier, DeletionProtection: true, ApplyImmediately: true },
      physicalResourceId: PhysicalResourceId.of(cluster.clusterIdentifier),
      outputPaths: ["DBCluster.DBClusterIdentifier"],
    };
    const call = new AwsCustomResource(this, "Call", {
      onCreate: protect,
      onUpdate: protect,
      resourceType: "Custom::DeltaLakeDBProtection",
      policy: AwsCustomResourcePolicy.fromStatements([
        new iam.PolicyStatement({ actions: ["rds:ModifyDBCluster"], resources: [cluster.clusterArn] }),
      ]),
      installLatestAwsSdk: false,
      logGroup: new logs.LogGroup(this, "Log", {
        retention: retentionOf(settings.logDays),
        removalPolicy: RemovalPolicy.DESTROY,
      }),
    });
    call.node.addDependency(cluster);
    const provider = Stack.of(this).node.findChild(
      `AWS${AwsCustomResource.PROVIDER_FUNCTION_UUID.replaceAll("-", "")}`,
    );
    const reason = "The function is part of CDK, which chooses its role and runtime.";
    const policy = "arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
    Validations.of(provider).acknowledge(
      { id: "AwsSolutions-L1", reason },
      { id: `AwsSolutions-IAM4[Policy::${policy}]`, reason },
    );
  }
}

/** The migrate function makes the login, with this password. */
function loginSecret(
  scope: Construct,
  cluster: rds.DatabaseCluster,
  {
    id,
    what,
    ...login
  }: { readonly id: string; readonly username: string; readonly what: string; readonly encryptionKey?: kms.IKey },
): secrets.ISecret {
  const secret = new rds.DatabaseSecret(scope, id, { ...login, dbname: NAME });
  Validations.of(secret).acknowledge({
    id: "AwsSolutions-SMG4",
    reason:
      `${what}, through the Data API, by roles that may read the secret: no network leads to the database. ` +
      "docs/deployment.md says how to change it; the master password is rotated by RDS.",
  });
  return secret.attach(cluster);
}
