/**
 * Changes of a schema that data files at hand do not survive, each by the name of its rule: what every reader would fail on, or
 * silently read as something else (PROTOCOL.md, "Change Metadata", "Column Mapping", "Type Widening"). Pure.
 */

import { isActive, type TableConfiguration } from "../table-configuration.ts";
import { isJsonObject, type Json, type JsonObject } from "../values/json.ts";
import { memberFields, physicalName, type SchemaField } from "./schema.ts";
import { isWidening, recordsTypeChange } from "./type-widening.ts";

export interface SchemaChange {
  readonly rule:
    | "columnDropped"
    | "typeChanged"
    | "typeChangeNotRecorded"
    | "madeNotNull"
    | "newColumnNotNull"
    | "newColumnWithDefault"
    | "newColumnComputed"
    | "physicalNameInvented"
    | "physicalNameChanged"
    | "physicalNameReused"
    | "columnIdReused";
  readonly column: string;
  readonly message: string;
  readonly hint?: string;
}

interface Comparison {
  /** Files at hand have columns by physical name already. */
  readonly wasMapped: boolean;
  readonly isMapped: boolean;
  readonly widens: boolean;
  /** The largest column id given before. */
  readonly maxColumnId: number;
  /** Physical names in use before, of all columns. */
  readonly physicalNames: ReadonlySet<string>;
}

/** All changes that files of the table before do not survive, in the order of its columns. */
export function schemaChanges(before: TableConfiguration, after: TableConfiguration): SchemaChange[] {
  if (before.metadata.schemaString === after.metadata.schemaString && isMapped(before) === isMapped(after)) return [];
  const physicalNames = new Set<string>();
  collectPhysicalNames(before.schema, physicalNames);
  const comparison: Comparison = {
    wasMapped: isMapped(before),
    isMapped: isMapped(after),
    widens: isActive("typeWidening", after) || isActive("typeWidening-preview", after),
    maxColumnId: before.properties["delta.columnMapping.maxColumnId"],
    physicalNames,
  };
  return [...structChanges(before.schema, after.schema, comparison, [])];
}

/** Physical names of columns that are new in a table whose files have columns by physical name. */
export function newPhysicalNames(before: TableConfiguration, after: TableConfiguration): readonly string[] {
  if (!isMapped(before) || !isMapped(after)) return [];
  const [old, all] = [new Set<string>(), new Set<string>()];
  collectPhysicalNames(before.schema, old);
  collectPhysicalNames(after.schema, all);
  return [...all.difference(old)];
}

function isMapped(table: TableConfiguration): boolean {
  return table.properties["delta.columnMapping.mode"] !== "none";
}

/** Adds the physical names of all columns, nested ones too, in lower case. */
export function collectPhysicalNames(fields: readonly SchemaField[], names: Set<string>): void {
  for (const field of fields) {
    names.add(physicalName(field).toLowerCase());
    collectBelow(field.type, names);
  }
}

function collectBelow(type: Json, names: Set<string>): void {
  if (!isJsonObject(type)) return;
  collectPhysicalNames(memberFields(type) ?? [], names);
  for (const below of [type.elementType, type.keyType, type.valueType]) if (below) collectBelow(below, names);
}

/** What makes two fields of two schemas the same column: the id under column mapping, else the name. */
function identity(field: SchemaField, { wasMapped }: Comparison): string {
  return wasMapped ? `id ${String(field.metadata["delta.columnMapping.id"])}` : `name ${field.name}`;
}

function* structChanges(
  before: readonly SchemaField[],
  after: readonly SchemaField[],
  comparison: Comparison,
  path: readonly string[],
): Generator<SchemaChange> {
  const old = new Map(before.map((field) => [identity(field, comparison), field]));
  for (const field of after) {
    const own = [...path, field.name];
    const was = old.get(identity(field, comparison));
    old.delete(identity(field, comparison));
    if (was === undefined) yield* newColumn(field, comparison, own.join("."));
    else yield* keptColumn(was, field, comparison, own);
  }
  if (comparison.wasMapped && comparison.isMapped) return;
  for (const lost of old.values()) {
    yield {
      rule: "columnDropped",
      column: [...path, lost.name].join("."),
      message: "is dropped, but its values stay in the data files, and a later column of that name would show them",
      hint: 'Turn column mapping on first ("delta.columnMapping.mode": "name"), or replace all files in the same commit.',
    };
  }
}

