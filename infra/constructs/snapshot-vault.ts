/** A vault of AWS Backup that keeps what is in it for its days, whoever wants it to be gone. */

import { Duration } from "aws-cdk-lib";
import { BackupVault } from "aws-cdk-lib/aws-backup";
import type { Construct } from "constructs";
import type { Settings } from "../settings.ts";

/** The shortest that AWS has: until then the lock itself can be changed. */
const GRACE = Duration.days(3);

/** @param backupVaultName as AWS Backup has it: letters, digits and hyphens, 50 at most */
export function snapshotVault(scope: Construct, settings: Settings, backupVaultName: string): BackupVault {
  const minRetention = Duration.days(settings.backup.keepDays);
  return new BackupVault(scope, "Vault", {
    backupVaultName,
    // Without a time after which the lock itself could not be changed it is a rule for people, as governance is.
    lockConfiguration: { minRetention, ...(settings.vaultLock === "compliance" ? { changeableFor: GRACE } : {}) },
  });
}
