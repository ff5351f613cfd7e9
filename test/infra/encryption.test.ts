/** A key of KMS of one's own: whatever a stage keeps is encrypted with it, each role may use it for its own deeds, and the services of AWS for theirs. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { App } from "aws-cdk-lib";
import { Match, type Template } from "aws-cdk-lib/assertions";
import { AwsSolutionsChecks } from "cdk-nag";
import { addStacks } from "../../infra/app.ts";
import { cdkJson, ROLES, type Statement, statementsOf, templatesOf } from "./templates.ts";

const ARN = "arn:aws:kms:eu-central-1:111122223333:key/1a2b3c4d-0000-4000-8000-5e6f7a8b9c0d";
const PAGES = { stage: "production", alarmMail: "operators@example.org", compaction: "policy" };

/** Where each kind of resource that holds data says its key; a kind that is not here holds none, and says why. */
const KEY_OF: Readonly<Record<string, (properties: Properties) => unknown>> = {
  "AWS::Logs::LogGroup": ({ KmsKeyId }) => KmsKeyId,
  "AWS::SQS::Queue": ({ KmsMasterKeyId }) => KmsMasterKeyId,
  "AWS::SNS::Topic": ({ KmsMasterKeyId }) => KmsMasterKeyId,
  "AWS::SecretsManager::Secret": ({ KmsKeyId }) => KmsKeyId,
  "AWS::RDS::DBCluster": ({ KmsKeyId, MasterUserSecret }) =>
    JSON.stringify(KmsKeyId) === JSON.stringify(MasterUserSecret?.KmsKeyId) ? KmsKeyId : undefined,
  "AWS::S3::Bucket": ({ BucketEncryption }) =>
    BucketEncryption.ServerSideEncryptionConfiguration[0].ServerSideEncryptionByDefault.KMSMasterKeyID,
};
/** S3 delivers access logs into no bucket that KMS encrypts; whoever may delete a key could delete all backups by it. */
const BY_S3_ITSELF = /AccessLogs|BackupBackups/;

// biome-ignore lint/suspicious/noExplicitAny: properties of any resource, as CloudFormation has them
type Properties = Record<string, any>;

function keysIn(template: Template): Map<string, string | undefined> {
  const resources = Object.entries(
    template.toJSON().Resources as Record<string, { Type: string; Properties: Properties }>,
  );
  return new Map(
    resources.flatMap(([id, { Type, Properties }]) => {
      const key = KEY_OF[Type]?.(Properties);
      return KEY_OF[Type] === undefined ? [] : [[id, key === undefined ? undefined : JSON.stringify(key)] as const];
    }),
  );
}

const usesOf = (template: Template, name: string) =>
  statementsOf(template, name)
    .filter(({ Action }) => [Action].flat().some((action) => action.startsWith("kms:")))
    .flatMap(({ Action, Condition }: Statement & { Condition?: Properties }) =>
      [Action].flat().map((action) => {
        const via = JSON.stringify(Condition?.StringEquals?.["kms:ViaService"]);
        return `${action} ${/"?(s3|sqs|secretsmanager)\./.exec(via ?? "")?.[1] ?? "anyhow"}`;
      }),
    );

