/**
 * The Dockerfile, run without Docker: each of its steps in a root of its own (debootstrap, chroot), then the container as it is started in
 * production: process 1, a user without rights, a root that cannot be written. `node test/container/container.ts` on Debian, as root;
 * needs debootstrap and util-linux, and the network for packages. Prints what it has found, and exits with 1 where something is wrong.
 */

import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT, readText } from "../support/source-tree.ts";

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "deltalakedb-container");
const BASE = join(CACHE, "bookworm");
const NPM_CACHE = "/var/cache/npm";
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

interface Step {
  readonly instruction: string;
  readonly value: string;
}

/** An image while it is made: a folder, and what its steps have said. */
interface Image {
  readonly root: string;
  readonly env: Record<string, string>;
  folder: string;
  user?: string;
  /** Of the last steps, as lists of words. */
  readonly lists: Record<string, readonly string[]>;
}

function stepsOf(dockerfile: string): readonly Step[] {
  return dockerfile
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, instruction = "", value = ""] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
      assert.ok(instruction, `a line of the Dockerfile that is no step: ${line}`);
      return { instruction, value };
    });
}

/** As `node:24-bookworm-slim` is: Debian, and Node with its npm. */
function baseImage(name: string, into: string): void {
  assert.match(name, /^node:24-bookworm-slim$/, "the base image is the one that this stands for");
  if (!existsSync(join(BASE, "complete"))) {
    rmSync(BASE, { recursive: true, force: true });
    mkdirSync(CACHE, { recursive: true });
    execFileSync("debootstrap", ["--variant=minbase", "bookworm", BASE], {
      stdio: "ignore",
    });
    const [node, npm] = [
      realpathSync(process.execPath),
      realpathSync(join(execFileSync("npm", ["root", "-g"], { encoding: "utf8" }).trim(), "npm")),
    ];
    cpSync(node, join(BASE, "usr/local/bin/node"));
    cpSync(npm, join(BASE, "usr/local/lib/npm"), { recursive: true });
    for (const name of ["npm", "npx"]) {
      execFileSync("ln", ["-s", `/usr/local/lib/npm/bin/${name}-cli.js`, join(BASE, "usr/local/bin", name)]);
    }
    execFileSync("touch", [join(BASE, "complete")]);
  }
  execFileSync("cp", ["-a", "--reflink=auto", BASE, into]);
}

const ISOLATED = ["--mount", "--pid", "--fork"];

/** A shell script that leaves the root as its own, with what every container has. */
function inside(image: Image, before: string, command: readonly string[]): string[] {
  const words = [
    ...(image.user === undefined ? [] : [`--userspec=${image.user}`]),
    image.root,
    "/usr/bin/env",
    "-i",
    "-C",
    image.folder,
  ];
  const env = Object.entries({ PATH, HOME: "/", ...image.env }).map(([name, value]) => `${name}=${value}`);
  const all = ["chroot", ...words, ...env, ...command];
  return [
    "sh",
    "-euc",
    `mount -t proc proc ${image.root}/proc; mount --bind /dev ${image.root}/dev; ${before} exec "$@"`,
    "sh",
    ...all,
  ];
}

/** Packages come by the network that this machine has, and from npm's cache. */
function run(image: Image, script: string): void {
  const npm = join(homedir(), ".npm");
  mkdirSync(npm, { recursive: true });
  mkdirSync(join(image.root, NPM_CACHE), { recursive: true });
  const shared = [`mount --bind ${npm} ${image.root}${NPM_CACHE};`];
  for (const path of ["/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs"]) {
    const target = join(image.root, path);
    const make = path.includes(".conf") || path.endsWith("hosts") ? "touch" : "mkdir -p";
    shared.push(`${make} ${target}; mount --bind ${path} ${target};`);
  }
  const trusting = {
    ...image,
    env: { ...image.env, NODE_EXTRA_CA_CERTS: "/etc/ssl/certs/ca-certificates.crt", npm_config_cache: NPM_CACHE },
  };
  const [program = "", ...args] = inside(trusting, shared.join(" "), ["sh", "-c", script]);
  const { status, stdout, stderr } = spawnSync("unshare", [...ISOLATED, program, ...args], { encoding: "utf8" });
  assert.equal(status, 0, `RUN ${script}\n${stdout}${stderr}`);
}

/** What `git` knows, and .dockerignore does not leave out, as far as a build needs it. */
function copy(image: Image, value: string, stages: ReadonlyMap<string, Image>): void {
  const [, from, rest = value] = /^--from=(\S+)\s+(.*)$/.exec(value) ?? [];
  const names = rest.split(/\s+/);
  const target = join(image.root, image.folder, names.at(-1) ?? "");
  const into = names.at(-1)?.startsWith("/") ? join(image.root, names.at(-1) ?? "") : target;
  for (const name of names.slice(0, -1)) {
    if (from !== undefined) {
      cpSync(join(stages.get(from)?.root ?? assert.fail(from), name), into, {
        recursive: true,
        verbatimSymlinks: true,
      });
    } else if (name === ".") {
      const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: ROOT, encoding: "utf8" })
        .trim()
        .split("\n");
      for (const file of files) if (existsSync(join(ROOT, file))) cpSync(join(ROOT, file), join(into, file));
    } else cpSync(join(ROOT, name), join(into, name));
  }
}

