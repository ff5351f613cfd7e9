/** What the cluster is told: its parameters, its logs, and what CloudWatch shows of its load. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Match, type Template } from "aws-cdk-lib/assertions";
import { CLUSTER_ENGINES } from "../../infra/constructs/cluster-engines.ts";
import { DEADLINES } from "../../lib/deadlines.ts";
import { readText } from "../support/source-tree.ts";
import { templatesOf } from "./templates.ts";

const CLUSTER_PARAMETERS = CLUSTER_ENGINES["aurora-postgresql"].clusterParameters;
const production = templatesOf({ stage: "production" });

function onlyOne(template: Template, type: string): [string, { readonly [name: string]: unknown }] {
  const found = Object.entries(template.findResources(type));
  assert.equal(found.length, 1, type);
  return found[0] as [string, { readonly [name: string]: unknown }];
}

test("the cluster has parameters of its own, which stay as long as it does, and exports its log", () => {
  const [group, { DeletionPolicy, Properties }] = onlyOne(production.data, "AWS::RDS::DBClusterParameterGroup");
  assert.equal(DeletionPolicy, "RetainExceptOnCreate");
  assert.deepEqual((Properties as { readonly Parameters: object }).Parameters, CLUSTER_PARAMETERS);
  production.data.hasResourceProperties("AWS::RDS::DBCluster", {
    DBClusterParameterGroupName: { Ref: group },
    EnableCloudwatchLogsExports: ["postgresql"],
  });
});

test("no parameter ends what a session of ours may do, and the page has each", () => {
  const ours = {
    idle_in_transaction_session_timeout: DEADLINES.databaseIdleTransaction.ms,
    lock_timeout: DEADLINES.databaseLock.ms,
    statement_timeout: DEADLINES.databaseStatement.ms,
  };
  for (const [name, ms] of Object.entries(ours)) assert.ok(Number(CLUSTER_PARAMETERS[name]) > ms, name);
  const page = readText("docs/databases.md");
  for (const [name, value] of Object.entries(CLUSTER_PARAMETERS))
    assert.ok(page.includes(`| \`${name}\` | \`${value}\` |`), `docs/databases.md has no line on ${name} = ${value}`);
});

test("insights: none unless asked for; a week for nothing; fifteen months with a key of one's own", () => {
  const off = { PerformanceInsightsEnabled: Match.absent(), DatabaseInsightsMode: Match.absent() };
  production.data.hasResourceProperties("AWS::RDS::DBCluster", off);
  const of = (more: Record<string, string>) => templatesOf({ stage: "staging", ...more }).data;
  const standard = {
    DatabaseInsightsMode: "standard",
    PerformanceInsightsEnabled: true,
    PerformanceInsightsRetentionPeriod: 7,
  };
  of({ databaseInsights: "standard" }).hasResourceProperties("AWS::RDS::DBCluster", standard);
  const own = of({ databaseInsights: "advanced", encryptionKey: "own" });
  const [key] = onlyOne(own, "AWS::KMS::Key");
  own.hasResourceProperties("AWS::RDS::DBCluster", {
    DatabaseInsightsMode: "advanced",
    PerformanceInsightsRetentionPeriod: 465,
    PerformanceInsightsKmsKeyId: { "Fn::GetAtt": [key, "Arn"] },
  });
  assert.throws(() => of({ databaseInsights: "all" }), /databaseInsights=all: there are off, standard, advanced/);
});
