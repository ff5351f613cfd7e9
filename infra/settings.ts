/** What differs between development, staging and production: data, never code. */

import { DEFAULT_SCOPES, SCOPE, type Scopes } from "../lib/access/issuer-rules.ts";
import { KEY_ARN } from "../lib/config/deployment.ts";
import { type Extras, extrasIn, extrasOf, type GivenExtras } from "./extras.ts";

export const STAGES = ["development", "staging", "production"] as const;
export type StageName = (typeof STAGES)[number];

/** Tables whose policy asks for it, or all that do not say otherwise. */
export const COMPACTION = ["none", "policy", "all"] as const;
export type Compaction = (typeof COMPACTION)[number];

export interface Settings extends Extras {
  /** What all names begin with: two deployments of one stage in one account and region have two. */
  readonly name: string;
  readonly stage: StageName;
  readonly database: {
    /** Aurora capacity units; a minimum of 0 lets the cluster pause. */
    readonly minCapacity: number;
    readonly maxCapacity: number;
    /** Minutes without a connection until Aurora pauses. Only with a minimum of 0. */
    readonly pauseAfterMinutes?: number;
    readonly backupDays: number;
    /** A second instance in another zone, which takes over within a minute. */
    readonly standby: boolean;
  };
  /** Deleting a stack or a resource by mistake keeps the data, and the database refuses to be deleted. */
  readonly protectData: boolean;
  /** CloudFormation refuses to delete the data stack: also one whose first deploy has failed, which `cdk deploy` would do to repeat it. */
  readonly terminationProtection: boolean;
  /** New code answers a tenth of the requests first, and none once an alarm goes off. */
  readonly canary: boolean;
  /** Every how many minutes a function tries the service as a client does; 0: there is no such function. */
  readonly canaryMinutes: number;
  /** The ARN of the secret with its client at the identity provider, where callers are known by tokens. */
  readonly canarySecret?: string;
  /** Days that replaced and deleted objects are kept. */
  readonly noncurrentDays: number;
  readonly logDays: number;
  /** Whether X-Ray traces calls of the functions: how long each took, with its start, and what has failed. */
  readonly tracing: boolean;
  readonly authorisation:
    | { readonly kind: "iam" }
    | {
        readonly kind: "jwt";
        readonly issuer: string;
        readonly audience: readonly string[];
        readonly scopes: Scopes;
      };
  /** HTTP requests a second, and how many may come at once. */
  readonly throttling: { readonly rate: number; readonly burst: number };
  /** Whether commits look at the files that they name, where neither they nor their table says. */
  readonly verifyFiles: boolean;
  readonly mirror: {
    /** Tables that are mirrored at the same time. */
    readonly concurrency: number;
    readonly lagThresholdSeconds: number;
    /** Age at which the sweeper enqueues its table again, of a version. */
    readonly overdueSeconds: number;
    /** A table with so many unpublished versions takes no commit; 0 for any number. */
    readonly maxUnpublished: number;
    /** Whether commits are made to a table that nothing can be published to. */
    readonly commitsWhenStopped: "accept" | "refuse";
  };
  /** Whether S3 tells of each version that is put into a log, so that followed tables are looked at at once. */
  readonly followEvents: boolean;
  /** A sweep looks into the database: one a minute keeps Aurora from pausing. */
  readonly sweepMinutes: number;
  readonly parityMinutes: number;
  readonly backup: {
    readonly everyMinutes: number;
    /** Days that a backup is kept, and cannot be deleted before. */
    readonly keepDays: number;
    /** `governance`: a role with `s3:BypassGovernanceRetention` can delete all the same; `compliance`: nobody can. */
    readonly lock: "governance" | "compliance";
    /** How often the newest backup is restored for practice. */
    readonly drillDays: number;
    /** The ARN of a secret with the key that backups are encrypted with; S3 alone encrypts them without it. */
    readonly keySecret?: string;
  };
  readonly maintenance: {
    readonly everyMinutes: number;
    /** Whether files that no version needs are removed, where a table does not say. */
    readonly vacuum: boolean;
    /** Days that rows of the audit trail stay; 0 for ever. */
    readonly auditRetentionDays: number;
    /** Which tables a function compacts; none: there is no such function. */
    readonly compaction: Compaction;
  };
  /** Who gets the alarms; without it they only change their colour. */
  readonly alarmMail?: string;
  /** What data is encrypted with: keys of AWS (`aws`), a key of KMS that the data stack makes (`own`), or one that is there, by its ARN. */
  readonly encryptionKey: string;
  /** A bucket that exists already. Without it one is made. */
  readonly existingBucket?: string;
  /** The ARN of the key of KMS that this bucket encrypts with; absent: S3's own. */
  readonly existingBucketKey?: string;
  /** Places below which the API may make and import tables, beside `tables/` in the bucket. */
  readonly storageRoots: readonly string[];
  /** ARNs of roles that may set foreign files in a log aside: the bucket's policy keeps everybody else out. */
  readonly logOperators: readonly string[];
}

