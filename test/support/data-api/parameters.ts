/** Parameters of a call, checked as strictly as on AWS, whatever the engine makes of them. */

import { validation } from "./errors.ts";
import { withParameters } from "./lexer.ts";

export interface Parameter {
  readonly name?: string;
  readonly value?: Readonly<Record<string, unknown>>;
  readonly typeHint?: string;
}

export type Hint = "UUID" | "JSON" | "DATE" | "TIME" | "TIMESTAMP" | "DECIMAL";

/** A value that is what its kind says. Numbers are their digits. */
export interface Value {
  readonly kind: "isNull" | "stringValue" | "longValue" | "doubleValue" | "booleanValue" | "blobValue";
  readonly hint: Hint | undefined;
  readonly content: string | null | Buffer;
}

const HINTS: Readonly<Record<Hint, RegExp>> = {
  UUID: /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i,
  JSON: /\S/,
  DATE: /^\d{4}-\d\d-\d\d$/,
  TIME: /^\d\d:\d\d:\d\d(\.\d{1,3})?$/,
  TIMESTAMP: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})?$/,
  DECIMAL: /^[+-]?\d+(\.\d+)?$/,
};

/**
 * The statement with `place(name, value)` for each of its parameters.
 * @throws DataApiError when one is missing, not used, or not what it says
 */
export function placed(
  sql: string,
  parameters: readonly Parameter[],
  place: (name: string, value: Value) => string,
): string {
  const values = new Map<string, Value>();
  for (const parameter of parameters) {
    const { name } = parameter;
    if (name === undefined || !/^[A-Za-z_]\w*$/.test(name)) throw validation(`"${name}" is not a name of a parameter`);
    if (values.has(name)) throw validation(`The parameter ${name} is given twice`);
    values.set(name, checkedValue(parameter, name));
  }
  const used = new Set<string>();
  const text = withParameters(sql, (name) => {
    const value = values.get(name);
    if (value === undefined) throw validation(`Cannot find parameter: ${name}`);
    used.add(name);
    return place(name, value);
  });
  const unused = [...values.keys()].find((name) => !used.has(name));
  if (unused !== undefined) throw validation(`The statement has no parameter ${unused}`);
  return text;
}

function checkedValue({ value, typeHint }: Parameter, name: string): Value {
  const [[kind, content] = [], ...more] = Object.entries(value ?? {}).filter(([, field]) => field !== undefined);
  if (kind === undefined || more.length > 0) throw validation(`The parameter ${name} must have one value`);
  if (typeHint !== undefined && !(typeHint in HINTS)) throw validation(`${typeHint} is not a type hint`);
  const hint = typeHint as Hint | undefined;
  if (kind === "isNull") return { kind, hint, content: null };
  if (kind === "arrayValue") throw validation("Array parameters are not supported.");
  if (hint !== undefined && kind !== "stringValue") throw validation(`The type hint of ${name} needs a stringValue`);
  switch (kind) {
    case "stringValue":
      if (typeof content !== "string") break;
      if (hint !== undefined && !HINTS[hint].test(content)) throw validation(`${name} does not fit its type hint`);
      return { kind, hint, content };
    case "longValue":
      if (typeof content === "number" || typeof content === "bigint") return { kind, hint, content: String(content) };
      break;
    case "doubleValue":
      if (typeof content === "number") return { kind, hint, content: String(content) };
      break;
    case "booleanValue":
      if (typeof content === "boolean") return { kind, hint, content: String(content) };
      break;
    case "blobValue":
      if (typeof content === "string") return { kind, hint, content: Buffer.from(content, "base64") };
      break;
  }
  throw validation(`The parameter ${name} has no valid ${kind}`);
}
