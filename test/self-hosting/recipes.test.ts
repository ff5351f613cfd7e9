/** The recipes for self-hosting fit the service: settings that there are, paths that answer, times that fit, metrics that exist, roles that suffice. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import { readConfigFile } from "../../lib/cli/config-file.ts";
import { resolveConfig } from "../../lib/config/resolve.ts";
import {
  CACHE_METRICS,
  EVENT_METRICS,
  SCRAPED_METRICS,
  SERVICE_METRICS,
  STATE_METRICS,
} from "../../lib/telemetry/metric-names.ts";
import { ROUTES } from "../../lib/wire/routes.ts";
import { dl } from "../cli/run.ts";
import { needs, postgresUrl } from "../support/skip.ts";
import { exists, readText } from "../support/source-tree.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-recipes-"));
after(() => rmSync(folder, { recursive: true }));
const PATHS: readonly string[] = Object.values(ROUTES).map(({ path }) => path);

describe("Dockerfile", () => {
  const text = readText("Dockerfile");
  const lines = text
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith("FROM ")));

  test("is built in one image and run in another, without rights, with signals and health", () => {
    assert.equal(lines.filter((line) => line.startsWith("FROM ")).length, 2);
    assert.ok(
      last.some((line) => /^USER \d+:\d+$/.test(line)),
      "a number, as Kubernetes asks for with runAsNonRoot",
    );
    assert.ok(
      last.every((line) => !/apt-get|npm|COPY \./.test(line)),
      "nothing is built, and no source copied, where it runs",
    );
    for (const name of ["ENTRYPOINT", "CMD"]) {
      const [, form = ""] = last.find((line) => line.startsWith(`${name} `))?.split(/ (.*)/) ?? [];
      assert.ok(Array.isArray(JSON.parse(form)), `${name} is a list: a shell would keep the signals to itself`);
    }
    assert.ok(last.includes("STOPSIGNAL SIGTERM"));
    const health = /HEALTHCHECK .*CMD (\[.*\])$/.exec(last.find((line) => line.startsWith("HEALTHCHECK")) ?? "")?.[1];
    assert.deepEqual(JSON.parse(health ?? "").slice(-3), ["health", "--url", "http://127.0.0.1:8080"]);
  });

  test("copies what there is, and variables of it are settings", () => {
    for (const line of lines.filter((one) => /^COPY (?!--from)/.test(one))) {
      for (const file of line.split(" ").slice(1, -1)) if (file !== ".") assert.ok(exists(file), file);
    }
    const env = Object.fromEntries([...text.matchAll(/\b(DL_\w+)=(\S+)/g)].map(([, name, value]) => [name, value]));
    assert.ok(Object.keys(env).length > 0);
    assert.deepEqual(resolveConfig({ env }).problems, []);
  });
});

describe("compose.yaml", () => {
  const { services } = parse(readText("compose.yaml"), { merge: true }) as {
    services: Record<string, Record<string, unknown>>;
  };

  test("the service has settings that there are, and time to end", () => {
    const { environment, stop_grace_period: grace } = services.lake as {
      environment: Record<string, string>;
      stop_grace_period: string;
    };
    const { config, problems } = resolveConfig({ env: environment });
    assert.deepEqual(problems, []);
    const { drain_seconds, shutdown_seconds } = config?.server ?? assert.fail();
    assert.ok(Number.parseInt(grace, 10) > drain_seconds + shutdown_seconds, grace);
    assert.equal(config?.performance.cache.redis_url, "redis://redis:6379/0");
  });

  test("what it mounts is there, and what it waits for is a service", () => {
    for (const [name, { volumes = [], depends_on = {} }] of Object.entries(services)) {
      for (const volume of volumes as string[]) {
        const [from = ""] = volume.split(":");
        if (from.startsWith("./")) assert.ok(exists(from.slice(2)), `${name}: ${from}`);
      }
      const needed = Array.isArray(depends_on) ? depends_on : Object.keys(depends_on as object);
      for (const other of needed) assert.ok(other in services, `${name}: ${other}`);
    }
  });
});

test("Kubernetes: the configuration is valid, probes ask routes, the end has its time, nothing may do more than it must", async () => {
  const documents = parseAllDocuments(readText("deploy/kubernetes/deltalakedb.yaml"));
  assert.deepEqual(
    documents.flatMap(({ errors }) => errors),
    [],
  );
  // biome-ignore lint/suspicious/noExplicitAny: documents of Kubernetes
  const all = documents.map((document) => document.toJS()) as any[];
  const of = (kind: string) => all.find((one) => one.kind === kind) ?? assert.fail(kind);
  const file = join(folder, "config.yaml");
  writeFileSync(file, of("ConfigMap").data["config.yaml"]);
  const { config } = await readConfigFile(file, {});
  const { spec } = of("Deployment").spec.template;
  const { drain_seconds, shutdown_seconds, port } = config.server;
  assert.ok(spec.terminationGracePeriodSeconds > drain_seconds + shutdown_seconds);
  const [container] = spec.containers;
  assert.equal(container.livenessProbe.httpGet.path, "/v1/live");
  assert.equal(container.readinessProbe.httpGet.path, "/v1/health");
  for (const probe of ["livenessProbe", "readinessProbe", "startupProbe"])
    assert.ok(PATHS.includes(container[probe].httpGet.path));
  const { periodSeconds, failureThreshold } = container.readinessProbe;
  assert.ok(drain_seconds > periodSeconds * failureThreshold, "who asks notices before the port closes");
  assert.equal(container.ports[0].containerPort, port);
  for (const one of [container, ...spec.initContainers]) {
    assert.deepEqual(one.securityContext.capabilities.drop, ["ALL"]);
    assert.equal(one.securityContext.readOnlyRootFilesystem, true);
    assert.equal(one.args[0] === "serve" || one.args[0] === "migrate", true);
  }
});

test("systemd: the unit is one, and gives the server its time", () => {
  const text = readText("deploy/deltalakedb.service");
  assert.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1]) > 25);
  assert.match(text, /^KillMode=mixed$/m);
  const unit = join(folder, "deltalakedb.service");
  writeFileSync(unit, text);
  const { status, stderr, error } = spawnSync("systemd-analyze", ["verify", unit], { encoding: "utf8" });
  if (error === undefined) assert.equal(status === 0 || !stderr.includes("deltalakedb.service:"), true, stderr);
});

test("Grafana and Prometheus ask for metrics that there are", () => {
  const known = new Set(
    [EVENT_METRICS, SCRAPED_METRICS, SERVICE_METRICS, STATE_METRICS, CACHE_METRICS]
      .flatMap((all) => Object.values(all))
      .map(({ prometheus }) => prometheus),
  );
  const { panels } = JSON.parse(readText("deploy/grafana/dashboards/deltalakedb.json"));
  const named = (panels as { targets: { expr: string }[] }[])
    .flatMap(({ targets }) => targets)
    .flatMap(({ expr }) => expr.match(/dl_\w+/g) ?? []);
  assert.ok(named.length > 8);
  for (const name of named) assert.ok(known.has(name.replace(/_(bucket|count|sum)$/, "")), name);
  const { scrape_configs } = parse(readText("deploy/prometheus.yaml"));
  assert.equal(scrape_configs[0].metrics_path, "/metrics");
});

describe("dl init-sql", () => {
  test("refuses what has no roles, and names that would have to be quoted", async () => {
    for (const [args, words] of [
      [["--engine", "sqlite"], /SQLite has no roles/],
      [["--engine", "oracle"], /use postgresql/],
      [["--engine", "postgresql", "--name", "a; drop"], /small letters/],
    ] as const) {
      const { code, stderr } = await dl(["init-sql", ...args]);
      assert.equal(code, 64);
      assert.match(stderr, words);
    }
  });

  const hasPsql = spawnSync("psql", ["--version"]).status === 0;
  test(
    "the owner migrates, the app commits and changes no schema, the reader reads",
    needs("roles on PostgreSQL", postgresUrl && hasPsql, "TEST_POSTGRES_URL is not set, or there is no psql"),
    async () => {
      const name = `dl_roles_${crypto.randomUUID().slice(0, 8)}`;
      const psql = (input: string) => {
        const args = ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", postgresUrl ?? ""];
        const { status, stderr } = spawnSync("psql", args, { input, encoding: "utf8" });
        assert.equal(status, 0, stderr);
      };
      const as = (role: string) => {
        const url = new URL(postgresUrl ?? "");
        [url.username, url.pathname] = [`${name}_${role}`, `/${name}`];
        return ["--database", url.href];
      };
      psql((await dl(["init-sql", "--engine", "postgresql", "--name", name])).stdout);
      try {
        const early = await dl(["migrate", ...as("app")]);
        assert.equal(early.code, 1, "the app makes no schema");
        const made = await dl(["migrate", ...as("owner")]);
        assert.equal(made.code, 0, made.stderr);
        const key = (role: string) => dl(["key", "create", "x", ...as(role)]);
        assert.equal((await key("app")).code, 0);
        assert.equal((await key("reader")).code, 1);
        for (const role of ["app", "reader"]) assert.equal((await dl(["tables", ...as(role)])).code, 0, role);
        assert.equal((await dl(["migrate", ...as("app")])).code, 0, "nothing is to be done");
      } finally {
        psql(
          `drop database ${name} with (force); ${["owner", "app", "reader"].map((role) => `drop role ${name}_${role};`).join(" ")}`,
        );
      }
    },
  );
});
