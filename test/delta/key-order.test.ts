/** The order of keys is that of their UTF-8 bytes, as S3 lists them, however JavaScript orders texts. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareKeys } from "../../lib/delta/files/key-order.ts";

const texts = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  // Where the two orders differ: surrogates lie below U+E000 to U+FFFF in UTF-16, and above in UTF-8.
  fc.string({ unit: fc.constantFrom("a", "é", "\ue000", "\uffff", "😀", "\u{10ffff}"), maxLength: 4 }),
);

test("keys are ordered by their UTF-8 bytes", () => {
  fc.assert(
    fc.property(texts, texts, (a, b) => {
      const bytes = Buffer.compare(Buffer.from(a.toWellFormed()), Buffer.from(b.toWellFormed()));
      assert.equal(Math.sign(compareKeys(a.toWellFormed(), b.toWellFormed())), bytes);
    }),
    { numRuns: 2000 },
  );
});
