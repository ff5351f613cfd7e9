/** Lends access to S3: sessions of a role that STS bounds to the places of one table, and URLs for single objects. */

import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { AssumeRoleCommand, type Credentials, STSClient } from "@aws-sdk/client-sts";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { deadlineMs } from "../deadlines.ts";
import { errorText, isLakeError, unavailable } from "../errors.ts";
import type { Clock, LentCredentials, LentUrls, Rights } from "../ports.ts";
import { newS3Client } from "./s3.ts";
import { encryptionHeaders, sayEncryption } from "./s3-encryption.ts";
import { type PolicyPlace, sessionPolicy, tooLong } from "./session-policy.ts";

/** Seconds that a URL works. */
export const URL_SECONDS = 900;

export interface BucketLoan {
  readonly places: readonly [PolicyPlace, ...PolicyPlace[]];
  readonly rights: Rights;
  readonly borrower: string;
}

export interface S3LendingOptions {
  readonly clock: Clock;
  /** The role whose sessions are lent; absent: URLs alone, signed with this process's own credentials. */
  readonly roleArn?: string | undefined;
  /** Of a session; whoever is in a role already gets an hour at most. */
  readonly validSeconds: number;
}

export interface S3Lending {
  /** @throws LakeError invalid CREDENTIALS_TOO_LONG; unavailable */
  credentials(loan: BucketLoan): Promise<LentCredentials>;
  /** @param keys below the first place */
  urls(loan: BucketLoan, keys: readonly string[]): Promise<LentUrls>;
}

export function openS3Lending({ clock, roleArn, validSeconds }: S3LendingOptions): S3Lending {
  let sts: STSClient | undefined;
  const own = newS3Client();
  const assume = async (arn: string, { places, rights, borrower }: BucketLoan): Promise<LentCredentials> => {
    sts ??= newStsClient();
    const Policy = sessionPolicy(places, rights, arn.split(":")[1]);
    const asked = { RoleArn: arn, RoleSessionName: sessionName(borrower), DurationSeconds: validSeconds, Policy };
    const { Credentials: given } = await sts.send(new AssumeRoleCommand(asked)).catch((error: unknown) => {
      throw stsError(error, arn);
    });
    return complete(given, clock.now() + validSeconds * 1000);
  };
  return {
    credentials: (loan) => assume(roleArn ?? "", loan),
    async urls(loan, keys) {
      const lent = roleArn === undefined ? undefined : await assume(roleArn, loan);
      const client = lent === undefined ? own : as(own, lent);
      const [{ bucket, prefix }] = loan.places;
      const until = clock.now() + URL_SECONDS * 1000;
      const urls = await Promise.all(
        keys.map(async (key) => {
          const target = { Bucket: bucket, Key: prefix === "" ? key : `${prefix}/${key}` };
          const options = { expiresIn: URL_SECONDS };
          if (loan.rights.write === undefined) {
            const url = await getSignedUrl(client, new GetObjectCommand(target), options);
            return { method: "GET", url, headers: {} } as const;
          }
          const url = await getSignedUrl(client, new PutObjectCommand({ ...target, IfNoneMatch: "*" }), options);
          return { method: "PUT", url, headers: { "if-none-match": "*", ...encryptionHeaders(bucket) } } as const;
        }),
      );
      return { urls, expiresAt: Math.min(until, lent?.expiresAt ?? until) };
    },
  };
}

function newStsClient(): STSClient {
  return new STSClient({
    maxAttempts: 2,
    requestHandler: {
      connectionTimeout: deadlineMs("stsConnection"),
      requestTimeout: deadlineMs("stsAnswer"),
      throwOnRequestTimeout: true,
    },
  });
}

/** The same client with other credentials. */
function as({ config }: S3Client, { accessKeyId, secretAccessKey, sessionToken }: LentCredentials): S3Client {
  return sayEncryption(
    new S3Client({
      region: config.region,
      forcePathStyle: config.forcePathStyle ?? false,
      requestChecksumCalculation: "WHEN_REQUIRED",
      credentials: { accessKeyId, secretAccessKey, sessionToken },
    }),
  );
}

/** What STS takes as a name: CloudTrail shows by it who had the session. */
export function sessionName(borrower: string): string {
  return borrower
    .replaceAll(/[^\w+=,.@-]/g, "-")
    .slice(0, 64)
    .padEnd(2, "-");
}

function complete(given: Credentials | undefined, otherwise: number): LentCredentials {
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = given ?? {};
  if (AccessKeyId === undefined || SecretAccessKey === undefined || SessionToken === undefined) {
    throw unavailable("STS answered without credentials", { code: "CREDENTIALS_UNAVAILABLE" });
  }
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expiresAt: Expiration?.getTime() ?? otherwise,
  };
}

/** The client can change nothing about most of them. */
function stsError(error: unknown, roleArn: string): unknown {
  if (isLakeError(error) || !(error instanceof Error)) return error;
  if (error.name === "PackedPolicyTooLargeException" || error.name === "PackedPolicyTooLarge") {
    return tooLong("the place of the table makes a policy that is larger than a session holds");
  }
  return unavailable(`no session of ${roleArn} can be lent: ${errorText(error)}`, {
    code: "CREDENTIALS_UNAVAILABLE",
    hint: "Its operator looks whether the role is there, and trusts whom this service runs as (sts:AssumeRole).",
    facts: { error: error.name },
    cause: error,
  });
}
