/** What a stage has in a second region: a vault for copies of snapshots, and buckets that are replicated to. */

import { CfnOutput, Duration, RemovalPolicies, Stack, type StackProps, Tags } from "aws-cdk-lib";
import * as s3 from "aws-cdk-lib/aws-s3";
import type { Construct } from "constructs";
import { UPLOADS_PREFIX } from "../lib/storage/keys.ts";
import { copyBucketName, copyVaultName } from "./constructs/replication.ts";
import { snapshotVault } from "./constructs/snapshot-vault.ts";
import { KEPT, removalOf } from "./retention.ts";
import type { Settings } from "./settings.ts";

const SAFE = {
  encryption: s3.BucketEncryption.S3_MANAGED,
  enforceSSL: true,
  minimumTLSVersion: 1.2,
  blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
  objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
  versioned: true,
} as const;

export interface CopiesStackProps extends Pick<StackProps, "env" | "stackName"> {
  readonly settings: Settings;
}

export class CopiesStack extends Stack {
  constructor(scope: Construct, id: string, { settings, ...place }: CopiesStackProps) {
    super(scope, id, {
      ...place,
      description: `deltalakedb ${settings.stage}: copies for the day that the region is lost`,
      terminationProtection: settings.terminationProtection,
    });
    Tags.of(this).add("service", "deltalakedb");
    Tags.of(this).add("stage", settings.stage);
    const { copies } = settings;
    if (copies?.backups) {
      snapshotVault(this, settings, copyVaultName(settings));
      this.#backups(settings);
    }
    if (copies?.tables) this.#tables(settings);
    RemovalPolicies.of(this).apply(removalOf(settings), { applyToResourceTypes: [...KEPT] });
  }

  #accessLogs({ logDays }: Settings): s3.IBucket {
    const id = "AccessLogs";
    const made = this.node.tryFindChild(id);
    if (made !== undefined) return made as unknown as s3.IBucket;
    const lifecycleRules = [{ id: "expire", expiration: Duration.days(logDays) }];
    return new s3.Bucket(this, id, { ...SAFE, versioned: false, lifecycleRules }) as s3.IBucket;
  }

  /** The lock comes along with each backup. */
  #backups(settings: Settings): void {
    const { bucketName } = new s3.Bucket(this, "Backups", {
      ...SAFE,
      bucketName: copyBucketName(this, settings, "backups"),
      objectLockEnabled: true,
      serverAccessLogsBucket: this.#accessLogs(settings),
      serverAccessLogsPrefix: "backups/",
      lifecycleRules: [
        {
          id: "old-backups",
          expiration: Duration.days(settings.backup.keepDays + 2),
          noncurrentVersionExpiration: Duration.days(1),
        },
      ],
    });
    new CfnOutput(this, "CopiedBackups", { value: bucketName });
  }

  #tables(settings: Settings): void {
    const { bucketName } = new s3.Bucket(this, "Tables", {
      ...SAFE,
      bucketName: copyBucketName(this, settings, "tables"),
      serverAccessLogsBucket: this.#accessLogs(settings),
      serverAccessLogsPrefix: "tables/",
      lifecycleRules: [
        {
          id: "uploads",
          prefix: `${UPLOADS_PREFIX}/`,
          expiration: Duration.days(1),
          noncurrentVersionExpiration: Duration.days(1),
        },
        {
          id: "old-versions",
          noncurrentVersionExpiration: Duration.days(settings.noncurrentDays),
          expiredObjectDeleteMarker: true,
        },
      ],
    });
    new CfnOutput(this, "CopiedTables", { value: bucketName });
  }
}
