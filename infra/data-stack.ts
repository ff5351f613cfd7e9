/** What must outlive every deployment: the bucket of the tables, that of the backups, and the database in its network. */

import { CfnOutput, RemovalPolicies, Stack, type StackProps, Tags } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { BackupBucket } from "./constructs/backup-bucket.ts";
import { Choices } from "./constructs/choices.ts";
import { CLUSTER_ENGINES } from "./constructs/cluster-engines.ts";
import { ClusterSnapshots } from "./constructs/cluster-snapshots.ts";
import { Database, type DatabaseAccess } from "./constructs/database.ts";
import { EncryptionKey, encryptLogs } from "./constructs/encryption-key.ts";
import { LakeBucket, type Tables } from "./constructs/lake-bucket.ts";
import { Network } from "./constructs/network.ts";
import { backupRoleName, maintenanceRoleName, mirrorRoleName, roleArn } from "./constructs/roles.ts";
import { KEPT, removalOf } from "./retention.ts";
import type { Settings } from "./settings.ts";

export interface DataStackProps extends Pick<StackProps, "env" | "stackName"> {
  readonly settings: Settings;
  /** A database that exists already, by URL: no network and no Aurora are made. */
  readonly externalDatabase?: DatabaseAccess;
}

export class DataStack extends Stack {
  readonly database: DatabaseAccess;
  readonly tables: Tables;
  readonly backups: Tables;
  /** Of what the other stack has to encrypt; absent: keys of AWS. */
  readonly keyArn: string | undefined;

  constructor(scope: Construct, id: string, props: DataStackProps) {
    const { settings, externalDatabase, ...place } = props;
    super(scope, id, {
      ...place,
      description: `deltalakedb ${settings.stage}: tables and database`,
      terminationProtection: settings.terminationProtection,
    });
    Tags.of(this).add("service", "deltalakedb");
    Tags.of(this).add("stage", settings.stage);
    new Choices(this, "Choices", { settings, databaseUrl: externalDatabase?.url });
    const encryption = new EncryptionKey(this, "Encryption", { settings });
    this.keyArn = encryption.arn;
    encryptLogs(this, encryption.key);
    const lake = new LakeBucket(this, "Lake", {
      settings,
      encryption,
      mirrorRoleArn: roleArn(this, mirrorRoleName(this, settings)),
      maintenanceRoleArn: roleArn(this, maintenanceRoleName(this, settings)),
    });
    this.tables = lake.tables;
    const writerArn = roleArn(this, backupRoleName(this, settings));
    const backup = new BackupBucket(this, "Backup", { settings, writerArn });
    this.backups = backup.place;
    const database = externalDatabase ?? this.#aurora(settings, encryption, [lake, backup]);
    this.database = encryption.arn === undefined ? database : { ...database, keyArn: encryption.arn };
    RemovalPolicies.of(this).apply(removalOf(settings), { applyToResourceTypes: [...KEPT] });
    this.#say(lake.bucketName, encryption);
  }

  /** What a later stack is told to go on with this one's data: the settings of the same names. */
  #say(bucketName: string, { key }: EncryptionKey): void {
    const { reader, scratch, url } = this.database;
    const told = {
      ExistingBucket: bucketName,
      DatabaseUrl: url,
      ReaderSecret: reader?.secretArn,
      ScratchSecret: scratch?.secretArn,
      EncryptionKey: key?.keyArn,
    };
    for (const [name, value] of Object.entries(told)) if (value !== undefined) new CfnOutput(this, name, { value });
  }

  #aurora(settings: Settings, { key }: EncryptionKey, others: readonly Construct[]): DatabaseAccess {
    const network = new Network(this, "Network", { settings });
    const { access, clusterArn, protection } = new Database(this, CLUSTER_ENGINES[settings.databaseEngine].id, {
      settings,
      vpc: network.vpc,
      key,
    });
    const snapshots = new ClusterSnapshots(this, "Snapshots", { settings, clusterArn });
    protection?.node.addDependency(snapshots, network, ...others);
    return access;
  }
}
