/** Which columns of a Parquet file are read: cuts a footer down to some leaves, and evens out what writers name differently. */

import { type FileMetaData, parquetSchema, type SchemaElement, type SchemaTree } from "hyparquet";

export type { SchemaElement, SchemaTree } from "hyparquet";

/** Chooses leaf columns by their dotted path (`add.partitionValues.key_value.key`). */
export type ColumnFilter = (path: string) => boolean;

/**
 * A footer that holds only the chosen leaves. The reader then fetches and decodes nothing else; by itself it can choose
 * top-level columns only, and most of `add` in a wide table is parsed statistics.
 *
 * It also says things as the reader wants them said: lists that carry the new annotation alone get the old one; maps come
 * as their entries, since objects would lose a key `__proto__`; decimals stay the integers they are stored as, because the
 * reader would make doubles of them; and names are those of {@link rowName}.
 */
export function selectColumns(metadata: FileMetaData, keep: ColumnFilter): FileMetaData {
  const chosen = new Map<string, string[]>();
  const schema = walk(parquetSchema(metadata), [], keep, chosen);
  return {
    ...metadata,
    schema: schema.length > 0 ? schema : [{ name: "root", num_children: 0 }],
    row_groups: metadata.row_groups.map((group) => ({
      ...group,
      columns: group.columns.flatMap((column) => {
        const path = chosen.get(pathKey(column.meta_data?.path_in_schema ?? []));
        return path && column.meta_data
          ? [{ ...column, meta_data: { ...column.meta_data, path_in_schema: path } }]
          : [];
      }),
    })),
  };
}

/** The one member of what rows have for a map: a list of `{key, value}`. No column has such a name. */
export const MAP_ENTRIES = "\0entries";

/** The name of a column within rows: the reader joins names with dots, and keeps them as keys of plain objects. */
export function rowName(name: string): string {
  return name === "__proto__" ? "\0proto" : name.replaceAll(".", "\0dot");
}

/** A key for a path that no column name can forge. */
function pathKey(path: readonly string[]): string {
  return path.join("\0");
}

/** The elements of a subtree without what is not chosen; none if nothing is. Leaves are noted in `chosen`. */
function walk(tree: SchemaTree, path: string[], keep: ColumnFilter, chosen: Map<string, string[]>): SchemaElement[] {
  const element = readable(tree.element, path.at(-1));
  const isMap = element.converted_type === "MAP" && tree.children.length === 1;
  if (tree.children.length === 0) {
    if (path.length === 0 || !keep(path.join("."))) return [];
    chosen.set(pathKey(tree.path), path);
    return [element];
  }
  const names = isMap ? [MAP_ENTRIES] : path.at(-1) === MAP_ENTRIES ? ["key", "value"] : [];
  const below = tree.children.map((child, i) =>
    walk(child, [...path, names[i] ?? rowName(child.element.name)], keep, chosen),
  );
  const count = below.filter((elements) => elements.length > 0).length;
  if (count === 0) return [];
  const { converted_type: _map, ...plain } = element;
  return [{ ...(isMap ? plain : element), num_children: count }, ...below.flat()];
}

function readable(element: SchemaElement, name = element.name): SchemaElement {
  const { converted_type: old, ...rest } = element;
  const logical = element.logical_type?.type;
  if (old === "DECIMAL" || logical === "DECIMAL") return { ...rest, name };
  if (logical === "MAP" || (old === "MAP_KEY_VALUE" && element.repetition_type !== "REPEATED")) {
    return { ...rest, name, converted_type: "MAP" };
  }
  if (logical === "LIST") return { ...rest, name, converted_type: "LIST" };
  return { ...element, name };
}

/** The node at a path of names below a schema, if there is one. */
export function findNode(tree: SchemaTree, path: readonly string[]): SchemaTree | undefined {
  const [name, ...rest] = path;
  if (name === undefined) return tree;
  const child = tree.children.find((node) => node.element.name === name);
  return child && findNode(child, rest);
}
