/** A PostgreSQL server of our own that may be crashed: its disk is as in production (fsync on), on a free port, in a temporary folder. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { serverReady } from "./server-ready.ts";

export interface OwnPostgres {
  /** Of its database `postgres`. */
  readonly url: string;
  /** An immediate shutdown, which loses what is not on disk as a power cut would, and a start with recovery. */
  crash(): Promise<void>;
  /** As `crash`, without the start. */
  kill(): Promise<void>;
  readonly port: number;
  /** Its data folder: to be looked at and replaced while it is stopped. */
  readonly data: string;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Runs one of the programs that came with it, as its user; answers what it prints. */
  run(program: string, args: readonly string[], input?: string): string;
  /** Stops it and removes its folder. */
  drop(): Promise<void>;
}

const INSTALLED = "/usr/lib/postgresql";
const USER = "postgres";

/** The folder of the newest server on this machine; undefined where there is none. */
export function postgresPrograms(): string | undefined {
  if (!existsSync(INSTALLED)) return undefined;
  const [newest] = readdirSync(INSTALLED)
    .filter((version) => existsSync(join(INSTALLED, version, "bin", "initdb")))
    .sort((a, b) => Number(b) - Number(a));
  return newest === undefined ? undefined : join(INSTALLED, newest, "bin");
}

/** @param options.copyOf a server of which this one is a replica: it stays as it was then, or `follows` it, until it is promoted */
export async function startOwnPostgres(
  programs: string,
  { copyOf, follows = false }: { readonly copyOf?: OwnPostgres; readonly follows?: boolean } = {},
): Promise<OwnPostgres> {
  const home = mkdtempSync(join(tmpdir(), "dl-postgres-"));
  const data = join(home, "data");
  // PostgreSQL refuses to run as root.
  const isRoot = process.getuid?.() === 0;
  const command = (program: string, args: readonly string[]): [string, string[]] => {
    const path = join(programs, program);
    return isRoot ? ["runuser", ["-u", USER, "--", path, ...args]] : [path, [...args]];
  };
  if (isRoot) execFileSync("chown", [USER, home]);
  const run = (program: string, args: readonly string[], input = ""): string => {
    const [path, all] = command(program, args);
    const stdio: ["pipe", "pipe", "pipe"] = ["pipe", "pipe", "pipe"];
    return execFileSync(path, all, { cwd: "/", stdio, input, encoding: "utf8", maxBuffer: 2 ** 28 });
  };
  if (copyOf === undefined) run("initdb", ["-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale"]);
  else run("pg_basebackup", ["-D", data, "-R", "-d", copyOf.url, "-c", "fast"]);
  const port = await freePort();
  let server: ChildProcess;
  const start = async (): Promise<void> => {
    const settings = ["-h", "127.0.0.1", "-p", String(port), "-k", home, "-c", "fsync=on", "-c", "max_connections=100"];
    // A replica that never hears of what its primary does after the copy.
    if (copyOf !== undefined && !follows) settings.push("-c", "primary_conninfo=");
    const [program, args] = command("postgres", ["-D", data, ...settings]);
    server = spawn(program, args, { cwd: "/", stdio: ["ignore", "ignore", "pipe"] });
    await serverReady(server, "PostgreSQL", "ready to accept ");
  };
  const end = async (signal: "SIGQUIT" | "SIGINT"): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, "exit");
    const [pid] = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
    process.kill(Number(pid), signal);
    await exited;
  };
  await start();
  return {
    url: `postgresql://${USER}@127.0.0.1:${port}/postgres`,
    port,
    data,
    run,
    start,
    stop: () => end("SIGINT"),
    kill: () => end("SIGQUIT"),
    async crash() {
      await end("SIGQUIT");
      await start();
    },
    async drop() {
      await end("SIGINT");
      rmSync(home, { recursive: true, force: true });
    },
  };
}
