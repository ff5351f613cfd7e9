/** The bucket of the tables: data files, which writers put, and `_delta_log`, which only the mirror writes. */

import { Duration, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as s3 from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { UPLOADS_PREFIX } from "../../lib/storage/keys.ts";
import type { Settings } from "../settings.ts";
import type { EncryptionKey } from "./encryption-key.ts";
import { Replication } from "./replication.ts";

/** The bucket as other stacks see it. */
export interface Tables {
  readonly bucketName: string;
  readonly bucketArn: string;
  /** Of the key of KMS that its objects are encrypted with, by default; absent: S3's own. */
  readonly keyArn?: string;
}

export interface LakeBucketProps {
  readonly settings: Settings;
  readonly encryption: EncryptionKey;
  readonly mirrorRoleArn: string;
  readonly maintenanceRoleArn: string;
}

export class LakeBucket extends Construct {
  readonly tables: Tables;
  /** As its own stack sees it, which cannot import what it exports. */
  readonly bucketName: string;

  constructor(scope: Construct, id: string, props: LakeBucketProps) {
    super(scope, id);
    const { settings, encryption } = props;
    if (settings.existingBucket !== undefined) {
      // Its policy is not ours to replace; docs/deployment.md has the statement to add.
      const { bucketName, bucketArn } = s3.Bucket.fromBucketName(this, "Existing", settings.existingBucket);
      const { existingBucketKey } = settings;
      this.tables = {
        bucketName,
        bucketArn,
        ...(existingBucketKey === undefined ? {} : { keyArn: existingBucketKey }),
      };
      this.bucketName = bucketName;
      return;
    }
    const bucket = newBucket(this, settings, encryption);
    this.bucketName = bucket.bucketName;
    // Without the function that the construct would deploy for it.
    if (settings.followEvents)
      (bucket.node.defaultChild as s3.CfnBucket).notificationConfiguration = {
        eventBridgeConfiguration: { eventBridgeEnabled: true },
      };
    if (settings.copies?.tables) new Replication(this, "Replication", { settings, from: bucket, what: "tables" });
    const { mirrorRoleArn, maintenanceRoleArn } = props;
    const { logOperators } = settings;
    bucket.addToResourcePolicy(onlyTheMirrorWritesLogs(bucket, [mirrorRoleArn, maintenanceRoleArn, ...logOperators]));
    bucket.addToResourcePolicy(onlyMaintenanceDeletes(bucket, [maintenanceRoleArn, ...logOperators]));
    // Exports with names of their own: cdk-nag shows a permission by the name of the export that is in it.
    const stack = Stack.of(this);
    this.tables = {
      bucketName: stack.exportValue(bucket.bucketName),
      bucketArn: stack.exportValue(bucket.bucketArn),
      ...(encryption.arn === undefined ? {} : { keyArn: encryption.arn }),
    };
  }
}

function newBucket(scope: Construct, settings: Settings, { key }: EncryptionKey): s3.Bucket {
  const safe = {
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
  };
  const accessLogs = new s3.Bucket(scope, "AccessLogs", {
    ...safe,
    // S3 delivers its logs into no bucket that encrypts by a key of KMS.
    encryption: s3.BucketEncryption.S3_MANAGED,
    lifecycleRules: [{ id: "expire", expiration: Duration.days(settings.logDays) }],
  });
  return new s3.Bucket(scope, "Tables", {
    ...safe,
    // With a key of the bucket KMS is asked once in a while, and not for each object.
    ...(key
      ? { encryption: s3.BucketEncryption.KMS, encryptionKey: key, bucketKeyEnabled: true }
      : { encryption: s3.BucketEncryption.S3_MANAGED }),
    versioned: true,
    serverAccessLogsBucket: accessLogs as s3.IBucket,
    serverAccessLogsPrefix: "tables/",
    lifecycleRules: [
      { id: "abandoned-uploads", abortIncompleteMultipartUploadAfter: Duration.days(2) },
      {
        id: "uploads",
        prefix: `${UPLOADS_PREFIX}/`,
        expiration: Duration.days(1),
        noncurrentVersionExpiration: Duration.days(1),
      },
      {
        id: "old-versions",
        noncurrentVersionExpiration: Duration.days(settings.noncurrentDays),
        // A marker over nothing is in the way of each list of a log, and never goes by itself.
        expiredObjectDeleteMarker: true,
      },
    ],
  });
}

/** Whoever else wants a file to be gone commits its removal. What the lifecycle of the bucket deletes no policy keeps. */
function onlyMaintenanceDeletes(bucket: s3.Bucket, roleArns: readonly string[]): iam.PolicyStatement {
  return new iam.PolicyStatement({
    sid: "OnlyMaintenanceDeletes",
    effect: iam.Effect.DENY,
    principals: [new iam.AnyPrincipal()],
    actions: ["s3:DeleteObject", "s3:DeleteObjectVersion"],
    resources: [bucket.arnForObjects("*")],
    conditions: { ArnNotEquals: { "aws:PrincipalArn": roleArns } },
  });
}

/** A deny wins over every allow, so that no role with `s3:*` writes into a log by mistake. */
function onlyTheMirrorWritesLogs(bucket: s3.Bucket, roleArns: readonly string[]): iam.PolicyStatement {
  return new iam.PolicyStatement({
    sid: "OnlyTheMirrorWritesDeltaLogs",
    effect: iam.Effect.DENY,
    principals: [new iam.AnyPrincipal()],
    actions: ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"],
    resources: [bucket.arnForObjects("_delta_log/*"), bucket.arnForObjects("*/_delta_log/*")],
    conditions: { ArnNotEquals: { "aws:PrincipalArn": roleArns } },
  });
}

/** Where in the bucket of the stage tables may be: keys up to the last slash. */
export function rootsIn({ storageRoots, existingBucket }: Settings, { bucketName }: Tables): readonly string[] {
  const own = `s3://${existingBucket ?? bucketName}/`;
  const more = storageRoots.filter((root) => `${root}/`.startsWith(own)).map((root) => root.slice(own.length));
  return ["tables/", ...more.map((root) => (root === "" || root.endsWith("/") ? root : `${root}/`))];
}
