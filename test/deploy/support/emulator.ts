/** MiniStack, an emulator of AWS that runs Lambdas as child processes of its own, on a loopback port, and calls to it. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { dirname, join } from "node:path";

export const REGION = "us-east-1";
export const ACCOUNT = "000000000000";

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface Emulator {
  readonly url: string;
  readonly port: number;
  /** Environment of whoever speaks to it with AWS's own clients. */
  readonly environment: Readonly<Record<string, string>>;
  /**
   * A call as AWS's clients make it. The emulator tells services apart by the credential scope and checks no signature.
   * @param options.host names the API of an `execute-api` call
   */
  call(
    service: string,
    method: string,
    path: string,
    options?: {
      readonly body?: string | Uint8Array;
      readonly headers?: Readonly<Record<string, string>>;
      readonly host?: string;
      /** {@link REGION} if absent. */
      readonly region?: string;
    },
  ): Promise<Answer>;
  /** Ends a Lambda's worker at once, as a crash of its machine would; false when it has none. */
  killFunction(name: string): boolean;
  stop(): Promise<void>;
}

export interface EmulatorOptions {
  /** Folder of its command. */
  readonly bin: string;
  /** Where its log and its workers' files go. */
  readonly folder: string;
  readonly port: number;
  /** Reaches the Lambdas. */
  readonly environment: Readonly<Record<string, string>>;
}

/** @throws Error with its log when it does not come up */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { bin, folder, port, environment } = options;
  const logFile = join(folder, "emulator.log");
  const log = createWriteStream(logFile);
  await once(log, "open");
  const child = spawn(join(bin, "ministack"), {
    cwd: folder,
    stdio: ["ignore", log, log],
    env: {
      ...process.env,
      // Lambdas run on the Node that runs this test.
      PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
      TMPDIR: folder,
      BIND_HOST: "127.0.0.1",
      GATEWAY_PORT: String(port),
      IOT_MTLS_ENABLED: "0",
      ...environment,
    },
  });
  const url = `http://127.0.0.1:${port}`;
  const call = caller(port);
  for (let tries = 0; ; tries += 1) {
    const up = await call("sts", "GET", "/_ministack/health").catch(() => undefined);
    if (up !== undefined && up.status < 500) break;
    if (tries > 150 || child.exitCode !== null) throw new Error(`MiniStack did not start:\n${readFileSync(logFile)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return {
    url,
    port,
    environment: {
      AWS_ENDPOINT_URL: url,
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      AWS_REGION: REGION,
      AWS_DEFAULT_REGION: REGION,
    },
    call,
    killFunction: (name) => killWorkers(name),
    stop: () => stop(child),
  };
}

function caller(port: number): Emulator["call"] {
  return (service, method, path, { body = "", headers = {}, host, region = REGION } = {}) =>
    new Promise((resolve, reject) => {
      const day = new Date().toISOString().slice(0, 10).replaceAll("-", "");
      const scope = `test/${day}/${region}/${service}/aws4_request`;
      const sent = request(
        {
          hostname: "127.0.0.1",
          port,
          method,
          path,
          headers: {
            host: host ?? `127.0.0.1:${port}`,
            authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`,
            "content-length": Buffer.byteLength(body),
            ...headers,
          },
        },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on("data", (chunk) => chunks.push(chunk));
          answer.on("error", reject);
          answer.on("end", () =>
            resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
          );
        },
      );
      sent.on("error", reject);
      sent.end(body);
    });
}

/** Workers carry their function's name in their environment. */
function killWorkers(name: string): boolean {
  let killed = false;
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    let environment = "";
    try {
      environment = readFileSync(`/proc/${pid}/environ`, "utf8");
    } catch {
      continue; // Not ours to read, or gone.
    }
    if (!environment.split("\0").includes(`AWS_LAMBDA_FUNCTION_NAME=${name}`)) continue;
    process.kill(Number(pid), "SIGKILL");
    killed = true;
  }
  return killed;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await gone;
  clearTimeout(force);
}
