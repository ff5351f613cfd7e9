/** Files below a table's root that no version ever named, such as those of writers that failed. */

import { keyInTable } from "../../delta/files/file-places.ts";
import { physicalPartitionColumns, tableDescription } from "../../delta/table-configuration.ts";
import { isChangeData, isHiddenFromVacuum, vectorNamed } from "../../delta/vacuum.ts";
import type { ObjectInfo } from "../../ports.ts";
import type { Run } from "../vacuum.ts";
import { BATCH_FILES, type Doomed } from "./vacuum-files.ts";

/** Change data whose paths are held in memory; where a table has more, none of it is taken for an orphan. */
const MAX_CHANGES = 200_000;

/**
 * Streams the listing and asks SQL of each batch. What was written since the cutoff stays: its commit may be under way.
 */
export async function* orphans(run: Run): AsyncGenerator<Doomed> {
  const { lake, state, files, cutoff, floor, survey } = run;
  const { tableId, location, metadata } = state;
  const description = tableDescription(metadata);
  const columns = [...metadata.partitionColumns, ...physicalPartitionColumns(description)];
  const ofIceberg = description.properties["delta.universalFormat.enabledFormats"].length > 0;
  const changes = await changeData(run);
  const isCandidate = ({ key, modifiedAt }: ObjectInfo): boolean => {
    if (modifiedAt >= cutoff || survey.isKept(key) || isHiddenFromVacuum(key, columns)) return false;
    if (ofIceberg && key.startsWith("metadata/")) return false;
    return !isChangeData(key) || (changes !== undefined && !changes.has(key));
  };
  for await (const page of files.list()) {
    for (const { key } of page) noteNested(key, survey.nested);
    const found = page.filter(isCandidate);
    for (let i = 0; i < found.length; i += BATCH_FILES) {
      const some = found.slice(i, i + BATCH_FILES);
      const named = some.map(({ key }, place) => ({ place, vector: vectorNamed(key) }));
      const vectors = named.flatMap(({ place, vector }) => (vector === undefined ? [] : [{ place, vector }]));
      const used = await lake.catalog.filesInUse(
        { tableId, location, floor },
        { keys: some.map(({ key }) => key), vectors: vectors.map(({ vector }) => vector) },
      );
      const usedVectors = new Set(vectors.filter((_, n) => used.vectors.has(n)).map(({ place }) => place));
      const free = some.filter((_, place) => !used.keys.has(place) && !usedVectors.has(place));
      const bytes = free.reduce((sum, { size }) => sum + BigInt(size), 0n);
      if (free.length > 0) yield { keys: free.map(({ key }) => key), bytes, isOrphans: true };
    }
  }
}

/** A log below the root is that of another table. Files before it in the listing are safe as well: all is counted before anything goes. */
export function noteNested(key: string, nested: Set<string>): void {
  const at = key.indexOf("/_delta_log/");
  if (at >= 0) nested.add(key.slice(0, at + 1));
}

/** Keys of the change data that retained versions have; undefined where there is too much of it. */
async function changeData({ lake, state, floor }: Run): Promise<ReadonlySet<string> | undefined> {
  const { tableId, location } = state;
  const paths = await lake.catalog.changeFilesFrom(tableId, Math.max(0, floor), MAX_CHANGES);
  if (paths.length >= MAX_CHANGES) return undefined;
  return new Set(paths.flatMap((path) => keyInTable(location, path) ?? []));
}
