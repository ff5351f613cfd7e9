/** What a stage may have beside what each has: most of it costs money, so all of it is off unless the deployment says so. */

import {
  CERTIFICATE_ARN,
  DATABASE_ENGINES,
  DATABASE_INSIGHTS,
  type DatabaseEngine,
  type DatabaseInsights,
  DEFAULT_ENDPOINT,
  DOMAIN_NAME,
  FRONT,
  REGION,
  SECRET_VERSION,
  SECURITY_GROUP_ID,
  SUBNET_ID,
  VAULT_LOCK,
  type VaultLock,
  VPC_ID,
  WEB_ACL_ARN,
} from "../lib/config/deployment.ts";

/** A hundred a second. */
const FRONT_RATE = 30_000;

/** As the stacks know them: everything that was left out has its default. */
export interface Extras {
  /** Of the Aurora that is made. */
  readonly databaseEngine: DatabaseEngine;
  /** What CloudWatch shows of the load of the database. */
  readonly databaseInsights: DatabaseInsights;
  /** Where functions run: outside of any network of the account, in one that is made for them, or in one that is there. */
  readonly functionNetwork: FunctionNetwork;
  /** The name that the API has beside the one that API Gateway gives it. */
  readonly domain?: Domain;
  /** CloudFront before the API; absent: nothing is. */
  readonly front?: Front;
  /** Requests of one address in five minutes that a firewall lets in. */
  readonly frontRate: number;
  /** What one container lets in of one caller; absent: any number. */
  readonly callers?: { readonly rate: number; readonly burst?: number };
  /** What is copied to another region. */
  readonly copies?: Copies;
  /** Of the vaults of snapshots: as of {@link Settings.backup} for backups. */
  readonly vaultLock: VaultLock;
}

export interface Copies {
  /** Of the second stack with data. */
  readonly region: string;
  /** Snapshots of the database, and backups of the catalog. */
  readonly backups: boolean;
  /** The bucket of the tables: logs and data files. */
  readonly tables: boolean;
}

export interface Front {
  /** Of ACM, in us-east-1. */
  readonly certificateArn: string;
  readonly webAclArn: string;
  /** Of its secret, what CloudFront sends; absent: the current one. */
  readonly secretVersion?: string;
}

export interface Domain {
  readonly name: string;
  /** Of ACM, in the region of the stacks. */
  readonly certificateArn: string;
  /** Of Route 53, which gets a record then. */
  readonly hostedZoneId?: string;
  /** Whether the name that API Gateway gives is answered, too. */
  readonly defaultEndpoint: "open" | "closed";
}

export type FunctionNetwork =
  | { readonly kind: "none" | "own" }
  | {
      readonly kind: "existing";
      readonly vpcId: string;
      readonly subnets: readonly string[];
      /** None: one is made, which lets TLS out and nothing in. */
      readonly securityGroups: readonly string[];
    };

/** What a deployment is told of them. */
export interface GivenExtras {
  /** `aurora-postgresql` if absent. */
  readonly databaseEngine?: DatabaseEngine | undefined;
  /** `off` if absent. */
  readonly databaseInsights?: DatabaseInsights | undefined;
  /** Of the functions: `none` (if absent), `own`, or the id of one that is there. */
  readonly vpc?: string | undefined;
  /** Ids of its subnets; at least one, of a VPC that is there. */
  readonly vpcSubnets?: readonly string[] | undefined;
  /** Ids of groups in it, in place of a new one. */
  readonly vpcSecurityGroups?: readonly string[] | undefined;
  /** Of the API, such as `lake.example.org`. */
  readonly domainName?: string | undefined;
  /** Of a certificate of ACM for it, in the region of the stacks. */
  readonly certificateArn?: string | undefined;
  /** Of the zone of Route 53 that gets its record; none is made if absent. */
  readonly hostedZoneId?: string | undefined;
  /** Whether the API answers by the name of API Gateway, too; `open` if absent. */
  readonly defaultEndpoint?: Domain["defaultEndpoint"] | undefined;
  /** `none` if absent; `cloudfront` needs a name of one's own. */
  readonly front?: (typeof FRONT)[number] | undefined;
  /** Of a certificate of ACM for that name in us-east-1. */
  readonly frontCertificateArn?: string | undefined;
  /** Id of the version of its secret that CloudFront sends; the current one if absent. */
  readonly frontSecretVersion?: string | undefined;
  /** ARN of a web ACL of CloudFront. */
  readonly webAcl?: string | undefined;
  /** 30,000 if absent. */
  readonly frontRate?: number | undefined;
  /** Requests a second of one caller in one container; any number if absent, or 0. */
  readonly callerRate?: number | undefined;
  /** How many of them may come at once. */
  readonly callerBurst?: number | undefined;
  /** A region that snapshots of the database and backups of the catalog are copied to. */
  readonly backupCopyRegion?: string | undefined;
  /** A region that the bucket of the tables is replicated to: the same, if both are given. */
  readonly replicateTo?: string | undefined;
  /** `governance` if absent. */
  readonly vaultLock?: VaultLock | undefined;
}

