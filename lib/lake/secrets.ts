/** Secrets out of AWS Secrets Manager: logins in the form that RDS gives them, and the key of backups. */

import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { deadlineMs } from "../deadlines.ts";
import { parseJson } from "../delta/values/json.ts";
import { errorText, invalid, unavailable } from "../errors.ts";
import type { DatabaseLogin } from "../ports.ts";

/** The text of a secret. @throws LakeError unavailable */
export async function readSecret(secretArn: string): Promise<string> {
  const client = new SecretsManagerClient({
    maxAttempts: 2,
    requestHandler: {
      connectionTimeout: deadlineMs("secretsConnection"),
      requestTimeout: deadlineMs("secretsAnswer"),
      throwOnRequestTimeout: true,
    },
  });
  const answer = await client.send(new GetSecretValueCommand({ SecretId: secretArn })).catch((error: unknown) => {
    throw unavailable(`the secret ${secretArn} cannot be read: ${errorText(error)}`, { cause: error });
  });
  return answer.SecretString ?? "";
}

/** @throws LakeError unavailable; invalid for a secret of another form, without telling what is in it */
export async function readLogin(secretArn: string): Promise<DatabaseLogin> {
  const { username, password } = membersOf(await readSecret(secretArn));
  if (typeof username !== "string" || typeof password !== "string") {
    throw invalid(`the secret ${secretArn} is no login`, { hint: 'It reads {"username": "…", "password": "…"}.' });
  }
  return { name: username, password };
}

function membersOf(text: string): { readonly username?: unknown; readonly password?: unknown } {
  try {
    return Object(parseJson(text)) as object;
  } catch {
    return {};
  }
}
