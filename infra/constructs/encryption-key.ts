/** The key of KMS that the data of a stage is encrypted with, where it is not AWS's own: made by the data stack, or there already. */

import { Aspects, Duration, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import { CfnLogGroup } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { nameOf, type Settings } from "../settings.ts";

/** The shortest that KMS has for development, where all is thrown away. */
const THROWN_AWAY_AFTER = Duration.days(7);
const KEPT_FOR = Duration.days(30);

export class EncryptionKey extends Construct {
  /** As this stack sees it; absent where AWS's own keys are used. */
  readonly key: kms.IKey | undefined;
  /** As other stacks see it. */
  readonly arn: string | undefined;

  constructor(scope: Construct, id: string, { settings }: { readonly settings: Settings }) {
    super(scope, id);
    const { encryptionKey } = settings;
    if (encryptionKey === "aws") return;
    if (encryptionKey !== "own") {
      // Its policy is not ours to change; docs/security.md has the statements to add.
      this.key = keyByArn(this, encryptionKey);
      this.arn = encryptionKey;
      return;
    }
    const key = new kms.Key(this, "Key", {
      alias: nameOf(settings, "data"),
      description: `deltalakedb ${settings.stage}: tables, database, secrets, queues, logs, alarms`,
      enableKeyRotation: true,
      pendingWindow: settings.protectData ? KEPT_FOR : THROWN_AWAY_AFTER,
    });
    for (const statement of servicesUse(Stack.of(this))) key.addToResourcePolicy(statement);
    this.key = key as kms.IKey;
    this.arn = Stack.of(this).exportValue(key.keyArn);
  }
}

/** All groups of logs in a stack, also those that CDK makes. */
export function encryptLogs(stack: Stack, key: kms.IKey | undefined): void {
  if (key === undefined) return;
  Aspects.of(stack).add({
    visit(node) {
      if (node instanceof CfnLogGroup) node.kmsKeyId = key.keyArn;
    },
  });
}

/** A key whose policy is not changed here. */
export function keyByArn(scope: Construct, arn: string): kms.IKey {
  return kms.Key.fromKeyArn(scope, "NamedKey", arn);
}

/** What AWS's services do on their own; who comes with a role of this account is judged by the role. */
function servicesUse({ region, account, partition }: Stack): readonly iam.PolicyStatement[] {
  return [
    new iam.PolicyStatement({
      sid: "LogsOfThisAccount",
      principals: [new iam.ServicePrincipal(`logs.${region}.amazonaws.com`)],
      actions: ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
      resources: ["*"],
      conditions: {
        ArnLike: { "kms:EncryptionContext:aws:logs:arn": `arn:${partition}:logs:${region}:${account}:log-group:*` },
      },
    }),
    new iam.PolicyStatement({
      // To topics that are encrypted an alarm tells nothing without it, and nobody would hear of that.
      sid: "AlarmsTellTopics",
      principals: [new iam.ServicePrincipal("cloudwatch.amazonaws.com")],
      actions: ["kms:Decrypt", "kms:GenerateDataKey*"],
      resources: ["*"],
    }),
  ];
}
