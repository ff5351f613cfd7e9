/** Runs the migrate function at deploy, whenever the migrations, the database or the login that reads changed. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { CustomResource, RemovalPolicy, Validations } from "aws-cdk-lib";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import { Provider } from "aws-cdk-lib/custom-resources";
import { Construct } from "constructs";
import { DUTIES } from "../../lib/lake/duties.ts";
import { retentionOf } from "../retention.ts";
import type { Settings } from "../settings.ts";
import type { DatabaseAccess } from "./database.ts";
import { acknowledgeWildcard } from "./roles.ts";

const MIGRATIONS = fileURLToPath(new URL("../../lib/catalog/migrations/", import.meta.url));

export interface MigrationProps {
  readonly settings: Settings;
  readonly database: DatabaseAccess;
  readonly migrate: IFunction;
}

export class Migration extends Construct {
  readonly done: CustomResource;

  constructor(scope: Construct, id: string, props: MigrationProps) {
    super(scope, id);
    const provider = new Provider(this, "Provider", {
      onEventHandler: props.migrate,
      logGroup: new logs.LogGroup(this, "Log", {
        retention: retentionOf(props.settings.logDays),
        removalPolicy: RemovalPolicy.DESTROY,
      }),
    });
    this.done = new CustomResource(this, "Migrated", {
      serviceToken: provider.serviceToken,
      resourceType: "Custom::DeltaLakeDBMigration",
      properties: {
        migrations: fingerprint(),
        database: props.database.url,
        reader: props.database.reader?.secretArn ?? "",
        logins: createHash("sha256").update(JSON.stringify(DUTIES)).digest("hex"),
      },
    });
    acknowledge(provider, props.migrate);
  }
}

/** Changes when a migration does: CloudFormation then calls the function, and not otherwise. */
function fingerprint(): string {
  const hash = createHash("sha256");
  for (const file of readdirSync(MIGRATIONS).sort())
    hash.update(file).update(readFileSync(path.join(MIGRATIONS, file)));
  return hash.digest("hex");
}

/** The provider's function is CDK's own: its role, and the runtime it has been tested with. */
function acknowledge(provider: Provider, migrate: IFunction): void {
  const reason = "The provider's function is part of CDK, which chooses its role and runtime.";
  const policy = "arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
  Validations.of(provider).acknowledge(
    { id: "AwsSolutions-L1", reason },
    { id: `AwsSolutions-IAM4[Policy::${policy}]`, reason },
  );
  acknowledgeWildcard(provider, `${migrate.functionArn}:*`, "It calls the migrate function, in any version of it.");
}
