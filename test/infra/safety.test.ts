/** What the stacks promise for the day after: locked backups, one role that deletes, clocks that make, verify and practise. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Match } from "aws-cdk-lib/assertions";
import { actionsOf, placesOf, ROLES, statementsOf, templatesOf } from "./templates.ts";

const production = templatesOf({ stage: "production" });

describe("the copies", () => {
  test("only maintenance deletes, and whoever operators name", () => {
    const operator = "arn:aws:iam::111122223333:role/break-glass";
    const { data } = templatesOf({ stage: "production", logOperators: operator });
    data.hasResourceProperties("AWS::S3::BucketPolicy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Sid: "OnlyMaintenanceDeletes",
            Effect: "Deny",
            Action: ["s3:DeleteObject", "s3:DeleteObjectVersion"],
            Condition: { ArnNotEquals: { "aws:PrincipalArn": [Match.anyValue(), operator] } },
          }),
        ]),
      },
    });
    const role = { "Fn::Join": ["", ["deltalakedb-production-maintenance-", { Ref: "AWS::Region" }]] };
    production.app.hasResourceProperties("AWS::IAM::Role", { RoleName: role });
  });

  test("backups are locked, versioned, apart from the tables, and written by one role", () => {
    for (const [lock, mode] of [
      [undefined, "GOVERNANCE"],
      ["compliance", "COMPLIANCE"],
    ] as const) {
      const { data } = lock === undefined ? production : templatesOf({ stage: "production", backupLock: lock });
      data.hasResource("AWS::S3::Bucket", {
        DeletionPolicy: "Retain",
        Properties: {
          ObjectLockEnabled: true,
          ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode: mode, Days: 35 } } },
          VersioningConfiguration: { Status: "Enabled" },
          BucketEncryption: Match.anyValue(),
          LifecycleConfiguration: {
            Rules: Match.arrayWith([
              Match.objectLike({ ExpirationInDays: 37, NoncurrentVersionExpiration: { NoncurrentDays: 1 } }),
            ]),
          },
        },
      });
    }
    assert.throws(() => templatesOf({ stage: "production", backupLock: "none" }), /governance and compliance/);
    const policies = JSON.stringify(production.data.findResources("AWS::S3::BucketPolicy"));
    assert.match(policies, /"Sid":"OnlyTheBackupFunctionWrites"/);
    assert.ok(policies.includes(':role/deltalakedb-production-backup-",{"Ref":"AWS::Region"}'));
  });

  test("Aurora has snapshots of its own beside them, in a vault that keeps them", () => {
    production.data.hasResourceProperties("AWS::Backup::BackupVault", { LockConfiguration: { MinRetentionDays: 35 } });
    production.data.hasResourceProperties("AWS::Backup::BackupPlan", {
      BackupPlan: { BackupPlanRule: [Match.objectLike({ Lifecycle: { DeleteAfterDays: 35 } })] },
    });
  });
});

describe("the clocks", () => {
  test("make, verify and restore backups, and tidy up, each with its own task", () => {
    const schedules = Object.values(production.app.findResources("AWS::Scheduler::Schedule"));
    const seen = schedules.map(({ Properties }) => [Properties.ScheduleExpression, Properties.Target.Input]);
    for (const wanted of [
      ["rate(1 hour)", '{"task":"backup"}'],
      ["rate(1 day)", '{"task":"backup","full":true}'],
      ["rate(1 day)", '{"task":"verify"}'],
      ["rate(3 days)", undefined],
    ]) {
      assert.ok(
        seen.some(([rate, input]) => rate === wanted[0] && (wanted[1] === undefined || input === wanted[1])),
        `${wanted} among ${JSON.stringify(seen)}`,
      );
    }
    assert.equal(schedules.length, 7);
  });

  test("vacuum is off until it is asked for", () => {
    for (const [context, wanted] of [
      [{ stage: "production" }, "false"],
      [{ stage: "production", vacuum: "true" }, "true"],
    ] as const) {
      templatesOf(context).app.hasResourceProperties("AWS::Lambda::Function", {
        FunctionName: "deltalakedb-production-maintenance",
        Environment: { Variables: Match.objectLike({ VACUUM: wanted }) },
      });
    }
  });
});

describe("the roles", () => {
  test("may not do everything; maintenance alone deletes, and only below the places of tables", () => {
    for (const name of ROLES) {
      const actions = actionsOf(production.app, name);
      assert.deepEqual(
        actions.filter((action) => action.includes("*") || action.startsWith("s3:Delete")),
        name === "Maintenance" ? ["s3:DeleteObject"] : [],
        name,
      );
    }
    const places = placesOf(production.app, "Maintenance", "s3:DeleteObject");
    assert.equal(places.length, 1);
    assert.match(places[0] ?? "", /"\/tables\/\*"/);
    const wide = templatesOf({
      stage: "staging",
      existingBucket: "lake",
      storageRoots: "s3://lake/sales,s3://other/x",
    });
    const own = placesOf(wide.app, "Maintenance", "s3:DeleteObject");
    assert.equal(own.length, 2);
    assert.ok(own.join().includes("lake/tables/*") && own.join().includes("lake/sales/*"), own.join());
  });

  test("make backups where nobody else writes, and nobody deletes: also not who makes them", () => {
    const [place] = placesOf(production.app, "Backup", "s3:PutObject");
    assert.match(place ?? "", /Backups/);
    assert.deepEqual(placesOf(production.app, "Drill", "s3:GetObject"), [place]);
    const secrets = (name: string) => placesOf(production.app, name, "secretsmanager:GetSecretValue");
    const [scratch, ...others] = secrets("Drill");
    assert.deepEqual(others, [], "a drill has one login");
    assert.match(scratch ?? "", /Scratch/, "which has a schema of its own");
    const also = ROLES.filter((name) => secrets(name).some((place) => place === scratch));
    assert.deepEqual(also, ["Migrate", "Drill"], "and whose password nobody needs but who sets it");
    const keyed = templatesOf({
      stage: "production",
      backupKeySecret: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:k",
    });
    const withKey = ROLES.filter((name) =>
      placesOf(keyed.app, name, "secretsmanager:GetSecretValue").some((at) => at.includes("secret:k")),
    );
    assert.deepEqual(withKey, ["Backup", "Drill"], "who seals and who opens backups read their key, and nobody else");
    assert.throws(() => templatesOf({ stage: "production", backupKeySecret: "k" }), /not the ARN of a secret/);
    for (const name of ROLES.filter((other) => !["Backup", "Drill"].includes(other))) {
      const mine = statementsOf(production.app, name).map((statement) => JSON.stringify(statement.Resource));
      assert.ok(!mine.some((resource) => resource.includes("BackupBackups")), name);
    }
  });
});