describe("a key of one's own", () => {
  for (const encryptionKey of ["own", ARN]) {
    const { data, app } = templatesOf({ ...PAGES, encryptionKey });

    test(`${encryptionKey}: encrypts all that is kept, of every kind`, () => {
      const [made] = Object.keys(data.findResources("AWS::KMS::Key"));
      const wanted = encryptionKey === "own" ? String(made) : ARN;
      const kinds = new Set<string>();
      for (const [template, here] of [
        [data, wanted],
        [app, wanted],
      ] as const) {
        for (const [id, key] of keysIn(template)) {
          if (BY_S3_ITSELF.test(id)) assert.equal(key, undefined, id);
          else assert.ok(key?.includes(here), `${id}: ${key}`);
          kinds.add((template.toJSON().Resources as Record<string, { Type: string }>)[id]?.Type ?? "");
        }
      }
      assert.deepEqual([...kinds].toSorted(), Object.keys(KEY_OF).toSorted());
    });

    test(`${encryptionKey}: each role uses it through the services that its deeds need`, () => {
      const [opens, seals] = [
        (via: string) => [`kms:Decrypt ${via}`],
        (via: string) => [`kms:Decrypt ${via}`, `kms:GenerateDataKey ${via}`],
      ];
      const wanted: Readonly<Record<string, readonly string[]>> = {
        Commit: [...seals("s3"), ...seals("sqs"), ...opens("secretsmanager")],
        Read: opens("secretsmanager"),
        Mirror: [...seals("s3"), ...seals("sqs"), ...opens("secretsmanager"), "kms:Decrypt anyhow"],
        Sweep: [...seals("sqs"), ...opens("secretsmanager")],
        Parity: [...opens("s3"), ...seals("sqs"), ...opens("secretsmanager"), "kms:Decrypt anyhow"],
        Backup: opens("secretsmanager"),
        Drill: opens("secretsmanager"),
        Maintenance: [...seals("s3"), ...seals("sqs"), ...opens("secretsmanager")],
        Migrate: opens("secretsmanager"),
        Data: seals("s3"),
      };
      for (const [name, uses] of Object.entries(wanted)) {
        assert.deepEqual([...new Set(usesOf(app, name))].toSorted(), [...uses].toSorted(), name);
      }
      assert.deepEqual(
        ROLES.filter((name) => wanted[name] === undefined && usesOf(app, name).length > 0),
        [],
      );
    });
  }

  test("is made once, turns each year, stays with the data, and is told to the stack that comes after", () => {
    for (const [stage, wanted] of [
      ["production", { kept: "RetainExceptOnCreate", days: 30 }],
      ["development", { kept: "Delete", days: 7 }],
    ] as const) {
      const { data, app } = templatesOf({ stage, encryptionKey: "own" });
      const [key] = Object.values(data.findResources("AWS::KMS::Key"));
      assert.equal(key?.Properties.EnableKeyRotation, true);
      assert.deepEqual([key?.DeletionPolicy, key?.Properties.PendingWindowInDays], [wanted.kept, wanted.days]);
      assert.equal(Object.keys(data.findOutputs("EncryptionKey")).length, 1);
      app.resourceCountIs("AWS::KMS::Key", 0);
    }
  });

  test("lets CloudWatch write logs of this account and tell topics, and nobody else beside the account", () => {
    const [key] = Object.values(
      templatesOf({ stage: "production", encryptionKey: "own" }).data.findResources("AWS::KMS::Key"),
    );
    const statements = key?.Properties.KeyPolicy.Statement as (Statement & {
      Principal: Properties;
      Condition?: Properties;
    })[];
    const isOfAccount = ({ Principal }: { Principal: Properties }) => /:root"/.test(JSON.stringify(Principal.AWS));
    const [logs, alarms, ...others] = statements.filter((one) => !isOfAccount(one));
    assert.ok(statements.some(isOfAccount));
    assert.deepEqual(others, []);
    assert.match(JSON.stringify(logs?.Principal), /"logs\."/);
    assert.match(JSON.stringify(logs?.Condition), /aws:logs:arn.*log-group:\*/);
    assert.deepEqual(alarms?.Principal, { Service: "cloudwatch.amazonaws.com" });
    assert.deepEqual(alarms?.Action, ["kms:Decrypt", "kms:GenerateDataKey*"]);
  });

  test("without one, nothing says a key", () => {
    const { data, app } = templatesOf(PAGES);
    for (const template of [data, app]) {
      assert.doesNotMatch(JSON.stringify(template.toJSON()), /kms:|KmsKeyId|KmsMasterKeyId|KMSMasterKeyID/);
    }
  });
});

describe("a bucket that exists", () => {
  const bucket = { stage: "staging", existingBucket: "our-lake" };

  test("with a key of its own: who reads or writes objects may use it through S3, and nobody otherwise", () => {
    const { app } = templatesOf({ ...bucket, existingBucketKey: ARN });
    for (const name of ["Commit", "Mirror", "Parity", "Maintenance", "Data"]) {
      const uses = statementsOf(app, name).filter(({ Action }) => [Action].flat().includes("kms:Decrypt"));
      assert.deepEqual([uses.length, uses[0]?.Resource], [1, ARN], name);
      assert.ok(
        usesOf(app, name).every((use) => use.endsWith(" s3")),
        name,
      );
    }
    for (const name of ["Read", "Sweep", "Backup", "Drill", "Migrate"]) assert.deepEqual(usesOf(app, name), [], name);
    // A policy of the bucket may refuse what does not say it.
    const said = { Variables: Match.objectLike({ STORAGE_ENCRYPTION: `our-lake=${ARN}` }) };
    app.hasResourceProperties("AWS::Lambda::Function", { Environment: said });
    assert.doesNotMatch(JSON.stringify(templatesOf(bucket).app.toJSON()), /STORAGE_ENCRYPTION/);
  });

  test("its key is not that of the rest", () => {
    const { app } = templatesOf({ ...bucket, encryptionKey: "own", existingBucketKey: ARN });
    const uses = statementsOf(app, "Mirror").filter(({ Resource }) => Resource === ARN);
    assert.equal(uses.length, 1);
    assert.deepEqual(
      usesOf(templatesOf({ ...bucket, encryptionKey: "own" }).app, "Data"),
      [],
      "nobody said that it has one",
    );
  });

  test("what is no key, or belongs to no bucket, is refused", () => {
    assert.throws(() => templatesOf({ stage: "staging", existingBucketKey: ARN }), /give both/);
    for (const key of ["alias/lake", "arn:aws:kms:eu-central-1:111122223333:alias/lake", "yes", "own"]) {
      assert.throws(() => templatesOf({ ...bucket, existingBucketKey: key }), /the ARN of a key of KMS/, key);
    }
    assert.throws(() => templatesOf({ stage: "staging", encryptionKey: "alias/lake" }), /aws, own, or the ARN/);
  });
});

for (const context of [
  { ...PAGES, encryptionKey: "own" },
  { ...PAGES, encryptionKey: ARN, existingBucket: "our-lake", existingBucketKey: ARN },
]) {
  test(`cdk-nag has nothing to say about ${context.encryptionKey}`, () => {
    const app = new App({ context: { ...cdkJson.context, ...context, "aws:cdk:bundling-stacks": [] } });
    addStacks(app);
    app.synth();
    const found = new AwsSolutionsChecks(app).validateScope(app).violations;
    assert.deepEqual(
      found.map(({ ruleName, violatingResources }) => [
        ruleName,
        violatingResources.map((one) => one.resourceLogicalId),
      ]),
      [],
    );
  });
}
