/** Partition values: texts for each type, with what readers must make of them where that is clear. */

import type { JsonObject } from "../../../../lib/delta/values/json.ts";
import { ANY, type Case } from "../case.ts";
import { hiveName } from "../store.ts";
import { adding } from "./build.ts";

/** Text, and the value of a row; without one, all readers must agree if it is taken. */
type Text = readonly [string | null, unknown?];

const NUMBERS: readonly Text[] = [
  ["1", "1"],
  ["-1", "-1"],
  ["0", "0"],
  ["01"],
  ["+1"],
  ["-0"],
  ["1.0"],
  ["1e0"],
  [" 1"],
  ["1 "],
  ["0x1"],
  ["٣"],
  ["1_0"],
  ["one"],
  ["NaN"],
  ["true"],
  ["1L"],
  ["99999999999999999999"],
];
const INSTANTS: readonly Text[] = [
  ["2026-01-31 12:00:00", "2026-01-31T12:00:00.000000Z"],
  ["2026-01-31T12:00:00.000000Z", "2026-01-31T12:00:00.000000Z"],
  ["2026-01-31 12:00:00.123456", "2026-01-31T12:00:00.123456Z"],
  ["2026-01-31 12:00:00.5", "2026-01-31T12:00:00.500000Z"],
  ["2026-01-31"],
  ["2026-01-31T12:00"],
  ["2026-01-31T12:00:00+02:00"],
  ["2026-01-31T12:00:00Z"],
  ["2026-02-30 00:00:00"],
  ["2026-01-31 25:00:00"],
  ["2026-01-31 12:00:60"],
  ["2026-01-31 12:00:00.1234567"],
  ["0001-01-01 00:00:00"],
  ["1582-10-10 00:00:00"],
  ["9999-12-31 23:59:59.999999", "9999-12-31T23:59:59.999999Z"],
  ["10000-01-01 00:00:00"],
  ["1769860800"],
  ["now"],
  ["2026-1-31 12:00:00"],
  ["2026-01-31 12:00:00 Europe/Berlin"],
];

export const TEXTS: Readonly<Record<string, readonly Text[]>> = {
  string: [
    ["x", "x"],
    ["", null],
    [" ", " "],
    ["null", "null"],
    ["NULL", "NULL"],
    ["__HIVE_DEFAULT_PARTITION__"],
    ["a/b", "a/b"],
    ["a=b", "a=b"],
    ["a%b", "a%b"],
    ["%2F", "%2F"],
    ["ü", "ü"],
    ["u\u0308", "u\u0308"],
    ["😀", "😀"],
    ["a\nb", "a\nb"],
    ["\u0000"],
    ["\ud800"],
    ["'", "'"],
    ['"', '"'],
    ["\\", "\\"],
    ["..", ".."],
    ["a b", "a b"],
    ["a+b", "a+b"],
    ["a&b?c#d", "a&b?c#d"],
    ["x".repeat(200), "x".repeat(200)],
  ],
  long: [
    ...NUMBERS,
    ["9223372036854775807", "9223372036854775807"],
    ["-9223372036854775808", "-9223372036854775808"],
    ["9223372036854775808"],
    ["9007199254740993", "9007199254740993"],
  ],
  integer: [...NUMBERS, ["2147483647", "2147483647"], ["2147483648"], ["-2147483649"]],
  short: [["32767", "32767"], ["32768"], ["-32769"], ["1.0"], ["01"]],
  byte: [["127", "127"], ["128"], ["-129"], ["0x7f"], ["+1"]],
  double: [
    ["0.5", "0.5"],
    ["1", "1.0"],
    ["-0.0"],
    ["NaN", "NaN"],
    ["Infinity", "Infinity"],
    ["-Infinity", "-Infinity"],
    ["nan"],
    ["inf"],
    ["1e400"],
    ["1E5"],
    ["1d"],
    ["1f"],
    [".5"],
    ["5."],
    ["0x1p3"],
    ["1,5"],
    [" 0.5"],
    ["1.7976931348623157E308"],
    ["4.9E-324"],
  ],
  float: [
    ["0.5", "0.5"],
    ["0.1"],
    ["0.10000000149011612"],
    ["NaN", "NaN"],
    ["Infinity", "Infinity"],
    ["1e39"],
    ["1e-50"],
    ["16777217"],
  ],
  boolean: [["true", true], ["false", false], ["TRUE"], ["False"], ["1"], ["0"], ["t"], ["yes"], [" true"], ["tru"]],
  date: [
    ["2026-01-31", "2026-01-31"],
    ["2026-02-30"],
    ["2024-02-29", "2024-02-29"],
    ["2023-02-29"],
    ["2026-1-1"],
    ["2026-01"],
    ["2026"],
    ["20260131"],
    ["2026-01-31T00:00:00"],
    ["2026-01-31 12:00:00"],
    ["0001-01-01", "0001-01-01"],
    ["0000-01-01"],
    ["-0001-01-01"],
    ["1582-10-10"],
    ["9999-12-31", "9999-12-31"],
    ["10000-01-01"],
    ["+10000-01-01"],
    ["today"],
    [" 2026-01-31"],
    ["31.01.2026"],
  ],
  timestamp: INSTANTS,
  timestamp_ntz: INSTANTS.map(
    ([text, value]) =>
      [text, typeof value === "string" && !text?.endsWith("Z") ? value.slice(0, -1) : undefined] as const,
  ),
  "decimal(10,2)": [
    ["1.50", "1.50"],
    ["1.5", "1.50"],
    ["1", "1.00"],
    ["1.234"],
    ["1e30"],
    ["1e2"],
    ["15e-1"],
    ["12345678901234567890"],
    ["-0"],
    ["-0.00"],
    ["0", "0.00"],
    ["99999999.99", "99999999.99"],
    ["100000000"],
    ["01.50"],
    ["+1.50"],
    [".5"],
    ["5."],
    ["1.500"],
    ["NaN"],
    [" 1.50"],
    ["1,50"],
  ],
  "decimal(5,2)": [["12345.6"], ["1.234"], ["999.99", "999.99"], ["1000"], ["-999.99", "-999.99"], ["1.2", "1.20"]],
  "decimal(38,18)": [
    ["12345678901234567890.123456789012345678", "12345678901234567890.123456789012345678"],
    ["1", "1.000000000000000000"],
    ["100000000000000000000"],
    ["0.0000000000000000001"],
  ],
  "decimal(10,0)": [["15", "15"], ["15.0", "15"], ["15.5"], ["1E1"]],
  binary: [["ab", "0x6162"], ["", null], ["\u0001\u0002"], ["ü"], ["\\x61"], ["YWI="], ["0x61"]],
};

