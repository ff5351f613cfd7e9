/** The template of production with what can be turned on, deployed by `cdk deploy` into the emulator, less what that cannot make. */

import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type DataApiEmulator, startDataApi } from "../../support/data-api/emulator.ts";
import { freePort } from "../../support/free-port.ts";
import { cdkIn, dropRole, newDatabase } from "./deployment.ts";
import { type Edge, startEdge } from "./edge.ts";
import { ACCOUNT, type Answer, type Emulator, REGION, startEmulator } from "./emulator.ts";
import { takeOut, typesIn } from "./refused.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const STAGE = "deltalakedb-production";
const CONFIG = "test/deploy/support/production.yaml";
/** Of the configuration. */
export const NAME = "lake.example.org";
const COPIES_REGION = "eu-west-1";
const KEY = "test";
/** What the database is called in the template. */
const DATABASE = "deltalakedb";

export interface Production {
  readonly aws: Emulator;
  readonly edge: Edge;
  readonly dataApi: DataApiEmulator;
  /** Types of resources that its templates have. */
  readonly types: readonly string[];
  /** Resources that were deployed, and those that the emulator cannot make. */
  readonly kept: number;
  readonly gone: number;
  readonly deployMs: number;
  /** Outputs of the application. */
  readonly outputs: Readonly<Record<string, string>>;
  /** A call to Secrets Manager. @throws Error for any answer but 200 */
  secrets(target: string, body: object): Promise<unknown>;
  /** A request of the API past CloudFront and IAM. */
  ask(method: string, path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Runs a function with an event. @returns what it returns, or `errorMessage` */
  invoke<T>(name: string, event: object): Promise<T & { readonly errorMessage?: string }>;
  stackStatus(stack: "data" | "app" | "copies"): Promise<string>;
  close(): Promise<void>;
}

/** @param bin folder of the emulator's commands @param postgres server on which a database may be made */
export async function deployProduction(bin: string, postgres: string): Promise<Production> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-production-")));
  const closing: (() => Promise<unknown>)[] = [async () => rmSync(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const step of closing.toReversed()) await step();
  };
  try {
    const database = await newDatabase(postgres, closing);
    const logins = new Map<string, Login>();
    const databases = new Map([[DATABASE, new URL(database).pathname.slice(1)]]);
    const dataApi = await startDataApi(database, { logins, databases });
    closing.push(() => dataApi.close());
    const port = await freePort();
    const edge = await startEdge(NAME, port, new Map([[ACCOUNT, KEY]]));
    closing.push(() => edge.close());
    const authority = join(folder, "authority.pem");
    writeFileSync(authority, edge.certificate);
    const environment = {
      AWS_ENDPOINT_URL_RDS_DATA: dataApi.endpoint,
      // Lambda has AWS's clients for functions of CDK's own.
      NODE_PATH: join(ROOT, "node_modules"),
      // The emulator's Lambda gives every function this key, whose id is that of the account.
      AWS_SECRET_ACCESS_KEY: KEY,
      AWS_SESSION_TOKEN: "",
      NODE_USE_ENV_PROXY: "1",
      HTTPS_PROXY: edge.proxy,
      NODE_EXTRA_CA_CERTS: authority,
    };
    const aws = await startEmulator({ bin, folder, port, environment });
    closing.push(() => aws.stop());
    const startedAt = Date.now();
    const secrets = secretsOf(aws);
    const cdk = cdkIn(aws, folder, ROOT);
    await cdk({}, "bootstrap", ...[REGION, COPIES_REGION].map((region) => `aws://${ACCOUNT}/${region}`));
    const assembly = join(folder, "cdk.out");
    await cdk({ stage: "production", config: CONFIG, hostedZoneId: await newZone(aws) }, "synth", "--quiet");
    const types = typesIn(assembly);
    const counts = takeOut(assembly);
    const given = ["--app", assembly, "--require-approval", "never"];
    const outputs = join(folder, "outputs.json");
    await cdk({}, "deploy", `${STAGE}-data`, ...given);
    for (const user of await takeSecrets(secrets, logins)) closing.splice(1, 0, () => dropRole(postgres, user));
    await cdk({}, "deploy", `${STAGE}-app`, "--exclusively", ...given, "--outputs-file", outputs);
    await edge.readDistribution(aws);
    const json = (event: object) => ({ body: JSON.stringify(event), headers: { "content-type": "application/json" } });
    return {
      aws,
      edge,
      dataApi,
      types,
      ...counts,
      deployMs: Date.now() - startedAt,
      outputs:
        (JSON.parse(readFileSync(outputs, "utf8")) as Record<string, Record<string, string>>)[`${STAGE}-app`] ?? {},
      secrets,
      ask: (method, path, headers = {}) => aws.call("execute-api", method, path, { host: NAME, headers }),
      async invoke(name, event) {
        const path = `/2015-03-31/functions/${STAGE}-${name}/invocations`;
        const { status, text } = await aws.call("lambda", "POST", path, json(event));
        if (status !== 200) throw new Error(`${name} answered ${status}: ${text}`);
        return JSON.parse(text);
      },
      async stackStatus(stack) {
        const body = new URLSearchParams({
          Action: "DescribeStacks",
          StackName: `${STAGE}-${stack}`,
          Version: "2010-05-15",
        });
        const headers = { "content-type": "application/x-www-form-urlencoded" };
        const region = stack === "copies" ? COPIES_REGION : REGION;
        const { text } = await aws.call("cloudformation", "POST", "/", { body: String(body), headers, region });
        return /<StackStatus>(\w+)</.exec(text)?.[1] ?? text;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Login {
  readonly user: string;
  readonly password: string;
}

type Secrets = Production["secrets"];

function secretsOf(aws: Emulator): Secrets {
  return async (target, body) => {
    const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": `secretsmanager.${target}` };
    const { status, text } = await aws.call("secretsmanager", "POST", "/", { headers, body: JSON.stringify(body) });
    if (status !== 200) throw new Error(`${target} answered ${status}: ${text}`);
    return JSON.parse(text);
  };
}

/** Logins that the stack has made: with names of their own on a server that has others, as an operator would give them. @returns the names */
async function takeSecrets(secrets: Secrets, logins: Map<string, Login>): Promise<readonly string[]> {
  const run = crypto.randomUUID().slice(0, 8);
  const { SecretList } = (await secrets("ListSecrets", {})) as {
    readonly SecretList: readonly { readonly ARN: string }[];
  };
  for (const { ARN: SecretId } of SecretList) {
    const { SecretString } = (await secrets("GetSecretValue", { SecretId })) as { readonly SecretString: string };
    const login = JSON.parse(SecretString) as { readonly username: string; readonly password: string };
    const username = `${login.username}_${run}`;
    await secrets("PutSecretValue", { SecretId, SecretString: JSON.stringify({ ...login, username }) });
    logins.set(SecretId, { user: username, password: login.password });
  }
  return [...logins.values()].map(({ user }) => user);
}

/** @returns its id */
async function newZone(aws: Emulator): Promise<string> {
  const { text } = await aws.call("route53", "POST", "/2013-04-01/hostedzone", {
    headers: { "content-type": "application/xml" },
    body:
      '<CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Name>example.org</Name>' +
      "<CallerReference>1</CallerReference></CreateHostedZoneRequest>",
  });
  const id = /<Id>\/hostedzone\/(\w+)/.exec(text)?.[1];
  if (id === undefined) throw new Error(`CreateHostedZone answered: ${text}`);
  return id;
}
