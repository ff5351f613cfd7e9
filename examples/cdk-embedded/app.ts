/** A CDK app of a team: an ETL job of its own, and the catalog beside it. */

import { App, CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import { DeltaLakeCatalog } from "deltalakedb/infra";

class SalesStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps = {}) {
    super(scope, id, props);
    const job = new iam.Role(this, "Job", { assumedBy: new iam.ServicePrincipal("glue.amazonaws.com") });
    const catalog = new DeltaLakeCatalog(this, "Catalog", {
      name: "sales",
      stage: "production",
      alarmMail: "sales-operators@example.org",
      overrides: { parityMinutes: 360 },
    });
    // The job writes data files, and commits them through the API.
    catalog.grantDataFiles(job);
    catalog.grantInvoke(job);
    new CfnOutput(this, "CatalogUrl", { value: catalog.apiUrl });
  }
}

const app = new App();
new SalesStack(app, "Sales");
