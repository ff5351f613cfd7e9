/** Column mapping (PROTOCOL.md, "Column Mapping"; delta-rules.md §3): ids and physical names of columns, and which changes of mode are safe. */

import { invalid } from "../errors.ts";
import type { Metadata } from "./actions.ts";
import { type SchemaField, walkSchema } from "./schema.ts";

const MODE = "delta.columnMapping.mode";
const MAX_ID = "delta.columnMapping.maxColumnId";
const ID = "delta.columnMapping.id";
const PHYSICAL_NAME = "delta.columnMapping.physicalName";

/** `none`, `name` or `id`. */
export function columnMappingMode(metadata: Metadata): string {
  return metadata.configuration[MODE] ?? "none";
}

/**
 * With column mapping on, every column at every level carries a unique id and a physical name, and maxColumnId covers them.
 * @throws LakeError invalid DELTA_INVALID_COLUMN_MAPPING
 */
export function checkColumnMapping(metadata: Metadata, schema: readonly SchemaField[], at: string): void {
  const refuse = (message: string) => invalid(message, { at, code: "DELTA_INVALID_COLUMN_MAPPING" });
  const mode = columnMappingMode(metadata);
  if (mode === "none") return;
  if (mode !== "name" && mode !== "id") throw refuse(`${MODE} is none, name or id, not "${mode}"`);
  const ids = new Map<number, string>();
  walkSchema(schema, {
    field: (field) => {
      const id = field.metadata[ID];
      if (typeof id !== "number" || !Number.isSafeInteger(id)) throw refuse(`column "${field.name}" has no ${ID}`);
      if (typeof field.metadata[PHYSICAL_NAME] !== "string") {
        throw refuse(`column "${field.name}" has no ${PHYSICAL_NAME}`);
      }
      const twin = ids.get(id);
      if (twin !== undefined) throw refuse(`columns "${twin}" and "${field.name}" have the same ${ID}, ${id}`);
      ids.set(id, field.name);
    },
  });
  const highest = Math.max(0, ...ids.keys());
  const declared = Number(metadata.configuration[MAX_ID] ?? Number.NaN);
  if (!(declared >= highest)) {
    throw refuse(
      `${MAX_ID} must be at least ${highest}, the highest column id; it is ${metadata.configuration[MAX_ID]}`,
    );
  }
  const physical = new Map<string, string>();
  for (const field of schema) {
    const name = String(field.metadata[PHYSICAL_NAME]);
    const twin = physical.get(name);
    if (twin !== undefined) throw refuse(`columns "${twin}" and "${field.name}" have the same physical name "${name}"`);
    physical.set(name, field.name);
  }
}

/**
 * The mode may go from none to name, where files go on to be found by the names that they were written with; never back,
 * and never to id on a table with data. maxColumnId only grows, a column keeps its id and physical name.
 * @throws LakeError invalid DELTA_INVALID_COLUMN_MAPPING
 */
export function checkColumnMappingChange(
  before: { readonly metadata: Metadata; readonly schema: readonly SchemaField[] },
  after: { readonly metadata: Metadata; readonly schema: readonly SchemaField[] },
  at: string,
): void {
  const refuse = (message: string) => invalid(message, { at, code: "DELTA_INVALID_COLUMN_MAPPING" });
  const [from, to] = [columnMappingMode(before.metadata), columnMappingMode(after.metadata)];
  if (from !== to && !(from === "none" && to === "name")) {
    throw refuse(`${MODE} cannot go from "${from}" to "${to}"; only from none to name`);
  }
  const [was, is] = [before.metadata, after.metadata].map((m) => Number(m.configuration[MAX_ID] ?? 0));
  if ((is as number) < (was as number)) throw refuse(`${MAX_ID} only grows; it cannot go from ${was} to ${is}`);
  if (from === "none") {
    const renamed = after.schema.find((field) => to !== "none" && field.metadata[PHYSICAL_NAME] !== field.name);
    const known = renamed && before.schema.some((field) => field.name === renamed.name);
    if (known) throw refuse(`when mapping is turned on, column "${renamed.name}" must keep its name as physical name`);
    return;
  }
  const byId = new Map(before.schema.map((field) => [field.metadata[ID], field]));
  for (const field of after.schema) {
    const old = byId.get(field.metadata[ID]);
    if (old && old.metadata[PHYSICAL_NAME] !== field.metadata[PHYSICAL_NAME]) {
      throw refuse(`column "${field.name}" must keep its physical name "${old.metadata[PHYSICAL_NAME]}"`);
    }
  }
}
