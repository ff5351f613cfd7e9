/** Texts of partition values as values: what readers find in them, the one canonical text, and the order of SQL. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { columnValueType, compareTexts, valueType } from "../../lib/delta/values/value-types.ts";

const typed = (type: string) => valueType(type) ?? assert.fail(`no type ${type}`);
const canonical = (type: string, text: string) => typed(type).canonical(text);

/** What Spark 4.1 writes is canonical; readers were tried on each text (delta-rs 1.6, DuckDB 1.4, Spark 4.1). */
const CANONICAL: Readonly<Record<string, readonly (readonly [text: string, canonical: string])[]>> = {
  byte: [
    ["127", "127"],
    ["-128", "-128"],
  ],
  short: [["-32768", "-32768"]],
  integer: [
    ["01", "1"],
    ["+1", "1"],
    ["-0", "0"],
    ["-007", "-7"],
  ],
  long: [
    ["9223372036854775807", "9223372036854775807"],
    ["-9223372036854775808", "-9223372036854775808"],
    ["9007199254740993", "9007199254740993"],
  ],
  "decimal(10,2)": [
    ["1.5", "1.50"],
    ["1", "1.00"],
    ["1.500", "1.50"],
    [".5", "0.50"],
    ["5.", "5.00"],
    ["-.5", "-0.50"],
    ["+1.50", "1.50"],
    ["1e1", "10.00"],
    ["15E-1", "1.50"],
    ["-0", "0.00"],
    ["-0.00", "0.00"],
    ["0012345678.90", "12345678.90"],
  ],
  "decimal(38,0)": [
    ["99999999999999999999999999999999999999", "99999999999999999999999999999999999999"],
    ["1E2", "100"],
  ],
  "decimal(20,18)": [["0E-18", "0.000000000000000000"]],
  "decimal(2,2)": [["0.99", "0.99"]],
  decimal: [["15", "15"]],
  float: [
    ["0.1", "0.1"],
    ["0.10000000149011612", "0.1"],
    ["1", "1.0"],
    ["1e10", "1.0E10"],
    ["10000000000", "1.0E10"],
    ["9999999", "9999999.0"],
    ["0.001", "0.001"],
    ["0.0001", "1.0E-4"],
    ["1.4e-45", "1.4E-45"],
    ["3.4028235e38", "3.4028235E38"],
    ["-0.0", "-0.0"],
    ["nan", "NaN"],
    ["-NaN", "NaN"],
  ],
  double: [
    ["1e3", "1000.0"],
    ["1.0E+7", "1.0E7"],
    ["12345678", "1.2345678E7"],
    ["123456789012345680000", "1.2345678901234568E20"],
    ["4.9e-324", "4.9E-324"],
    ["5e-324", "4.9E-324"],
    ["2e-323", "2.0E-323"],
    ["1.7976931348623157e308", "1.7976931348623157E308"],
    ["-0", "-0.0"],
    [".5", "0.5"],
    ["5.", "5.0"],
    ["inf", "Infinity"],
    ["+Infinity", "Infinity"],
    ["-INF", "-Infinity"],
    ["NaN", "NaN"],
    ["1e-400", "0.0"],
  ],
  boolean: [
    ["true", "true"],
    ["False", "false"],
    ["TRUE", "true"],
  ],
  date: [
    ["2026-01-31", "2026-01-31"],
    ["2026-1-5", "2026-01-05"],
    ["0001-01-01", "0001-01-01"],
    ["0000-12-31", "0000-12-31"],
    ["-0044-03-15", "-0044-03-15"],
    ["10000-01-01", "+10000-01-01"],
    ["+10000-01-01", "+10000-01-01"],
    ["+002026-01-31", "2026-01-31"],
    ["0099-02-28", "0099-02-28"],
  ],
  timestamp: [
    ["2026-01-31T12:00:00.123456Z", "2026-01-31T12:00:00.123456Z"],
    ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000Z"],
    ["2026-01-31 12:00:00Z", "2026-01-31T12:00:00.000000Z"],
    ["2026-01-31 12:00:00.5+01:00", "2026-01-31T11:00:00.500000Z"],
    ["2026-01-31T12:00:00-0830", "2026-01-31T20:30:00.000000Z"],
    ["2026-01-31 12:00:00+00", "2026-01-31T12:00:00.000000Z"],
    ["1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"],
    ["+10000-01-01T00:00:00.000000Z", "+10000-01-01T00:00:00.000000Z"],
    ["9999-12-31T23:59:59.999999-01:00", "+10000-01-01T00:59:59.999999Z"],
    ["-0001-01-01T00:00:00Z", "-0001-01-01T00:00:00.000000Z"],
    ["2026-01-31 12:00:00", "2026-01-31 12:00:00"],
    ["2026-01-31T12:00:00", "2026-01-31 12:00:00"],
    ["2026-01-31 12:00:00.500000", "2026-01-31 12:00:00.5"],
    ["2026-01-31 12:00", "2026-01-31 12:00:00"],
    ["2026-01-31", "2026-01-31 00:00:00"],
    ["2026-01-31T12:00:00.123456000Z", "2026-01-31T12:00:00.123456Z"],
  ],
  timestamp_ntz: [
    ["2026-01-31 12:00:00.000", "2026-01-31 12:00:00"],
    ["2026-01-31T12:00:00.123456", "2026-01-31 12:00:00.123456"],
    ["2026-01-31", "2026-01-31 00:00:00"],
    ["+10000-01-01 00:00:00", "+10000-01-01 00:00:00"],
    ["-0001-06-01 00:00:00", "-0001-06-01 00:00:00"],
  ],
  string: [
    ["null", "null"],
    ["__HIVE_DEFAULT_PARTITION__", "__HIVE_DEFAULT_PARTITION__"],
    [" a/b=c% ", " a/b=c% "],
    ["😀", "😀"],
  ],
  binary: [["\u0001ÿ", "\u0001ÿ"]],
  "varchar(3)": [["a😀é", "a😀é"]],
  "char(3)": [
    ["a", "a"],
    ["a  ", "a  "],
  ],
};
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  byte: ["128", "-129", "1.0", "x", " 1", "1e1", "١"],
  short: ["32768"],
  integer: ["2147483648", "1.0", "0x10", "--1", "+", "1_000", "1\n"],
  long: ["9223372036854775808", "-9223372036854775809", "9".repeat(1000)],
  "decimal(10,2)": ["1.234", "1e30", "123456789", "99999999999999999999", "1,5", ".", "", "e1", "NaN", "1.5m", "1e-3"],
  "decimal(5,2)": ["12345.6", "1.234", "1000", `0.${"0".repeat(1000)}`],
  "decimal(38,0)": ["1E38", "0.5"],
  decimal: ["1.5", "12345678901"],
  float: ["1e39", "-1e39", "1f", "0x1p3", "one", ".", "1e", "infinit", "1 ", "1e999999"],
  double: ["1e400", "1d", "0x10", "--1", "1.2.3", "NaN1", "1".repeat(5000)],
  boolean: ["1", "t", "yes", " true", "TRUE "],
  date: [
    "2024-02-30",
    "2026-13-01",
    "20240101",
    "2024-01-01T00:00:00Z",
    "2026-01",
    "26-01-01",
    "+300000-01-01",
    "5881580-07-11",
    "__HIVE_DEFAULT_PARTITION__",
  ],
  timestamp: [
    "2024-01-01T25:00:00Z",
    "2024-01-01T24:00:00Z",
    "2024-01-01T23:59:60Z",
    "2024-01-01T00:00:00.1234567Z",
    "2024-01-01T00:00:00 Europe/Berlin",
    "2024-01-01T00:00:00+19:00",
    "2024-01-01T00:00:00+01:60",
    "2024-01-01Z",
    "2024-02-30 00:00:00",
    "1767225600000",
    "+262142-12-31T23:00:00-02:00",
  ],
  timestamp_ntz: ["2024-01-01T00:00:00Z", "2024-01-01 00:00:00+01:00", "2024-01-01 00:00:00.0000001"],
  string: ["\ud800", "a\udc00b"],
  binary: ["\udfff"],
  "varchar(3)": ["abcd", "😀😀😀😀"],
  "char(3)": ["abcd"],
};

