/** JSON texts that are none: the message says where and what. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isLakeError } from "../../lib/errors.ts";
import { firstFault, readJsonText } from "../../lib/wire/json-text.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function refusal(input: Uint8Array) {
  try {
    readJsonText(input);
  } catch (error) {
    assert.ok(isLakeError(error, "invalid"), String(error));
    assert.equal(error.code, "MALFORMED_JSON");
    return { message: error.message, ...error.facts };
  }
  return assert.fail("was accepted");
}

const CASES: readonly [text: string, line: number, column: number, words: RegExp][] = [
  ["", 1, 1, /the text ends where a value should be/],
  ["{", 1, 2, /the text ends where a name in double quotes/],
  ['{"a":1,}', 1, 8, /there is "}" where a name in double quotes/],
  ["[1,\n 2\n 3]", 3, 2, /there is "3" where "," or "]"/],
  ["{'a':1}", 1, 2, /a name in double quotes/],
  ['{"a" 1}', 1, 6, /where ":" should be/],
  ["[tru]", 1, 2, /where a value should be/],
  ['["a\\x"]', 1, 4, /an escape of JSON/],
  ['["a\nb"]', 1, 4, /the rest of a string/],
  ['["abc', 1, 6, /the text ends where the rest of a string/],
  ["{} {}", 1, 4, /where the end should be/],
  ["[01]", 1, 3, /"," or "]"/],
  ["NaN", 1, 1, /a value/],
];

for (const [text, line, column, words] of CASES) {
  test(`${JSON.stringify(text)} is refused at ${line}:${column}`, () => {
    const { message, ...facts } = refusal(bytes(text));
    assert.match(message, words);
    assert.deepEqual(facts, { line, column });
  });
}

test("bytes that are not UTF-8 are refused", () => {
  assert.match(refusal(new Uint8Array([0x22, 0xff, 0x22])).message, /not UTF-8/);
});

test("nesting beyond all sense is refused before it costs a stack", () => {
  assert.match(refusal(bytes("[".repeat(100_000))).message, /deeper than 256/);
  assert.deepEqual(readJsonText(bytes(`"${"[".repeat(1000)}\\"["`)), `${"[".repeat(1000)}"[`);
});

test("64-bit numbers keep their digits", () => {
  assert.deepEqual(readJsonText(bytes("[9007199254740993]")), [9007199254740993n]);
});

test("property: the walk faults exactly where JSON.parse does not parse", () => {
  const mangled = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom("", "{", "}", "[", '"', ",", "\\", "\u0001", "1", ":"))
    .map(
      ([json, at, noise]) => json.slice(0, at % (json.length + 1)) + noise + json.slice((at % (json.length + 1)) + 1),
    );
  fc.assert(
    fc.property(mangled, (text) => {
      let parses = true;
      try {
        JSON.parse(text);
      } catch {
        parses = false;
      }
      const fault = firstFault(text);
      assert.equal(fault.offset === text.length && fault.wanted === "the end", parses);
    }),
    { numRuns: 2000 },
  );
});
