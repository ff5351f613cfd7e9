/**
 * Column statistics of files (PROTOCOL.md, "Per-file Statistics"): a bound that has not the type of its column makes some
 * readers refuse the whole table, and others skip files that hold rows.
 */

import { invalid } from "../../errors.ts";
import { memberFields, physicalName, type SchemaField } from "../schema/schema.ts";
import type { TableDescription } from "../table-configuration.ts";
import { isInt64 } from "../values/int64.ts";
import { isJsonObject, isRawNumber, type Json, type JsonObject } from "../values/json.ts";
import { parseDecimal, unscaled } from "../values/numbers.ts";
import { DATE, type DecimalType, isDecimalType, TIMESTAMP, type ValueType, valueType } from "../values/value-types.ts";

/** What the statistics of one column may be. */
interface Rule {
  readonly wanted: string;
  fits(value: Json): boolean;
}
/** By the names that statistics have: the physical ones under column mapping. */
type Rules = ReadonlyMap<string, Rule | Rules>;

interface StatsRules {
  readonly bounds: Rules;
  readonly counts: Rules;
}

const rulesOf = new WeakMap<TableDescription["schema"], Map<boolean, StatsRules>>();

/**
 * Columns that the table does not have are let be, as readers do.
 * @param stats of an add, parsed
 * @throws LakeError invalid DELTA_INVALID_STATS
 */
export function checkColumnStats(stats: JsonObject, file: { path: string; at: string }, table: TableDescription): void {
  const { minValues = null, maxValues = null, nullCount = null } = stats;
  if (minValues === null && maxValues === null && nullCount === null) return;
  const { bounds, counts } = statsRules(table);
  for (const [member, values, rules] of [
    ["minValues", minValues, bounds],
    ["maxValues", maxValues, bounds],
    ["nullCount", nullCount, counts],
  ] as const) {
    const problem = misfit(values, rules);
    if (problem === undefined) continue;
    const column = problem.path.length === 0 ? "" : ` of the column "${problem.path.join(".")}"`;
    throw invalid(`stats of "${file.path}" have ${member}${column} that must be ${problem.wanted}`, {
      at: file.at,
      code: "DELTA_INVALID_STATS",
      hint: "Correct the statistics, or leave out what is not known: a missing one is always right.",
    });
  }
}

interface Misfit {
  readonly path: readonly string[];
  readonly wanted: string;
}

function misfit(value: Json, rule: Rule | Rules): Misfit | undefined {
  if (value === null) return undefined;
  if (!isRules(rule)) return rule.fits(value) ? undefined : { path: [], wanted: rule.wanted };
  if (!isJsonObject(value)) return { path: [], wanted: "an object with a member for each column" };
  for (const name in value) {
    const item = value[name] ?? null;
    const ofColumn = item === null ? undefined : rule.get(name);
    const problem = ofColumn && misfit(item, ofColumn);
    if (problem) return { ...problem, path: [name, ...problem.path] };
  }
  return undefined;
}

function isRules(rule: Rule | Rules): rule is Rules {
  return rule instanceof Map;
}

function statsRules({ schema, properties }: TableDescription): StatsRules {
  const isMapped = properties["delta.columnMapping.mode"] !== "none";
  const known = rulesOf.get(schema) ?? new Map<boolean, StatsRules>();
  rulesOf.set(schema, known);
  const before = known.get(isMapped);
  if (before) return before;
  const name = isMapped ? physicalName : (field: SchemaField) => field.name;
  const rules = { bounds: rulesFor(schema, name, boundRule), counts: rulesFor(schema, name, () => COUNT) };
  known.set(isMapped, rules);
  return rules;
}

function rulesFor(
  fields: readonly SchemaField[],
  nameOf: (field: SchemaField) => string,
  ruleOf: (type: Json) => Rule | undefined,
): Rules {
  const rules = new Map<string, Rule | Rules>();
  for (const field of fields) {
    const members = memberFields(field.type);
    const rule = members ? rulesFor(members, nameOf, ruleOf) : ruleOf(field.type);
    if (rule) rules.set(nameOf(field), rule);
  }
  return rules;
}

const COUNT: Rule = { wanted: "a count: an integer of 0 or more", fits: (value) => isInt64(value) && value >= 0 };
const BITS: Readonly<Record<string, bigint>> = { byte: 7n, short: 15n, integer: 31n, long: 63n };
const FLOAT_NAMES = new Set<Json>(["NaN", "Infinity", "-Infinity"]);

/** undefined for types that have no bounds, as arrays and maps; readers do not look at these. */
function boundRule(type: Json): Rule | undefined {
  const known = valueType(type);
  if (known === undefined) return undefined;
  if (isDecimalType(known)) return decimalRule(known);
  const { name } = known;
  const bits = BITS[name];
  if (bits !== undefined) return integerRule(name, 2n ** bits);
  if (name === "boolean") return { wanted: "true or false", fits: (value) => typeof value === "boolean" };
  if (name === "float" || name === "double") {
    return {
      wanted: `a number (${name}), or "NaN", "Infinity", "-Infinity"`,
      fits: (value) => isNumber(value) || FLOAT_NAMES.has(value),
    };
  }
  if (name === "date") return textRule('a text, as "2026-01-31" (date)', DATE, /^[+-]?\d{4,6}-\d\d-\d\d$/);
  if (name.startsWith("timestamp")) {
    return textRule(
      `a text, as "2026-01-31T12:00:00.000Z" (${name})`,
      TIMESTAMP,
      /^[+-]?\d{4,6}-\d\d-\d\d(?:[T ]\d\d:|$)/,
    );
  }
  return { wanted: `a text (${name})`, fits: (value) => typeof value === "string" };
}

function integerRule(name: string, limit: bigint): Rule {
  return {
    wanted: `an integer from ${-limit} to ${limit - 1n} (${name})`,
    fits: (value) => isInt64(value) && value >= -limit && value < limit,
  };
}

/** A time is taken with a zone and without: writers differ, and readers take both. */
function textRule(wanted: string, { parse }: Pick<ValueType, "parse">, form: RegExp): Rule {
  return { wanted, fits: (value) => typeof value === "string" && form.test(value) && parse(value) !== undefined };
}

/**
 * Digits behind the scale are cut by readers. Some writers, delta-rs among them, have bounds from a double: the greatest
 * `decimal(38,10)` is `1e28` there, which is too wide for the type and yet what its values round to.
 */
function decimalRule({ name, precision, scale }: DecimalType): Rule {
  const greatestAsDouble = Number(`${"9".repeat(precision)}e-${scale}`);
  return {
    wanted: `a number of at most ${precision - scale} digits before the point (${name})`,
    fits(value) {
      if (!isNumber(value) && typeof value !== "string") return false;
      const text = isRawNumber(value) ? value.rawJSON : String(value);
      const decimal = parseDecimal(text);
      if (decimal === undefined) return false;
      const shift = decimal.scale - scale;
      const cut = shift > 0 ? { digits: decimal.digits / 10n ** BigInt(shift), scale } : decimal;
      return unscaled(cut, precision, scale) !== undefined || Math.abs(Number(text)) <= greatestAsDouble;
    },
  };
}

function isNumber(value: Json): boolean {
  return typeof value === "number" || typeof value === "bigint" || isRawNumber(value);
}
