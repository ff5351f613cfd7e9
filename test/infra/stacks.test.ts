/** What the stacks promise: safe data, queues that fit the functions, roles that cannot do more, and no finding of cdk-nag. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { App, Stack } from "aws-cdk-lib";
import { Match, type Template } from "aws-cdk-lib/assertions";
import { CfnBucket } from "aws-cdk-lib/aws-s3";
import { AwsSolutionsChecks } from "cdk-nag";
import { addStacks } from "../../infra/app.ts";
import { settingsOf } from "../../infra/settings.ts";
import { actionsOf, cdkJson, placesOf, ROLES, statementsOf, templatesOf, uniqueName } from "./templates.ts";

const production = templatesOf({ stage: "production", alarmMail: "operators@example.org" });
const development = templatesOf({ stage: "development" });

describe("the data", () => {
  test("production keeps it, whatever is deleted", () => {
    production.data.hasResource("AWS::RDS::DBCluster", {
      DeletionPolicy: "RetainExceptOnCreate",
      UpdateReplacePolicy: "Retain",
      Properties: {
        BackupRetentionPeriod: 35,
        StorageEncrypted: true,
        EnableHttpEndpoint: true,
      },
    });
    for (const bucket of Object.values(production.data.findResources("AWS::S3::Bucket"))) {
      assert.equal(bucket.DeletionPolicy, "RetainExceptOnCreate");
    }
  });

  test("RDS refuses to delete the database of production, once all of the stack is made", () => {
    const [call] = Object.values(production.data.findResources("Custom::DeltaLakeDBProtection"));
    const { Create, Update } = call?.Properties ?? {};
    assert.match(JSON.stringify(Create), /modifyDBCluster.*DeletionProtection.*true/);
    assert.deepEqual(Create, Update);
    const waits = new Set(call?.DependsOn as string[]);
    for (const type of ["AWS::RDS::DBInstance", "AWS::S3::BucketPolicy", "AWS::Backup::BackupSelection"]) {
      for (const id of Object.keys(production.data.findResources(type))) assert.ok(waits.has(id), id);
    }
    development.data.resourceCountIs("Custom::DeltaLakeDBProtection", 0);
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
        DeletionProtection: Match.absent(),
        ServerlessV2ScalingConfiguration: { MinCapacity: 0, MaxCapacity: 2, SecondsUntilAutoPause: 600 },
      },
    });
  });

  test("tables are versioned, encrypted, private; uploads go away, half-done ones, and what is left of deleted objects", () => {
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
          Match.objectLike({
            NoncurrentVersionExpiration: { NoncurrentDays: 30 },
            ExpiredObjectDeleteMarker: true,
            Status: "Enabled",
          }),
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
    const { data } = templatesOf({ stage: "production", logOperators: operator, followEvents: "true" });
    const policy = JSON.stringify(data.findResources("AWS::S3::BucketPolicy"));
    assert.match(policy, /"aws:PrincipalArn":\[\{"Fn::Join".*?\},"arn:aws:iam::111122223333:role\/break-glass"\]/);
    assert.throws(() => templatesOf({ stage: "production", logOperators: "break-glass" }), /is not the ARN of a role/);
    // What they write where they may, S3 tells of, without a function in between.
    const NotificationConfiguration = { EventBridgeConfiguration: { EventBridgeEnabled: true } };
    data.hasResourceProperties("AWS::S3::Bucket", { NotificationConfiguration });
    data.resourceCountIs("Custom::S3BucketNotifications", 0);
  });

  test("places beside the bucket's own are told to the functions, and must be on S3", () => {
    const storageRoots = "s3://my-lake,s3://other/sales";
    const { app } = templatesOf({ stage: "staging", existingBucket: "my-lake", storageRoots, followEvents: "true" });
    app.hasResourceProperties("AWS::Lambda::Function", {
      Environment: { Variables: Match.objectLike({ STORAGE_ROOTS: storageRoots }) },
    });
    // Versions that are put there call the sweep, by this rule alone; its role may do no more for it.
    const sweep = Match.stringLikeRegexp("^FunctionsSweepFunction");
    const versions = [{ wildcard: "_delta_log/*.json" }, { wildcard: "*/_delta_log/*.json" }];
    app.hasResourceProperties("AWS::Events::Rule", {
      EventPattern: {
        source: ["aws.s3"],
        detail: { bucket: { name: ["my-lake", "other"] }, object: { key: versions } },
      },
      Targets: [Match.objectLike({ Arn: { "Fn::GetAtt": [sweep, "Arn"] } })],
    });
    app.hasResourceProperties("AWS::Lambda::Permission", {
      Action: "lambda:InvokeFunction",
      Principal: "events.amazonaws.com",
      FunctionName: { "Fn::GetAtt": [sweep, "Arn"] },
      SourceArn: { "Fn::GetAtt": [Match.stringLikeRegexp("^LogEventsVersions"), "Arn"] },
    });
    assert.deepEqual(actionsOf(app, "Sweep"), actionsOf(production.app, "Sweep"));
    for (const { app } of [production, development]) app.resourceCountIs("AWS::Events::Rule", 0);
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

describe("the queues", () => {
  for (const name of ["mirror", "mirror-dead-letters"]) {
    test(`${name}.fifo keeps the order of each table`, () => {
      production.app.hasResourceProperties("AWS::SQS::Queue", {
        QueueName: uniqueName(`deltalakedb-production-${name}`, ".fifo"),
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
      QueueName: uniqueName("deltalakedb-production-mirror", ".fifo"),
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

  test("are traced by X-Ray where the stage says so, and have the right to it there alone", () => {
    const modes = ({ app }: typeof production) =>
      Object.values(app.findResources("AWS::Lambda::Function"))
        .filter(({ Properties }) => Properties.FunctionName !== undefined)
        .map(({ Properties }) => Properties.TracingConfig?.Mode);
    assert.ok(modes(production).length >= 10);
    assert.deepEqual([...new Set(modes(production))], ["Active"]);
    assert.deepEqual([...new Set(modes(development))], [undefined]);
    assert.ok(!JSON.stringify(development.app.toJSON()).includes("xray:"));
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
      "xray:PutTelemetryRecords",
      "xray:PutTraceSegments",
    ]);
    const secretsOf = (name: string) =>
      statementsOf(production.app, name)
        .filter(({ Action }) => Action.includes("secretsmanager:GetSecretValue"))
        .flatMap(({ Resource }) => [Resource].flat().map((resource) => JSON.stringify(resource)));
    const [reader, witness, ...more] = secretsOf("Read").toSorted(
      (a, b) => Number(a.includes("witness")) - Number(b.includes("witness")),
    );
    const [scratch] = secretsOf("Drill");
    assert.ok(reader && witness && scratch && reader !== scratch && more.length === 0);
    assert.match(witness, /Loginwitness/, "what it refuses it writes down by a login that does nothing else");
    const writers = ["Commit", "Mirror", "Sweep", "Parity", "Backup", "Maintenance"];
    const own = writers.map((name) => secretsOf(name).join());
    assert.equal(new Set(own).size, writers.length, "each has a login of its own");
    const known = new Set([reader, witness, scratch, ...own]);
    const [owner, ...others] = secretsOf("Migrate").filter((secret) => !known.has(secret));
    assert.ok(owner !== undefined && others.length === 0, "the owner of the tables gives the logins their passwords");
    assert.equal(secretsOf("Migrate").length, known.size + 1);
    assert.ok(!own.includes(witness), "nobody else is the witness");
    assert.ok(!own.includes(owner), "and nobody else is the owner");
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
      QueueName: uniqueName("deltalakedb-production-checkpoint"),
      VisibilityTimeout: 900,
      RedrivePolicy: { maxReceiveCount: 3 },
    });
  });
});

describe("the stages", () => {
  test("have the same resources but for those that a setting adds", () => {
    const typesOf = (template: Template) =>
      Object.values(template.toJSON().Resources as Record<string, { Type: string }>)
        .map(({ Type }) => Type)
        // Who hears of an alarm is a setting.
        .filter((type) => !/^AWS::(SNS::|CloudWatch::CompositeAlarm$)/.test(type))
        .toSorted();
    const rolled = typesOf(production.app).filter((type) => !/CodeDeploy|Lambda::(Alias|Version)/.test(type));
    // CodeDeploy has a role for each of the two functions behind the API.
    for (const type of ["AWS::IAM::Role", "AWS::IAM::Role"]) rolled.splice(rolled.indexOf(type), 1);
    assert.deepEqual(typesOf(development.app), rolled);
    const standby = typesOf(production.data);
    // The protection has a function and its log.
    const protection = ["Custom::DeltaLakeDBProtection", "AWS::Lambda::Function", "AWS::Logs::LogGroup"];
    for (const type of ["AWS::RDS::DBInstance", ...protection, "AWS::IAM::Role", "AWS::IAM::Policy"]) {
      standby.splice(standby.indexOf(type), 1);
    }
    assert.deepEqual(typesOf(development.data), standby);
  });

  test("an unknown one is refused, and a token without an audience", () => {
    assert.throws(() => settingsOf(() => "moon"), /there are development, staging, production/);
    assert.throws(() => settingsOf((name) => (name === "jwtIssuer" ? "https://i" : undefined)), /come together/);
    assert.throws(() => settingsOf((name) => (name === "jwtReadScope" ? "lake/read" : undefined)), /are for tokens/);
    const tokens: Record<string, string> = { jwtIssuer: "https://i", jwtAudience: "lake", jwtWriteScope: "a b" };
    assert.throws(() => settingsOf((name) => tokens[name]), /jwtWriteScope=a b: one scope/);
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
    { stage: "staging", existingBucket: "my-lake", followEvents: "true" },
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
