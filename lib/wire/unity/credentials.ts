/** What has been lent, as each generation of Unity Catalog's API writes it. */

import type { LentSession } from "../../operations/lend-access.ts";

/** What clients say that credentials are for. */
export const OPERATIONS = ["READ", "READ_WRITE"] as const;
export type UnityOperation = (typeof OPERATIONS)[number];

/** Of the first generation. */
export function temporaryCredentials({ credentials, expiresAt }: LentSession): object {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return {
    expiration_time: expiresAt,
    aws_temp_credentials: {
      access_key_id: accessKeyId,
      secret_access_key: secretAccessKey,
      session_token: sessionToken,
    },
  };
}

/** Of the Delta API: the longest prefix wins, so each place has its own line. What was left behind is only read. */
export function storageCredentials(
  { location, alsoAt, credentials, expiresAt }: LentSession,
  operation: UnityOperation,
): readonly object[] {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return [location, ...alsoAt].map((prefix) => ({
    prefix,
    operation: prefix === location ? operation : "READ",
    "expiration-time-ms": expiresAt,
    config: {
      "s3.access-key-id": accessKeyId,
      "s3.secret-access-key": secretAccessKey,
      "s3.session-token": sessionToken,
    },
  }));
}
