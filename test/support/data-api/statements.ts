/** SQL as the Data API takes it: one statement, with named parameters whose types follow from what was sent. */

import { ApiError } from "./errors.ts";

export interface Field {
  readonly isNull?: boolean;
  readonly booleanValue?: boolean;
  readonly longValue?: number;
  readonly doubleValue?: number;
  readonly stringValue?: string;
  readonly blobValue?: string;
  readonly arrayValue?: unknown;
}

export interface Parameter {
  readonly name?: string;
  readonly value?: Field;
  readonly typeHint?: string;
}

export interface Prepared {
  readonly text: string;
  readonly values: readonly (string | null)[];
}

/** What parameters stand in: to step over literals, quoted names, dollar quotes, comments and casts. */
const TOKENS =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\/|::|;|:([A-Za-z_]\w*)|[^'"$\-/:;]+|[\s\S]/g;

const HINTS: Readonly<Record<string, string>> = {
  UUID: "uuid",
  JSON: "jsonb",
  DATE: "date",
  TIME: "time",
  TIMESTAMP: "timestamp",
  DECIMAL: "numeric",
};

/** Longest text of a statement, in characters. */
const MAX_STATEMENT = 65_536;

/** @throws ApiError as AWS does */
export function prepare(
  sql: unknown,
  parameters: readonly Parameter[] = [],
  exact: ReadonlyMap<string, string>,
): Prepared {
  if (typeof sql !== "string" || sql.trim() === "") throw new ApiError("ValidationException", 400, "sql is missing");
  if (sql.length > MAX_STATEMENT) {
    throw new ApiError("ValidationException", 400, `sql must have length less than or equal to ${MAX_STATEMENT}`);
  }
  const byName = new Map(parameters.map((parameter) => [parameter.name ?? "", parameter]));
  const values: (string | null)[] = [];
  const places = new Map<string, string>();
  const text = sql.replaceAll(TOKENS, (token: string, _tag: string, name: string | undefined, at: number) => {
    if (token === ";" && sql.slice(at + 1).trim() !== "") {
      throw new ApiError("ValidationException", 400, "Multistatements aren't supported");
    }
    if (name === undefined) return token;
    const parameter = byName.get(name);
    if (parameter === undefined) {
      throw new ApiError("BadRequestException", 400, `Cannot find parameter: ${name}`);
    }
    const known = places.get(name);
    if (known !== undefined) return known;
    const { type, value } = typed(parameter, exact.get(name));
    values.push(value);
    // Typed, as AWS's driver binds them: text is not taken for a uuid, nor a number for text.
    const place = type === undefined ? `$${values.length}` : `$${values.length}::${type}`;
    places.set(name, `(${place})`);
    return `(${place})`;
  });
  return { text, values };
}

function typed(
  { name, value, typeHint }: Parameter,
  exactLong: string | undefined,
): {
  readonly type: string | undefined;
  readonly value: string | null;
} {
  const hinted = typeHint === undefined ? undefined : HINTS[typeHint];
  if (typeHint !== undefined && hinted === undefined) {
    throw new ApiError("ValidationException", 400, `typeHint ${typeHint} is not one of ${Object.keys(HINTS)}`);
  }
  if (value === undefined) throw new ApiError("ValidationException", 400, `parameter ${name} has no value`);
  if (value.arrayValue !== undefined) {
    throw new ApiError("ValidationException", 400, "Array parameters are not supported.");
  }
  if (value.isNull === true) return { type: hinted, value: null };
  if (value.booleanValue !== undefined) return { type: "boolean", value: String(value.booleanValue) };
  if (value.longValue !== undefined) return { type: "bigint", value: exactLong ?? String(value.longValue) };
  if (value.doubleValue !== undefined) return { type: "float8", value: String(value.doubleValue) };
  if (value.stringValue !== undefined) return { type: hinted ?? "text", value: value.stringValue };
  if (value.blobValue !== undefined) {
    return { type: "bytea", value: `\\x${Buffer.from(value.blobValue, "base64").toString("hex")}` };
  }
  throw new ApiError("ValidationException", 400, `parameter ${name} has no value`);
}

/** `longValue`s of a request body by parameter name, with all their digits: JSON.parse would round them. */
export function exactLongs(body: string): ReadonlyMap<string, string> {
  const longs = new Map<string, string>();
  const form = /"name"\s*:\s*"(\w+)"\s*,\s*"value"\s*:\s*\{\s*"longValue"\s*:\s*(-?\d+)\s*\}/g;
  for (const [, name = "", digits = ""] of body.matchAll(form)) longs.set(name, digits);
  return longs;
}
