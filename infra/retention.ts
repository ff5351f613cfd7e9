/** What is kept, and for how long: days of logs as CloudWatch knows them, and what a deleted stack leaves behind. */

import { RemovalPolicy } from "aws-cdk-lib";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Settings } from "./settings.ts";

/** The enumeration's values are the days themselves; a number that is not among them would fail at deploy. */
export function retentionOf(days: number): RetentionDays {
  if (RetentionDays[days] === undefined)
    throw new Error(`CloudWatch keeps no logs for ${days} days; see RetentionDays.`);
  return days;
}

/** Resources that have data, and what these cannot be without: a database its network, its passwords and its login, a bucket its policy. */
export const KEPT = [
  // Without it none of the others could be read.
  "AWS::KMS::Key",
  "AWS::S3::Bucket",
  "AWS::S3::BucketPolicy",
  "AWS::RDS::DBCluster",
  "AWS::RDS::DBInstance",
  "AWS::RDS::DBSubnetGroup",
  "AWS::RDS::DBClusterParameterGroup",
  "AWS::RDS::DBParameterGroup",
  "AWS::EC2::VPC",
  "AWS::EC2::Subnet",
  "AWS::EC2::SecurityGroup",
  "AWS::SecretsManager::Secret",
  "AWS::SecretsManager::SecretTargetAttachment",
  "AWS::Backup::BackupVault",
];

/**
 * What happens to data when its resource leaves the stack: kept in staging and production. Not so where the resource was made a moment ago by a deploy that
 * failed: it has no data, and would be in the way of the next try.
 */
export function removalOf({ protectData }: Settings): RemovalPolicy {
  return protectData ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY;
}