const COMMON = {
  name: "deltalakedb",
  terminationProtection: false,
  authorisation: { kind: "iam" },
  throttling: { rate: 100, burst: 200 },
  canaryMinutes: 0,
  followEvents: false,
  verifyFiles: true,
  mirror: {
    concurrency: 50,
    lagThresholdSeconds: 5,
    overdueSeconds: 10,
    maxUnpublished: 10_000,
    commitsWhenStopped: "accept",
  },
  backup: { everyMinutes: 60, keepDays: 35, lock: "governance", drillDays: 3 },
  maintenance: { everyMinutes: 60, vacuum: false, auditRetentionDays: 0, compaction: "none" },
  encryptionKey: "aws",
  storageRoots: [],
  logOperators: [],
} as const satisfies Partial<Settings>;

const BY_STAGE: Readonly<Record<StageName, Omit<Settings, keyof Extras>>> = {
  development: {
    ...COMMON,
    stage: "development",
    database: { minCapacity: 0, maxCapacity: 2, pauseAfterMinutes: 10, backupDays: 1, standby: false },
    protectData: false,
    canary: false,
    noncurrentDays: 1,
    logDays: 7,
    tracing: false,
    sweepMinutes: 60,
    parityMinutes: 360,
    backup: { ...COMMON.backup, everyMinutes: 1440, keepDays: 1 },
    maintenance: { ...COMMON.maintenance, everyMinutes: 1440 },
  },
  staging: {
    ...COMMON,
    stage: "staging",
    database: { minCapacity: 0.5, maxCapacity: 4, backupDays: 7, standby: false },
    protectData: true,
    canary: true,
    noncurrentDays: 7,
    logDays: 30,
    tracing: true,
    sweepMinutes: 1,
    parityMinutes: 60,
    backup: { ...COMMON.backup, everyMinutes: 360, keepDays: 7 },
  },
  production: {
    ...COMMON,
    stage: "production",
    database: { minCapacity: 1, maxCapacity: 32, backupDays: 35, standby: true },
    protectData: true,
    canary: true,
    noncurrentDays: 30,
    logDays: 90,
    tracing: true,
    throttling: { rate: 1000, burst: 2000 },
    mirror: { ...COMMON.mirror, concurrency: 200 },
    sweepMinutes: 1,
    parityMinutes: 60,
  },
};

/** What the command line says with `-c name=value`, as text. */
export type Context = (name: string) => unknown;

/** What a deployment is told; the rest follows from its stage. */
export interface Given extends GivenExtras {
  readonly stage?: StageName;
  /** What all names begin with; `deltalakedb` if absent. */
  readonly name?: string;
  readonly terminationProtection?: boolean;
  /** Who gets the alarms; `none` for nobody, which production has to say. */
  readonly alarmMail?: string;
  /** `aws` (if absent), `own`, or the ARN of a key of KMS. */
  readonly encryptionKey?: string;
  readonly existingBucket?: string;
  /** ARN of the key of KMS that it encrypts with. */
  readonly existingBucketKey?: string;
  readonly storageRoots?: readonly string[];
  readonly logOperators?: readonly string[];
  readonly backupLock?: "governance" | "compliance";
  /** ARN of the secret with the key of encrypted backups. */
  readonly backupKeySecret?: string;
  readonly vacuum?: boolean;
  readonly auditRetentionDays?: number;
  readonly compaction?: Compaction;
  /** Every how many minutes a function tries the service as a client does; never if absent. */
  readonly canaryMinutes?: number;
  /** ARN of the secret with its client at the identity provider: with `jwt` alone. */
  readonly canarySecret?: string;
  /** Whether S3 tells of each version that is put into a log; off if absent. */
  readonly followEvents?: boolean;
  /** Tokens in place of IAM. */
  readonly jwt?: { readonly issuer: string; readonly audience: readonly string[] } & Partial<Scopes>;
}