function build(dockerfile: string, home: string): Image {
  const stages = new Map<string, Image>();
  let image: Image | undefined;
  for (const { instruction, value } of stepsOf(dockerfile)) {
    const startedAt = performance.now();
    if (instruction === "FROM") {
      const [, base = "", name = "last"] = /^(\S+)(?: AS (\S+))?$/.exec(value) ?? [];
      image = { root: join(home, name), env: {}, folder: "/", lists: {} };
      stages.set(name, image);
      baseImage(base, image.root);
    }
    assert.ok(image);
    if (instruction === "WORKDIR") {
      image.folder = value;
      mkdirSync(join(image.root, value), { recursive: true });
    } else if (instruction === "COPY") copy(image, value, stages);
    else if (instruction === "RUN") run(image, value);
    else if (instruction === "USER") image.user = value;
    else if (instruction === "ENV") {
      for (const pair of value.split(/\s+/)) {
        const [name = "", ...rest] = pair.split("=");
        image.env[name] = rest.join("=");
      }
    } else if (["ENTRYPOINT", "CMD"].includes(instruction)) image.lists[instruction] = JSON.parse(value);
    else if (instruction === "HEALTHCHECK")
      image.lists[instruction] = JSON.parse(/CMD (\[.*\])$/.exec(value)?.[1] ?? "");
    else if (instruction === "STOPSIGNAL") image.lists[instruction] = [value];
    else
      assert.ok(["FROM", "VOLUME", "EXPOSE"].includes(instruction), `${instruction} is a step that nothing here knows`);
    console.log(`${instruction} ${value.slice(0, 90)} (${Math.round(performance.now() - startedAt)} ms)`);
  }
  return image ?? assert.fail("the Dockerfile makes no image");
}

/** With a root that cannot be written, but for /tmp and the volume, as compose.yaml and Kubernetes start it. */
function start(image: Image, given = image.lists.CMD ?? []): ChildProcess {
  const readOnly = `ip link set lo up; mount --bind ${image.root} ${image.root}; mount -t proc proc ${image.root}/proc; mount --bind /dev ${image.root}/dev;
    mount --bind ${image.root}/data ${image.root}/data; mount -t tmpfs -o mode=1777 tmpfs ${image.root}/tmp; mount -o remount,bind,ro ${image.root};`;
  const command = [...(image.lists.ENTRYPOINT ?? []), ...given];
  const [program = "", ...args] = inside(image, readOnly, command);
  return spawn("unshare", [...ISOLATED, "--net", "--kill-child=KILL", program, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** Runs a command in the namespaces of process 1 of the container, as `docker exec` does. */
function execute(image: Image, pid: number, command: readonly string[]) {
  const env = Object.entries({ PATH, ...image.env }).map(([name, value]) => `${name}=${value}`);
  const chroot = ["chroot", `--userspec=${image.user ?? "0:0"}`, image.root, "/usr/bin/env", "-i", ...env, ...command];
  return spawnSync("nsenter", ["--target", String(pid), "--mount", "--pid", "--net", ...chroot], { encoding: "utf8" });
}

async function main(): Promise<void> {
  assert.equal(process.getuid?.(), 0, "roots are changed by root alone");
  const home = mkdtempSync(join(tmpdir(), "dl-container-"));
  const startedAt = performance.now();
  let container: ChildProcess | undefined;
  try {
    const image = build(readText("Dockerfile"), home);
    const database = ["--database", "/data/lake.sqlite"];
    for (const command of [["migrate"], ["key", "create", "me"]]) {
      const [code] = await once(start(image, [...command, ...database]), "exit");
      assert.equal(code, 0, command.join(" "));
    }
    container = start(image);
    const [line] = await Promise.race([
      once(container.stdout ?? container, "data"),
      once(container, "exit").then(([code]) => assert.fail(`the server ended with ${code}`)),
    ]);
    assert.match(String(line), /^dl serves http:\/\/0\.0\.0\.0:8080/);
    // unshare waits for the first process of the namespace, which it has begun.
    const pid = Number(execFileSync("pgrep", ["-P", String(container.pid)], { encoding: "utf8" }));
    const says = (...command: string[]) => execute(image, pid, command);
    assert.match(says("cat", "/proc/1/cmdline").stdout, /^node\0.*dl\.js\0serve\0/, "the server is process 1");
    assert.match(says("cat", "/proc/1/status").stdout, /^Uid:\t10001\t10001\t10001\t10001$/m);
    assert.match(says("touch", "/app/x").stderr, /Read-only file system/);
    assert.equal(says("touch", "/data/mine").status, 0);
    const health = says(...(image.lists.HEALTHCHECK ?? []));
    assert.equal(health.status, 0, health.stdout + health.stderr);
    const exited = once(container, "exit");
    process.kill(pid, image.lists.STOPSIGNAL?.[0] as NodeJS.Signals);
    assert.deepEqual(await exited, [0, null], "SIGTERM ends it in order");
    console.log(
      `the container is built, healthy and stopped, in ${Math.round((performance.now() - startedAt) / 1000)} s`,
    );
  } finally {
    container?.kill("SIGKILL");
    rmSync(home, { recursive: true, force: true });
  }
}

await main();
