/** What a table of others must be so that it can be served here, commits included: a schema that we can read. Pure. */

import { invalid, isLakeError } from "../../errors.ts";
import type { Metadata } from "../actions.ts";
import { parseSchema, type SchemaField } from "../schema/schema.ts";
import { isJsonObject, type Json, parseJson } from "../values/json.ts";

const HINT = "Nothing has been written. Correct the table with the program that owns it, then import it again.";

/**
 * Refuses what every later commit would stumble over. Only the newest metaData counts: older ones are history, and are shown
 * as they are.
 * @throws LakeError invalid: UNSUPPORTED_SCHEMA, UNSUPPORTED_TYPE, UNSUPPORTED_FORMAT
 */
export function checkImportable(metadata: Metadata): void {
  const at = "metaData/schemaString";
  if (metadata.format.provider !== "parquet") {
    throw invalid(`the table's data files are of format "${metadata.format.provider}"; only parquet is supported`, {
      code: "UNSUPPORTED_FORMAT",
      at: "metaData/format/provider",
      hint: HINT,
    });
  }
  // Spark takes it for a table without columns.
  if (metadata.schemaString === undefined) return;
  checkTypesKnown(metadata.schemaString, at);
  checkPartitionColumns(metadata, readSchema(metadata.schemaString, at));
}

function refused(message: string, at: string, code = "UNSUPPORTED_SCHEMA"): Error {
  return invalid(message, { code, at, hint: HINT });
}

function readSchema(text: string, at: string): readonly SchemaField[] {
  try {
    return parseSchema(text, at);
  } catch (error) {
    if (!isLakeError(error, "invalid")) throw error;
    throw refused(`the newest schema cannot be served: ${error.message}`, error.at ?? at);
  }
}

/** User-defined types by name: they are legal in Spark, and nobody else can read them. What is no schema, parseSchema refuses. */
function checkTypesKnown(text: string, at: string): void {
  let schema: Json;
  try {
    schema = parseJson(text);
  } catch {
    return;
  }
  const pending: { readonly type: Json | undefined; readonly column: string }[] = [{ type: schema, column: "" }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { type, column } = next;
    if (!isJsonObject(type)) continue;
    if (type.type === "udt") {
      const name = type.class ?? type.pyClass ?? "udt";
      throw refused(
        `column "${column}" has the user-defined type ${name}, which only programs that bring this class can read`,
        at,
        "UNSUPPORTED_TYPE",
      );
    }
    pending.push({ type: type.elementType, column }, { type: type.keyType, column }, { type: type.valueType, column });
    for (const field of Array.isArray(type.fields) ? type.fields : []) {
      if (isJsonObject(field)) pending.push({ type: field.type, column: `${column && `${column}.`}${field.name}` });
    }
  }
}

function checkPartitionColumns({ partitionColumns }: Metadata, schema: readonly SchemaField[]): void {
  const types = new Map(schema.map((field) => [field.name, field.type]));
  for (const name of partitionColumns) {
    const type = types.get(name);
    if (typeof type === "string" && type !== "variant") continue;
    const why = type === undefined ? "is not a column of the schema" : "has values without a text form";
    throw refused(`partition column "${name}" ${why}`, "metaData/partitionColumns");
  }
}