/** What of a deployment decides whether its tables can be replicated. */
interface Bucket {
  readonly existingBucket?: string | undefined;
  readonly encryptionKey?: string | undefined;
}

/** @throws Error that says what is wrong */
export function extrasOf(given: GivenExtras & Bucket): Extras {
  const { databaseInsights = "off", vaultLock = "governance" } = given;
  if (!VAULT_LOCK.includes(vaultLock)) throw new Error(`vaultLock=${vaultLock}: there are ${VAULT_LOCK.join(", ")}.`);
  const { databaseEngine = "aurora-postgresql" } = given;
  if (!DATABASE_ENGINES.includes(databaseEngine))
    throw new Error(`databaseEngine=${databaseEngine}: there are ${DATABASE_ENGINES.join(", ")}.`);
  if (!DATABASE_INSIGHTS.includes(databaseInsights))
    throw new Error(`databaseInsights=${databaseInsights}: there are ${DATABASE_INSIGHTS.join(", ")}.`);
  const functionNetwork = functionNetworkOf(given);
  const { frontRate = FRONT_RATE } = given;
  if (!Number.isInteger(frontRate) || frontRate < 10)
    throw new Error(`frontRate=${frontRate}: a whole number of requests, 10 at least.`);
  const options = { frontRate, ...behindFront(domainOf(given), given), ...callersOf(given), ...copiesOf(given) };
  return { databaseEngine, databaseInsights, functionNetwork, vaultLock, ...options };
}

/** With the front the name of API Gateway is closed: it would lead around. */
function behindFront({ domain }: Pick<Extras, "domain">, given: GivenExtras): Pick<Extras, "domain" | "front"> {
  const { front = "none", frontCertificateArn, frontSecretVersion, webAcl, defaultEndpoint } = given;
  if (!FRONT.includes(front)) throw new Error(`front=${front}: there are ${FRONT.join(", ")}.`);
  if (front === "none") {
    for (const [name, text] of Object.entries({ frontCertificateArn, frontSecretVersion, webAcl }))
      if (text !== undefined) throw new Error(`${name} is for front=cloudfront; it would do nothing.`);
    return domain === undefined ? {} : { domain };
  }
  if (domain === undefined)
    throw new Error("front=cloudfront needs a name of your own (domainName): requests are signed for it.");
  if (defaultEndpoint === "open") throw new Error("defaultEndpoint=open would lead around the front.");
  if (frontCertificateArn === undefined || !/^arn:[\w-]+:acm:us-east-1:/.test(frontCertificateArn))
    throw new Error(`frontCertificateArn=${frontCertificateArn ?? ""}: CloudFront takes a certificate of us-east-1.`);
  if (webAcl === undefined || !WEB_ACL_ARN.test(webAcl))
    throw new Error(
      `webAcl=${webAcl ?? ""}: the ARN of a web ACL of CloudFront; cdk deploy with -c firewall=true makes one.`,
    );
  if (frontSecretVersion !== undefined && !SECRET_VERSION.test(frontSecretVersion))
    throw new Error(
      `frontSecretVersion=${frontSecretVersion}: the id of a version, 32 to 64 letters, digits, hyphens.`,
    );
  const version = frontSecretVersion === undefined ? {} : { secretVersion: frontSecretVersion };
  return {
    domain: { ...domain, defaultEndpoint: "closed" },
    front: { certificateArn: frontCertificateArn, webAclArn: webAcl, ...version },
  };
}

function callersOf({ callerRate = 0, callerBurst }: GivenExtras): Pick<Extras, "callers"> {
  if (!Number.isFinite(callerRate) || callerRate < 0)
    throw new Error(`callerRate=${callerRate}: requests a second; 0 for any number.`);
  if (callerBurst !== undefined && !(Number.isInteger(callerBurst) && callerBurst >= 1))
    throw new Error(`callerBurst=${callerBurst}: a whole number, 1 at least.`);
  if (callerRate > 0)
    return { callers: { rate: callerRate, ...(callerBurst === undefined ? {} : { burst: callerBurst }) } };
  if (callerBurst !== undefined)
    throw new Error("callerBurst is for a limit of requests a second (callerRate); it would do nothing.");
  return {};
}

