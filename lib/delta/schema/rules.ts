/** What the schema of a new metaData action must be for every reader to open the table: one rule each, by name. Pure. */

import { invalid } from "../../errors.ts";
import type { TableDescription } from "../table-configuration.ts";
import { isJsonObject, type Json, type JsonObject, parseJson } from "../values/json.ts";
import { unreadableMetadata } from "./column-metadata.ts";
import { type SchemaField, schemaColumns } from "./schema.ts";

export interface SchemaProblem {
  readonly rule: string;
  /** Logical names, joined by dots. */
  readonly column: string;
  readonly message: string;
  readonly hint?: string;
}

/** Where no column mapping gives it another name, a column's name is that of a Parquet column (Spark's checkFieldNames). */
const FORBIDDEN_IN_NAMES = /[ ,;{}()\n\t=]/;
const CHANGE_DATA_COLUMNS = ["_change_type", "_commit_version", "_commit_timestamp"];

function* typeProblems(column: string, type: Json, inCollection: boolean): Generator<SchemaProblem> {
  if (typeof type !== "string") return;
  if (type === "void") {
    const where = inCollection ? "in an array or a map" : "as a column";
    yield { rule: "voidType", column, message: `has the type void ${where}, which most readers cannot open` };
  }
  if (/^(var)?char\(/.test(type)) {
    yield {
      rule: "charType",
      column,
      message: `has the type ${type}, which only Spark knows`,
      hint: `Write "string", and "__CHAR_VARCHAR_TYPE_STRING": "${type}" in the column's metadata.`,
    };
  }
  if (type.startsWith("interval")) {
    yield { rule: "intervalType", column, message: `has the type ${type}, which data files cannot hold` };
  }
  if (type.startsWith("decimal") && !/^decimal\([1-9]\d?,\d{1,2}\)$/.test(type)) {
    yield {
      rule: "decimalForm",
      column,
      message: `has the type ${type}; write decimal(precision,scale), without spaces`,
    };
  }
}

/** Members of a type object; Spark cannot read a schema with any other. */
const TYPE_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  struct: ["type", "fields"],
  array: ["type", "elementType", "containsNull"],
  map: ["type", "keyType", "valueType", "valueContainsNull"],
};

function* nestedProblems(column: string, type: Json): Generator<SchemaProblem> {
  if (!isJsonObject(type)) return;
  const foreign = foreignMember(type);
  if (foreign !== undefined) {
    yield {
      rule: "typeMember",
      column,
      message: `is of a type with the member "${foreign}", which types do not have`,
      hint: 'What is to be said of a column belongs in its "metadata".',
    };
  }
  if (type.type === "struct" && Array.isArray(type.fields) && type.fields.length === 0) {
    yield { rule: "emptyStruct", column, message: "is a struct without members, which Parquet cannot hold" };
  }
  for (const [kind, member] of [
    ["array", "containsNull"],
    ["map", "valueContainsNull"],
  ] as const) {
    if (type.type !== kind || typeof type[member] === "boolean") continue;
    yield { rule: "nullFlag", column, message: `is of a type whose "${member}" is neither true nor false` };
  }
}

const MAPPING_ANNOTATIONS = ["delta.columnMapping.id", "delta.columnMapping.physicalName"];
/** PROTOCOL.md, "Identity Columns": these three stand together or not at all. */
const IDENTITY_ANNOTATIONS = ["start", "step", "allowExplicitInsert"].map((name) => `delta.identity.${name}`);

function* annotationProblems(
  column: string,
  { metadata, type }: SchemaField,
  mapped: boolean,
): Generator<SchemaProblem> {
  const unreadable = unreadableMetadata(metadata);
  if (unreadable !== undefined) yield { rule: "columnMetadata", column, message: unreadable };
  const has = (key: string) => metadata[key] !== undefined;
  if (!mapped && MAPPING_ANNOTATIONS.some(has)) {
    yield {
      rule: "mappingAnnotation",
      column,
      message: "has an id or a physical name in its metadata, but the table has no column mapping",
      hint: 'Leave them out, or set "delta.columnMapping.mode".',
    };
  }
  const given = IDENTITY_ANNOTATIONS.filter(has).length;
  if (given > 0 && (given < IDENTITY_ANNOTATIONS.length || type !== "long")) {
    yield {
      rule: "identityColumn",
      column,
      message: `is an identity column: its type is long, and its metadata have ${IDENTITY_ANNOTATIONS.join(", ")}`,
    };
  }
}

/** The whole schema is a struct type, too. */
function* rootProblems({ metadata }: TableDescription): Generator<SchemaProblem> {
  const root = metadata.schemaString === undefined ? undefined : parseJson(metadata.schemaString);
  const foreign = root !== undefined && isJsonObject(root) ? foreignMember(root) : undefined;
  if (foreign === undefined) return;
  yield {
    rule: "typeMember",
    column: "",
    message: `is of a schema with the member "${foreign}", which schemas do not have`,
  };
}

function foreignMember(type: JsonObject): string | undefined {
  const known = TYPE_MEMBERS[String(type.type)] ?? [];
  return Object.keys(type).find((member) => !known.includes(member));
}

/** Everything about a schema that some reader fails on, in the order of its columns. */
export function* schemaProblems(table: TableDescription): Generator<SchemaProblem> {
  yield* rootProblems(table);
  const { schema, properties } = table;
  const mapped = properties["delta.columnMapping.mode"] !== "none";
  if (schema.length === 0)
    yield { rule: "noColumns", column: "", message: "is missing: a table has one column at least" };
  for (const { field, path, type, inCollection } of schemaColumns(schema)) {
    const column = path.join(".");
    yield* typeProblems(column, type, inCollection);
    yield* nestedProblems(column, type);
    if (field !== undefined) yield* annotationProblems(column, field, mapped);
    if (field !== undefined && !mapped && FORBIDDEN_IN_NAMES.test(field.name)) {
      yield {
        rule: "columnName",
        column,
        message:
          "holds a space or one of ,;{}()= or a line break or tab, which column names can have only with column mapping",
      };
    }
    const reserved = path.length === 1 && CHANGE_DATA_COLUMNS.includes((path[0] ?? "").toLowerCase());
    if (properties["delta.enableChangeDataFeed"] && reserved) {
      yield { rule: "changeDataColumn", column, message: "is a name that the change data feed needs for itself" };
    }
    if (properties["delta.enableIcebergCompatV1"] && isJsonObject(type) && type.type !== "struct") {
      yield { rule: "icebergType", column, message: "is an array or a map, which icebergCompatV1 excludes" };
    }
  }
}

/**
 * Refuses a schema that some reader fails on. What the table had before is let be.
 * @param before absent for a table that is being created
 * @param at JSON pointer of the schema
 * @throws LakeError invalid DELTA_INVALID_SCHEMA, with the rule's name among the facts
 */
export function checkSchemaRules(before: TableDescription | undefined, after: TableDescription, at: string): void {
  const key = ({ rule, column, message }: SchemaProblem) => `${rule} ${column} ${message}`;
  const old = new Set(before === undefined ? [] : [...schemaProblems(before)].map(key));
  for (const problem of schemaProblems(after)) {
    if (old.has(key(problem))) continue;
    const { rule, column, message, hint } = problem;
    throw invalid(`column "${column}" ${message}`, {
      at,
      code: "DELTA_INVALID_SCHEMA",
      ...(hint === undefined ? {} : { hint }),
      facts: { rule, column },
    });
  }
}
