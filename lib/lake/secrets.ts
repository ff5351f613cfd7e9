/** Secrets out of AWS Secrets Manager: logins in the form that RDS gives them, and the key of backups. */

import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { deadlineMs } from "../deadlines.ts";
import { parseJson } from "../delta/values/json.ts";
import { errorText, invalid, unavailable } from "../errors.ts";
import type { DatabaseLogin } from "../ports.ts";

/** The text of a secret. @throws LakeError unavailable */
export async function readSecret(secretArn: string): Promise<string> {
  const input = { SecretId: secretArn };
  return textOf(input).catch((error: unknown) => notRead(secretArn, error));
}

/** The text that a secret is to have next, while it is changed. @throws LakeError unavailable */
export async function readPendingSecret(secretArn: string): Promise<string | undefined> {
  return textOf({ SecretId: secretArn, VersionStage: "AWSPENDING" }).catch((error: unknown) => {
    if (error instanceof ResourceNotFoundException) return undefined;
    return notRead(secretArn, error);
  });
}

function notRead(secretArn: string, error: unknown): never {
  throw unavailable(`the secret ${secretArn} cannot be read: ${errorText(error)}`, { cause: error });
}

async function textOf(input: ConstructorParameters<typeof GetSecretValueCommand>[0]): Promise<string> {
  const client = new SecretsManagerClient({
    maxAttempts: 2,
    requestHandler: {
      connectionTimeout: deadlineMs("secretsConnection"),
      requestTimeout: deadlineMs("secretsAnswer"),
      throwOnRequestTimeout: true,
    },
  });
  return (await client.send(new GetSecretValueCommand(input))).SecretString ?? "";
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
