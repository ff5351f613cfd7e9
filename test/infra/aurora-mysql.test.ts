/** A deployment on Aurora MySQL: its cluster, its parameter groups, its logins, and what is the same as on PostgreSQL. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Match } from "aws-cdk-lib/assertions";
import { CLUSTER_ENGINES } from "../../infra/constructs/cluster-engines.ts";
import { SERVER_SETTINGS } from "../../lib/catalog/engines/mysql/settings.ts";
import { DUTIES } from "../../lib/lake/duties.ts";
import { readText } from "../support/source-tree.ts";
import { actionsOf, ROLES, statementsOf, templatesOf } from "./templates.ts";

const production = templatesOf({ stage: "production", databaseEngine: "aurora-mysql" });
const postgres = templatesOf({ stage: "production" });

function onlyOne(type: string): [id: string, properties: { readonly [name: string]: unknown }, policy: unknown] {
  const found = Object.entries(production.data.findResources(type));
  assert.equal(found.length, 1, type);
  const [id, { Properties, DeletionPolicy }] = found[0] as [string, { Properties: object; DeletionPolicy: unknown }];
  return [id, Properties as { readonly [name: string]: unknown }, DeletionPolicy];
}

describe("a deployment on Aurora MySQL", () => {
  test("the cluster is of a version with the Data API and a pause, and both instances have our settings", () => {
    const [clusterGroup, ofCluster] = onlyOne("AWS::RDS::DBClusterParameterGroup");
    const [instanceGroup, ofInstances, policy] = onlyOne("AWS::RDS::DBParameterGroup");
    const [, cluster] = onlyOne("AWS::RDS::DBCluster");
    assert.equal(cluster.Engine, "aurora-mysql");
    const [, minor] = /^8\.0\.mysql_aurora\.3\.(\d+)\.\d+$/.exec(String(cluster.EngineVersion)) ?? [];
    assert.ok(Number(minor) >= 8, String(cluster.EngineVersion));
    assert.deepEqual(
      [cluster.EnableHttpEndpoint, cluster.StorageEncrypted, cluster.ManageMasterUserPassword],
      [true, true, true],
    );
    assert.deepEqual(cluster.EnableCloudwatchLogsExports, ["error", "slowquery"]);
    assert.deepEqual(cluster.DBClusterParameterGroupName, { Ref: clusterGroup });
    assert.equal(ofCluster.Family, "aurora-mysql8.0");
    assert.equal(policy, "RetainExceptOnCreate");
    const parameters = ofInstances.Parameters as Record<string, string>;
    for (const { name, value } of SERVER_SETTINGS) assert.equal(parameters[name], value, name);
    const instances = Object.values(production.data.findResources("AWS::RDS::DBInstance"));
    assert.deepEqual(
      instances.map(({ Properties }) => Properties.DBParameterGroupName),
      [{ Ref: instanceGroup }, { Ref: instanceGroup }],
    );
  });

  test("the page has each parameter, and each log has a group that ends", () => {
    const page = readText("docs/databases.md");
    const { clusterParameters, instanceParameters } = CLUSTER_ENGINES["aurora-mysql"];
    for (const [name, value] of Object.entries({ ...clusterParameters, ...instanceParameters })) {
      const line = page.split("\n").find((one) => one.startsWith("| ") && one.includes(`\`${name}\``));
      assert.ok(line?.includes(`\`${value}\``), `docs/databases.md has no line on ${name} = ${value}`);
    }
    for (const log of ["error", "slowquery"]) {
      production.data.hasResourceProperties("AWS::Logs::LogGroup", {
        LogGroupName: { "Fn::Join": ["", Match.arrayWith([`/${log}`])] },
        RetentionInDays: 90,
      });
    }
  });

  test("each function logs in by its own secret, to MySQL, and practice to a database of its own", () => {
    const users = Object.values(production.data.findResources("AWS::SecretsManager::Secret")).map(
      ({ Properties }) =>
        (JSON.parse(Properties.GenerateSecretString.SecretStringTemplate) as { readonly username: string }).username,
    );
    assert.deepEqual(
      users.toSorted(),
      ["dl_reader", "dl_scratch", ...Object.values(DUTIES).map(({ login }) => login)].toSorted(),
    );
    for (const { Properties } of Object.values(production.app.findResources("AWS::Lambda::Function"))) {
      const { DATABASE_URL, SCRATCH_DATABASE_URL } = Properties.Environment?.Variables ?? {};
      if (DATABASE_URL === undefined) continue;
      assert.match(JSON.stringify(DATABASE_URL), /&database=deltalakedb&engine=mysql"/);
      if (SCRATCH_DATABASE_URL !== undefined)
        assert.match(JSON.stringify(SCRATCH_DATABASE_URL), /&database=dl_scratch&engine=mysql"/);
    }
  });

  test("roles, alarms, snapshots and protection are those of PostgreSQL", () => {
    for (const name of ROLES) assert.deepEqual(actionsOf(production.app, name), actionsOf(postgres.app, name), name);
    const alarmsOf = ({ app }: typeof production) =>
      Object.values(app.findResources("AWS::CloudWatch::Alarm")).map(
        ({ Properties }) => Properties.AlarmName as unknown,
      );
    assert.deepEqual(alarmsOf(production), alarmsOf(postgres));
    for (const MetricName of ["ACUUtilization", "CPUUtilization"])
      production.app.hasResourceProperties("AWS::CloudWatch::Alarm", { Namespace: "AWS/RDS", MetricName });
    for (const type of ["AWS::Backup::BackupPlan", "AWS::Backup::BackupSelection", "Custom::DeltaLakeDBProtection"])
      production.data.resourceCountIs(type, 1);
    production.data.hasResourceProperties("AWS::RDS::DBCluster", { BackupRetentionPeriod: 35 });
  });

  test("development pauses, a key and insights are taken, and another engine is refused", () => {
    const of = (more: Record<string, string>) => templatesOf({ databaseEngine: "aurora-mysql", ...more }).data;
    of({ stage: "development" }).hasResourceProperties("AWS::RDS::DBCluster", {
      ServerlessV2ScalingConfiguration: { MinCapacity: 0, SecondsUntilAutoPause: 600 },
    });
    of({ stage: "staging", encryptionKey: "own", databaseInsights: "standard" }).hasResourceProperties(
      "AWS::RDS::DBCluster",
      { MasterUsername: "admin", DatabaseInsightsMode: "standard", KmsKeyId: Match.anyValue() },
    );
    assert.throws(() => of({ stage: "staging", databaseEngine: "mysql" }), /there are aurora-postgresql, aurora-mysql/);
  });
});

describe("an Aurora MySQL that exists already", () => {
  const cluster = "arn:aws:rds:eu-central-1:111122223333:cluster:lake";
  const secret = (name: string) => `arn:aws:secretsmanager:eu-central-1:111122223333:secret:${name}`;
  const localDatabaseUrl = `rds-data://${cluster}?secret=${secret("owner")}&database=lake&engine=mysql`;

  test("is used by its URL, and practice has a database of its own there", () => {
    const localScratchSecret = secret("scratch");
    const { app } = templatesOf({ stage: "production", localDatabaseUrl, localScratchSecret });
    const resources = statementsOf(app, "Commit").flatMap(({ Resource }) => Resource);
    assert.ok(resources.includes(cluster) && resources.includes(secret("owner")), JSON.stringify(resources));
    app.hasResourceProperties("AWS::Lambda::Function", {
      FunctionName: "deltalakedb-production-drill",
      Environment: {
        Variables: Match.objectLike({
          SCRATCH_DATABASE_URL: `rds-data://${cluster}?secret=${localScratchSecret}&database=dl_scratch&engine=mysql`,
        }),
      },
    });
  });

  test("and the engine of one that is made is not said beside it", () => {
    const both = { stage: "production", localDatabaseUrl, databaseEngine: "aurora-mysql" };
    assert.throws(() => templatesOf(both), /databaseEngine=aurora-mysql is for an Aurora that is made here/);
  });
});
