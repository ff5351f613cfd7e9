/** The bucket of the backups: apart from the tables, and locked, so that for some days nobody can delete or change a backup. */

import { Duration, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as s3 from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import type { Settings } from "../settings.ts";
import type { Tables } from "./lake-bucket.ts";
import { Replication } from "./replication.ts";

/** After the lock a version is of no more use than its current one. */
const NONCURRENT = Duration.days(1);

export class BackupBucket extends Construct {
  readonly place: Tables;

  /** @param props.writerArn of the one role that may write here */
  constructor(scope: Construct, id: string, props: { readonly settings: Settings; readonly writerArn: string }) {
    super(scope, id);
    const { settings, writerArn } = props;
    const { keepDays, lock } = settings.backup;
    const kept = Duration.days(keepDays);
    const safe = {
      // With a key of KMS whoever may delete the key could delete all backups by it.
      encryption: s3.BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    };
    const accessLogs = new s3.Bucket(this, "AccessLogs", {
      ...safe,
      lifecycleRules: [{ id: "expire", expiration: Duration.days(settings.logDays) }],
    });
    const bucket = new s3.Bucket(this, "Backups", {
      ...safe,
      versioned: true,
      objectLockEnabled: true,
      objectLockDefaultRetention:
        lock === "compliance" ? s3.ObjectLockRetention.compliance(kept) : s3.ObjectLockRetention.governance(kept),
      serverAccessLogsBucket: accessLogs as s3.IBucket,
      serverAccessLogsPrefix: "backups/",
      lifecycleRules: [
        { id: "abandoned-uploads", abortIncompleteMultipartUploadAfter: Duration.days(2) },
        // Increments go on from a full backup that is up to a day older (schedules.ts).
        { id: "old-backups", expiration: Duration.days(keepDays + 2), noncurrentVersionExpiration: NONCURRENT },
      ],
    });
    bucket.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: "OnlyTheBackupFunctionWrites",
        effect: iam.Effect.DENY,
        principals: [new iam.AnyPrincipal()],
        actions: ["s3:PutObject"],
        resources: [bucket.arnForObjects("*")],
        conditions: { ArnNotEquals: { "aws:PrincipalArn": writerArn } },
      }),
    );
    if (settings.copies?.backups) new Replication(this, "Replication", { settings, from: bucket, what: "backups" });
    const stack = Stack.of(this);
    this.place = {
      bucketName: stack.exportValue(bucket.bucketName),
      bucketArn: stack.exportValue(bucket.bucketArn),
    };
  }
}