/** The settings of a stage, with what else it is told. @throws Error that says what is wrong */
export function settingsFor(given: Given): Settings {
  const { stage = "development", alarmMail, existingBucket, existingBucketKey, backupKeySecret, jwt } = given;
  const settings = BY_STAGE[stage];
  if (settings === undefined) throw new Error(`stage=${stage}: there are ${STAGES.join(", ")}.`);
  if (stage === "production" && alarmMail === undefined) {
    throw new Error(
      "nobody would hear of an alarm in production: say deployment.alarm_mail in config/production.yaml, or -c alarmMail=operators@example.org; none means nobody.",
    );
  }
  const { name = settings.name, storageRoots = [], logOperators = [] } = given;
  const { terminationProtection = settings.terminationProtection } = given;
  const { backupLock: lock = settings.backup.lock } = given;
  const { vacuum = settings.maintenance.vacuum, compaction = settings.maintenance.compaction } = given;
  const { auditRetentionDays = settings.maintenance.auditRetentionDays } = given;
  const { canaryMinutes = settings.canaryMinutes, canarySecret } = given;
  const { followEvents = settings.followEvents } = given;
  check({ name, storageRoots, logOperators, lock, compaction, backupKeySecret });
  checkCanary({ canaryMinutes, canarySecret, hasTokens: jwt !== undefined });
  const { encryptionKey = settings.encryptionKey } = given;
  checkKeys({ encryptionKey, existingBucket, existingBucketKey });
  return {
    ...settings,
    ...extrasOf(given),
    name,
    terminationProtection,
    backup: { ...settings.backup, lock, ...(backupKeySecret === undefined ? {} : { keySecret: backupKeySecret }) },
    maintenance: { ...settings.maintenance, vacuum, auditRetentionDays, compaction },
    canaryMinutes,
    followEvents,
    ...(canarySecret === undefined ? {} : { canarySecret }),
    encryptionKey,
    storageRoots,
    logOperators,
    ...(alarmMail === undefined || alarmMail === "none" ? {} : { alarmMail }),
    ...(existingBucket === undefined ? {} : { existingBucket }),
    ...(existingBucketKey === undefined ? {} : { existingBucketKey }),
    ...(jwt === undefined ? {} : { authorisation: authorisationOf(jwt) }),
  };
}

function authorisationOf({ issuer, audience, ...scopes }: NonNullable<Given["jwt"]>): Settings["authorisation"] {
  const { readScope = DEFAULT_SCOPES.readScope, writeScope = DEFAULT_SCOPES.writeScope } = scopes;
  for (const [name, scope] of Object.entries({ jwtReadScope: readScope, jwtWriteScope: writeScope })) {
    if (!SCOPE.test(scope)) throw new Error(`${name}=${scope}: one scope, without spaces.`);
  }
  return { kind: "jwt", issuer, audience, scopes: { readScope, writeScope } };
}

interface Checked {
  readonly name: string;
  readonly storageRoots: readonly string[];
  readonly logOperators: readonly string[];
  readonly lock: string;
  readonly compaction: Compaction;
  readonly backupKeySecret: string | undefined;
}

function check({ name, storageRoots, logOperators, lock, compaction, backupKeySecret }: Checked): void {
  if (!/^[a-z][a-z0-9-]{0,23}$/.test(name)) {
    throw new Error(`name=${name}: small letters, digits and hyphens, 24 at most, and a letter first.`);
  }
  if (lock !== "governance" && lock !== "compliance") {
    throw new Error(`backupLock=${lock}: there are governance and compliance.`);
  }
  if (!COMPACTION.includes(compaction))
    throw new Error(`compaction=${compaction}: there are ${COMPACTION.join(", ")}.`);
  if (backupKeySecret !== undefined && !backupKeySecret.startsWith("arn:")) {
    throw new Error(`backupKeySecret=${backupKeySecret} is not the ARN of a secret.`);
  }
  const noRoot = storageRoots.find((root) => !/^s3:\/\/[a-z0-9][a-z0-9.-]+(\/[^/]+)*\/?$/.test(root));
  if (noRoot !== undefined) throw new Error(`storageRoots: "${noRoot}" is not s3://bucket or s3://bucket/prefix.`);
  const wrong = logOperators.find((arn) => !/^arn:[^:]+:iam::\d{12}:role\/\S+$/.test(arn));
  if (wrong !== undefined) {
    throw new Error(`logOperators: "${wrong}" is not the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME.`);
  }
}

