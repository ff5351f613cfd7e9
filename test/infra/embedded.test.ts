/** The catalog as a construct in an app of somebody else's: the example as it stands, and what the properties do. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { App, Stack, Stage } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { CopiesStack } from "../../infra/copies-stack.ts";
import { DeltaLakeCatalog, type DeltaLakeCatalogProps } from "../../infra/index.ts";
import { ROOT } from "../support/source-tree.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-embedded-"));
after(() => rmSync(folder, { recursive: true }));

const NO_BUNDLES = { "aws:cdk:bundling-stacks": [] };

interface Resources {
  readonly Resources: Readonly<
    Record<string, { readonly Type: string; readonly Properties: Readonly<Record<string, unknown>> }>
  >;
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>;
}

test("the example synthesizes, with the package that it names", () => {
  const hook = `import { registerHooks } from "node:module";
    const ours = ${JSON.stringify(pathToFileURL(join(ROOT, "infra/index.ts")).href)};
    registerHooks({ resolve: (name, context, next) => next(name === "deltalakedb/infra" ? ours : name, context) });`;
  const { status, stderr } = spawnSync(
    process.execPath,
    ["--import", `data:text/javascript,${encodeURIComponent(hook)}`, join(ROOT, "examples/cdk-embedded/app.ts")],
    { env: { ...process.env, CDK_OUTDIR: folder, CDK_CONTEXT_JSON: JSON.stringify(NO_BUNDLES) }, encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
  const templates = readdirSync(folder).filter((name) => name.endsWith(".template.json"));
  assert.equal(templates.length, 3, templates.join());
  const sales = JSON.parse(readFileSync(join(folder, "Sales.template.json"), "utf8")) as Resources;
  const policies = Object.values(sales.Resources).filter(({ Type }) => Type === "AWS::IAM::Policy");
  const allowed = JSON.stringify(policies);
  for (const action of ["execute-api:Invoke", "s3:PutObject", "s3:ListBucket"])
    assert.ok(allowed.includes(action), action);
  assert.match(JSON.stringify(sales.Outputs.CatalogUrl), /execute-api/);
});

function catalogIn(props: DeltaLakeCatalogProps, scope = new App({ context: NO_BUNDLES })) {
  const catalog = new DeltaLakeCatalog(scope, "Catalog", props);
  return { catalog, data: Template.fromStack(catalog.data), app: Template.fromStack(catalog.application) };
}

test("its properties are the settings of a stage, and what is wrong is told", () => {
  const { catalog, data, app } = catalogIn({
    name: "sales",
    stage: "staging",
    jwt: { issuer: "https://id.example.org", audience: ["lake"] },
    overrides: { database: { minCapacity: 2, maxCapacity: 8, backupDays: 14, standby: true } },
  });
  assert.deepEqual(
    [catalog.data.stackName, catalog.application.stackName],
    ["sales-staging-data", "sales-staging-app"],
  );
  data.hasResourceProperties("AWS::RDS::DBCluster", {
    ServerlessV2ScalingConfiguration: { MinCapacity: 2, MaxCapacity: 8 },
  });
  data.resourceCountIs("AWS::RDS::DBInstance", 2);
  app.hasResourceProperties("AWS::ApiGatewayV2::Authorizer", { AuthorizerType: "JWT" });
  app.hasResourceProperties("AWS::Lambda::Function", { FunctionName: "sales-staging-commit" });
  assert.throws(() => catalogIn({ stage: "production" }), /nobody would hear of an alarm/);
  assert.throws(() => catalogIn({ stage: "staging", logOperators: ["me"] }), /logOperators: "me" is not the ARN/);
});

test("what can be turned on beside are properties, and a stack in another region is one of its own", () => {
  const { catalog, data, app } = catalogIn({
    stage: "staging",
    vpc: "own",
    databaseInsights: "standard",
    callerRate: 2,
    backupCopyRegion: "eu-west-1",
    domainName: "lake.example.org",
    certificateArn: "arn:aws:acm:eu-central-1:111122223333:certificate/1a2b3c4d",
    env: { account: "111122223333", region: "eu-central-1" },
  });
  assert.equal(catalog.apiUrl, "https://lake.example.org/");
  app.resourceCountIs("AWS::EC2::VPC", 1);
  data.hasResourceProperties("AWS::RDS::DBCluster", { DatabaseInsightsMode: "standard" });
  const copies = catalog.node.children.find((child) => child instanceof CopiesStack);
  assert.ok(copies instanceof CopiesStack);
  assert.deepEqual(
    [copies.stackName, copies.region, copies.account],
    ["deltalakedb-staging-copies", "eu-west-1", "111122223333"],
  );
});

test("a database that exists already is used, and account and region are those of the stage around it", () => {
  const arn = (what: string) => `arn:aws:${what}`;
  const url = `rds-data://${arn("rds:eu-west-1:1:cluster:c")}?secret=${arn("secretsmanager:eu-west-1:1:secret:s")}&database=d`;
  const app = new App({ context: NO_BUNDLES });
  const stage = new Stage(app, "Eu", { env: { account: "111122223333", region: "eu-west-1" } });
  const stack = new Stack(stage, "Around");
  const catalog = new DeltaLakeCatalog(stack, "Catalog", {
    stage: "development",
    existingDatabase: { url, readerSecret: arn("secretsmanager:eu-west-1:1:secret:r") },
  });
  assert.deepEqual([catalog.data.region, catalog.application.region], ["eu-west-1", "eu-west-1"]);
  const template = Template.fromStack(catalog.data);
  template.resourceCountIs("AWS::RDS::DBCluster", 0);
  assert.match(JSON.stringify(Template.fromStack(catalog.application).toJSON()), /secret:r/);
});
