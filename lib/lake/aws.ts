/** Composition root of the Lambda functions: a SQL database, tables on S3, queues on SQS, metrics on stdout. */

import { openCatalog } from "../catalog/open.ts";
import { type FunctionSettings, parseFunctionEnvironment } from "../config/functions.ts";
import { errorText, invalid, unavailable } from "../errors.ts";
import { openDeltaLog } from "../log/delta-log.ts";
import type { Audit, BackupPlace, Lake, Lending, MigrateLogins, Scans, Uploads } from "../ports.ts";
import {
  type Nack,
  openCheckpointQueue,
  openNack,
  openSqsMirrorQueue,
  openTableQueue,
  type TableQueue,
} from "../queue/sqs.ts";
import { UPLOADS_PREFIX } from "../storage/keys.ts";
import { type FunctionMetrics, openEmf } from "../telemetry/emf.ts";
import { EVENT_METRICS } from "../telemetry/metric-names.ts";
import { systemClock } from "./clock.ts";
import { DUTIES, type Duty, type DutyName } from "./duties.ts";
import { openLending } from "./lending.ts";
import { fromS3Location } from "./location.ts";
import { dataFilesAt, fileChecks, openStore } from "./stores.ts";
import { tableLocation } from "./table-location.ts";

export type { FailedMessage } from "../queue/sqs.ts";

export interface AwsLake extends Lake {
  readonly metrics: FunctionMetrics;
  readonly settings: FunctionSettings;
  /** Where a function that only reads adds to the audit trail, and leaves wishes for indexes; absent where it was given no login for that. */
  readonly trail?: Pick<Audit, "addAudit"> & Pick<Scans, "addScanWish">;
  /** Tables to compare. */
  readonly parityQueue: TableQueue;
  /** Where failed messages of the mirror go back to. */
  readonly mirrorMessages: Nack;
  /** Sends what is left of tables whose work takes longer than one call. @throws LakeError unavailable when that is not sent */
  goOn(tables: readonly { readonly tableId: string; readonly version: number }[]): Promise<void>;
  /** The location of a table that a request makes or imports: on S3, as that is what a function can reach. */
  resolveLocation(location: string | undefined, tableName: string): Promise<string>;
  /** Of the functions that read and that practise; none where they log in as all others do. */
  logins(): Promise<MigrateLogins>;
  /** @throws LakeError invalid for a function that was not told where backups are; unavailable without their key */
  backups(): Promise<BackupPlace>;
  /** Absent for functions that were given no role to lend. */
  readonly lending?: Lending;
  /** Absent where tables are not on S3. */
  readonly uploads?: Uploads;
}

export interface AwsLakeOptions {
  /** Wake-ups that were lost; the sweeper sends them again. */
  readonly onLostMessage: (tableIds: readonly string[], error: unknown) => void;
  /** True for the sweeper: SQS must not drop its messages as doubles of earlier ones. */
  readonly sendsAgain?: boolean;
}

const DAY_MS = 86_400_000;

/** Opens what the environment names; nothing is contacted yet. @throws LakeError invalid naming the variable */
export async function openAwsLake(
  environment: Readonly<Record<string, string | undefined>>,
  options: AwsLakeOptions,
): Promise<AwsLake> {
  const settings = parseFunctionEnvironment(environment);
  const metrics = openEmf(settings);
  const catalog = await openCatalog(settings.databaseUrl, systemClock, {
    onCall: ({ durationMs, error }) => {
      metrics.record(EVENT_METRICS.databaseCalls.cloudwatch, durationMs, "Milliseconds");
      if (error === undefined) return;
      metrics.record(EVENT_METRICS.databaseErrors.cloudwatch, 1, "Count", { error });
    },
  });
  const continuations = openSqsMirrorQueue({
    queueUrl: settings.mirrorQueueUrl,
    nonce: systemClock.newId,
    onError: (_, error) => {
      throw unavailable(`what is left could not be sent: ${errorText(error)}`, { cause: error });
    },
  });
  return {
    settings,
    catalog,
    ...(await trailOf(settings)),
    clock: systemClock,
    metrics,
    openLog: (location) => openDeltaLog(openStore(location), location),
    files: fileChecks(settings.verifyFiles),
    // The roles decide: that of maintenance alone may remove.
    openDataFiles: dataFilesAt,
    mirrorRules: {
      lateAfterMs: settings.lagThresholdSeconds * 1000,
      maxUnpublished: settings.maxUnpublished,
      commitsWhenStopped: settings.commitsWhenStopped,
    },
    undropWindowMs: settings.undropWindowDays * DAY_MS,
    queue: openSqsMirrorQueue({
      queueUrl: settings.mirrorQueueUrl,
      onError: options.onLostMessage,
      ...(options.sendsAgain === true ? { nonce: systemClock.newId } : {}),
    }),
    checkpointQueue: openCheckpointQueue({ queueUrl: settings.checkpointQueueUrl }),
    goOn: (tables) => continuations.enqueue(tables),
    mirrorMessages: openNack({ queueUrl: settings.mirrorQueueUrl }),
    parityQueue: openTableQueue({ queueUrl: settings.parityQueueUrl }),
    ...uploadsOf(settings),
    ...lendingOf(settings),
    logins: () => loginsOf(settings),
    backups: () => backupsOf(settings),
    resolveLocation: (location, tableName) => s3Location(settings, location, tableName),
  };
}

