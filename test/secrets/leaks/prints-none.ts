/** A test that passes and prints no secret. */

import { test } from "node:test";

test("passes", () => console.log("connected to postgresql://u:***@h/d"));