for (const [type, pairs] of Object.entries(CANONICAL)) {
  for (const [text, wanted] of pairs) {
    test(`edge 12: ${type}: ${JSON.stringify(text)} is stored as ${JSON.stringify(wanted)}`, () => {
      assert.equal(canonical(type, text), wanted);
      assert.equal(canonical(type, wanted), wanted, "a canonical text stays as it is");
      const { parse, compare } = typed(type);
      assert.equal(compare(parse(text), parse(wanted)), 0, "the value does not change");
    });
  }
}
for (const [type, texts] of Object.entries(REFUSED)) {
  for (const text of texts) {
    test(`edge 12: ${type}: ${JSON.stringify(text.slice(0, 50))} is refused`, () =>
      assert.equal(canonical(type, text), undefined));
  }
}

describe("every value has one text", () => {
  const textOf = (x: number) => (Object.is(x, -0) ? "-0" : String(x));
  const roundTrips = <T>(values: fc.Arbitrary<T>, type: string, text: (value: T) => string) =>
    fc.assert(
      fc.property(values, (value) => {
        const stored = canonical(type, text(value)) ?? assert.fail(`${type} refuses ${text(value)}`);
        assert.equal(canonical(type, stored), stored);
        const { parse, compare } = typed(type);
        assert.equal(compare(parse(stored), parse(text(value))), 0);
      }),
    );
  test("doubles, digit for digit", () => {
    fc.assert(fc.property(fc.double(), (x) => Object.is(Number(canonical("double", textOf(x))), x)));
  });
  test("floats, digit for digit, in at most nine digits", () => {
    fc.assert(
      fc.property(fc.float(), (x) => {
        const text = canonical("float", textOf(x)) ?? assert.fail(String(x));
        assert.ok(Object.is(Math.fround(Number(text)), x));
        assert.ok(text.replace(/E.*/, "").replace(/\D/g, "").replace(/^0+/, "").length <= 9, text);
      }),
    );
  });
  test("integers", () => roundTrips(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), "long", String));
  test("decimals", () => {
    const digits = fc.bigInt({ min: -(10n ** 10n - 1n), max: 10n ** 10n - 1n });
    roundTrips(digits, "decimal(10,3)", (n) => `${n}e-3`);
  });
  test("days and instants of all years", () => {
    const years = { min: new Date(-8.27e15), max: new Date(8.2e15), noInvalidDate: true };
    const date = (d: Date) => d.toISOString().slice(0, d.toISOString().indexOf("T"));
    roundTrips(fc.date(years), "date", date);
    roundTrips(fc.date(years), "timestamp", (d) => d.toISOString());
    roundTrips(fc.date(years), "timestamp_ntz", (d) => d.toISOString().replace("Z", ""));
  });
});

