/** Each function works with its own login of MySQL or MariaDB, by connections and through the Data API. */

import { loginsSuite } from "../catalog/contract-logins.ts";
import { onAuroraMysql, onMysql } from "../support/login-lakes.ts";

loginsSuite(onMysql());
loginsSuite(onAuroraMysql());
