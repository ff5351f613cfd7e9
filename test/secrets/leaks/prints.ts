/** A test that passes and prints a planted password: the runner must not let it. */

import { test } from "node:test";
import { PLANTED_PASSWORD } from "../../support/secrets.ts";

test("passes", () => console.log(`connected to postgresql://u:${encodeURIComponent(PLANTED_PASSWORD)}@h/d`));
