/** The black-box checker of isolation, with kills, on MySQL or MariaDB. */

import { check } from "../isolation/checker/check.ts";
import { mysqlUrl } from "../support/skip.ts";

check(
  "isolation over HTTP: two servers on MySQL",
  mysqlUrl === undefined ? undefined : { engine: "mysql", url: mysqlUrl },
  "TEST_MYSQL_URL is not set",
);
