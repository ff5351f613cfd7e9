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
        DeletionPolicy: "RetainExceptOnCreate",
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

  test("vacuum is off until it is asked for, and rows of the audit trail stay for ever", () => {
    for (const [context, wanted, days] of [
      [{ stage: "production" }, "false", "0"],
      [{ stage: "production", vacuum: "true", auditRetentionDays: "400" }, "true", "400"],
    ] as const) {
      templatesOf(context).app.hasResourceProperties("AWS::Lambda::Function", {
        FunctionName: "deltalakedb-production-maintenance",
        Environment: { Variables: Match.objectLike({ VACUUM: wanted, AUDIT_RETENTION_DAYS: days }) },
      });
    }
  });
});

describe("compaction", () => {
  test("has a function only where somebody wants it, which may what maintenance may, and write below the places of tables", () => {
    const isOurs = (template: (typeof production)["app"]) =>
      Object.values(template.findResources("AWS::Lambda::Function")).filter(
        ({ Properties }) => Properties.FunctionName === "deltalakedb-production-compact",
      );
    assert.deepEqual(isOurs(production.app), []);
    const written = placesOf(production.app, "Maintenance", "s3:PutObject");
    assert.ok(
      written.every((place) => place.includes("_delta_log/*")),
      written.join(),
    );
    const { app } = templatesOf({ stage: "production", compaction: "policy" });
    const [compact] = isOurs(app);
    assert.equal(compact?.Properties.Environment.Variables.COMPACTION, "policy");
    assert.match(JSON.stringify(compact?.Properties.Role), /MaintenanceRole/);
    const places = placesOf(app, "Maintenance", "s3:PutObject");
    assert.ok(
      places.some((place) => place.includes('"/tables/*"')),
      places.join(),
    );
    const schedules = Object.values(app.findResources("AWS::Scheduler::Schedule"));
    assert.ok(schedules.some(({ Properties }) => JSON.stringify(Properties.Target.Arn).includes("Compaction")));
    assert.throws(() => templatesOf({ stage: "production", compaction: "yes" }), /there are none, policy, all/);
  });
});

describe("the canary", () => {
  const functionsIn = (template: (typeof production)["app"]) =>
    Object.values(template.findResources("AWS::Lambda::Function")).filter(({ Properties }) =>
      /-canary$/.test(String(Properties.FunctionName)),
    );
  const policyIn = (template: (typeof production)["app"]) =>
    Object.entries(template.findResources("AWS::IAM::Policy"))
      .filter(([id]) => id.startsWith("CanaryRole"))
      .flatMap(([, policy]) => policy.Properties.PolicyDocument.Statement as { Action: string; Resource: unknown }[]);

  test("is there only where somebody wants it, by a clock of its own", () => {
    assert.deepEqual(functionsIn(production.app), []);
    const { app } = templatesOf({ stage: "production", canaryMinutes: "5" });
    const [canary] = functionsIn(app);
    assert.equal(canary?.Properties.Environment.Variables.CANARY_TABLE, "canary.probe");
    assert.equal(canary?.Properties.Environment.Variables.DATABASE_URL, undefined);
    app.hasResourceProperties("AWS::Scheduler::Schedule", { ScheduleExpression: "rate(5 minutes)" });
    app.hasResourceProperties("AWS::CloudWatch::Alarm", { AlarmName: "deltalakedb-production-canary-failed" });
  });

  test("may call five routes and read the log of its table, and nothing else", () => {
    const { app } = templatesOf({ stage: "production", canaryMinutes: "5" });
    const statements = policyIn(app).filter(({ Action }) => !String(Action).startsWith("logs:"));
    const may = (action: string) =>
      statements
        .filter(({ Action }) => [Action].flat().includes(action))
        .flatMap(({ Resource }) => [Resource].flat())
        .map((resource) => JSON.stringify(resource));
    const actions = new Set(statements.flatMap(({ Action }) => Action));
    const traces = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"];
    for (const trace of traces) actions.delete(trace);
    assert.deepEqual([...actions].toSorted(), ["execute-api:Invoke", "s3:GetObject", "s3:ListBucket"]);
    assert.match(may("s3:GetObject").join(), /tables\/canary\/probe\/_delta_log\/\*/);
    const routes = may("execute-api:Invoke").map((arn) => /\$default\/([^"]+)"/.exec(arn)?.[1]);
    assert.deepEqual(routes.toSorted(), [
      "GET/v1/tables/*",
      "GET/v1/transactions/*",
      "POST/v1/commits",
      "POST/v1/snapshots",
      "POST/v1/tables",
    ]);
  });

  test("needs a client where callers are known by tokens, and is refused one where they are not", () => {
    const tokens = { jwtIssuer: "https://id.example", jwtAudience: "lake" };
    const secret = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:canary-AbCdEf";
    const stage = "staging";
    assert.throws(() => templatesOf({ stage, canaryMinutes: "5", ...tokens }), /say its secret/);
    assert.throws(() => templatesOf({ stage, canaryMinutes: "5", canarySecret: secret }), /would do nothing/);
    assert.throws(() => templatesOf({ stage, canaryMinutes: "2.5" }), /whole number/);
    const { app } = templatesOf({ stage, canaryMinutes: "5", canarySecret: secret, ...tokens });
    assert.equal(functionsIn(app)[0]?.Properties.Environment.Variables.CANARY_SECRET_ARN, secret);
    const asked = policyIn(app).find(({ Action }) => Action === "secretsmanager:GetSecretValue");
    assert.equal(asked?.Resource, secret);
    assert.ok(!JSON.stringify(policyIn(app)).includes("execute-api"));
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

  test("lend access to data by a role of its own, that one function may assume and that writes no log", () => {
    const [role] = Object.entries(production.app.findResources("AWS::IAM::Role")).filter(([id]) =>
      id.startsWith("FunctionsDataRole"),
    );
    const [trusted] = role?.[1].Properties.AssumeRolePolicyDocument.Statement ?? [];
    assert.match(JSON.stringify(trusted.Principal), /^\{"AWS":\{"Fn::GetAtt":\["FunctionsCommitRole\w+","Arn"\]\}\}$/);
    const may = statementsOf(production.app, "Data").map(({ Effect, Action, Resource }) => [
      Effect,
      [Action].flat().join(),
      [Resource].flat().map((one) => /"(\/[^"]*)"\]\]\}$/.exec(JSON.stringify(one))?.[1] ?? "the bucket"),
    ]);
    assert.deepEqual(may, [
      ["Allow", "s3:ListBucket", ["the bucket"]],
      ["Allow", "s3:AbortMultipartUpload,s3:GetObject,s3:PutObject", ["/tables/*"]],
      ["Deny", "s3:AbortMultipartUpload,s3:PutObject", ["/*/_delta_log/*", "/_delta_log/*"]],
      ["Deny", "s3:AbortMultipartUpload,s3:GetObject,s3:PutObject", ["/_uploads/*"]],
    ]);
    const assuming = ROLES.filter((name) => actionsOf(production.app, name).includes("sts:AssumeRole"));
    assert.deepEqual(assuming, ["Commit"]);
    const told = Object.values(production.app.findResources("AWS::Lambda::Function"))
      .filter(({ Properties }) => Properties.Environment?.Variables?.DATA_ROLE_ARN !== undefined)
      .map(({ Properties }) => Properties.FunctionName);
    assert.deepEqual(told, ["deltalakedb-production-commit"]);
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
