/** What an id tells of its age. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { timeOfId } from "../../lib/delta/transaction-age.ts";

test("ids of version 7 say when they were made, and no others do", () => {
  // The example of RFC 9562, appendix A.6.
  assert.equal(timeOfId("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), Date.parse("2022-02-22T19:22:22.000Z"));
  assert.equal(timeOfId("00000000-0000-7000-8000-000000000000"), 0);
  for (const other of [
    crypto.randomUUID(),
    "017f22e2-79b0-7cc3-c8c4-dc0c0c07398f",
    "017f22e2-79b0-1cc3-98c4-dc0c0c07398f",
    "",
  ])
    assert.equal(timeOfId(other), undefined, other);
});
