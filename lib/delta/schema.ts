/** Table schemas (PROTOCOL.md, "Schema Serialization Format"): parsing, checks, and what features a schema makes active. */

import { invalid } from "../errors.ts";
import { isJsonObject, type Json, type JsonObject, parseJson } from "./json.ts";

export interface SchemaField {
  readonly name: string;
  readonly type: Json;
  readonly nullable: boolean;
  readonly metadata: JsonObject;
}

const PRIMITIVES = new Set(
  ["string", "long", "integer", "short", "byte", "float", "double", "boolean", "binary", "date", "timestamp"].concat([
    "timestamp_ntz",
    "void",
    "variant",
  ]),
);
const DECIMAL = /^decimal(\(\s*(\d+)\s*,\s*(\d+)\s*\))?$/;
/** Types of engines that the protocol does not list, but that stand in real logs. */
const CHAR_LIKE = /^(char|varchar)\(\d+\)$|^interval /;

/**
 * The top-level fields of a schema.
 * @throws LakeError invalid when the text is no schema, has an unknown type, or two columns whose names differ by case only
 */
export function parseSchema(schemaString: string, at: string): readonly SchemaField[] {
  let schema: Json;
  try {
    schema = parseJson(schemaString);
  } catch (error) {
    throw invalid(`schemaString is not JSON: ${(error as Error).message}`, { at });
  }
  if (!isJsonObject(schema) || schema.type !== "struct") {
    throw invalid('schemaString is not a schema: {"type":"struct","fields":[…]} is expected', { at });
  }
  return structFields(schema, at);
}

function structFields(struct: JsonObject, at: string): SchemaField[] {
  if (!Array.isArray(struct.fields)) throw invalid('a struct type has no "fields" array', { at });
  const seen = new Map<string, string>();
  return struct.fields.map((value: Json, i: number) => {
    const where = `${at}/fields/${i}`;
    if (!isJsonObject(value) || typeof value.name !== "string" || value.name === "") {
      throw invalid('a field needs a "name"', { at: where });
    }
    const folded = value.name.toLowerCase();
    const twin = seen.get(folded);
    if (twin !== undefined) {
      throw invalid(`columns "${twin}" and "${value.name}" have the same name, ignoring case`, {
        at: where,
        code: "DELTA_DUPLICATE_COLUMNS_FOUND",
      });
    }
    seen.set(folded, value.name);
    if (value.type === undefined) throw invalid(`column "${value.name}" has no type`, { at: where });
    checkType(value.type, `${where}/type`);
    return {
      name: value.name,
      type: value.type,
      nullable: value.nullable !== false,
      metadata: isJsonObject(value.metadata) ? value.metadata : {},
    };
  });
}

function checkType(type: Json, at: string): void {
  if (typeof type === "string") {
    const decimal = DECIMAL.exec(type);
    if (decimal?.[1] && (Number(decimal[2]) > 38 || Number(decimal[3]) > Number(decimal[2]))) {
      throw invalid(`"${type}" is out of range: precision ≤ 38 and scale ≤ precision`, { at });
    }
    if (!PRIMITIVES.has(type) && !decimal && !CHAR_LIKE.test(type)) {
      throw invalid(`"${type}" is not a type that the Delta protocol knows`, { at });
    }
    return;
  }
  if (!isJsonObject(type)) throw invalid("a type is a name or an object", { at });
  if (type.type === "struct") structFields(type, at);
  else if (type.type === "array") checkType(type.elementType ?? null, `${at}/elementType`);
  else if (type.type === "map") {
    checkType(type.keyType ?? null, `${at}/keyType`);
    checkType(type.valueType ?? null, `${at}/valueType`);
  } else throw invalid(`"${type.type}" is not a nested type that the Delta protocol knows`, { at });
}

/** Calls `visit` with every field, nested ones too, and with every primitive type name. */
export function walkSchema(
  fields: readonly SchemaField[],
  visit: { readonly field?: (field: SchemaField) => void; readonly type?: (name: string) => void },
): void {
  const walkType = (type: Json | undefined): void => {
    if (typeof type === "string") visit.type?.(type);
    else if (isJsonObject(type)) {
      if (type.type === "struct" && Array.isArray(type.fields)) {
        for (const field of type.fields as readonly JsonObject[]) walkField(field);
      }
      walkType(type.elementType);
      walkType(type.keyType);
      walkType(type.valueType);
    }
  };
  const walkField = (value: JsonObject): void => {
    const field: SchemaField = {
      name: String(value.name),
      type: value.type ?? null,
      nullable: value.nullable !== false,
      metadata: isJsonObject(value.metadata) ? value.metadata : {},
    };
    visit.field?.(field);
    walkType(field.type);
  };
  for (const field of fields) walkField(field as unknown as JsonObject);
}

/** The name of a column in data files, partition values and statistics: the physical one under column mapping. */
export function physicalName(field: SchemaField): string {
  const mapped = field.metadata["delta.columnMapping.physicalName"];
  return typeof mapped === "string" ? mapped : field.name;
}
