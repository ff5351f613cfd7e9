/** Leaf columns as the reader unpacks them, before it makes rows of them: for what comes by the million. */

import { type ParquetReadOptions, parquetRead } from "hyparquet";
import { MAP_ENTRIES } from "./columns.ts";

/**
 * A value of a leaf in each row. Every optional struct and every list around it is an array of its own: `[x]` where a struct is
 * there, `[]` where it is null.
 */
export type Leaf = readonly unknown[];

/** Leaves by their dotted path; keys and values of a map are {@link mapKeys} and {@link mapValues}. */
export type Leaves = ReadonlyMap<string, Leaf>;

export const mapKeys = (map: string): string => `${map}.${MAP_ENTRIES}.key`;
export const mapValues = (map: string): string => `${map}.${MAP_ENTRIES}.value`;

interface Chunk {
  readonly rowStart: number;
  readonly data: ArrayLike<unknown>;
}

/** @returns undefined where the reader has not given every row of every leaf */
export async function readLeaves(
  options: ParquetReadOptions & { readonly rowStart: number; readonly rowEnd: number },
): Promise<Leaves | undefined> {
  const chunks = new Map<string, Chunk[]>();
  await parquetRead({
    ...options,
    onPage({ pathInSchema, columnData, rowStart }) {
      const path = pathInSchema.join(".");
      const ofPath = chunks.get(path);
      const chunk = { rowStart, data: columnData };
      if (ofPath) ofPath.push(chunk);
      else chunks.set(path, [chunk]);
    },
  });
  const leaves = new Map<string, Leaf>();
  for (const [path, ofPath] of chunks) {
    const leaf = rowsOf(ofPath, options.rowStart, options.rowEnd);
    if (leaf === undefined) return undefined;
    leaves.set(path, leaf);
  }
  return leaves;
}

function rowsOf(chunks: readonly Chunk[], start: number, end: number): Leaf | undefined {
  const leaf: unknown[] = [];
  for (const { rowStart, data } of chunks) {
    if (rowStart > start + leaf.length) return undefined;
    for (let i = start + leaf.length - rowStart; i < data.length && leaf.length < end - start; i += 1)
      leaf.push(data[i]);
  }
  return leaf.length === end - start ? leaf : undefined;
}
