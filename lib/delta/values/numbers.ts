/** Decimals and floating-point numbers as texts: exact where SQL is exact, written as Spark writes them. */

/** The value `digits / 10^scale`. */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

/** Texts of numbers are bounded before anything is made of them: each has a type that a short text can say. */
const MAX_DECIMAL_CHARS = 128;
/** The smallest double, written out, has 1,074 digits behind the point. */
const MAX_FLOATING_CHARS = 1100;
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;
const FLOATING = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,5})?$/;
const NO_NUMBER = /^([+-]?)(?:(nan)|inf(?:inity)?)$/i;

export function parseDecimal(text: string): Decimal | undefined {
  if (text.length > MAX_DECIMAL_CHARS) return undefined;
  const match = DECIMAL.exec(text);
  if (!match) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  if (whole + fraction === "") return undefined;
  const digits = BigInt(whole + fraction);
  return { digits: sign === "-" ? -digits : digits, scale: fraction.length - Number(exponent) };
}

/** The integer that a decimal is stored as; undefined when precision and scale do not hold it exactly. */
export function unscaled({ digits, scale: from }: Decimal, precision: number, scale: number): bigint | undefined {
  const shift = scale - from;
  const divisor = shift < 0 ? 10n ** BigInt(-shift) : 1n;
  if (digits % divisor !== 0n) return undefined;
  const value = shift < 0 ? digits / divisor : digits * 10n ** BigInt(shift);
  const limit = 10n ** BigInt(precision);
  return value < limit && value > -limit ? value : undefined;
}

/** All digits of the scale, and no exponent: `1.50`. */
export function decimalText(value: bigint, scale: number): string {
  const sign = value < 0n ? "-" : "";
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0");
  const point = digits.length - scale;
  return sign + digits.slice(0, point) + (scale === 0 ? "" : `.${digits.slice(point)}`);
}

export function compareDecimals(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale);
  const [x, y] = [a, b].map((d) => d.digits * 10n ** BigInt(scale - d.scale)) as [bigint, bigint];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** A number too large is an infinity, as it is for every reader. */
export function parseFloating(text: string, width: "float" | "double"): number | undefined {
  if (text.length > MAX_FLOATING_CHARS) return undefined;
  const special = NO_NUMBER.exec(text);
  if (special) return special[2] === undefined ? Number(`${special[1]}Infinity`) : Number.NaN;
  if (!FLOATING.test(text)) return undefined;
  return width === "float" ? Math.fround(Number(text)) : Number(text);
}

/**
 * As Java writes it, and so Spark: `1.0`, `1.0E10`, `NaN`, `-Infinity`.
 * @returns undefined for an infinity that the text does not name: its number was too large
 */
export function floatingText(value: number, width: "float" | "double", text: string): string | undefined {
  if (Number.isNaN(value)) return "NaN";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (!Number.isFinite(value)) return NO_NUMBER.test(text) ? `${sign}Infinity` : undefined;
  if (value === 0) return `${sign}0.0`;
  const [digits, exponent] = shortest(Math.abs(value), width);
  if (exponent >= -3 && exponent < 7) return sign + plain(digits, exponent);
  return `${sign}${digits[0]}.${digits.slice(1) || "0"}E${exponent}`;
}

/** The fewest digits, two at least, that make the number again; with the exponent of the first. */
function shortest(value: number, width: "float" | "double"): readonly [digits: string, exponent: number] {
  const precisions = width === "float" ? [2, 3, 4, 5, 6, 7, 8, 9] : [2];
  const short = precisions.map((p) => value.toExponential(p - 1)).find((text) => parseFloating(text, width) === value);
  const [mantissa = "", exponent] = (short ?? value.toExponential()).split("e");
  return [mantissa.replace(".", "").replace(/0+$/, ""), Number(exponent)];
}

function plain(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  const padded = digits.padEnd(exponent + 2, "0");
  return `${padded.slice(0, exponent + 1)}.${padded.slice(exponent + 1)}`;
}

/** NaN is one value, above all others; the two zeros are one. */
export function compareFloating(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
}
