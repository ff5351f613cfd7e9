/** JSON texts that are none: the message says where and what. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { stringifyJson } from "../../lib/delta/values/json.ts";
import { isLakeError } from "../../lib/errors.ts";
import { JSON_LIMITS, readJsonText } from "../../lib/wire/json-text.ts";
import { firstDuplicate, firstFault } from "../../lib/wire/json-walk.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function refusal(input: Uint8Array, code = "MALFORMED_JSON") {
  try {
    readJsonText(input);
  } catch (error) {
    assert.ok(isLakeError(error, "invalid"), String(error));
    assert.equal(error.code, code);
    return { message: error.message, ...(error.at === undefined ? {} : { at: error.at }), ...error.facts };
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

const TWICE: readonly [text: string, at: string][] = [
  ['{"a":1,"a":1}', "/a"],
  ['{"a":1,"b":{"c":[{},{"x":1,"y":2,"x":3}]}}', "/b/c/1/x"],
  ['{"a":1,"\\u0061":2}', "/a"],
  ['{"a/b~":1,"a/b~":2}', "/a~1b~0"],
  ['{"":1,"":2}', "/"],
  ['{"__proto__":1,"__proto__":2}', "/__proto__"],
  ['{"rawJSON":1,"rawJSON":2}', "/rawJSON"],
  ['[{"n":9007199254740993,"n":9007199254740993}]', "/0/n"],
  ['{"1":0,"0":0,"1":0}', "/1"],
  ['{"é":1,"\\u00e9":2}', "/é"],
];

for (const [text, at] of TWICE) {
  test(`${text} is refused at ${at}`, () => {
    const { message, at: pointer } = refusal(bytes(text), "DUPLICATE_NAME") as { message: string; at?: string };
    assert.match(message, /same name/);
    assert.equal(pointer, at);
  });
}

test("names that only look alike are taken, in objects of their own, too", () => {
  const text = '{"a":{"a":[{"a":1},{"a":2}]},"A":"\\"a\\":1,\\"a\\":2","__proto__":{"__proto__":1}}';
  assert.equal(JSON.stringify(readJsonText(bytes(text))), JSON.stringify(JSON.parse(text)));
});

test("property: what has each name once is taken as it is, and a name that is given again is found", () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 4 }),
      fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }),
      (any, object) => {
        const text = JSON.stringify([any, object]);
        assert.equal(stringifyJson(readJsonText(bytes(text))), text);
        const [name = ""] = Object.keys(object);
        const twice = `[${JSON.stringify(any)},${JSON.stringify(object).slice(0, -1)},${JSON.stringify(name)}:0}]`;
        assert.equal(firstDuplicate(twice), `/1/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`);
        refusal(bytes(twice), "DUPLICATE_NAME");
      },
    ),
  );
});

test("more values, or members of one object, than any request needs are refused before they are made", () => {
  const members = Array.from({ length: JSON_LIMITS.members + 1 }, (_, i) => `"k${i}":1`);
  assert.match(refusal(bytes(`{${members.join()}}`), "JSON_TOO_LARGE").message, /more than 10000 members/);
  readJsonText(bytes(`{${members.slice(1).join()}}`));
  const items = `[${"1,".repeat(JSON_LIMITS.values)}1]`;
  assert.match(refusal(bytes(items), "JSON_TOO_LARGE").message, /more than 4000000 values/);
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
