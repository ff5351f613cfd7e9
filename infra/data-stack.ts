/** What must outlive every deployment: the bucket of the tables, and the database in its network. */

import { Stack, Tags } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { Database, type DatabaseAccess } from "./constructs/database.ts";
import { LakeBucket, type Tables } from "./constructs/lake-bucket.ts";
import { Network } from "./constructs/network.ts";
import { mirrorRoleName } from "./constructs/roles.ts";
import type { Settings } from "./settings.ts";

export interface DataStackProps {
  readonly settings: Settings;
  /** A database that exists already, by URL: no network and no Aurora are made. */
  readonly externalDatabase?: DatabaseAccess;
}

export class DataStack extends Stack {
  readonly database: DatabaseAccess;
  readonly tables: Tables;

  constructor(scope: Construct, id: string, props: DataStackProps) {
    const { settings, externalDatabase } = props;
    super(scope, id, {
      description: `deltalakedb ${settings.stage}: tables and database`,
      terminationProtection: settings.protectData,
    });
    Tags.of(this).add("service", "deltalakedb");
    Tags.of(this).add("stage", settings.stage);
    const mirrorRoleArn = `arn:${this.partition}:iam::${this.account}:role/${mirrorRoleName(this, settings)}`;
    this.tables = new LakeBucket(this, "Lake", { settings, mirrorRoleArn }).tables;
    this.database = externalDatabase ?? this.#aurora(settings);
  }

  #aurora(settings: Settings): DatabaseAccess {
    const network = new Network(this, "Network", { settings });
    return new Database(this, "Database", { settings, vpc: network.vpc }).access;
  }
}
