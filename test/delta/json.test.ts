/** JSON without loss: what is read and written again has the same digits, keys and characters. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isInt64 } from "../../lib/delta/values/int64.ts";
import {
  canonicalJson,
  isJsonObject,
  isRawNumber,
  type Json,
  parseJson,
  stringifyJson,
} from "../../lib/delta/values/json.ts";

/** Numbers as texts, because a JavaScript number could not say what is to be tested. */
const NUMBERS = [
  "0",
  "-0",
  "-0.0",
  "1.0",
  "1e3",
  "1E+3",
  "1e400",
  "5e-324",
  "1e21",
  "1e+21",
  "1.5e+300",
  "0.1",
  "1.10",
  "9007199254740991",
  "9007199254740992",
  "9007199254740993",
  "-9007199254740993",
  "9223372036854775807",
  "-9223372036854775808",
  "9223372036854775808",
  "12345678901234567890123456789012345678",
  "1234567890123456789012345678.9012345678",
  "0.30000000000000004",
];

const number = fc.oneof(
  fc.constantFrom(...NUMBERS),
  fc.bigInt({ min: -(10n ** 38n), max: 10n ** 38n }).map(String),
  fc
    .tuple(fc.integer(), fc.stringMatching(/^\d{1,38}$/), fc.constantFrom("", "e5", "E-7", "e+400"))
    .map(([whole, fraction, exponent]) => `${whole}.${fraction}${exponent}`),
);
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "\ud800",
    "a\udc00b",
    '{"n":1.0,"m":9007199254740993}',
    "part-1e3.5-00000000000000000001",
    "\\",
    '"',
    "\n",
  ),
);
const key = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("__proto__", "constructor", "toJSON", "a", "b", "1.0"),
);
/** Keys like array indexes move to the front of any JavaScript object: they are tested apart. */
const isIndex = (name: string) => /^(0|[1-9]\d{0,9})$/.test(name);

