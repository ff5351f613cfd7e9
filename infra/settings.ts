/** What differs between development, staging and production: data, never code. */

export const STAGES = ["development", "staging", "production"] as const;
export type StageName = (typeof STAGES)[number];

export interface Settings {
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
  /** Days that replaced and deleted objects are kept. */
  readonly noncurrentDays: number;
  readonly logDays: number;
  readonly authorisation:
    | { readonly kind: "iam" }
    | { readonly kind: "jwt"; readonly issuer: string; readonly audience: readonly string[] };
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
  };
  /** Who gets the alarms; without it they only change their colour. */
  readonly alarmMail?: string;
  /** A bucket that exists already. Without it one is made. */
  readonly existingBucket?: string;
  /** Places below which the API may make and import tables, beside `tables/` in the bucket. */
  readonly storageRoots: readonly string[];
  /** ARNs of roles that may set foreign files in a log aside: the bucket's policy keeps everybody else out. */
  readonly logOperators: readonly string[];
}

const COMMON = {
  authorisation: { kind: "iam" },
  throttling: { rate: 100, burst: 200 },
  verifyFiles: true,
  mirror: {
    concurrency: 50,
    lagThresholdSeconds: 5,
    overdueSeconds: 10,
    maxUnpublished: 10_000,
    commitsWhenStopped: "accept",
  },
  backup: { everyMinutes: 60, keepDays: 35, lock: "governance", drillDays: 3 },
  maintenance: { everyMinutes: 60, vacuum: false },
  storageRoots: [],
  logOperators: [],
} as const satisfies Partial<Settings>;

const BY_STAGE: Readonly<Record<StageName, Settings>> = {
  development: {
    ...COMMON,
    stage: "development",
    database: { minCapacity: 0, maxCapacity: 2, pauseAfterMinutes: 10, backupDays: 1, standby: false },
    protectData: false,
    noncurrentDays: 1,
    logDays: 7,
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
    noncurrentDays: 7,
    logDays: 30,
    sweepMinutes: 1,
    parityMinutes: 60,
    backup: { ...COMMON.backup, everyMinutes: 360, keepDays: 7 },
  },
  production: {
    ...COMMON,
    stage: "production",
    database: { minCapacity: 1, maxCapacity: 32, backupDays: 35, standby: true },
    protectData: true,
    noncurrentDays: 30,
    logDays: 90,
    throttling: { rate: 1000, burst: 2000 },
    mirror: { ...COMMON.mirror, concurrency: 200 },
    sweepMinutes: 1,
    parityMinutes: 60,
  },
};

/** What the command line says with `-c name=value`, as text. */
export type Context = (name: string) => unknown;

/** The settings of the stage that `-c stage=` names, with what else the command line says. */
export function settingsOf(context: Context): Settings {
  const stage = text(context, "stage") ?? "development";
  const settings = BY_STAGE[stage as StageName];
  if (settings === undefined) throw new Error(`-c stage=${stage}: there are ${STAGES.join(", ")}.`);
  const lock = text(context, "backupLock") ?? settings.backup.lock;
  if (lock !== "governance" && lock !== "compliance") {
    throw new Error(`-c backupLock=${lock}: there are governance and compliance.`);
  }
  const keySecret = text(context, "backupKeySecret");
  if (keySecret !== undefined && !keySecret.startsWith("arn:")) {
    throw new Error(`-c backupKeySecret=${keySecret} is not the ARN of a secret.`);
  }
  const alarmMail = text(context, "alarmMail");
  if (stage === "production" && alarmMail === undefined) {
    throw new Error(
      "nobody would hear of an alarm in production: say deployment.alarm_mail in config/production.yaml, or -c alarmMail=operators@example.org; none means nobody.",
    );
  }
  const existingBucket = text(context, "existingBucket");
  const logOperators = text(context, "logOperators")?.split(",") ?? [];
  const storageRoots = text(context, "storageRoots")?.split(",") ?? [];
  const noRoot = storageRoots.find((root) => !/^s3:\/\/[a-z0-9][a-z0-9.-]+(\/[^/]+)*\/?$/.test(root));
  if (noRoot !== undefined) throw new Error(`-c storageRoots=: "${noRoot}" is not s3://bucket or s3://bucket/prefix.`);
  const wrong = logOperators.find((arn) => !/^arn:[^:]+:iam::\d{12}:role\/\S+$/.test(arn));
  if (wrong !== undefined) {
    throw new Error(`-c logOperators=: "${wrong}" is not the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME.`);
  }
  const issuer = text(context, "jwtIssuer");
  const audience = text(context, "jwtAudience")?.split(",");
  if ((issuer === undefined) !== (audience === undefined)) {
    throw new Error("-c jwtIssuer= and -c jwtAudience= come together: a token without an audience would open any API.");
  }
  return {
    ...settings,
    backup: { ...settings.backup, lock, ...(keySecret === undefined ? {} : { keySecret }) },
    maintenance: { ...settings.maintenance, vacuum: text(context, "vacuum") === "true" || settings.maintenance.vacuum },
    storageRoots,
    logOperators,
    ...(alarmMail === undefined || alarmMail === "none" ? {} : { alarmMail }),
    ...(existingBucket === undefined ? {} : { existingBucket }),
    ...(issuer === undefined || audience === undefined ? {} : { authorisation: { kind: "jwt", issuer, audience } }),
  };
}

function text(context: Context, name: string): string | undefined {
  const value = context(name);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The name of a resource that must be known before it is made, or that people look for. */
export function nameOf(settings: Settings, what: string): string {
  return `deltalakedb-${settings.stage}-${what}`;
}
