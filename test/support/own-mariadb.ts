/** A MariaDB server of our own that may be crashed: its log is flushed with each commit, on a free port, in a temporary folder. */

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { serverReady } from "./server-ready.ts";

export interface OwnMariadb {
  /** Of its database `lake`. */
  readonly url: string;
  /** Kills it, which loses what is not on disk, and starts it with recovery. */
  crash(): Promise<void>;
  /** Ends it and removes its folder. */
  drop(): Promise<void>;
}

const USER = "mysql";

export function hasMariadb(): boolean {
  return spawnSync("mariadbd", ["--version"]).status === 0;
}

export async function startOwnMariadb(): Promise<OwnMariadb> {
  const home = mkdtempSync(join(tmpdir(), "dl-mariadb-"));
  const data = join(home, "data");
  const pidFile = join(home, "pid");
  // MariaDB refuses to run as root.
  const isRoot = process.getuid?.() === 0;
  const command = (program: string, args: readonly string[]): [string, string[]] =>
    isRoot ? ["runuser", ["-u", USER, "--", program, ...args]] : [program, [...args]];
  if (isRoot) execFileSync("chown", [`${USER}:`, home]);
  const options = ["--no-defaults", `--datadir=${data}`];
  const [install, installing] = command("mariadb-install-db", [
    ...options,
    "--auth-root-authentication-method=normal",
    "--skip-test-db",
  ]);
  execFileSync(install, installing, { cwd: "/", stdio: "ignore" });
  const port = await freePort();
  let server: ChildProcess;
  const start = async (): Promise<void> => {
    const place = [
      "--bind-address=127.0.0.1",
      `--port=${port}`,
      `--socket=${join(home, "socket")}`,
      `--pid-file=${pidFile}`,
      `--tmpdir=${home}`,
    ];
    const [program, args] = command("mariadbd", [...options, ...place, "--innodb-flush-log-at-trx-commit=1"]);
    server = spawn(program, args, { cwd: "/", stdio: ["ignore", "ignore", "pipe"] });
    await serverReady(server, "MariaDB", "ready for connections");
  };
  const kill = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, "exit");
    // Its own, as it may be the child of `runuser`, which ends with it.
    process.kill(Number(readFileSync(pidFile, "utf8")), "SIGKILL");
    await exited;
  };
  await start();
  execFileSync("mariadb", ["-h", "127.0.0.1", "-P", String(port), "-u", "root", "-e", "create database lake"]);
  return {
    url: `mysql://root@127.0.0.1:${port}/lake`,
    async crash() {
      await kill();
      await start();
    },
    async drop() {
      await kill();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
