/** The product as its users get it: the real `cdk deploy` into the emulator, the Data API over PostgreSQL, and clients of all of it. */

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { sql } from "../../../lib/catalog/database.ts";
import { openPostgres } from "../../../lib/catalog/engines/postgres/driver.ts";
import { openCatalog } from "../../../lib/catalog/open.ts";
import { systemClock } from "../../../lib/lake/clock.ts";
import { openDeltaLog } from "../../../lib/log/delta-log.ts";
import type { Lake } from "../../../lib/ports.ts";
import { newS3Client, openS3Store } from "../../../lib/storage/s3.ts";
import { dataApiUrl } from "../../support/catalog-engines.ts";
import { type DataApiEmulator, startDataApi } from "../../support/data-api/emulator.ts";
import { freePort } from "../../support/free-port.ts";
import { baseRelease } from "./base-release.ts";
import { ACCOUNT, type Answer, type Emulator, REGION, startEmulator } from "./emulator.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { FAILING_APP, nextRelease } from "./next-release.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const CDK = fileURLToPath(import.meta.resolve("aws-cdk/bin/cdk"));
const STAGE = "deltalakedb-development";
const run = promisify(execFile);

export interface Deployment {
  readonly aws: Emulator;
  /** Between the Lambdas and S3. */
  readonly s3: FaultProxy;
  readonly dataApi: DataApiEmulator;
  readonly bucket: string;
  /** The bucket of the backups. */
  readonly backups: string;
  /** What was deployed first; absent where the repository has no history, and this code was. */
  readonly base: string | undefined;
  /** Milliseconds that the first `cdk deploy` took, with the bootstrap. */
  readonly deployMs: number;
  /** SQL and logs as they are, past the Lambdas. */
  readonly lake: Lake;
  /** A request of the deployed API. @throws Error for a status that is not expected */
  api<T>(method: string, path: string, body?: object, expected?: number): Promise<T>;
  /** The same, whatever it answers. */
  ask(method: string, path: string, body?: object): Promise<Answer>;
  /** Runs a function with an event, and waits for what it returns. */
  invoke<T>(name: string, event: object): Promise<T>;
  /** Deploys the data stack once more, told something else. @throws Error with what the command said */
  deployAgain(changes: Readonly<Record<string, string>>, ...args: string[]): Promise<void>;
  /**
   * Deploys the application of this release, or of one after it.
   * @param release.ahead how many releases after this one; 0 for this one @param release.fails its last step, after all others
   * @throws Error with what the command said
   */
  upgrade(release: { readonly ahead: number; readonly fails: boolean }): Promise<void>;
  /** What CloudFormation says of the application. */
  stackStatus(): Promise<string>;
  /** Turns the mirror's queue off or on. */
  listen(on: boolean): Promise<void>;
  /** Throws away all messages that wait. */
  loseMessages(): Promise<void>;
  killMirror(): boolean;
  /** Database sessions of the login that may only read. */
  readerSessions(): Promise<number>;
  python(script: string, ...args: string[]): Promise<string>;
  close(): Promise<void>;
}

