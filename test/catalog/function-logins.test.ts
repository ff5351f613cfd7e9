/** Each function works with its own login of PostgreSQL. */

import { onPostgres } from "../support/login-lakes.ts";
import { loginsSuite } from "./contract-logins.ts";

loginsSuite(onPostgres());
