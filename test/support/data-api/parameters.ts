/** Parameters of a call, typed as strictly as on AWS: a text is a text, and is no UUID without a cast or a hint. */

import { validation } from "./errors.ts";
import { withParameters } from "./lexer.ts";

export interface Parameter {
  readonly name?: string;
  readonly value?: Readonly<Record<string, unknown>>;
  readonly typeHint?: string;
}

export interface Bound {
  readonly text: string;
  readonly values: readonly (string | null | Buffer)[];
}

const HINTS: Readonly<Record<string, { readonly type: string; readonly form: RegExp }>> = {
  UUID: { type: "uuid", form: /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i },
  JSON: { type: "json", form: /\S/ },
  DATE: { type: "date", form: /^\d{4}-\d\d-\d\d$/ },
  TIME: { type: "time", form: /^\d\d:\d\d:\d\d(\.\d{1,3})?$/ },
  TIMESTAMP: { type: "timestamp", form: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})?$/ },
  DECIMAL: { type: "numeric", form: /^[+-]?\d+(\.\d+)?$/ },
};

interface Typed {
  /** undefined: a null, whose type the server finds out. */
  readonly type: string | undefined;
  readonly value: string | null | Buffer;
}

export function bind(sql: string, parameters: readonly Parameter[]): Bound {
  const typed = new Map<string, Typed>();
  for (const parameter of parameters) {
    const { name } = parameter;
    if (name === undefined || !/^[A-Za-z_]\w*$/.test(name)) throw validation(`"${name}" is not a name of a parameter`);
    if (typed.has(name)) throw validation(`The parameter ${name} is given twice`);
    typed.set(name, typedValue(parameter, name));
  }
  const places = new Map<string, number>();
  const values: (string | null | Buffer)[] = [];
  const text = withParameters(sql, (name) => {
    const parameter = typed.get(name);
    if (parameter === undefined) throw validation(`Cannot find parameter: ${name}`);
    const place = places.get(name) ?? values.push(parameter.value);
    places.set(name, place);
    return parameter.type === undefined ? `$${place}` : `$${place}::${parameter.type}`;
  });
  const unused = [...typed.keys()].find((name) => !places.has(name));
  if (unused !== undefined) throw validation(`The statement has no parameter ${unused}`);
  return { text, values };
}

function typedValue({ value, typeHint }: Parameter, name: string): Typed {
  const [[kind, content] = [], ...more] = Object.entries(value ?? {}).filter(([, field]) => field !== undefined);
  if (kind === undefined || more.length > 0) throw validation(`The parameter ${name} must have one value`);
  const hint = typeHint === undefined ? undefined : HINTS[typeHint];
  if (typeHint !== undefined && hint === undefined) throw validation(`${typeHint} is not a type hint`);
  if (kind === "isNull") return { type: hint?.type, value: null };
  if (kind === "arrayValue") throw validation("Array parameters are not supported.");
  if (hint !== undefined && kind !== "stringValue") throw validation(`The type hint of ${name} needs a stringValue`);
  switch (kind) {
    case "stringValue":
      if (typeof content !== "string") break;
      if (hint !== undefined && !hint.form.test(content)) throw validation(`${name} does not fit its type hint`);
      return { type: hint?.type ?? "text", value: content };
    case "longValue":
      if (typeof content === "number" || typeof content === "bigint") return { type: "bigint", value: String(content) };
      break;
    case "doubleValue":
      if (typeof content === "number") return { type: "double precision", value: String(content) };
      break;
    case "booleanValue":
      if (typeof content === "boolean") return { type: "boolean", value: String(content) };
      break;
    case "blobValue":
      if (typeof content === "string") return { type: "bytea", value: Buffer.from(content, "base64") };
      break;
  }
  throw validation(`The parameter ${name} has no valid ${kind}`);
}
