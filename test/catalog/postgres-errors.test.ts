/** What a refusal by PostgreSQL means to the caller: a state of its own before that of its class. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { stateError } from "../../lib/catalog/engines/postgres/errors.ts";

test("a file that the server misses is not called a disk that fails", () => {
  const of = (state: string) => stateError(state, "detail", "lake at host", undefined);
  const [missing, disk] = [of("58P01"), of("58030")];
  assert.deepEqual([missing.kind, missing.code], ["unavailable", "DATABASE_FILE_MISSING"]);
  assert.doesNotMatch(missing.message, /disk/);
  assert.deepEqual([disk.kind, disk.code], ["unavailable", "DATABASE_IO_ERROR"]);
});
