/** What the stacks promise: safe data, queues that fit the functions, roles that cannot do more, and no finding of cdk-nag. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { App, Stack } from "aws-cdk-lib";
import { Match, type Template } from "aws-cdk-lib/assertions";
import { CfnBucket } from "aws-cdk-lib/aws-s3";
import { AwsSolutionsChecks } from "cdk-nag";
import { alarmsOf, runbookOf } from "../../infra/alarms.ts";
import { addStacks } from "../../infra/app.ts";
import { DASHBOARD } from "../../infra/dashboard.ts";
import { settingsOf } from "../../infra/settings.ts";
import { actionsOf, cdkJson, placesOf, ROLES, statementsOf, templatesOf } from "./templates.ts";

const production = templatesOf({ stage: "production", alarmMail: "operators@example.org" });
const development = templatesOf({ stage: "development" });

describe("the data", () => {
  test("production keeps it, whatever is deleted", () => {
    production.data.hasResource("AWS::RDS::DBCluster", {
      DeletionPolicy: "Retain",
      UpdateReplacePolicy: "Retain",
      Properties: {
        DeletionProtection: true,
        BackupRetentionPeriod: 35,
        StorageEncrypted: true,
        EnableHttpEndpoint: true,
      },
    });
    for (const bucket of Object.values(production.data.findResources("AWS::S3::Bucket"))) {
      assert.equal(bucket.DeletionPolicy, "Retain");
    }
  });

  test("RDS keeps the password and changes it", () => {
    production.data.hasResourceProperties("AWS::RDS::DBCluster", {
      ManageMasterUserPassword: true,
      MasterUserPassword: Match.absent(),
    });
  });

  test("the network has no way out", () => {
    for (const type of ["AWS::EC2::NatGateway", "AWS::EC2::InternetGateway"]) production.data.resourceCountIs(type, 0);
    production.data.resourceCountIs("AWS::EC2::Subnet", 2);
  });

  test("development may pause, and be thrown away", () => {
    development.data.hasResource("AWS::RDS::DBCluster", {
      DeletionPolicy: "Delete",
      Properties: {
        DeletionProtection: false,
        ServerlessV2ScalingConfiguration: { MinCapacity: 0, MaxCapacity: 2, SecondsUntilAutoPause: 600 },
      },
    });
  });

  test("tables are versioned, encrypted, private; uploads go away, and half-done ones", () => {
    production.data.hasResourceProperties("AWS::S3::Bucket", {
      VersioningConfiguration: { Status: "Enabled" },
      BucketEncryption: Match.anyValue(),
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      LifecycleConfiguration: {
        Rules: Match.arrayWith([
          Match.objectLike({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 }, Status: "Enabled" }),
          Match.objectLike({ Prefix: "_uploads/", ExpirationInDays: 1, Status: "Enabled" }),
        ]),
      },
    });
  });

  test("only the mirror writes logs, and nobody comes without TLS", () => {
    production.data.hasResourceProperties("AWS::S3::BucketPolicy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
          Match.objectLike({
            Effect: "Deny",
            Principal: { AWS: "*" },
            Action: ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"],
            Condition: { ArnNotEquals: { "aws:PrincipalArn": Match.anyValue() } },
          }),
        ]),
      },
    });
    const denied = JSON.stringify(production.data.findResources("AWS::S3::BucketPolicy"));
    assert.ok(denied.includes('"/*/_delta_log/*"') && denied.includes('"/_delta_log/*"'), "at any depth");
  });

  test("the policy names the role that the mirror has", () => {
    const role = { "Fn::Join": ["", ["deltalakedb-production-mirror-", { Ref: "AWS::Region" }]] };
    production.app.hasResourceProperties("AWS::IAM::Role", { RoleName: role });
    const named = JSON.stringify(production.data.findResources("AWS::S3::BucketPolicy"));
    assert.ok(named.includes(':role/deltalakedb-production-mirror-",{"Ref":"AWS::Region"}'), named);
  });

  test("operators who may repair a log are named beside the mirror, and must be roles", () => {
    const operator = "arn:aws:iam::111122223333:role/break-glass";
    const { data } = templatesOf({ stage: "production", logOperators: operator });
    const policy = JSON.stringify(data.findResources("AWS::S3::BucketPolicy"));
    assert.match(policy, /"aws:PrincipalArn":\[\{"Fn::Join".*?\},"arn:aws:iam::111122223333:role\/break-glass"\]/);
    assert.throws(() => templatesOf({ stage: "production", logOperators: "break-glass" }), /is not the ARN of a role/);
  });

  test("places beside the bucket's own are told to the functions, and must be on S3", () => {
    const { app } = templatesOf({ stage: "staging", storageRoots: "s3://my-lake,s3://other/sales" });
    app.hasResourceProperties("AWS::Lambda::Function", {
      Environment: { Variables: Match.objectLike({ STORAGE_ROOTS: "s3://my-lake,s3://other/sales" }) },
    });
    for (const storageRoots of ["/data", "s3://", "s3://my-lake,x", "s3://Lake/x", "s3://lake//x"]) {
      assert.throws(() => templatesOf({ stage: "staging", storageRoots }), /is not s3:\/\/bucket/, storageRoots);
    }
  });

  test("a bucket that exists is taken as it is", () => {
    const { data, app } = templatesOf({ stage: "staging", existingBucket: "my-lake" });
    // That of the backups and its access log.
    data.resourceCountIs("AWS::S3::Bucket", 2);
    app.hasOutput("TablesBucket", { Value: "my-lake" });
  });

  test("a database that exists leaves Aurora and the network out", () => {
    const url = "rds-data://cluster?secret=secret&database=lake";
    const { data, app } = templatesOf({ stage: "development", localDatabaseUrl: url });
    for (const type of ["AWS::RDS::DBCluster", "AWS::EC2::VPC"]) data.resourceCountIs(type, 0);
    app.hasResourceProperties("AWS::Lambda::Function", { Environment: { Variables: { DATABASE_URL: url } } });
  });
});

describe("a database by its ARN", () => {
  test("gives the functions permission for it and its secret, and for no other", () => {
    const cluster = "arn:aws:rds:eu-central-1:111122223333:cluster:restored";
    const secret = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:restored-AbCdEf";
    const localDatabaseUrl = `rds-data://${cluster}?secret=${secret}&database=deltalakedb`;
    const { app } = templatesOf({ stage: "production", localDatabaseUrl });
    const resources = statementsOf(app, "Commit").flatMap(({ Resource }) => Resource);
    assert.ok(resources.includes(cluster) && resources.includes(secret), JSON.stringify(resources));
  });

  test("a login that reads, without its database, is refused", () => {
    assert.throws(
      () => templatesOf({ stage: "production", localReaderSecret: "arn:x" }),
      /localDatabaseUrl=: give both/,
    );
  });

  test("and one for the login that reads, where it is given", () => {
    const cluster = "arn:aws:rds:eu-central-1:111122223333:cluster:restored";
    const secret = (name: string) => `arn:aws:secretsmanager:eu-central-1:111122223333:secret:${name}`;
    const url = (name: string) => `rds-data://${cluster}?secret=${secret(name)}&database=deltalakedb`;
    const localReaderSecret = secret("reader");
    const { app } = templatesOf({ stage: "production", localDatabaseUrl: url("master"), localReaderSecret });
    const urlOf = (name: string) => {
      const functions = Object.values(app.findResources("AWS::Lambda::Function"));
      const found = functions.find(({ Properties }) => Properties.FunctionName === `deltalakedb-production-${name}`);
      return found?.Properties.Environment.Variables.DATABASE_URL as string;
    };
    assert.deepEqual([urlOf("commit"), urlOf("read")], [url("master"), url("reader")]);
    const resources = statementsOf(app, "Read").flatMap(({ Resource }) => Resource);
    assert.ok(resources.includes(localReaderSecret) && !resources.includes(secret("master")));
  });
});

describe("the queues", () => {
  for (const name of ["mirror.fifo", "mirror-dead-letters.fifo"]) {
    test(`${name} keeps the order of each table`, () => {
      production.app.hasResourceProperties("AWS::SQS::Queue", {
        QueueName: `deltalakedb-production-${name}`,
        FifoQueue: true,
        DeduplicationScope: "messageGroup",
        FifoThroughputLimit: "perMessageGroupId",
        SqsManagedSseEnabled: true,
      });
    });
  }

  test("hide a message for six times as long as its function may run, and give up at last", () => {
    const queue = { VisibilityTimeout: 360, RedrivePolicy: { maxReceiveCount: 20 } };
    production.app.hasResourceProperties("AWS::SQS::Queue", {
      QueueName: "deltalakedb-production-mirror.fifo",
      ...queue,
    });
    production.app.hasResourceProperties("AWS::Lambda::Function", {
      FunctionName: "deltalakedb-production-mirror",
      Timeout: 60,
    });
  });

  test("call the mirror in batches that may fail in part", () => {
    production.app.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
      BatchSize: 10,
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      ScalingConfig: { MaximumConcurrency: 200 },
    });
  });
});

describe("the functions", () => {
  test("run Node 24 on arm64, and start after the migration", () => {
    const functions = Object.values(production.app.findResources("AWS::Lambda::Function"));
    const ours = functions.filter(({ Properties }) => String(Properties.FunctionName).startsWith("deltalakedb-"));
    assert.equal(ours.length, 10);
    for (const { Properties, DependsOn } of ours) {
      assert.equal(Properties.Runtime, "nodejs24.x");
      assert.deepEqual(Properties.Architectures, ["arm64"]);
      const waits = (DependsOn as string[]).some((id) => id.startsWith("MigrationMigrated"));
      assert.equal(waits, Properties.FunctionName !== "deltalakedb-production-migrate");
    }
  });

  test("read: with a login of its own that may only read; no queue, no bucket", () => {
    assert.deepEqual(actionsOf(production.app, "Read"), [
      "logs:CreateLogStream",
      "logs:PutLogEvents",
      "rds-data:BeginTransaction",
      "rds-data:CommitTransaction",
      "rds-data:ExecuteStatement",
      "rds-data:RollbackTransaction",
      "secretsmanager:GetSecretValue",
    ]);
    const secretsOf = (name: string) =>
      statementsOf(production.app, name)
        .filter(({ Action }) => Action.includes("secretsmanager:GetSecretValue"))
        .flatMap(({ Resource }) => [Resource].flat().map((resource) => JSON.stringify(resource)));
    const [reader, ...more] = secretsOf("Read");
    const [writer] = secretsOf("Commit");
    assert.ok(reader && writer && reader !== writer && more.length === 0);
    const [scratch] = secretsOf("Drill");
    assert.deepEqual(
      secretsOf("Migrate").sort(),
      [reader, scratch, writer].sort(),
      "it gives the logins their passwords",
    );
    for (const name of ["Commit", "Mirror", "Sweep", "Parity"]) assert.deepEqual(secretsOf(name), [writer]);
  });

  test("write objects: the mirror in logs, and who hands out uploads where these are put", () => {
    const writers = ROLES.filter((name) => actionsOf(production.app, name).includes("s3:PutObject"));
    assert.deepEqual(writers, ["Commit", "Mirror", "Backup", "Maintenance"]);
    for (const name of ["Mirror", "Maintenance"]) {
      const places = placesOf(production.app, name, "s3:PutObject");
      assert.equal(places.length, 2);
      assert.ok(places.every((place) => place.includes("/_delta_log/*")));
    }
    const uploads = statementsOf(production.app, "Commit").filter(({ Action }) => Action.includes("s3:PutObject"));
    assert.equal(uploads.length, 1);
    assert.match(JSON.stringify(uploads[0]?.Resource), /"\/_uploads\/\*"/);
  });

  test("write large checkpoints, for as long as Lambda lets them, in the mirror's role", () => {
    const functions = Object.values(production.app.findResources("AWS::Lambda::Function"));
    const named = (name: string) =>
      functions.find(({ Properties }) => Properties.FunctionName === `deltalakedb-production-${name}`)?.Properties;
    assert.deepEqual(named("checkpoint")?.Role, named("mirror")?.Role);
    assert.equal(named("checkpoint")?.Timeout, 900);
    production.app.hasResourceProperties("AWS::SQS::Queue", {
      QueueName: "deltalakedb-production-checkpoint",
      VisibilityTimeout: 900,
      RedrivePolicy: { maxReceiveCount: 3 },
    });
  });
});

describe("alarms and dashboard", () => {
  test("each alarm is there, mails, and names its page of the runbook", () => {
    const alarms = alarmsOf(settingsOf((name) => ({ stage: "production", alarmMail: "none" })[name]));
    production.app.resourceCountIs("AWS::CloudWatch::Alarm", alarms.length);
    for (const alarm of alarms) {
      production.app.hasResourceProperties("AWS::CloudWatch::Alarm", {
        AlarmName: `deltalakedb-production-${alarm.id}`,
        AlarmDescription: Match.stringLikeRegexp(runbookOf(alarm)),
        MetricName: alarm.metric,
        Threshold: alarm.threshold,
        AlarmActions: [Match.anyValue()],
        OKActions: [Match.anyValue()],
      });
    }
  });

  test("without an address nobody is mailed", () => {
    development.app.resourceCountIs("AWS::SNS::Topic", 0);
  });

  test("the dashboard has each row with its title", () => {
    const [dashboard] = Object.values(production.app.findResources("AWS::CloudWatch::Dashboard"));
    const body = JSON.stringify(dashboard?.Properties.DashboardBody);
    for (const { title, graphs } of DASHBOARD) {
      for (const text of [title, ...graphs.map((graph) => graph.title)]) assert.ok(body.includes(text), text);
    }
  });
});

describe("the stages", () => {
  test("have the same resources but for those that a setting adds", () => {
    const typesOf = (template: Template) =>
      Object.values(template.toJSON().Resources as Record<string, { Type: string }>)
        .map(({ Type }) => Type)
        .filter((type) => !type.startsWith("AWS::SNS::"))
        .toSorted();
    assert.deepEqual(typesOf(development.app), typesOf(production.app));
    const standby = typesOf(production.data);
    standby.splice(standby.indexOf("AWS::RDS::DBInstance"), 1);
    assert.deepEqual(typesOf(development.data), standby);
  });

  test("an unknown one is refused, and a token without an audience", () => {
    assert.throws(() => settingsOf(() => "moon"), /there are development, staging, production/);
    assert.throws(() => settingsOf((name) => (name === "jwtIssuer" ? "https://i" : undefined)), /come together/);
  });
});

describe("cdk-nag", () => {
  const findingsIn = (app: App) =>
    new AwsSolutionsChecks(app)
      .validateScope(app)
      .violations.flatMap(({ ruleName, violatingResources }) =>
        violatingResources.map(({ resourceLogicalId }) => `${ruleName} ${resourceLogicalId}`),
      );

  for (const context of [
    { stage: "development" },
    { stage: "staging", existingBucket: "my-lake" },
    { stage: "production", alarmMail: "operators@example.org" },
    { stage: "production", alarmMail: "none", jwtIssuer: "https://id.example.org", jwtAudience: "lake" },
  ]) {
    test(`has nothing to say about ${Object.values(context).join(", ")}`, () => {
      const app = new App({ context: { ...cdkJson.context, ...context, "aws:cdk:bundling-stacks": [] } });
      addStacks(app);
      app.synth();
      assert.deepEqual(findingsIn(app), []);
    });
  }

  test("would have: a bare bucket is found", () => {
    const app = new App();
    new CfnBucket(new Stack(app, "bare"), "Bare");
    assert.ok(
      findingsIn(app).some((finding) => finding.startsWith("AwsSolutions-S1 ")),
      findingsIn(app).join("; "),
    );
  });
});