/** JSON texts without spaces, each key once. */
const { json } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("null", "true", "false"),
    number,
    text.map((value) => JSON.stringify(value)),
    fc.array(tie("json"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
    fc
      .uniqueArray(fc.tuple(key, tie("json")), { maxLength: 4, selector: ([name]) => name })
      .map((members) => members.filter(([name]) => !isIndex(name)))
      .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`),
  ),
}));

/** All numbers of a value are in one form each, so that `===` compares. */
function assertNormalForm(value: Json | undefined): void {
  if (typeof value === "bigint") assert.ok(isInt64(value), `${value} is a bigint that fits a number, or too large`);
  else if (typeof value === "number") assert.ok(Number.isSafeInteger(value) || !Number.isInteger(value), `${value}`);
  else if (Array.isArray(value)) value.forEach(assertNormalForm);
  else if (isJsonObject(value)) Object.values(value).forEach(assertNormalForm);
}

describe("parseJson and stringifyJson", () => {
  test("any JSON text comes back byte for byte", () => {
    fc.assert(
      fc.property(json, (source) => {
        const value = parseJson(source);
        assertNormalForm(value);
        assert.equal(stringifyJson(value), source);
      }),
      { numRuns: 500 },
    );
  });

  test("spaces between tokens change nothing", () => {
    fc.assert(
      fc.property(json, (source) => {
        const spaced = JSON.stringify(parseJsonTree(source), undefined, 2);
        assert.equal(stringifyJson(parseJson(spaced)), source);
      }),
      { numRuns: 200 },
    );
  });

  for (const source of NUMBERS) {
    test(`the number ${source} keeps its digits`, () => {
      for (const context of [source, `[${source}]`, `{"a":"x","n":${source}}`]) {
        assert.equal(stringifyJson(parseJson(context)), context);
      }
    });
  }

  test("edge 13: 64-bit integers become numbers when safe, else bigints", () => {
    assert.strictEqual(parseJson("9007199254740991"), 9007199254740991);
    assert.strictEqual(parseJson("9007199254740993"), 9007199254740993n);
    assert.strictEqual(parseJson("9223372036854775807"), 9223372036854775807n);
    assert.strictEqual(parseJson("-9223372036854775808"), -9223372036854775808n);
    assert.ok(isRawNumber(parseJson("9223372036854775808")));
    assert.ok(isRawNumber(parseJson("-9223372036854775809")));
    assert.ok(isRawNumber(parseJson("1.0")));
    assert.ok(isRawNumber(parseJson("1e+21")));
    assert.strictEqual(parseJson("0.1"), 0.1);
  });

  test("__proto__ is a key like any other", () => {
    for (const source of ['{"__proto__":{"a":1}}', '{"__proto__":{"a":1.0}}']) {
      const value = parseJson(source);
      assert.ok(isJsonObject(value));
      assert.equal(Object.getPrototypeOf(value), Object.prototype);
      assert.deepEqual(Object.keys(value), ["__proto__"]);
      assert.equal(stringifyJson(value), source);
      assert.equal(canonicalJson(value), source);
    }
  });

  test("keys like array indexes keep their values, and writing is stable", () => {
    const once = stringifyJson(parseJson('{"b":1.0,"10":2,"9":9007199254740993}'));
    assert.equal(once, '{"9":9007199254740993,"10":2,"b":1.0}');
    assert.equal(stringifyJson(parseJson(once)), once);
  });

  test("what is no JSON is a SyntaxError, with and without risky digits", () => {
    for (const source of ["", "{", '{"a":1.0', '"1.0', "1.0.0", "[1e3,]", "01.0", "-0x", '{"a":1.5e}']) {
      assert.throws(() => parseJson(source), SyntaxError, source);
    }
  });

  test("what looks like a number in a string, or a name, is none; behind it numbers are looked at all the same", () => {
    const texts = ["1.0", 'a\\"1.0', "\\\\", '\\\\\\"-0', "12345678901234567890", "\\u0031e3"];
    for (const text of texts) {
      for (const [number, isExact] of [
        ["0.25", true],
        ["-7", true],
        ["1.0", false],
        ["-0", false],
        ["1E2", false],
      ] as const) {
        const source = `{"${text}":["${text}",${number}]}`;
        assert.equal(stringifyJson(parseJson(source)).endsWith(`,${number}]}`), true, source);
        const [, last] = Object.values(parseJson(source) as Record<string, readonly unknown[]>)[0] ?? [];
        assert.equal(typeof last === "number", isExact, source);
      }
    }
  });

  test("undefined members are left out; a cycle is an error and no endless loop", () => {
    assert.equal(stringifyJson({ a: undefined, b: 2n ** 60n }), '{"b":1152921504606846976}');
    const cycle: Record<string, unknown> = { big: 1n };
    cycle.self = cycle;
    assert.throws(() => stringifyJson(cycle), TypeError);
  });
});

describe("canonicalJson", () => {
  test("is one text for all orders of keys, and differs when a value does", () => {
    fc.assert(
      fc.property(json, json, (source, other) => {
        const value = parseJson(source);
        const reordered = parseJson(canonicalJson(reversedKeys(value)));
        assert.equal(canonicalJson(reordered), canonicalJson(value));
        assert.equal(
          canonicalJson(parseJson(other)) === canonicalJson(value),
          sortedText(other) === sortedText(source),
        );
      }),
      { numRuns: 300 },
    );
  });

  test("sorts at every depth and keeps the order of arrays", () => {
    const value = { b: [{ d: 1, c: 2n ** 60n }, 3], a: null };
    assert.equal(canonicalJson(value), '{"a":null,"b":[{"c":1152921504606846976,"d":1},3]}');
  });
});

/** The same value from JavaScript's own parser, numbers as raw texts: what is compared with does not use our code. */
function parseJsonTree(source: string): unknown {
  const native = JSON as unknown as {
    parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
    rawJSON(text: string): unknown;
  };
  return native.parse(source, (_key, value, context) =>
    typeof value === "number" ? native.rawJSON(context.source ?? "") : value,
  );
}

/** Sorts the members of a text by their source, again without our code. */
function sortedText(source: string): string {
  const sort = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sort);
    if (typeof value !== "object" || value === null || "rawJSON" in value) return value;
    const members = Object.entries(value).map(([name, item]) => [name, sort(item)] as const);
    return { members: members.sort(([a], [b]) => (a < b ? -1 : 1)) };
  };
  return JSON.stringify(sort(parseJsonTree(source)));
}

function reversedKeys(value: Json | undefined): Json | undefined {
  if (Array.isArray(value)) return value.map((item) => reversedKeys(item) ?? null);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, item]) => [name, reversedKeys(item)]),
  );
}
