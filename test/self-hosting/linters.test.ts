/** The recipes, by those who will read them: nginx, Prometheus, and linters of Dockerfiles and of Kubernetes manifests (test/self-hosting/setup.sh). */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { selfSigned } from "../support/certificate.ts";
import { needs } from "../support/skip.ts";
import { ROOT, readText } from "../support/source-tree.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-linters-"));
after(() => rmSync(folder, { recursive: true }));

const linters = process.env.TEST_LINTERS || undefined;
const isThere = (program: string, option: string) => spawnSync(program, [option]).error === undefined;

function passes(program: string, ...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: ROOT, encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
}

test("nginx takes the example", needs("nginx", isThere("nginx", "-v"), "nginx is not installed"), () => {
  const { cert, key } = selfSigned("lake.example.com");
  const text = readText("deploy/nginx.conf");
  assert.match(text, /lake\.crt;[\s\S]*lake\.key;/);
  const here = text
    .replace("/etc/nginx/tls/lake.crt", join(folder, "lake.crt"))
    .replace("/etc/nginx/tls/lake.key", join(folder, "lake.key"))
    // It asks for the names when it reads them.
    .replaceAll(/app(\d)\.example\.com/g, "127.0.0.$1");
  writeFileSync(join(folder, "lake.crt"), cert);
  writeFileSync(join(folder, "lake.key"), key);
  writeFileSync(join(folder, "nginx.conf"), `pid ${folder}/pid;\nevents {}\nhttp {\n${here}\n}\n`);
  passes("nginx", "-t", "-q", "-c", join(folder, "nginx.conf"), "-e", "stderr");
});

test(
  "Prometheus takes its configuration",
  needs("promtool", isThere("promtool", "--version"), "promtool is not installed"),
  () => passes("promtool", "check", "config", "deploy/prometheus.yaml"),
);

test("hadolint has nothing to say of the Dockerfile", needs("hadolint", linters, "TEST_LINTERS is not set"), () =>
  passes(join(linters ?? "", "hadolint"), "Dockerfile"),
);

test(
  "Kubernetes' own schemas, oldest and newest, know each member of the manifests",
  needs("kubernetes-validate", linters, "TEST_LINTERS is not set"),
  () => {
    const validator = join(linters ?? "", "kubernetes-validate");
    const manifests = "deploy/kubernetes/deltalakedb.yaml";
    for (const version of ["1.25", "1.37"]) passes(validator, "--strict", "--quiet", "-k", version, manifests);
    const wrong = join(folder, "wrong.yaml");
    writeFileSync(wrong, readText(manifests).replace("terminationGracePeriodSeconds", "terminationGraceSeconds"));
    assert.throws(() => passes(validator, "--strict", wrong), /terminationGraceSeconds/);
  },
);