/** @param bin folder of the emulator's commands @param postgres server on which a database may be made */
export async function deploy(bin: string, postgres: string): Promise<Deployment> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-deploy-")));
  const closing: (() => Promise<unknown>)[] = [async () => rmSync(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const step of closing.toReversed()) await step();
  };
  try {
    const database = await newDatabase(postgres, closing);
    const logins = new Map<string, { readonly user: string; readonly password: string }>();
    const dataApi = await startDataApi(database, { logins });
    closing.push(() => dataApi.close());
    const port = await freePort();
    const s3 = await startFaultProxy(`http://127.0.0.1:${port}`);
    closing.push(() => s3.close());
    const environment = { AWS_ENDPOINT_URL_RDS_DATA: dataApi.endpoint, AWS_ENDPOINT_URL_S3: s3.url };
    const aws = await startEmulator({ bin, folder, port, environment });
    closing.push(() => aws.stop());
    const startedAt = Date.now();
    const login = { user: `dl_reader_${crypto.randomUUID().slice(0, 8)}`, password: `p'${crypto.randomUUID()}` };
    closing.splice(1, 0, () => dropRole(postgres, login.user));
    const scratch = { user: `dl_scratch_${crypto.randomUUID().slice(0, 8)}`, password: `p'${crypto.randomUUID()}` };
    closing.splice(1, 0, () => dropRole(postgres, scratch.user));
    const secretOf = async (name: string, one: typeof login) => {
      const arn = await newSecret(aws, name, { username: one.user, password: one.password });
      logins.set(arn, one);
      return arn;
    };
    const readerSecret = await secretOf("reader", login);
    const scratchSecret = await secretOf("scratch", scratch);
    const keySecret = await newSecret(aws, "backup-key", crypto.getRandomValues(Buffer.alloc(32)).toString("hex"));
    const told = {
      localDatabaseUrl: withoutEndpoint(dataApiUrl(database, dataApi.endpoint)),
      localReaderSecret: readerSecret,
      localScratchSecret: scratchSecret,
      backupKeySecret: keySecret,
    };
    const cdk = cdkIn(aws, folder, ROOT);
    await cdk({}, "bootstrap", `aws://${ACCOUNT}/${REGION}`);
    const base = baseRelease(ROOT, join(folder, "base"));
    const outputs = await cdkDeploy(base ? cdkIn(aws, folder, base.folder) : cdk, folder, told);
    const deployAgain = async (changes: Readonly<Record<string, string>>, ...args: string[]) => {
      await cdk(
        { ...told, ...changes },
        "deploy",
        `${STAGE}-data`,
        "--exclusively",
        "--require-approval",
        "never",
        ...args,
      );
    };
    const upgrade = async ({ ahead, fails }: { readonly ahead: number; readonly fails: boolean }) => {
      if (ahead === 0) {
        await cdkDeploy(cdk, folder, told);
        return;
      }
      const release = cdkIn(aws, folder, nextRelease(ROOT, join(folder, `release-${ahead}`), ahead));
      const app = fails ? ["--app", `node_modules/.bin/node ${FAILING_APP}`] : [];
      await release(
        told,
        "deploy",
        `${STAGE}-app`,
        "--exclusively",
        "--require-approval",
        "never",
        "--method",
        "direct",
        ...app,
      );
    };
    const deployMs = Date.now() - startedAt;
    Object.assign(process.env, aws.environment);
    const catalog = await openCatalog(dataApiUrl(database, dataApi.endpoint), systemClock);
    closing.push(() => catalog.close());
    const readerSessions = () => sessionsOf(postgres, login.user);
    return {
      aws,
      s3,
      dataApi,
      base: base?.what,
      deployMs,
      close,
      readerSessions,
      deployAgain,
      upgrade,
      ...clients({ aws, bin, outputs, catalog }),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

export async function newDatabase(base: string, closing: (() => Promise<unknown>)[]): Promise<string> {
  const name = `dl_deploy_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = openPostgres(base, { poolSize: 1 });
  await admin.define(`create database ${name}`);
  closing.push(async () => {
    await admin.define(`drop database ${name} with (force)`);
    await admin.close();
  });
  const url = new URL(base);
  url.pathname = `/${name}`;
  return url.href;
}

async function sessionsOf(base: string, user: string): Promise<number> {
  const admin = openPostgres(base, { poolSize: 1 });
  const found = await admin.read(sql`select pid from pg_stat_activity where usename = ${user}`);
  await admin.close();
  return found.length;
}

export async function dropRole(base: string, name: string): Promise<void> {
  const admin = openPostgres(base, { poolSize: 1 });
  await admin.define(`drop role if exists "${name}"`);
  await admin.close();
}

/** @returns its ARN */
async function newSecret(aws: Emulator, name: string, value: object | string): Promise<string> {
  const { status, text } = await aws.call("secretsmanager", "POST", "/", {
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": "secretsmanager.CreateSecret" },
    body: JSON.stringify({
      Name: `deltalakedb-${name}`,
      SecretString: typeof value === "string" ? value : JSON.stringify(value),
      ClientRequestToken: crypto.randomUUID(),
    }),
  });
  if (status !== 200) throw new Error(`CreateSecret answered ${status}: ${text}`);
  return (JSON.parse(text) as { ARN: string }).ARN;
}

/** Lambdas get the endpoint from their environment, as they get AWS's own. */
function withoutEndpoint(url: string): string {
  return url.replace(/&endpoint=[^&]*/, "");
}

type Outputs = Readonly<Record<string, string>>;

export type Cdk = (context: Readonly<Record<string, string>>, ...args: string[]) => Promise<unknown>;

/** @param root where the sources are */
export function cdkIn(aws: Emulator, folder: string, root: string): Cdk {
  const environment = { ...process.env, ...aws.environment, CI: "true", CDK_DISABLE_CLI_TELEMETRY: "1" };
  return (context, ...args) => {
    const given = Object.entries(context).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    return run(process.execPath, [CDK, ...args, ...given, "--output", join(folder, "cdk.out")], {
      cwd: root,
      env: environment,
      maxBuffer: 64 * 1024 * 1024,
    });
  };
}

/** As a platform team does it. @throws Error with what the command said */
async function cdkDeploy(cdk: Cdk, folder: string, context: Readonly<Record<string, string>>): Promise<Outputs> {
  const file = join(folder, "outputs.json");
  await cdk(context, "deploy", "--all", "--require-approval", "never", "--outputs-file", file);
  const byStack = JSON.parse(readFileSync(file, "utf8")) as Record<string, Outputs>;
  return byStack[`${STAGE}-app`] ?? {};
}

interface Wiring {
  readonly aws: Emulator;
  readonly bin: string;
  readonly outputs: Outputs;
  readonly catalog: Lake["catalog"];
}

function clients({ aws, bin, outputs, catalog }: Wiring) {
  const bucket = outputs.TablesBucket ?? "";
  const apiId = /https:\/\/([^.]+)\./.exec(outputs.ApiUrl ?? "")?.[1];
  const client = newS3Client();
  const expect = async <T>(what: string, answer: Promise<{ status: number; text: string }>, status?: number) => {
    const { status: got, text } = await answer;
    if (status === undefined ? got >= 300 : got !== status) throw new Error(`${what} answered ${got}: ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  };
  const json = (body: object | undefined) => ({
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    headers: { "content-type": "application/json" },
  });
  const sqs = (target: string, body: object) =>
    expect(
      "SQS",
      aws.call("sqs", "POST", "/", {
        body: JSON.stringify(body),
        headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AmazonSQS.${target}` },
      }),
    );
  const lake = {
    catalog,
    clock: systemClock,
    openLog: (location: string) => {
      const prefix = location.replace(`s3://${bucket}/`, "");
      return openDeltaLog(openS3Store({ bucket, prefix, client }), location);
    },
  } as unknown as Lake;
  const host = `${apiId}.execute-api.localhost:${aws.port}`;
  const ask = (method: string, path: string, body?: object) =>
    aws.call("execute-api", method, path, { host, ...json(body) });
  return {
    bucket,
    backups: outputs.BackupsBucket ?? "",
    lake,
    ask,
    api: <T>(method: string, path: string, body?: object, status?: number) =>
      expect<T>(`${method} ${path}`, ask(method, path, body), status),
    invoke: <T>(name: string, event: object) =>
      expect<T>(name, aws.call("lambda", "POST", `/2015-03-31/functions/${STAGE}-${name}/invocations`, json(event))),
    async stackStatus() {
      const body = new URLSearchParams({ Action: "DescribeStacks", StackName: `${STAGE}-app`, Version: "2010-05-15" });
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      const { text } = await aws.call("cloudformation", "POST", "/", { body: String(body), headers });
      return /<StackStatus>(\w+)</.exec(text)?.[1] ?? text;
    },
    async listen(on: boolean) {
      const path = `/2015-03-31/event-source-mappings/?FunctionName=${STAGE}-mirror`;
      const found = await expect<{ EventSourceMappings: { UUID: string }[] }>(
        "mappings",
        aws.call("lambda", "GET", path),
      );
      for (const { UUID } of found.EventSourceMappings) {
        const change = json({ Enabled: on });
        await expect("mapping", aws.call("lambda", "PUT", `/2015-03-31/event-source-mappings/${UUID}`, change));
      }
    },
    async loseMessages() {
      await sqs("PurgeQueue", { QueueUrl: outputs.MirrorQueueUrl });
    },
    killMirror: () => aws.killFunction(`${STAGE}-mirror`),
    async python(script: string, ...args: string[]) {
      const path = fileURLToPath(new URL(script, import.meta.url));
      return (await run(join(bin, "python"), [path, ...args], { env: { ...process.env, ...aws.environment } })).stdout;
    },
  };
}
