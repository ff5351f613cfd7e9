/** Copies in a second region: what goes there, by whose right, and that nothing does unless somebody asks for it. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { App } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { addStacks } from "../../infra/app.ts";
import { CopiesStack } from "../../infra/copies-stack.ts";
import { cdkJson, templatesOf } from "./templates.ts";

const REGION = "eu-west-1";
const both = { stage: "production", backupCopyRegion: REGION, replicateTo: REGION };

function stacksOf(told: Record<string, string>) {
  const app = new App({ context: { ...cdkJson.context, alarmMail: "none", ...told, "aws:cdk:bundling-stacks": [] } });
  const { data } = addStacks(app);
  const found = app.node.children.find((child) => child instanceof CopiesStack);
  return { data, copies: found as CopiesStack | undefined };
}

describe("nothing is copied", () => {
  test("unless somebody asks for it", () => {
    assert.equal(stacksOf({ stage: "production" }).copies, undefined);
    const { data } = templatesOf({ stage: "production" });
    data.allResourcesProperties("AWS::S3::Bucket", { ReplicationConfiguration: Match.absent() });
    assert.doesNotMatch(JSON.stringify(data.toJSON()), /CopyActions/);
  });
});

describe("copies of everything", () => {
  const { data, copies } = stacksOf(both);
  assert.ok(copies);
  const [here, there] = [Template.fromStack(data), Template.fromStack(copies)];
  const named = (what: string) => ({
    "Fn::Join": ["", [`deltalakedb-production-${what}-`, { Ref: "AWS::AccountId" }]],
  });

  test("the stack there is in its region, and made before: S3 replicates to no bucket that is not there", () => {
    assert.equal(copies.region, REGION);
    assert.ok(data.dependencies.includes(copies));
  });

  test("what goes there arrives: names here are the names there", () => {
    for (const what of ["tables", "backups"]) {
      there.hasResource("AWS::S3::Bucket", {
        DeletionPolicy: "RetainExceptOnCreate",
        Properties: { BucketName: named(what), VersioningConfiguration: { Status: "Enabled" } },
      });
      const bucket = Match.objectLike({ "Fn::Join": ["", Match.arrayWith([`:s3:::deltalakedb-production-${what}-`])] });
      here.hasResourceProperties("AWS::S3::Bucket", {
        ReplicationConfiguration: {
          Rules: [
            Match.objectLike({
              Status: "Enabled",
              DeleteMarkerReplication: { Status: "Enabled" },
              Destination: Match.objectLike({ Bucket: bucket }),
            }),
          ],
        },
      });
    }
    there.hasResourceProperties("AWS::S3::Bucket", { BucketName: named("backups"), ObjectLockEnabled: true });
    there.hasResourceProperties("AWS::Backup::BackupVault", { BackupVaultName: "deltalakedb-production-copies" });
    const [plan] = Object.values(here.findResources("AWS::Backup::BackupPlan"));
    const told = JSON.stringify(plan?.Properties.BackupPlan.BackupPlanRule[0].CopyActions);
    assert.match(told, /:backup:eu-west-1:.*AWS::AccountId.*:backup-vault:deltalakedb-production-copies/);
    assert.match(told, /"DeleteAfterDays":35/);
  });

  test("S3 alone copies, and may do nothing else", () => {
    const roles = Object.entries(here.findResources("AWS::IAM::Role")).filter(([id]) => id.includes("Replication"));
    assert.equal(roles.length, 2);
    for (const [, role] of roles) assert.match(JSON.stringify(role.Properties), /"Service":"s3.amazonaws.com"/);
    const policies = Object.entries(here.findResources("AWS::IAM::Policy")).filter(([id]) =>
      id.includes("Replication"),
    );
    const actions = policies.flatMap(([, { Properties }]) =>
      (Properties.PolicyDocument.Statement as { readonly Action: string | string[] }[]).flatMap(({ Action }) => Action),
    );
    for (const action of actions) assert.match(action, /^s3:(Get|List|Replicate)/);
  });
});

test("each goes alone", () => {
  const catalog = stacksOf({ stage: "production", backupCopyRegion: REGION });
  assert.ok(catalog.copies);
  assert.deepEqual(Object.keys(Template.fromStack(catalog.copies).findOutputs("*")), ["CopiedBackups"]);
  const tables = stacksOf({ stage: "production", replicateTo: REGION });
  assert.ok(tables.copies);
  Template.fromStack(tables.copies).resourceCountIs("AWS::Backup::BackupVault", 0);
  assert.doesNotMatch(JSON.stringify(Template.fromStack(tables.data).toJSON()), /CopyActions/);
});

test("the lock of the vaults: a rule for people, or one that nobody can take off after three days", () => {
  const locked = stacksOf({ ...both, vaultLock: "compliance" });
  assert.ok(locked.copies);
  for (const template of [locked.data, locked.copies].map((stack) => Template.fromStack(stack)))
    template.hasResourceProperties("AWS::Backup::BackupVault", {
      LockConfiguration: { MinRetentionDays: 35, ChangeableForDays: 3 },
    });
  templatesOf({ stage: "production" }).data.hasResourceProperties("AWS::Backup::BackupVault", {
    LockConfiguration: { MinRetentionDays: 35, ChangeableForDays: Match.absent() },
  });
});

test("what is wrong is told", () => {
  const of = (told: Record<string, string>) => () => templatesOf({ stage: "staging", ...told });
  assert.throws(of({ replicateTo: "Ireland" }), /replicateTo=Ireland: a region/);
  assert.throws(of({ replicateTo: REGION, backupCopyRegion: "eu-west-2" }), /copies are in one region/);
  assert.throws(of({ replicateTo: REGION, existingBucket: "our-lake" }), /our-lake is a bucket of yours/);
  assert.throws(of({ replicateTo: REGION, encryptionKey: "own" }), /need a key in the other region/);
  assert.throws(of({ vaultLock: "none" }), /vaultLock=none: there are governance, compliance/);
});