function* newColumn(field: SchemaField, comparison: Comparison, column: string): Generator<SchemaChange> {
  const { metadata } = field;
  if (!field.nullable) {
    yield {
      rule: "newColumnNotNull",
      column,
      message: "is new and NOT NULL, but the rows at hand have no value for it",
    };
  }
  if (metadata.CURRENT_DEFAULT !== undefined) {
    yield {
      rule: "newColumnWithDefault",
      column,
      message: "is new and has a default, which the rows at hand would not get",
      hint: "Add the column first, and set its default in a later commit.",
    };
  }
  if (Object.keys(metadata).some((key) => key === "delta.generationExpression" || key.startsWith("delta.identity."))) {
    yield {
      rule: "newColumnComputed",
      column,
      message: "is new and computed, but the rows at hand have no value for it",
    };
  }
  if (!comparison.wasMapped || !comparison.isMapped) return;
  const id = metadata["delta.columnMapping.id"];
  if (typeof id === "number" && id <= comparison.maxColumnId) {
    yield {
      rule: "columnIdReused",
      column,
      message: `is new, but ids up to ${comparison.maxColumnId} have been given before; it has the id ${id}`,
    };
  }
  const physical = physicalName(field).toLowerCase();
  if (comparison.physicalNames.has(physical) || physical === field.name.toLowerCase()) {
    yield {
      rule: "physicalNameReused",
      column,
      message: `is new, but data files may hold another column with its physical name "${physicalName(field)}"`,
      hint: "Give a new column a physical name of its own, such as col- and a new UUID.",
    };
  }
}

function* keptColumn(
  before: SchemaField,
  after: SchemaField,
  comparison: Comparison,
  path: readonly string[],
): Generator<SchemaChange> {
  const column = path.join(".");
  if (before.nullable && !after.nullable) {
    yield { rule: "madeNotNull", column, message: "becomes NOT NULL, but the rows at hand may hold nulls in it" };
  }
  if (comparison.isMapped) {
    const [was, is] = [physicalName(before), physicalName(after)];
    if (was !== is) {
      yield {
        rule: comparison.wasMapped ? "physicalNameChanged" : "physicalNameInvented",
        column,
        message: `has the physical name "${is}", but is called "${was}" in the data files at hand`,
      };
    }
  }
  yield* typeChanges(before.type, after.type, { comparison, path, owner: after.metadata, fieldPath: "" });
}

interface Place {
  readonly comparison: Comparison;
  readonly path: readonly string[];
  /** Metadata of the column that the type belongs to. */
  readonly owner: JsonObject;
  /** Where in the column's type, as `delta.typeChanges` has it: `element`, `key.element` … */
  readonly fieldPath: string;
}

function* typeChanges(before: Json, after: Json, place: Place): Generator<SchemaChange> {
  const column = place.path.join(".");
  if (typeof before === "string" && typeof after === "string") {
    const [from, to] = [normalType(before), normalType(after)];
    if (from !== to) yield* primitiveChange(from, to, place, column);
    return;
  }
  const [from, to] = [memberFields(before), memberFields(after)];
  if (from !== undefined && to !== undefined) {
    yield* structChanges(from, to, place.comparison, place.path);
  } else if (isJsonObject(before) && isJsonObject(after) && before.type === after.type) {
    yield* collectionChanges(before, after, place, column);
  } else {
    yield { rule: "typeChanged", column, message: `changes its type from ${kindOf(before)} to ${kindOf(after)}` };
  }
}

function* collectionChanges(before: JsonObject, after: JsonObject, place: Place, column: string) {
  for (const member of ["containsNull", "valueContainsNull"]) {
    if (before[member] !== false && after[member] === false) {
      const rule = "madeNotNull" as const;
      yield { rule, column, message: `sets ${member} to false, but the rows at hand may hold nulls in it` };
    }
  }
  for (const [member, name] of [
    ["elementType", "element"],
    ["keyType", "key"],
    ["valueType", "value"],
  ] as const) {
    const [from, to] = [before[member], after[member]];
    if (from === undefined || to === undefined) continue;
    const fieldPath = place.fieldPath === "" ? name : `${place.fieldPath}.${name}`;
    yield* typeChanges(from, to, { ...place, path: [...place.path, name], fieldPath });
  }
}

function* primitiveChange(before: string, after: string, place: Place, column: string): Generator<SchemaChange> {
  if (!place.comparison.widens || !isWidening(before, after)) {
    yield {
      rule: "typeChanged",
      column,
      message: `changes its type from ${before} to ${after}, but the data files at hand hold ${before}`,
      hint: isWidening(before, after)
        ? 'Wider types need the feature typeWidening and "delta.enableTypeWidening": "true".'
        : "Add a column of the new type, or replace all files in the same commit.",
    };
  } else if (!recordsTypeChange(place.owner, before, after, place.fieldPath)) {
    yield {
      rule: "typeChangeNotRecorded",
      column,
      message: `changes its type from ${before} to ${after} without an entry in "delta.typeChanges" of its metadata`,
    };
  }
}

/** Spark writes decimal(10,2), people write `decimal(10, 2)` and mean `decimal(10,0)` by `decimal`. */
function normalType(type: string): string {
  return type === "decimal" ? "decimal(10,0)" : type.startsWith("decimal") ? type.replaceAll(" ", "") : type;
}

function kindOf(type: Json): string {
  return typeof type === "string" ? type : isJsonObject(type) ? String(type.type) : "nothing";
}
