/** Functions in a network: in one of their own there is no way out but to the services that they call, and each of those has one. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Match, type Template } from "aws-cdk-lib/assertions";
import { ROOT, readText } from "../support/source-tree.ts";
import { templatesOf } from "./templates.ts";

const VPC = "vpc-0a1b2c3d4e5f60718";
const SUBNETS = ["subnet-0a1b2c3d4e5f60718", "subnet-0a1b2c3d4e5f60719"];

/** Ours, by the names after the stage; those of CDK have none. */
function functionsOf(template: Template) {
  return Object.values(template.findResources("AWS::Lambda::Function"))
    .map(({ Properties }) => Properties as { readonly FunctionName?: string; readonly VpcConfig?: object })
    .filter(({ FunctionName }) => FunctionName?.startsWith("deltalakedb-"));
}

const withoutOne = templatesOf({ stage: "production" }).app;
const own = templatesOf({ stage: "production", vpc: "own", canaryMinutes: "5", compaction: "all" }).app;

describe("unless somebody asks for it", () => {
  test("no function is in a network", () => {
    for (const { VpcConfig, FunctionName } of functionsOf(withoutOne)) assert.equal(VpcConfig, undefined, FunctionName);
    withoutOne.resourceCountIs("AWS::EC2::VPC", 0);
    assert.doesNotMatch(JSON.stringify(withoutOne.toJSON()), /ec2:CreateNetworkInterface/);
  });
});

describe("a network of its own", () => {
  test("every function is in it, but for the canary, which is a client", () => {
    const outside = functionsOf(own).filter(({ VpcConfig }) => VpcConfig === undefined);
    assert.deepEqual(
      outside.map(({ FunctionName }) => FunctionName),
      ["deltalakedb-production-canary"],
    );
    assert.equal(functionsOf(own).length, 12);
  });

  test("has no way out, and nothing comes in but from functions to endpoints", () => {
    for (const type of ["AWS::EC2::NatGateway", "AWS::EC2::InternetGateway"]) own.resourceCountIs(type, 0);
    own.resourceCountIs("AWS::EC2::Route", 0);
    own.resourceCountIs("AWS::EC2::SecurityGroupIngress", 1);
    own.hasResourceProperties("AWS::EC2::SecurityGroupIngress", {
      IpProtocol: "tcp",
      FromPort: 443,
      ToPort: 443,
      SourceSecurityGroupId: Match.anyValue(),
      CidrIp: Match.absent(),
    });
    own.allResourcesProperties("AWS::EC2::SecurityGroup", { SecurityGroupIngress: Match.absent() });
    own.resourceCountIs("AWS::EC2::FlowLog", 1);
  });

  test("every service that code of the functions calls has an endpoint", () => {
    const endpoints = JSON.stringify(Object.values(own.findResources("AWS::EC2::VPCEndpoint")));
    const services: Readonly<Record<string, string>> = {
      "client-s3": ".s3",
      "client-sqs": ".sqs",
      "client-rds-data": ".rds-data",
      "client-secrets-manager": ".secretsmanager",
      "client-sts": ".sts",
    };
    const called = new Set(
      ["lib", "functions"]
        .flatMap((folder) =>
          readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((f) => `${folder}/${f}`),
        )
        .filter((file) => file.endsWith(".ts"))
        .flatMap((file) => [...readText(file).matchAll(/from "@aws-sdk\/(client-[a-z0-9-]+)"/g)])
        .map(([, client = ""]) => client),
    );
    assert.deepEqual([...called].toSorted(), Object.keys(services).toSorted());
    for (const [client, service] of Object.entries(services))
      assert.ok(endpoints.includes(`${service}"`), `${client}: no endpoint ${service}`);
    for (const { Properties } of Object.values(own.findResources("AWS::EC2::VPCEndpoint"))) {
      if (Properties.VpcEndpointType === "Interface") assert.equal(Properties.PrivateDnsEnabled, true);
    }
  });

  test("Lambda may connect them, the code in them may not", () => {
    const policies = Object.entries(own.findResources("AWS::IAM::Policy"));
    for (const name of ["Commit", "Read", "Mirror", "Sweep", "Parity", "Migrate", "Backup", "Drill", "Maintenance"]) {
      const [, policy] = policies.find(([id]) => new RegExp(`^(Functions|Safety)${name}Role`).test(id)) ?? [];
      const text = JSON.stringify(policy);
      assert.match(text, /"Effect":"Allow"[^}]*"Resource":"\*"/, name);
      assert.ok(text.includes("lambda:SourceFunctionArn"), name);
      assert.ok(text.includes(`:function:deltalakedb-production-${name.toLowerCase()}`), name);
    }
    const mirror = JSON.stringify(policies.find(([id]) => id.startsWith("FunctionsMirrorRole"))?.[1]);
    assert.ok(mirror.includes(":function:deltalakedb-production-checkpoint"), "the role is of two functions");
  });

  test("new code goes the way that it went", () => {
    for (const type of ["AWS::Lambda::Alias", "AWS::CodeDeploy::DeploymentGroup"]) {
      assert.equal(
        Object.keys(own.findResources(type)).length,
        Object.keys(withoutOne.findResources(type)).length,
        type,
      );
    }
    own.resourceCountIs("AWS::CodeDeploy::DeploymentGroup", 2);
  });
});

describe("a VPC that is there", () => {
  test("functions are in its subnets, with a group of ours or of theirs", () => {
    const told = { stage: "staging", vpc: VPC, vpcSubnets: SUBNETS.join(",") };
    const { app } = templatesOf(told);
    app.resourceCountIs("AWS::EC2::VPC", 0);
    app.resourceCountIs("AWS::EC2::VPCEndpoint", 0);
    app.hasResourceProperties("AWS::EC2::SecurityGroup", {
      VpcId: VPC,
      SecurityGroupEgress: [Match.objectLike({ FromPort: 443, ToPort: 443, IpProtocol: "tcp" })],
    });
    for (const { VpcConfig } of functionsOf(app))
      assert.deepEqual((VpcConfig as { SubnetIds: string[] }).SubnetIds, SUBNETS);
    const theirs = templatesOf({ ...told, vpcSecurityGroups: "sg-0a1b2c3d4e5f60718" }).app;
    theirs.resourceCountIs("AWS::EC2::SecurityGroup", 0);
    theirs.hasResourceProperties("AWS::Lambda::Function", {
      VpcConfig: { SecurityGroupIds: ["sg-0a1b2c3d4e5f60718"], SubnetIds: SUBNETS },
    });
  });

  test("what is wrong is told", () => {
    const of = (told: Record<string, string>) => () => templatesOf({ stage: "staging", ...told });
    assert.throws(of({ vpc: VPC }), /say with vpcSubnets/);
    assert.throws(of({ vpc: "mine" }), /vpc=mine: none, own, or the id of a VPC/);
    assert.throws(of({ vpcSubnets: SUBNETS.join() }), /vpcSubnets is for a VPC that is there/);
    assert.throws(of({ vpc: VPC, vpcSubnets: "a" }), /vpcSubnets: "a" is not an id such as subnet-…/);
  });
});
