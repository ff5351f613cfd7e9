/** AWS Backup of Aurora, beside its own point-in-time recovery: daily snapshots in a vault of their own, which outlive the cluster. */

import { Duration, Validations } from "aws-cdk-lib";
import {
  BackupPlan,
  type BackupPlanCopyActionProps,
  BackupPlanRule,
  BackupResource,
  BackupVault,
} from "aws-cdk-lib/aws-backup";
import { Schedule } from "aws-cdk-lib/aws-events";
import * as iam from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { nameOf, type Settings } from "../settings.ts";
import { uniqueNameOf } from "../unique-name.ts";
import { copyVaultArn } from "./replication.ts";
import { snapshotVault } from "./snapshot-vault.ts";

const POLICY = "AWSBackupServiceRolePolicyForBackup";
/** Minutes past the full hour, and hour (UTC). */
const AT = { minute: "30", hour: "3" };

export class ClusterSnapshots extends Construct {
  constructor(scope: Construct, id: string, props: { readonly settings: Settings; readonly clusterArn: string }) {
    super(scope, id);
    const { settings, clusterArn } = props;
    const kept = Duration.days(settings.backup.keepDays);
    const vault = snapshotVault(this, settings, uniqueNameOf(settings, "snapshots"));
    const plan = new BackupPlan(this, "Plan", {
      backupPlanName: nameOf(settings, "snapshots"),
      backupVault: vault,
      backupPlanRules: [
        new BackupPlanRule({
          ruleName: "daily",
          scheduleExpression: Schedule.cron(AT),
          deleteAfter: kept,
          ...(settings.copies?.backups ? { copyActions: [this.#copy(settings, kept)] } : {}),
        }),
      ],
    });
    const role = new iam.Role(this, "Role", {
      assumedBy: new iam.ServicePrincipal("backup.amazonaws.com"),
      managedPolicies: [iam.ManagedPolicy.fromAwsManagedPolicyName(`service-role/${POLICY}`)],
    });
    Validations.of(role).acknowledge({
      id: `AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/${POLICY}]`,
      reason: "AWS says what AWS Backup needs for a snapshot, and keeps it up to date.",
    });
    plan.addSelection("Cluster", {
      resources: [BackupResource.fromArn(clusterArn)],
      role,
      disableDefaultBackupPolicy: true,
    });
  }

  #copy(settings: Settings, deleteAfter: Duration): BackupPlanCopyActionProps {
    const destinationBackupVault = BackupVault.fromBackupVaultArn(this, "Copies", copyVaultArn(this, settings));
    return { destinationBackupVault, deleteAfter };
  }
}
