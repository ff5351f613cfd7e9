/** Partition values as typed values (PROTOCOL.md, "Partition Value Serialization"; delta-rules.md §1.4): `1` equals `01`, instants compare as instants. */

/** Values of one column type, in a form that `<` and `===` compare rightly. */
export type TypedValue = bigint | number | string | boolean;

const INTEGERS: Readonly<Record<string, bigint>> = { byte: 7n, short: 15n, integer: 31n, long: 63n };
const DECIMAL_TYPE = /^decimal(?:\(\s*(\d+)\s*,\s*(-?\d+)\s*\))?$/;
const DATE = /^(-?\d{4,6})-(\d{2})-(\d{2})$/;
const TIMESTAMP = /^(-?\d{4,6}-\d{2}-\d{2})[ T](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:?\d{2})?$/;
const MICROS_PER_DAY = 86_400_000_000n;

/**
 * The typed value of a serialized one. Null for null and for the empty string, which the protocol reads as null.
 * @param type a primitive type name of the schema
 * @returns undefined when the text is no value of that type
 */
export function typedPartitionValue(text: string | null, type: string): TypedValue | null | undefined {
  if (text === null || text === "") return null;
  const bits = INTEGERS[type];
  if (bits !== undefined) return integer(text, bits);
  if (DECIMAL_TYPE.test(type)) return decimal(text);
  switch (type) {
    case "boolean":
      return text === "true" ? true : text === "false" ? false : undefined;
    case "float":
    case "double":
      return floating(text);
    case "date":
      return date(text);
    case "timestamp":
      return timestamp(text, { zone: "allowed" });
    case "timestamp_ntz":
      return timestamp(text, { zone: "refused" });
    default:
      // string, binary (escaped characters) and the char types compare as text
      return text;
  }
}

function integer(text: string, bits: bigint): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text);
  return value >= -(2n ** bits) && value < 2n ** bits ? value : undefined;
}

/** Decimals scaled to 38 places, so that `1.0` and `1.00` are one value. */
function decimal(text: string): bigint | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
  if (!match) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  if (whole === "" && fraction === "") return undefined;
  const places = 38 - fraction.length + Number(exponent);
  if (places < 0) return undefined;
  const value = BigInt(whole + fraction) * 10n ** BigInt(places);
  return sign === "-" ? -value : value;
}

function floating(text: string): number | undefined {
  if (/^[+-]?Infinity$/.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (text === "NaN") return Number.NaN;
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

/** Days since the epoch. */
function date(text: string): bigint | undefined {
  const match = DATE.exec(text);
  if (!match) return undefined;
  const [, year, month, day] = match.map(Number);
  const time = new Date(0);
  time.setUTCFullYear(year as number, (month as number) - 1, day as number);
  const real = time.getUTCMonth() + 1 === month && time.getUTCDate() === day;
  return real ? BigInt(time.getTime()) / 86_400_000n : undefined;
}

/** Microseconds since the epoch; a text without a zone is read as UTC. */
function timestamp(text: string, options: { readonly zone: "allowed" | "refused" }): bigint | undefined {
  const match = TIMESTAMP.exec(text);
  if (!match) return undefined;
  const [, day = "", hours, minutes, seconds, fraction = "", zone] = match;
  if (zone !== undefined && options.zone === "refused") return undefined;
  const days = date(day);
  const [h, m, s] = [Number(hours), Number(minutes), Number(seconds)];
  if (days === undefined || h > 23 || m > 59 || s > 59) return undefined;
  const micros = BigInt(fraction.padEnd(6, "0").slice(0, 6));
  return days * MICROS_PER_DAY + BigInt((h * 60 + m) * 60 + s) * 1_000_000n + micros - zoneMicros(zone);
}

function zoneMicros(zone: string | undefined): bigint {
  if (zone === undefined || zone === "Z") return 0n;
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(zone) ?? [];
  const micros = BigInt(Number(hours) * 60 + Number(minutes)) * 60_000_000n;
  return sign === "-" ? -micros : micros;
}