/** The texts of one type: all may be in one table. */
export function partitionValueCases(): Case[] {
  return Object.entries(TEXTS).flatMap(([type, texts]) => [
    ...[...texts, [null, null] as const].map((text) => oneValue(type, text)),
    ...wrongShapes(type),
  ]);
}

/** @param text what is sent as the value of the column `p` */
export function oneValue(type: string, [text, value]: Text, nth = 0): Case {
  const known = value !== undefined;
  return {
    kind: "partition values",
    name: `${type} ${JSON.stringify(text)}${nth === 0 ? "" : ` #${nth}`}`,
    base: `by ${type}`,
    additive: true,
    commit: (table) => {
      const file = table.next();
      const laid = table.lay(file, `p=${folderName(type, known ? value : text)}/${file.path.split("/").at(-1)}`);
      const path = laid.path.split("/").map(encodeURIComponent).join("/").replaceAll("%3D", "=");
      return {
        actions: [{ add: { ...laid.add, path, partitionValues: { p: text } } }],
        added: file.rows.map((row) => ({ ...row, p: known ? value : ANY })),
      };
    },
  };
}

/** The folder that Spark would take: Polars reads the value from there. */
function folderName(type: string, value: unknown): string {
  const text = value === null ? null : String(value);
  const plain = type.startsWith("timestamp")
    ? text
        ?.replace(/\.0{6}(?=Z?$)/, "")
        .replace("T", " ")
        .replace(/Z$/, "")
    : text;
  return hiveName(plain ?? null).toWellFormed();
}

function wrongShapes(type: string): Case[] {
  if (!["string", "long"].includes(type)) return [];
  const shapes: Readonly<Record<string, unknown>> = {
    "a number": { p: 1 },
    "a boolean": { p: true },
    "an object": { p: {} },
    "an array": { p: ["x"] },
    "no key": {},
    "a key too many": { p: "1", q: "1" },
    "another case of the key": { P: "1" },
    "null instead of an object": null,
    "an array instead of an object": [],
    "a text instead of an object": "p=1",
  };
  return Object.entries(shapes).map(([name, partitionValues]) => ({
    kind: "partition values",
    name: `${type}: ${name}`,
    base: `by ${type}`,
    commit: (table) =>
      adding(
        table,
        (add) => ({ ...add, partitionValues: partitionValues as JsonObject }),
        (file) => file.rows.map((row) => ({ ...row, p: ANY })),
      ),
  }));
}
