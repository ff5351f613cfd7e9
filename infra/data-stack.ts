/** What must outlive every deployment: the bucket of the tables, that of the backups, and the database in its network. */

import { Stack, Tags } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { BackupBucket } from "./constructs/backup-bucket.ts";
import { ClusterSnapshots } from "./constructs/cluster-snapshots.ts";
import { Database, type DatabaseAccess } from "./constructs/database.ts";
import { LakeBucket, type Tables } from "./constructs/lake-bucket.ts";
import { Network } from "./constructs/network.ts";
import { backupRoleName, maintenanceRoleName, mirrorRoleName, roleArn } from "./constructs/roles.ts";
import type { Settings } from "./settings.ts";

export interface DataStackProps {
  readonly settings: Settings;
  /** A database that exists already, by URL: no network and no Aurora are made. */
  readonly externalDatabase?: DatabaseAccess;
}

export class DataStack extends Stack {
  readonly database: DatabaseAccess;
  readonly tables: Tables;
  readonly backups: Tables;

  constructor(scope: Construct, id: string, props: DataStackProps) {
    const { settings, externalDatabase } = props;
    super(scope, id, {
      description: `deltalakedb ${settings.stage}: tables and database`,
      terminationProtection: settings.protectData,
    });
    Tags.of(this).add("service", "deltalakedb");
    Tags.of(this).add("stage", settings.stage);
    this.tables = new LakeBucket(this, "Lake", {
      settings,
      mirrorRoleArn: roleArn(this, mirrorRoleName(this, settings)),
      maintenanceRoleArn: roleArn(this, maintenanceRoleName(this, settings)),
    }).tables;
    const writerArn = roleArn(this, backupRoleName(this, settings));
    this.backups = new BackupBucket(this, "Backup", { settings, writerArn }).place;
    this.database = externalDatabase ?? this.#aurora(settings);
  }

  #aurora(settings: Settings): DatabaseAccess {
    const network = new Network(this, "Network", { settings });
    const { access, clusterArn } = new Database(this, "Database", { settings, vpc: network.vpc });
    new ClusterSnapshots(this, "Snapshots", { settings, clusterArn });
    return access;
  }
}
