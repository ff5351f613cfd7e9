/** The role whose sessions are lent to clients: it may use data files of tables, and only one function may assume it. */

import * as iam from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import type { Settings } from "../settings.ts";
import { rootsIn, type Tables } from "./lake-bucket.ts";
import { allowBorrowing } from "./roles.ts";
import type { ServiceFunction } from "./service-function.ts";

export interface DataRoleProps {
  readonly settings: Settings;
  readonly tables: Tables;
  /** Who bounds each session to one table, and lends it. */
  readonly lender: ServiceFunction;
}

export class DataRole extends Construct {
  readonly role: iam.Role;

  constructor(scope: Construct, id: string, { settings, tables, lender }: DataRoleProps) {
    super(scope, id);
    this.role = new iam.Role(this, "Role", { assumedBy: new iam.ArnPrincipal(lender.role.roleArn) });
    allowBorrowing(this.role, tables, rootsIn(settings, tables));
    lender.role.addToPolicy(new iam.PolicyStatement({ actions: ["sts:AssumeRole"], resources: [this.role.roleArn] }));
    lender.lambda.addEnvironment("DATA_ROLE_ARN", this.role.roleArn);
  }
}