describe("order", () => {
  const sign = (type: string, a: string, b: string) => {
    const { parse, compare } = typed(type);
    const result = compare(parse(a), parse(b));
    return result === undefined ? undefined : Math.sign(result);
  };
  const ORDERED: readonly [type: string, a: string, b: string, sign: number | undefined][] = [
    ["integer", "9", "10", -1],
    ["string", "\uffee", "😀", -1],
    ["string", "😀", "😁", -1],
    ["string", "\ud7ff", "😀", -1],
    ["string", "a", "a\0", -1],
    ["string", "Z", "a", -1],
    ["binary", "\uffee", "😀", -1],
    ["double", "NaN", "NaN", 0],
    ["double", "NaN", "Infinity", 1],
    ["double", "-Infinity", "NaN", -1],
    ["double", "-0.0", "0", 0],
    ["float", "0.1", "0.10000000149011612", 0],
    ["double", "0.1", "0.10000000149011612", -1],
    ["decimal(38,18)", "0.1", "0.1000000000000000001", -1],
    ["decimal(10,2)", "1e1", "10.00", 0],
    ["boolean", "false", "true", -1],
    ["date", "9999-12-31", "+10000-01-01", -1],
    ["date", "-0044-03-15", "-0043-03-15", -1],
    ["timestamp", "2026-01-31T12:00:00+01:00", "2026-01-31T11:00:00Z", 0],
    ["timestamp", "2026-01-31 12:00:00", "2026-01-31 12:00:00.1", -1],
    // The zone of a text without one may be any: it is told from what is farther off than zones are.
    ["timestamp", "2026-01-31 12:00:00", "2026-01-31T20:00:00Z", undefined],
    ["timestamp", "2026-01-31 12:00:00", "2026-02-02T12:00:00Z", -1],
    ["char(5)", "a", "a  ", 0],
    ["char(5)", "a\t", "a", -1],
    ["varchar(5)", "a", "a ", -1],
  ];
  for (const [type, a, b, wanted] of ORDERED) {
    test(`${type}: ${JSON.stringify(a)} to ${JSON.stringify(b)} is ${wanted}`, () => {
      assert.equal(sign(type, a, b), wanted);
      assert.equal(sign(type, b, a), wanted === undefined ? undefined : 0 - wanted);
    });
  }
  test("texts are ordered as their UTF-8 bytes are", () => {
    const unit = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }));
    fc.assert(
      fc.property(
        unit,
        unit,
        (a, b) => Math.sign(compareTexts(a, b)) === Buffer.compare(Buffer.from(a), Buffer.from(b)),
      ),
    );
  });
  test("a collation, and a type that we do not know, have an order of their own", () => {
    const collated = columnValueType({ type: "string", metadata: { __COLLATIONS: { c: "spark.UTF8_LCASE" } } });
    const interval = columnValueType({ type: "interval year to month", metadata: {} });
    for (const { compare } of [collated, interval]) {
      assert.equal(compare("a", "a"), 0);
      assert.equal(compare("a", "A"), undefined);
    }
  });
  test("a string column that is char(n) for Spark compares as one", () => {
    const { compare } = columnValueType({ type: "string", metadata: { __CHAR_VARCHAR_TYPE_STRING: "char(3)" } });
    assert.equal(compare("a", "a  "), 0);
  });
});

const HOSTILE: readonly [what: string, text: (n: number) => string][] = [
  ["digits", (n) => "9".repeat(n)],
  ["zeros", (n) => "0".repeat(n)],
  ["digits and a letter", (n) => `${"1".repeat(n)}x`],
  ["a fraction and a letter", (n) => `0.${"0".repeat(n)}x`],
  ["signs", (n) => "-".repeat(n)],
  ["an exponent", (n) => `1e${"9".repeat(n)}`],
  ["points", (n) => ".".repeat(n)],
  ["a long year", (n) => `${"2".repeat(n)}-01-01`],
  ["a long fraction of a second", (n) => `2026-01-01T00:00:00.${"1".repeat(n)}Z`],
  ["hyphens", (n) => "1-".repeat(n)],
];
test("a text of a megabyte costs no type more than a look at it", () => {
  // Anything quadratic takes minutes here, and the limit of the test.
  for (const [what, text] of HOSTILE) {
    const hostile = text(1_000_000);
    for (const type of Object.keys(CANONICAL).filter((name) => !/string|binary/.test(name))) {
      assert.equal(canonical(type, hostile), undefined, `${type}: ${what}`);
    }
  }
});
