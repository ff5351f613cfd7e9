/** The black-box checker on SQLite, PostgreSQL, also one that crashes, and the Data API; on MySQL it is with what else that has. */

import { postgresPrograms } from "../support/own-postgres.ts";
import { postgresUrl } from "../support/skip.ts";
import { check } from "./checker/check.ts";

const programs = postgresPrograms();

check("isolation over HTTP: three servers on one SQLite file", { engine: "sqlite" }, "");
check(
  "isolation over HTTP: two servers on PostgreSQL",
  postgresUrl === undefined ? undefined : { engine: "postgres", url: postgresUrl },
  "TEST_POSTGRES_URL is not set",
);
check(
  "isolation over HTTP: two servers behind the Data API",
  postgresUrl === undefined ? undefined : { engine: "data-api", url: postgresUrl },
  "TEST_POSTGRES_URL is not set",
);
check(
  "isolation over HTTP: two servers on a PostgreSQL that crashes",
  programs === undefined || postgresUrl === undefined ? undefined : { engine: "postgres that crashes", programs },
  "there are no programs of PostgreSQL, or TEST_POSTGRES_URL is not set",
);