interface CheckedCanary {
  readonly canaryMinutes: number;
  readonly canarySecret: string | undefined;
  readonly hasTokens: boolean;
}

function checkCanary({ canaryMinutes, canarySecret, hasTokens }: CheckedCanary): void {
  if (!Number.isInteger(canaryMinutes) || canaryMinutes < 0 || canaryMinutes > 60) {
    throw new Error(`canaryMinutes=${canaryMinutes}: a whole number of minutes, 60 at most; 0 for never.`);
  }
  const needsSecret = canaryMinutes > 0 && hasTokens;
  if (needsSecret && canarySecret === undefined) {
    throw new Error("the canary needs a client at the identity provider: say its secret with canarySecret.");
  }
  if (!needsSecret && canarySecret !== undefined) {
    throw new Error(
      "canarySecret is for a canary (canaryMinutes) of an API with tokens (jwtIssuer); it would do nothing.",
    );
  }
}

function checkKeys({
  encryptionKey,
  existingBucket,
  existingBucketKey,
}: {
  readonly encryptionKey: string;
  readonly existingBucket: string | undefined;
  readonly existingBucketKey: string | undefined;
}): void {
  const keys = { encryptionKey, existingBucketKey };
  for (const [name, key] of Object.entries(keys)) {
    if (key === undefined || (name === "encryptionKey" && ["aws", "own"].includes(key))) continue;
    if (!KEY_ARN.test(key)) {
      const words = name === "encryptionKey" ? "aws, own, or " : "";
      throw new Error(
        `${name}=${key}: ${words}the ARN of a key of KMS, arn:aws:kms:REGION:ACCOUNT:key/ID; aliases may come to name another key.`,
      );
    }
  }
  if (existingBucketKey !== undefined && existingBucket === undefined) {
    throw new Error(
      "existingBucketKey is the key of existingBucket: give both. A bucket that is made here has encryptionKey.",
    );
  }
}

/** The settings of the stage that `-c stage=` names, with what else the command line says. */
export function settingsOf(context: Context): Settings {
  const flag = (name: string) => (text(context, name) === undefined ? undefined : text(context, name) === "true");
  const issuer = text(context, "jwtIssuer");
  const audience = text(context, "jwtAudience")?.split(",");
  if ((issuer === undefined) !== (audience === undefined)) {
    throw new Error("jwtIssuer and jwtAudience come together: a token without an audience would open any API.");
  }
  const scopes = scopesOf(context);
  if (issuer === undefined && Object.keys(scopes).length > 0) {
    throw new Error("jwtReadScope and jwtWriteScope are for tokens (jwtIssuer); without them they would do nothing.");
  }
  const given = {
    stage: text(context, "stage"),
    name: text(context, "name"),
    terminationProtection: flag("terminationProtection"),
    alarmMail: text(context, "alarmMail"),
    encryptionKey: text(context, "encryptionKey"),
    existingBucket: text(context, "existingBucket"),
    existingBucketKey: text(context, "existingBucketKey"),
    storageRoots: text(context, "storageRoots")?.split(","),
    logOperators: text(context, "logOperators")?.split(","),
    backupLock: text(context, "backupLock"),
    backupKeySecret: text(context, "backupKeySecret"),
    vacuum: flag("vacuum"),
    auditRetentionDays: number(context, "auditRetentionDays"),
    compaction: text(context, "compaction"),
    canaryMinutes: number(context, "canaryMinutes"),
    canarySecret: text(context, "canarySecret"),
    followEvents: flag("followEvents"),
    ...extrasIn((name) => text(context, name)),
    jwt: issuer === undefined ? undefined : { issuer, audience: audience ?? [], ...scopes },
  };
  return settingsFor(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Given);
}

function scopesOf(context: Context): Partial<Scopes> {
  const [readScope, writeScope] = ["jwtReadScope", "jwtWriteScope"].map((name) => text(context, name));
  return { ...(readScope === undefined ? {} : { readScope }), ...(writeScope === undefined ? {} : { writeScope }) };
}

function number(context: Context, name: string): number | undefined {
  const value = text(context, name);
  return value === undefined ? undefined : Number(value);
}

function text(context: Context, name: string): string | undefined {
  const value = context(name);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The name of a resource that must be known before it is made, or that people look for. */
export function nameOf(settings: Settings, what: string): string {
  return `${settings.name}-${settings.stage}-${what}`;
}
