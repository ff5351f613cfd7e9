/** New code gets a tenth of the requests first, and an alarm takes all of them away from it; the schema comes before either. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Match } from "aws-cdk-lib/assertions";
import { alarmsOf } from "../../infra/alarms.ts";
import { STOPPED_BY } from "../../infra/constructs/rollout.ts";
import { settingsOf } from "../../infra/settings.ts";
import { templatesOf } from "./templates.ts";

const { app } = templatesOf({ stage: "production" });
const aliases = Object.entries(app.findResources("AWS::Lambda::Alias"));

test("the two functions that answer requests are behind an alias, which CodeDeploy moves", () => {
  assert.equal(aliases.length, 2);
  for (const [, { UpdatePolicy, Properties }] of aliases) {
    assert.equal(Properties.Name, "live");
    assert.ok(UpdatePolicy.CodeDeployLambdaAliasUpdate.DeploymentGroupName.Ref);
  }
  app.allResourcesProperties("AWS::CodeDeploy::DeploymentGroup", {
    DeploymentConfigName: "CodeDeployDefault.LambdaCanary10Percent5Minutes",
    AutoRollbackConfiguration: {
      Enabled: true,
      Events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST", "DEPLOYMENT_STOP_ON_ALARM"],
    },
  });
});

test("the API calls the aliases, and nothing else", () => {
  const integrations = Object.values(app.findResources("AWS::ApiGatewayV2::Integration"));
  const called = integrations.map(({ Properties }) => JSON.stringify(Properties.IntegrationUri));
  for (const [id] of aliases)
    assert.ok(
      called.some((uri) => uri.includes(`"Ref":"${id}"`)),
      `${id} in ${called}`,
    );
  assert.equal(called.length, aliases.length);
});

test("alarms that stop it are alarms that there are, of what callers notice", () => {
  const settings = settingsOf((name) => ({ stage: "production", alarmMail: "none" })[name]);
  const ids = alarmsOf(settings).map(({ id }) => id as string);
  for (const id of STOPPED_BY) {
    assert.ok(ids.includes(id), id);
    app.hasResourceProperties("AWS::CodeDeploy::DeploymentGroup", {
      AlarmConfiguration: { Enabled: true, Alarms: Match.arrayWith([{ Name: `deltalakedb-production-${id}` }]) },
    });
    app.hasResourceProperties("AWS::CloudWatch::Alarm", { AlarmName: `deltalakedb-production-${id}` });
  }
});

test("the version of the new code waits for the migration, as its function does", () => {
  const functions = app.findResources("AWS::Lambda::Function");
  for (const [, { Properties }] of aliases) {
    const version = Properties.FunctionVersion["Fn::GetAtt"][0] as string;
    const { FunctionName } = app.findResources("AWS::Lambda::Version")[version]?.Properties ?? {};
    const waits = functions[FunctionName.Ref as string]?.DependsOn as string[];
    assert.ok(
      waits.some((id) => id.startsWith("MigrationMigrated")),
      waits.join(),
    );
  }
});

test("development deploys at once", () => {
  templatesOf({ stage: "development" }).app.resourceCountIs("AWS::CodeDeploy::DeploymentGroup", 0);
});
