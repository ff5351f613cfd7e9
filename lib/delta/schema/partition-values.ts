/** Partition columns of a table, and the values that files have in them (PROTOCOL.md, "Partition Value Serialization"). Pure. */

import { invalid } from "../../errors.ts";
import type { CommitActions, StringMap } from "../actions.ts";
import type { PlaceOf } from "../fields/action-places.ts";
import { physicalPartitionColumns, type TableDescription } from "../table-configuration.ts";
import { isJsonObject, type Json, pointerToken } from "../values/json.ts";
import { columnValueType, STRING, type ValueType } from "../values/value-types.ts";

export interface PartitionColumn {
  readonly name: string;
  /** Its name in partitionValues. */
  readonly key: string;
  readonly type: ValueType;
  readonly nullable: boolean;
}

export function partitionColumns(table: TableDescription): readonly PartitionColumn[] {
  const { metadata, schema } = table;
  const keys = physicalPartitionColumns(table);
  return metadata.partitionColumns.map((name, i) => {
    const field = schema.find((candidate) => candidate.name === name);
    return {
      name,
      key: keys[i] ?? name,
      type: field === undefined ? STRING : columnValueType(field),
      nullable: field?.nullable ?? true,
    };
  });
}

/** The text of a column in a file's partition values: null where it is absent. */
export function partitionText(values: StringMap, { key }: PartitionColumn): string | null {
  return Object.hasOwn(values, key) ? (values[key] ?? null) : null;
}

/**
 * The actions with every partition value in its canonical form: one text per value, which all readers take for that value.
 * The empty text is null.
 * @param place JSON pointers of the actions
 * @throws LakeError invalid for a value that its column cannot hold, or keys that are not the partition columns'
 */
export function withCanonicalPartitionValues(
  actions: CommitActions,
  table: TableDescription,
  place: PlaceOf,
): CommitActions {
  const before = known.get(actions);
  if (before?.table === table) return before.canonical;
  const canonical = canonicalised(actions, table, place);
  known.set(actions, { table, canonical });
  return canonical;
}

/** A request is checked and planned, and planned again when a winner came first: always the same actions. */
const known = new WeakMap<CommitActions, { readonly table: TableDescription; readonly canonical: CommitActions }>();

function canonicalised(actions: CommitActions, table: TableDescription, place: PlaceOf): CommitActions {
  const columns = partitionColumns(table).map(remembering);
  return {
    ...actions,
    adds: mapped(actions.adds, (add, i) => {
      const file = { path: add.path, isNew: true, at: (member: string) => place("adds", i, member) };
      checkKeys(add.partitionValues, columns, file);
      return withValues(add, canonicalValues(add.partitionValues, columns, file));
    }),
    removes: mapped(actions.removes, (remove, i) => {
      if (remove.partitionValues === undefined) return remove;
      const file = { path: remove.path, isNew: false, at: (member: string) => place("removes", i, member) };
      return withValues(remove, canonicalValues(remove.partitionValues, columns, file));
    }),
    others: mapped(actions.others, (other, i) => {
      const { cdc } = other;
      if (!isJsonObject(cdc)) return other;
      const file = { path: String(cdc.path), isNew: true, at: (member: string) => place("others", i, member) };
      const given = stringMap(cdc.partitionValues, file);
      checkKeys(given, columns, file);
      const partitionValues = canonicalValues(given, columns, file);
      return partitionValues === given ? other : { ...other, cdc: { ...cdc, partitionValues } };
    }),
  };
}

/** A file of an action, as messages name it. */
interface NamedFile {
  readonly path: string;
  /** False where it is removed: one of an imported table may lack columns, and be null where a column is not. */
  readonly isNew: boolean;
  /** JSON pointer of a member of the action. */
  at(member: string): string;
}

/** A column whose texts have been looked at before: files of one partition repeat them. */
interface RememberingColumn extends PartitionColumn {
  canonical(text: string): string | undefined;
}

function remembering(column: PartitionColumn): RememberingColumn {
  const known = new Map<string, string | undefined>();
  return {
    ...column,
    canonical(text) {
      if (!known.has(text)) known.set(text, column.type.canonical(text));
      return known.get(text);
    },
  };
}

function checkKeys(values: StringMap, columns: readonly PartitionColumn[], file: NamedFile): void {
  const keys = Object.keys(values);
  if (keys.length === columns.length && columns.every(({ key }) => Object.hasOwn(values, key))) return;
  const wanted = columns.map(({ key }) => key);
  throw invalid(
    `partitionValues of "${file.path}" must have exactly the keys ${JSON.stringify(wanted)}, not ${JSON.stringify(keys)}`,
    { at: file.at("partitionValues"), code: "DELTA_INVALID_PARTITION_COLUMN" },
  );
}

/** The same object when nothing changes. */
function canonicalValues(values: StringMap, columns: readonly RememberingColumn[], file: NamedFile): StringMap {
  const changed: [key: string, text: string | null][] = [];
  for (const column of columns) {
    if (!Object.hasOwn(values, column.key)) continue;
    const text = values[column.key] ?? null;
    const canonical = text === null || text === "" ? null : column.canonical(text);
    if (canonical === undefined) throw noValue(text, column, file);
    if (canonical === null && !column.nullable && file.isNew) throw mayNotBeNull(column, file);
    if (canonical !== text) changed.push([column.key, canonical]);
  }
  // Not a spread: a column may be named __proto__.
  return changed.length === 0 ? values : Object.fromEntries([...Object.entries(values), ...changed]);
}

function noValue(text: string | null, { name, key, type }: PartitionColumn, file: NamedFile): Error {
  const shown = JSON.stringify(text !== null && text.length > 100 ? `${text.slice(0, 100)}…` : text);
  return invalid(`${shown} is no value of the partition column "${name}" (${type.name}): "${file.path}"`, {
    at: file.at(`partitionValues/${pointerToken(key)}`),
    code: "DELTA_INVALID_PARTITION_VALUE",
    hint: `Write ${type.form}${file.isNew ? "; null for no value." : ", or leave partitionValues out of the remove."}`,
  });
}

function mayNotBeNull({ name, key }: PartitionColumn, file: NamedFile): Error {
  return invalid(`the partition column "${name}" is NOT NULL, and "${file.path}" has no value in it`, {
    at: file.at(`partitionValues/${pointerToken(key)}`),
    code: "DELTA_NOT_NULL_CONSTRAINT_VIOLATED",
    hint: 'An empty text stands for null, as the Delta protocol has it ("Partition Value Serialization").',
  });
}

function withValues<T extends { readonly partitionValues?: StringMap }>(file: T, partitionValues: StringMap): T {
  return partitionValues === file.partitionValues ? file : { ...file, partitionValues };
}

/** The same array when no element changes. */
function mapped<T>(items: readonly T[], change: (item: T, i: number) => T): readonly T[] {
  const changed = items.map(change);
  return changed.some((item, i) => item !== items[i]) ? changed : items;
}

function stringMap(value: Json | undefined, file: NamedFile): StringMap {
  const entries = isJsonObject(value) ? Object.values(value) : [undefined];
  if (entries.every((entry) => entry === null || typeof entry === "string")) return value as StringMap;
  throw invalid(`partitionValues of the cdc file "${file.path}" must be an object of texts and nulls`, {
    at: file.at("partitionValues"),
  });
}