async function trailOf({ auditDatabaseUrl: url }: FunctionSettings): Promise<Pick<AwsLake, "trail">> {
  return url === undefined ? {} : { trail: await openCatalog(url, systemClock) };
}

async function loginsOf(settings: FunctionSettings): Promise<MigrateLogins> {
  const { readerSecretArn: reader, scratchSecretArn: scratch, functionSecretArns } = settings;
  const functions = Object.entries(functionSecretArns);
  if (reader === undefined && scratch === undefined && functions.length === 0) return {};
  const { readLogin } = await import("./secrets.ts");
  return {
    ...(reader === undefined ? {} : { reader: await readLogin(reader) }),
    ...(scratch === undefined ? {} : { scratch: await readLogin(scratch) }),
    functions: await Promise.all(
      functions.map(async ([name, arn]) => {
        const duty: Duty | undefined = DUTIES[name as DutyName];
        if (duty === undefined) throw invalid(`FUNCTION_SECRET_ARNS: there is no duty ${name}`);
        return { ...(await readLogin(arn)), rights: duty.sql };
      }),
    ),
  };
}

async function backupsOf({ backups, backupKeySecretArn }: FunctionSettings): Promise<BackupPlace> {
  if (backups === undefined) throw invalid("BACKUPS is not set: this function has no place for backups");
  const { openBackups } = await import("./backups.ts");
  if (backupKeySecretArn === undefined) return openBackups(backups);
  const { readSecret } = await import("./secrets.ts");
  return openBackups(backups, { key: await readSecret(backupKeySecretArn) });
}

function uploadsOf({ storage }: FunctionSettings): { readonly uploads?: Uploads } {
  const place = fromS3Location(storage);
  if (!place) return {};
  const open = perContainer(async () => {
    const { openS3Uploads } = await import("../storage/s3-uploads.ts");
    return openS3Uploads({ bucket: place.bucket, clock: systemClock });
  });
  return {
    uploads: {
      offer: async (request) => (await open()).offer(request),
      read: async (uploadId, options) => (await open()).read(uploadId, options),
    },
  };
}

/** A session that is lent by whoever is in a role lasts an hour at most. */
const LENT_SECONDS = 3600;

function lendingOf({ dataRoleArn: roleArn }: FunctionSettings): { readonly lending?: Lending } {
  if (roleArn === undefined) return {};
  return { lending: openLending({ clock: systemClock, roleArn, validSeconds: LENT_SECONDS }) };
}

/** A function reaches S3 alone; tests have their storage in a folder. */
async function s3Location(
  settings: FunctionSettings,
  location: string | undefined,
  tableName: string,
): Promise<string> {
  const { storage, storageRoots: roots } = settings;
  const resolved = await tableLocation({ storage, roots }, location, tableName);
  const place = fromS3Location(resolved);
  if (!place || place.prefix.split("/")[0] !== UPLOADS_PREFIX) return resolved;
  throw invalid(`${resolved} lies where uploads are put, which are deleted after a day`, {
    at: "/location",
    code: "INVALID_LOCATION",
    hint: "Choose another place in the bucket.",
  });
}

/** One of a thing for the life of a container: opened at the first use, again after an opening that failed. */
export function perContainer<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
}
