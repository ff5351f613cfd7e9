/** The black-box checker of isolation, with kills, on MySQL or MariaDB behind the Data API: who dies in a transaction of several calls holds up nobody for long. */

import { check } from "../isolation/checker/check.ts";
import { mysqlUrl } from "../support/skip.ts";

check(
  "isolation over HTTP: two servers on MySQL behind the Data API",
  mysqlUrl === undefined ? undefined : { engine: "data-api over mysql", url: mysqlUrl },
  "TEST_MYSQL_URL is not set",
);
