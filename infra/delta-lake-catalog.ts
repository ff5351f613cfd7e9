/** The whole deployment as one construct, for a CDK app of one's own: two stacks, of which that of the data outlives the other. */

import { type Environment, Token } from "aws-cdk-lib";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { AppStack } from "./app-stack.ts";
import { CLUSTER_ENGINES } from "./constructs/cluster-engines.ts";
import type { DatabaseAccess } from "./constructs/database.ts";
import { CopiesStack } from "./copies-stack.ts";
import { DataStack } from "./data-stack.ts";
import { featureFlags } from "./package-files.ts";
import { type Given, nameOf, type Settings, settingsFor } from "./settings.ts";

/** A database that exists already, reached by the Data API. */
export interface ExistingDatabase {
  /** `rds-data://CLUSTER_ARN?secret=SECRET_ARN&database=NAME` */
  readonly url: string;
  /** ARNs of the secrets of the logins that may only read, and that restores for practice have. */
  readonly readerSecret?: string;
  readonly scratchSecret?: string;
}

/** What a stage says of itself beside {@link Given}; each member replaces the one of the stage. */
export type Overrides = Partial<
  Pick<
    Settings,
    | "database"
    | "protectData"
    | "canary"
    | "noncurrentDays"
    | "logDays"
    | "tracing"
    | "throttling"
    | "verifyFiles"
    | "mirror"
    | "sweepMinutes"
    | "parityMinutes"
  >
>;

export interface DeltaLakeCatalogProps extends Given {
  readonly stage: Settings["stage"];
  readonly existingDatabase?: ExistingDatabase;
  readonly overrides?: Overrides;
  /** Account and region; those of the scope if absent. */
  readonly env?: Environment;
}

/**
 * `new DeltaLakeCatalog(this, "Catalog", { stage: "production", alarmMail: "operators@example.org" })`, in an app, a stage or a stack. Its two stacks are beside
 * the one that it is in, and named `<name>-<stage>-data` and `<name>-<stage>-app`.
 * @throws Error that says which of the properties is wrong
 */
export class DeltaLakeCatalog extends Construct {
  readonly data: DataStack;
  readonly application: AppStack;

  constructor(scope: Construct, id: string, props: DeltaLakeCatalogProps) {
    super(scope, id);
    // Those of the app around may be others.
    for (const [flag, value] of Object.entries(featureFlags())) this.node.setContext(flag, value);
    const { existingDatabase, overrides, env, ...given } = props;
    const settings = { ...settingsFor(given), ...overrides };
    const ids = { data: "Data", app: "App", copies: "Copies" };
    const stacks = stacksOf(this, { settings, existingDatabase, env, ids });
    this.data = stacks.data;
    this.application = stacks.application;
  }

  /** `https://….execute-api.….amazonaws.com/` */
  get apiUrl(): string {
    return this.application.api.url;
  }

  /** The bucket of the tables. */
  get bucketName(): string {
    return this.data.tables.bucketName;
  }

  /** Lets somebody call the API, where callers are known by IAM; what they may do there, grants of the catalog say. */
  grantInvoke(grantee: IGrantable): Grant {
    const { api } = this.application.api;
    return Grant.addToPrincipal({
      grantee,
      actions: ["execute-api:Invoke"],
      resourceArns: [api.arnForExecuteApi()],
    });
  }

  /** Lets somebody read tables, and put data files; logs stay the mirror's, by the policy of the bucket. */
  grantDataFiles(grantee: IGrantable): Grant {
    const { bucketArn, keyArn } = this.data.tables;
    const objects = Grant.addToPrincipal({
      grantee,
      actions: ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
      resourceArns: [`${bucketArn}/*`],
    }).combine(Grant.addToPrincipal({ grantee, actions: ["s3:ListBucket"], resourceArns: [bucketArn] }));
    if (keyArn === undefined) return objects;
    const actions = ["kms:Decrypt", "kms:GenerateDataKey"];
    return objects.combine(Grant.addToPrincipal({ grantee, actions, resourceArns: [keyArn] }));
  }
}

interface StacksProps {
  readonly settings: Settings;
  readonly existingDatabase?: ExistingDatabase | undefined;
  readonly env?: Environment | undefined;
  readonly ids: { readonly data: string; readonly app: string; readonly copies: string };
}

/** The two stacks of one stage, and where something is copied that of the other region, which is there before. */
export function stacksOf(scope: Construct, { settings, existingDatabase, env, ids }: StacksProps) {
  const placed = env === undefined ? {} : { env };
  const external = existingDatabase === undefined ? {} : { externalDatabase: accessOf(existingDatabase, settings) };
  const data = new DataStack(scope, ids.data, {
    settings,
    stackName: nameOf(settings, "data"),
    ...placed,
    ...external,
  });
  const { copies } = settings;
  if (copies !== undefined) {
    const stackName = nameOf(settings, "copies");
    const place = { stackName, env: { ...(env?.account && { account: env.account }), region: copies.region } };
    data.addStackDependency(new CopiesStack(scope, ids.copies, { settings, ...place }));
  }
  const { database, tables, backups, keyArn } = data;
  const application = new AppStack(scope, ids.app, {
    settings,
    stackName: nameOf(settings, "app"),
    database,
    tables,
    backups,
    keyArn,
    ...placed,
    ...(existingDatabase === undefined ? {} : { databaseUrl: existingDatabase.url }),
  });
  return { data, application };
}

/** Functions get permission for the cluster and secret that the URL names; an emulator's names are no ARNs and need none. */
function accessOf(
  { url, readerSecret, scratchSecret }: ExistingDatabase,
  settings: Pick<Settings, "databaseEngine">,
): DatabaseAccess {
  if (Token.isUnresolved(url)) throw new Error("existingDatabase.url: say it as text, its ARNs are read off it.");
  if (settings.databaseEngine !== "aurora-postgresql") {
    throw new Error(
      `databaseEngine=${settings.databaseEngine} is for an Aurora that is made here; of one that exists its URL says it (engine=mysql).`,
    );
  }
  const [, clusterArn, secret] = /^rds-data:\/\/(arn:[^?]+)\?(?:.*&)?secret=(arn[^&]+)/.exec(url) ?? [];
  if (clusterArn === undefined || secret === undefined) return { url };
  const loginOf = (secretArn: string) => ({ url: url.replace(secret, secretArn), secretArn });
  const scratchOf = (secretArn: string) => {
    const { scratchDatabase } = CLUSTER_ENGINES[/[?&]engine=mysql\b/.test(url) ? "aurora-mysql" : "aurora-postgresql"];
    const login = loginOf(secretArn);
    return scratchDatabase === undefined
      ? login
      : { ...login, url: login.url.replace(/([?&]database=)[^&]*/, `$1${scratchDatabase}`) };
  };
  return {
    url,
    clusterArn,
    secretArn: decodeURIComponent(secret),
    ...(readerSecret === undefined ? {} : { reader: loginOf(readerSecret) }),
    ...(scratchSecret === undefined ? {} : { scratch: scratchOf(scratchSecret) }),
  };
}
