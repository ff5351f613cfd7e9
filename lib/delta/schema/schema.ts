/** Table schemas (PROTOCOL.md, "Schema Serialization Format"): parsing, checks, and what features a schema makes active. */

import { invalid } from "../../errors.ts";
import { isJsonObject, type Json, type JsonObject, parseJson } from "../values/json.ts";

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
/** Types of engines that the protocol does not list, but that are in real logs. */
const CHAR_LIKE = /^(char|varchar)\(\d+\)$|^interval /;

/** Recursive code runs out of stack somewhere far above; no table comes near. */
const MAX_DEPTH = 200;

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
  return structFields(schema, at, 1);
}

function structFields(struct: JsonObject, at: string, depth: number): SchemaField[] {
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
    checkType(value.type, `${where}/type`, depth + 1);
    checkFieldShape(value, where);
    return {
      name: value.name,
      type: value.type,
      nullable: value.nullable !== false,
      metadata: isJsonObject(value.metadata) ? value.metadata : {},
    };
  });
}

function checkFieldShape(field: JsonObject, at: string): void {
  if (field.nullable !== undefined && typeof field.nullable !== "boolean") {
    throw invalid(`"nullable" of column "${field.name}" is true or false`, { at: `${at}/nullable` });
  }
  if (field.metadata !== undefined && !isJsonObject(field.metadata)) {
    throw invalid(`"metadata" of column "${field.name}" is an object`, { at: `${at}/metadata` });
  }
}

function checkType(type: Json, at: string, depth: number): void {
  if (depth > MAX_DEPTH) throw invalid(`the schema is nested deeper than ${MAX_DEPTH} levels`, { at });
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
  if (type.type === "struct") structFields(type, at, depth);
  else if (type.type === "array") checkType(type.elementType ?? null, `${at}/elementType`, depth + 1);
  else if (type.type === "map") {
    checkType(type.keyType ?? null, `${at}/keyType`, depth + 1);
    checkType(type.valueType ?? null, `${at}/valueType`, depth + 1);
  } else throw invalid(`"${type.type}" is not a nested type that the Delta protocol knows`, { at });
}

/**
 * The schema with the members that readers demand and people leave out: `nullable`, `metadata`, `containsNull`,
 * `valueContainsNull`. What is no schema stays as it is, for {@link parseSchema} to refuse.
 */
export function completeSchema(type: Json): Json {
  if (!isJsonObject(type)) return type;
  const { type: kind, fields, elementType, keyType, valueType } = type;
  if (kind === "struct" && Array.isArray(fields)) {
    const completed = fields.map((field: Json) => {
      if (!isJsonObject(field)) return field;
      const { name, type: ofField, nullable, metadata, ...rest } = field;
      return {
        name,
        type: completeSchema(ofField ?? null),
        nullable: nullable ?? true,
        metadata: metadata ?? {},
        ...rest,
      };
    });
    return { ...type, fields: completed };
  }
  if (kind === "array") return { containsNull: true, ...type, elementType: completeSchema(elementType ?? null) };
  if (kind === "map") {
    const types = { keyType: completeSchema(keyType ?? null), valueType: completeSchema(valueType ?? null) };
    return { valueContainsNull: true, ...type, ...types };
  }
  return type;
}

/**
 * Calls `visit` with every field, nested ones too, and with every primitive type name. The path of a field is that of its
 * physical names.
 */
export function walkSchema(
  fields: readonly SchemaField[],
  visit: {
    readonly field?: (field: SchemaField, physicalPath: string) => void;
    readonly type?: (name: string) => void;
  },
): void {
  const walkType = (type: Json | undefined, path: string): void => {
    if (typeof type === "string") visit.type?.(type);
    else if (isJsonObject(type)) {
      if (type.type === "struct" && Array.isArray(type.fields)) {
        for (const field of type.fields as readonly JsonObject[]) walkField(field, path);
      }
      walkType(type.elementType, `${path}element.`);
      walkType(type.keyType, `${path}key.`);
      walkType(type.valueType, `${path}value.`);
    }
  };
  const walkField = (value: JsonObject, parent: string): void => {
    const field: SchemaField = {
      name: String(value.name),
      type: value.type ?? null,
      nullable: value.nullable !== false,
      metadata: isJsonObject(value.metadata) ? value.metadata : {},
    };
    const path = parent + physicalName(field);
    visit.field?.(field, path);
    walkType(field.type, `${path}.`);
  };
  for (const field of fields) walkField(field as unknown as JsonObject, "");
}

/** The name of a column in data files, partition values and statistics: the physical one under column mapping. */
export function physicalName(field: SchemaField): string {
  const mapped = field.metadata["delta.columnMapping.physicalName"];
  return typeof mapped === "string" ? mapped : field.name;
}

/** A column, or the element, key or value of one. */
export interface SchemaColumn {
  /** Absent for elements, keys and values. */
  readonly field?: SchemaField;
  /** Logical names from the outermost struct on; `element`, `key` and `value` for what has no name. */
  readonly path: readonly string[];
  readonly type: Json;
  /** True below an array or a map. */
  readonly inCollection: boolean;
}

/** Everything in a schema that has a type, outer ones first. */
export function* schemaColumns(
  fields: readonly SchemaField[],
  path: readonly string[] = [],
  inCollection = false,
): Generator<SchemaColumn> {
  for (const field of fields) {
    const own = [...path, field.name];
    yield { field, path: own, type: field.type, inCollection };
    yield* inside(field.type, own, inCollection);
  }
}

function* inside(type: Json, path: readonly string[], inCollection: boolean): Generator<SchemaColumn> {
  if (!isJsonObject(type)) return;
  if (type.type === "struct") yield* schemaColumns(memberFields(type) ?? [], path, inCollection);
  for (const [member, name] of COLLECTION_MEMBERS) {
    const below = type[member];
    if (below === undefined) continue;
    const own = [...path, name];
    yield { path: own, type: below, inCollection: true };
    yield* inside(below, own, true);
  }
}

const COLLECTION_MEMBERS = [
  ["elementType", "element"],
  ["keyType", "key"],
  ["valueType", "value"],
] as const;

/** The members of a struct type; undefined for any other type. The schema has been checked as a whole. */
export function memberFields(type: Json): readonly SchemaField[] | undefined {
  if (!isJsonObject(type) || type.type !== "struct" || !Array.isArray(type.fields)) return undefined;
  return (type.fields as readonly JsonObject[]).map((member) => ({
    name: String(member.name),
    type: member.type ?? null,
    nullable: member.nullable !== false,
    metadata: isJsonObject(member.metadata) ? member.metadata : {},
  }));
}
