/** Tries the service as a client does: a role that may call a few routes of the API, and read the log of its own table. */

import { Duration } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { MEMORY_MB } from "../memory.ts";
import type { Settings } from "../settings.ts";
import type { Api } from "./api.ts";
import type { Tables } from "./lake-bucket.ts";
import { acknowledgeWildcard, allowReadingLog, allowSecret } from "./roles.ts";
import { ServiceFunction } from "./service-function.ts";

const [NAMESPACE, TABLE] = ["canary", "probe"];
const ROUTES = [
  ["POST", "/v1/tables"],
  ["POST", "/v1/snapshots"],
  ["POST", "/v1/commits"],
  ["GET", "/v1/tables/*"],
  ["GET", "/v1/transactions/*"],
] as const;

export interface CanaryProps {
  readonly settings: Settings;
  readonly api: Api;
  readonly tables: Tables;
  /** Of the key of KMS that its secret may be encrypted with. */
  readonly keyArn: string | undefined;
}

export class Canary extends Construct {
  readonly lambda: ServiceFunction["lambda"];

  constructor(scope: Construct, id: string, { settings, api, tables, keyArn }: CanaryProps) {
    super(scope, id);
    const { canarySecret } = settings;
    const canary = new ServiceFunction(this, "Canary", {
      settings,
      entry: "canary",
      description: "Commits as a client does, reads it back, and tries what must be refused",
      environment: {
        SERVICE: settings.name,
        STAGE: settings.stage,
        API_URL: api.url,
        CANARY_TABLE: `${NAMESPACE}.${TABLE}`,
        ...(canarySecret === undefined ? {} : { CANARY_SECRET_ARN: canarySecret }),
      },
      timeout: Duration.minutes(2),
      memory: MEMORY_MB.canary,
      // The next run does the same, and an alarm has told by then.
      retries: 0,
    });
    const { role } = canary;
    this.lambda = canary.lambda;
    allowReadingLog(role, tables, `tables/${NAMESPACE}/${TABLE}`);
    if (canarySecret !== undefined) allowSecret(role, canarySecret, keyArn);
    if (settings.authorisation.kind !== "iam") return;
    const routes = ROUTES.map(([method, path]) => api.api.arnForExecuteApi(method, path, "$default"));
    role.addToPolicy(new iam.PolicyStatement({ actions: ["execute-api:Invoke"], resources: routes }));
    for (const route of routes.filter((arn) => arn.endsWith("*"))) {
      acknowledgeWildcard(role, route, "Tables and transactions are named by ids.");
    }
  }
}