function copiesOf(given: GivenExtras & Bucket): Pick<Extras, "copies"> {
  const { backupCopyRegion, replicateTo, existingBucket, encryptionKey = "aws" } = given;
  const region = replicateTo ?? backupCopyRegion;
  if (region === undefined) return {};
  for (const [name, text] of Object.entries({ backupCopyRegion, replicateTo }))
    if (text !== undefined && !REGION.test(text)) throw new Error(`${name}=${text}: a region, such as eu-west-1.`);
  if (backupCopyRegion !== undefined && backupCopyRegion !== region)
    throw new Error(`backupCopyRegion=${backupCopyRegion}, replicateTo=${region}: copies are in one region.`);
  if (replicateTo !== undefined && existingBucket !== undefined)
    throw new Error(
      `replicateTo: ${existingBucket} is a bucket of yours, whose replication is yours to set (docs/recovery.md).`,
    );
  if (replicateTo !== undefined && encryptionKey !== "aws")
    throw new Error(
      "replicateTo: objects under a key of KMS need a key in the other region as well; with encryptionKey set the replication up by hand (docs/recovery.md).",
    );
  return { copies: { region, backups: backupCopyRegion !== undefined, tables: replicateTo !== undefined } };
}

function domainOf({ domainName, certificateArn, hostedZoneId, defaultEndpoint }: GivenExtras): Pick<Extras, "domain"> {
  if (domainName === undefined) {
    for (const [name, given] of Object.entries({ certificateArn, hostedZoneId, defaultEndpoint }))
      if (given !== undefined) throw new Error(`${name} is for a name of your own (domainName); it would do nothing.`);
    return {};
  }
  if (!DOMAIN_NAME.test(domainName))
    throw new Error(`domainName=${domainName}: small letters, such as lake.example.org.`);
  if (certificateArn === undefined || !CERTIFICATE_ARN.test(certificateArn))
    throw new Error(`certificateArn=${certificateArn ?? ""}: ${domainName} needs the ARN of a certificate of ACM.`);
  const endpoint = defaultEndpoint ?? "open";
  if (!DEFAULT_ENDPOINT.includes(endpoint))
    throw new Error(`defaultEndpoint=${endpoint}: there are ${DEFAULT_ENDPOINT.join(", ")}.`);
  return {
    domain: {
      name: domainName,
      certificateArn,
      defaultEndpoint: endpoint,
      ...(hostedZoneId === undefined ? {} : { hostedZoneId }),
    },
  };
}

function functionNetworkOf({ vpc = "none", vpcSubnets = [], vpcSecurityGroups = [] }: GivenExtras): FunctionNetwork {
  if (vpc === "none" || vpc === "own") {
    for (const [name, given] of Object.entries({ vpcSubnets, vpcSecurityGroups }))
      if (given.length > 0)
        throw new Error(`${name} is for a VPC that is there (vpc=vpc-…); with ${vpc} it would do nothing.`);
    return { kind: vpc };
  }
  if (!VPC_ID.test(vpc)) throw new Error(`vpc=${vpc}: none, own, or the id of a VPC, vpc-….`);
  if (vpcSubnets.length === 0)
    throw new Error(`vpc=${vpc}: say with vpcSubnets in which of its subnets functions run.`);
  const ids = {
    vpcSubnets: [vpcSubnets, SUBNET_ID],
    vpcSecurityGroups: [vpcSecurityGroups, SECURITY_GROUP_ID],
  } as const;
  for (const [name, [given, form]] of Object.entries(ids)) {
    const wrong = given.find((id) => !form.test(id));
    if (wrong !== undefined)
      throw new Error(`${name}: "${wrong}" is not an id such as ${name === "vpcSubnets" ? "subnet" : "sg"}-….`);
  }
  return { kind: "existing", vpcId: vpc, subnets: vpcSubnets, securityGroups: vpcSecurityGroups };
}

/** @param text of `-c name=value`, or of the file of the stage */
export function extrasIn(text: (name: keyof GivenExtras) => string | undefined): GivenExtras {
  const figure = (name: keyof GivenExtras) => (text(name) === undefined ? undefined : Number(text(name)));
  const list = (name: keyof GivenExtras) => text(name)?.split(",");
  return {
    databaseEngine: text("databaseEngine") as DatabaseEngine | undefined,
    databaseInsights: text("databaseInsights") as DatabaseInsights | undefined,
    vpc: text("vpc"),
    vpcSubnets: list("vpcSubnets"),
    vpcSecurityGroups: list("vpcSecurityGroups"),
    domainName: text("domainName"),
    certificateArn: text("certificateArn"),
    hostedZoneId: text("hostedZoneId"),
    backupCopyRegion: text("backupCopyRegion"),
    replicateTo: text("replicateTo"),
    front: text("front") as GivenExtras["front"],
    frontCertificateArn: text("frontCertificateArn"),
    frontSecretVersion: text("frontSecretVersion"),
    webAcl: text("webAcl"),
    frontRate: figure("frontRate"),
    callerRate: figure("callerRate"),
    callerBurst: figure("callerBurst"),
    vaultLock: text("vaultLock") as VaultLock | undefined,
    defaultEndpoint: text("defaultEndpoint") as Domain["defaultEndpoint"] | undefined,
  };
}
