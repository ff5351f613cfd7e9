/** The settings as a list, read off the schema: for documents, for the environment, and to say where a value has come from. */

import * as z from "zod";
import { ConfigSchema } from "../config.ts";
import { longName, SHORT_NAMES } from "./variables.ts";

export interface Setting {
  /** `database.pool_size` */
  readonly path: string;
  readonly about: string;
  /** What it may be, for people. */
  readonly form: string;
  /** Undefined where it has none. */
  readonly default: unknown;
  /** Variables of the environment, the first that is set counts; none for lists of mappings. */
  readonly variables: readonly string[];
  /** How the text of a variable is read. */
  readonly kind: "text" | "number" | "flag" | "list" | "mappings";
  /** True where the value may hold a password. */
  readonly isSecret: boolean;
}

let listed: readonly Setting[] | undefined;

export function settings(): readonly Setting[] {
  listed ??= settingsIn(ConfigSchema, "");
  return listed;
}

interface Meta {
  readonly description?: string;
  readonly secret?: true;
  readonly only?: string | boolean;
  readonly values?: readonly string[];
}

function settingsIn(object: z.ZodObject, prefix: string): Setting[] {
  return Object.entries(object.shape).flatMap(([name, schema]) => {
    const path = prefix + name;
    const { inner, meta, value } = unwrapped(schema as z.ZodType);
    if (inner instanceof z.ZodObject) return settingsIn(inner, `${path}.`);
    const kind = kindOf(inner, meta);
    const short = Object.entries(SHORT_NAMES).flatMap(([variable, of]) => (of === path ? [variable] : []));
    return [
      {
        path,
        about: meta.description ?? (meta.only === undefined ? "" : "Always so."),
        form: formOf(schema as z.ZodType, meta, kind),
        default: value,
        variables: kind === "mappings" ? [] : [longName(path), ...short],
        kind,
        isSecret: meta.secret === true,
      },
    ];
  });
}

/** What is within `default`, `optional` and pipes, with all that they say. */
function unwrapped(schema: z.ZodType): { inner: unknown; meta: Meta; value: unknown } {
  let meta: Meta = {};
  let value: unknown;
  let current: unknown = schema;
  for (;;) {
    if (current instanceof z.ZodType) meta = { ...(current.meta() as Meta | undefined), ...meta };
    if (current instanceof z.ZodDefault) value ??= current.def.defaultValue;
    if (current instanceof z.ZodPipe) current = current.in instanceof z.ZodString ? current.in : current.out;
    else if (current instanceof z.ZodOptional || current instanceof z.ZodDefault || current instanceof z.ZodPrefault) {
      current = current.unwrap();
    } else return { inner: current, meta, value };
  }
}

function kindOf(inner: unknown, meta: Meta): Setting["kind"] {
  if (inner instanceof z.ZodNumber) return "number";
  if (inner instanceof z.ZodBoolean || typeof meta.only === "boolean") return "flag";
  if (inner instanceof z.ZodArray) return inner.element instanceof z.ZodObject ? "mappings" : "list";
  return "text";
}

interface Form {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
}

function formOf(schema: z.ZodType, meta: Meta, kind: Setting["kind"]): string {
  if (meta.only !== undefined) return `\`${meta.only}\``;
  const values = meta.values ?? (z.toJSONSchema(schema, { io: "output", unrepresentable: "any" }) as Form).enum;
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(", ");
  const {
    type,
    minimum = Number.NEGATIVE_INFINITY,
    maximum,
  } = z.toJSONSchema(schema, {
    io: "output",
    unrepresentable: "any",
  }) as Form;
  if (kind === "number") {
    const noun = type === "integer" ? "integer" : "number";
    const most = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum;
    return most === undefined ? `${noun} from ${minimum}` : `${noun} from ${minimum} to ${most}`;
  }
  return { text: "text", flag: "`true`, `false`", list: "list of texts", mappings: "list of mappings" }[kind];
}

/** JSON Schema of a configuration file, for editors. A value may also be a placeholder: `${NAME}`. */
export function configJsonSchema(): object {
  const schema = z.toJSONSchema(ConfigSchema, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const json = jsonSchema as Record<string, unknown>;
      const { only, values, secret: _, ...rest } = json;
      for (const key of ["only", "values", "secret"]) delete json[key];
      if (only !== undefined) Object.assign(json, { const: only });
      else if (values !== undefined) Object.assign(json, rest, { examples: values });
      const kind = ["number", "int", "boolean"].includes(zodSchema._zod.def.type);
      if (!kind) return;
      const { description, default: value, ...plain } = json;
      for (const key of Object.keys(plain)) delete json[key];
      json.anyOf = [plain, { type: "string", pattern: "^\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}$" }];
    },
  });
  return { ...schema, title: "Configuration of deltalakedb" };
}
