/** The structure of the source as tables: who may import whom, and the home of each package. test/architecture.test.ts holds us to it. */

export const PURE = ["lib/delta", "lib/operations"];
const PORTS = ["lib/ports.ts", "lib/delta", "lib/errors.ts", "lib/deadlines.ts", "lib/access/principal.ts"];
const SURFACE = [
  "lib/access",
  "lib/operations",
  "lib/lake",
  "lib/wire",
  ...PORTS,
  "lib/config.ts",
  "lib/default-config.ts",
  "lib/masked-url.ts",
  "lib/database-url.ts",
  "lib/validation.ts",
  "lib/telemetry",
];

/** What an engine on a server may know of the catalog: the small SQL port, how to retry, and the rows that it writes. */
const SQL = [
  "lib/catalog/database.ts",
  "lib/catalog/dialect.ts",
  "lib/catalog/limits.ts",
  "lib/catalog/rows",
  "lib/catalog/commit/planned-rows.ts",
  "lib/catalog/engines/retry.ts",
  "lib/retry.ts",
  "lib/slots.ts",
];

/** What each folder or file may import beside itself. What is not listed here belongs nowhere yet. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "lib/errors.ts": [],
  "lib/retry.ts": [],
  "lib/deadlines.ts": [],
  "lib/slots.ts": [],
  "lib/delta": ["lib/errors.ts"],
  "lib/access/principal.ts": [],
  "lib/access/issuer-rules.ts": [],
  "lib/access": PORTS,
  "lib/ports": ["lib/delta", "lib/errors.ts", "lib/access/principal.ts", "lib/telemetry/metric-names.ts"],
  "lib/telemetry/metric-names.ts": [],
  "lib/ports.ts": ["lib/delta", "lib/ports"],
  "lib/validation.ts": ["lib/delta", "lib/errors.ts"],
  "lib/config.ts": [
    "lib/delta",
    "lib/errors.ts",
    "lib/validation.ts",
    "lib/default-config.ts",
    "lib/access/issuer-rules.ts",
  ],
  "lib/default-config.ts": ["lib/config.ts", "lib/deadlines.ts"],
  "lib/masked-url.ts": [],
  "lib/database-url.ts": ["lib/errors.ts"],
  "lib/operations": PORTS,
  "lib/catalog/engines/sqlite": [...PORTS, "lib/catalog/database.ts", "lib/catalog/dialect.ts", "lib/retry.ts"],
  "lib/catalog/engines/postgres": [...PORTS, ...SQL],
  "lib/catalog/engines/data-api": [...PORTS, ...SQL, "lib/catalog/engines/postgres"],
  "lib/catalog": [...PORTS, "lib/retry.ts", "lib/slots.ts", "lib/database-url.ts"],
  "lib/parquet": ["lib/delta/int64.ts", "lib/delta/json.ts", "lib/errors.ts", "lib/ports/storage.ts"],
  "lib/log": [...PORTS, "lib/parquet"],
  "lib/storage": [...PORTS, "lib/retry.ts", "lib/slots.ts"],
  "lib/files": [...PORTS, "lib/parquet"],
  "lib/compaction": PORTS,
  "lib/queue": [...PORTS, "lib/retry.ts"],
  "lib/telemetry": [...PORTS, "lib/config.ts"],
  "lib/lake/clock.ts": ["lib/ports.ts"],
  "lib/lake": [...SURFACE, "lib/catalog", "lib/log", "lib/storage", "lib/files", "lib/queue", "lib/compaction"],
  "lib/wire": ["lib/operations", ...PORTS, "lib/validation.ts"],
  "lib/http": SURFACE,
  "lib/cli": [...SURFACE, "lib/http", "package.json"],
  "lib/index.ts": SURFACE,
  functions: [...SURFACE, "lib/http", "lib/retry.ts"],
  infra: ["lib/config.ts", "lib/telemetry/metric-names.ts", "lib/storage/keys.ts", "lib/wire/routes.ts"],
};

/** The one home of each third-party package: replacing it is a change of one folder. */
export const HOMES: Readonly<Record<string, readonly string[]>> = {
  pg: ["lib/catalog/engines/postgres"],
  "sql-template-tag": ["lib/catalog"],
  "parquet-wasm": ["lib/parquet"],
  "apache-arrow": ["lib/parquet"],
  hyparquet: ["lib/parquet"],
  "hyparquet-compressors": ["lib/parquet"],
  "@aws-sdk/client-rds-data": ["lib/catalog/engines/data-api"],
  "@aws-sdk/client-s3": ["lib/storage"],
  "@aws-sdk/s3-request-presigner": ["lib/storage"],
  "@aws-sdk/client-secrets-manager": ["lib/lake"],
  "@aws-sdk/client-sqs": ["lib/queue"],
  "@aws-lambda-powertools/metrics": ["lib/telemetry"],
  "@aws-lambda-powertools/logger": ["functions"],
  "@aws-lambda-powertools/batch": ["functions"],
  "@middy/core": ["functions"],
  // Types only.
  "aws-lambda": ["functions"],
  "aws-cdk-lib": ["infra"],
  constructs: ["infra"],
  "cdk-nag": ["infra"],
  jose: ["lib/access"],
  hono: ["lib/http"],
  "@hono/node-server": ["lib/http"],
  zod: ["lib/validation.ts", "lib/config.ts", "lib/wire"],
  commander: ["lib/cli"],
  "cli-table3": ["lib/cli"],
  "cli-progress": ["lib/cli"],
  yaml: ["lib/cli"],
  "smol-toml": ["lib/cli"],
  pino: ["lib/telemetry"],
  "prom-client": ["lib/telemetry"],
  "fast-check": ["test"],
  "@duckdb/node-api": ["lib/compaction"],
};
/** Packages that are run, or read by the type checker, but never imported. */
export const TOOLS = ["node", "typescript", "@biomejs/biome", "aws-cdk", "esbuild"];
