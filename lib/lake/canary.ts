/** Composition root of the canary: the public API over HTTPS, logs on S3, metrics on stdout; no database. */

import { SignatureV4 } from "@smithy/signature-v4";
import { parseCanaryEnvironment } from "../config/functions.ts";
import { deadlineMs } from "../deadlines.ts";
import { errorText, invalid, unavailable } from "../errors.ts";
import { openDeltaLog } from "../log/delta-log.ts";
import type { CanaryAnswer, CanaryCaller, CanaryLake } from "../operations/canary.ts";
import { Sha256 } from "../sha256.ts";
import { type FunctionMetrics, openEmf } from "../telemetry/emf.ts";
import { systemClock } from "./clock.ts";
import { readSecret } from "./secrets.ts";
import { openStore } from "./stores.ts";

export interface AwsCanary extends CanaryLake {
  readonly table: string;
  readonly metrics: FunctionMetrics;
}

type Headers = Readonly<Record<string, string>>;
/** Headers that say who asks. */
type Credentials = (method: string, url: URL, body: string | undefined) => Promise<Headers>;

/** @throws LakeError invalid naming the variable */
export function openAwsCanary(environment: Readonly<Record<string, string | undefined>>): AwsCanary {
  const settings = parseCanaryEnvironment(environment);
  const { apiUrl, region, secretArn } = settings;
  const own =
    secretArn === undefined
      ? signed(region, () => ({
          accessKeyId: environment.AWS_ACCESS_KEY_ID ?? "",
          secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? "",
          ...(environment.AWS_SESSION_TOKEN === undefined ? {} : { sessionToken: environment.AWS_SESSION_TOKEN }),
        }))
      : withToken(secretArn);
  const callers: Readonly<Record<CanaryCaller, Credentials>> = {
    canary: own,
    nobody: async () => ({}),
    stranger:
      secretArn === undefined ? signed(region, strangersKey) : async () => ({ authorization: "Bearer no.token" }),
  };
  return {
    table: settings.table,
    clock: systemClock,
    metrics: openEmf(settings),
    openLog: (location) => openDeltaLog(openStore(location), location),
    async ask(as, method, path, body) {
      const url = new URL(path.slice(1), apiUrl.endsWith("/") ? apiUrl : `${apiUrl}/`);
      const text = body === undefined ? undefined : JSON.stringify(body);
      return answered(method, url, await callers[as](method, url, text), text);
    },
  };
}

const strangersKey = () => ({ accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "nobody-has-this-key" });

async function answered(method: string, url: URL, headers: Headers, body: string | undefined): Promise<CanaryAnswer> {
  try {
    const response = await fetch(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(deadlineMs("canaryCall")),
    });
    const text = await response.text();
    return { status: response.status, body: membersOf(text) };
  } catch (error) {
    throw unavailable(`${method} ${url.pathname} got no answer: ${errorText(error)}`, { cause: error });
  }
}

/** Where callers are known by IAM. */
function signed(region: string, keys: () => ConstructorParameters<typeof SignatureV4>[0]["credentials"]): Credentials {
  return async (method, url, body) => {
    const signer = new SignatureV4({ credentials: keys(), region, service: "execute-api", sha256: Sha256 });
    const { headers } = await signer.sign({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: { host: url.host, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body }),
    });
    const { host: _, ...rest } = headers;
    return rest;
  };
}

/** Where they are known by tokens: by the grant of client credentials (RFC 6749, section 4.4). One token for a run. */
function withToken(secretArn: string): Credentials {
  let token: Promise<string> | undefined;
  return async (_, __, body) => {
    token ??= newToken(secretArn);
    const authorization = `Bearer ${await token}`;
    return { authorization, ...(body === undefined ? {} : { "content-type": "application/json" }) };
  };
}

async function newToken(secretArn: string): Promise<string> {
  const { tokenUrl, clientId, clientSecret, scope } = membersOf(await readSecret(secretArn));
  if (![tokenUrl, clientId, clientSecret].every((member) => typeof member === "string")) {
    throw invalid(`the secret ${secretArn} is no client`, {
      hint: 'It reads {"tokenUrl": "https://…", "clientId": "…", "clientSecret": "…", "scope": "…"}; scope may be left out.',
    });
  }
  const form = new URLSearchParams({ grant_type: "client_credentials", ...(scope ? { scope: String(scope) } : {}) });
  const basic = Buffer.from(`${String(clientId)}:${String(clientSecret)}`).toString("base64");
  const headers = { authorization: `Basic ${basic}`, "content-type": "application/x-www-form-urlencoded" };
  const { status, body } = await answered("POST", new URL(String(tokenUrl)), headers, form.toString());
  if (status !== 200 || typeof body.access_token !== "string") {
    throw unavailable(`the identity provider gave the canary no token, but ${status}`);
  }
  return body.access_token;
}

function membersOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
