/** What differs between the two engines of Aurora that a deployment may have. */

import * as rds from "aws-cdk-lib/aws-rds";
import { SERVER_SETTINGS } from "../../lib/catalog/engines/mysql/settings.ts";
import type { DatabaseEngine } from "../../lib/config/deployment.ts";

/** Text of each parameter; docs/databases.md says why. */
export type Parameters = Readonly<Record<string, string>>;

export interface ClusterEngine {
  readonly engine: rds.IClusterEngine;
  /** Of the construct, and in the name of the cluster: another engine is another cluster, and the one before stays. */
  readonly id: string;
  readonly what: string;
  /** Login of the owner of the tables. */
  readonly owner: string;
  /** Logs that go to CloudWatch, each with the id of its group. */
  readonly logs: Readonly<Record<string, string>>;
  readonly clusterParameters: Parameters;
  /** Of each instance; AWS knows some for these alone. */
  readonly instanceParameters: Parameters;
  /** Behind the URL of the database. */
  readonly query: string;
  /** The database of the login for restores for practice; undefined: a schema in that of the catalog. */
  readonly scratchDatabase: string | undefined;
}

const POSTGRES: ClusterEngine = {
  engine: rds.DatabaseClusterEngine.auroraPostgres({ version: rds.AuroraPostgresEngineVersion.VER_17_7 }),
  id: "Database",
  what: "database",
  owner: "postgres",
  logs: { postgresql: "Log" },
  clusterParameters: {
    "rds.force_ssl": "1",
    // Sessions of ours set shorter ones, and migrations none: these end what a person has left open in a console.
    idle_in_transaction_session_timeout: "60000",
    lock_timeout: "60000",
    statement_timeout: "3600000",
    // With their values, which are paths and statistics: so none but those that something is wrong with.
    log_min_duration_statement: "5000",
    log_lock_waits: "1",
    log_statement: "ddl",
  },
  instanceParameters: {},
  query: "",
  scratchDatabase: undefined,
};

const MYSQL: ClusterEngine = {
  // With the Data API, and with a pause (3.08 and later).
  engine: rds.DatabaseClusterEngine.auroraMysql({ version: rds.AuroraMysqlEngineVersion.VER_3_10_3 }),
  id: "DatabaseOfMysql",
  what: "mysql",
  owner: "admin",
  logs: { error: "LogOfErrors", slowquery: "LogOfSlowQueries" },
  clusterParameters: {
    character_set_server: "utf8mb4",
    collation_server: "utf8mb4_0900_bin",
    innodb_print_all_deadlocks: "1",
  },
  instanceParameters: {
    ...Object.fromEntries(SERVER_SETTINGS.map(({ name, value }) => [name, value])),
    slow_query_log: "1",
    long_query_time: "5",
    log_output: "FILE",
  },
  query: "&engine=mysql",
  scratchDatabase: "dl_scratch",
};

export const CLUSTER_ENGINES: Readonly<Record<DatabaseEngine, ClusterEngine>> = {
  "aurora-postgresql": POSTGRES,
  "aurora-mysql": MYSQL,
};
