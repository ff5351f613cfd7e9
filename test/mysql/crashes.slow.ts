/** The black-box checker of isolation on a MariaDB that crashes in the midst of commits: none is lost, none doubled. */

import { check } from "../isolation/checker/check.ts";
import { hasMariadb } from "../support/own-mariadb.ts";
import { mysqlUrl } from "../support/skip.ts";

check(
  "isolation over HTTP: two servers on a MariaDB that crashes",
  mysqlUrl !== undefined && hasMariadb() ? { engine: "mysql that crashes" } : undefined,
  "there are no programs of MariaDB, or TEST_MYSQL_URL is not set",
);
