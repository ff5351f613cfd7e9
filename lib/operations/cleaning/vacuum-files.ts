/** Files that versions beyond the retention have removed, found in SQL, a batch at a time. */

import { deletionVectorPath, keyInTable } from "../../delta/files/file-places.ts";
import { isWithin } from "../../delta/files/locations.ts";
import { LOG_FOLDER } from "../../delta/files/log-files.ts";
import { invalid } from "../../errors.ts";
import type { ExpiredFile, Lake, TableState } from "../../ports.ts";
import { pages } from "../checkpoint.ts";
import type { Run } from "../vacuum.ts";

/** Files looked up at once: two round trips, and one call of S3. */
export const BATCH_FILES = 1000;
/** Deletion vectors that clones name: a set in memory. */
const MAX_SHARED_VECTORS = 200_000;

export interface Doomed {
  readonly keys: readonly string[];
  readonly bytes: bigint;
  /** When these are gone, everything that was removed up to this version is. */
  readonly upTo?: number;
  readonly isOrphans?: true;
}

/** What is asked once a run: whose files are never touched, whatever this table says of them. */
export interface Survey {
  isKept(key: string): boolean;
  /** Folders below the root in which a log was seen: tables that this catalog does not know. */
  readonly nested: Set<string>;
}

export async function openSurvey(lake: Lake, { location }: Pick<TableState, "location">): Promise<Survey> {
  const within = (await lake.catalog.placesWithin(location)).map((place) => place.slice(location.length + 1));
  const shared = new Set<string>();
  for await (const paths of pages((at) => lake.catalog.sharedVectors({ ...at, limit: 5000 }))) {
    for (const path of paths) {
      const key = keyInTable(location, path);
      if (key !== undefined) shared.add(key);
    }
    if (shared.size > MAX_SHARED_VECTORS) {
      throw invalid(`clones name more than ${MAX_SHARED_VECTORS} deletion vectors of this table`, {
        code: "TOO_MANY_SHARED_VECTORS",
        hint: "Rewrite the clones (REORG TABLE … APPLY (PURGE)), or drop those that are not needed.",
      });
    }
  }
  const nested = new Set<string>();
  return {
    nested,
    isKept: (key) =>
      key === LOG_FOLDER ||
      key.startsWith(`${LOG_FOLDER}/`) ||
      shared.has(key) ||
      within.some((place) => isWithin(key, place)) ||
      [...nested].some((folder) => key.startsWith(folder)),
  };
}

/**
 * In the order of the versions that removed them. Asked again just before a batch is removed, since the floor was raised under the
 * lock of the commits: what nobody needs then can be needed by no commit after it.
 */
export async function* doomedFiles(run: Run): AsyncGenerator<Doomed> {
  const { lake, state, after, floor } = run;
  if (floor < 0) return;
  const read = (at: { cursor?: string }) =>
    lake.catalog.expiredFiles(state.tableId, { ...at, after, floor, limit: BATCH_FILES });
  let cursor: string | undefined;
  do {
    const { items, next }: Awaited<ReturnType<typeof read>> = await read(cursor === undefined ? {} : { cursor });
    cursor = next;
    const last = items.at(-1)?.version;
    const upTo = next === undefined ? floor : last === undefined ? undefined : last - 1;
    const batch = await doomedOf(run, items);
    if (batch.keys.length > 0 || upTo !== undefined) yield { ...batch, ...(upTo === undefined ? {} : { upTo }) };
  } while (cursor !== undefined);
}

async function doomedOf(run: Run, items: readonly ExpiredFile[]): Promise<Doomed> {
  const { lake, state, floor, survey } = run;
  const { tableId, location } = state;
  const sizes = new Map<string, bigint>();
  const vectors = new Map<string, { readonly storageType: string; readonly pathOrInlineDv: string; bytes: bigint }>();
  for (const { path, size, deletionVector, again } of items) {
    const key = keyInTable(location, path);
    if (key !== undefined && !again && !survey.isKept(key)) sizes.set(key, BigInt(size ?? 0));
    // Those that are named by an absolute path are shared: the survey keeps them.
    const vectorKey = deletionVector?.storageType === "u" ? deletionVectorPath(deletionVector) : undefined;
    if (deletionVector === undefined || vectorKey === undefined || survey.isKept(vectorKey)) continue;
    const bytes = (vectors.get(vectorKey)?.bytes ?? 0n) + BigInt(deletionVector.sizeInBytes);
    vectors.set(vectorKey, { ...deletionVector, bytes });
  }
  const keys = [...sizes.keys()];
  const names = [...vectors.keys()];
  if (keys.length + names.length === 0) return { keys: [], bytes: 0n };
  const used = await lake.catalog.filesInUse(
    { tableId, location, floor },
    { keys: [...keys, ...names], vectors: [...vectors.values()] },
  );
  const isFree = (_: string, i: number) => !used.keys.has(i);
  const isFreeVector = (_: string, i: number) => !used.vectors.has(i) && !used.keys.has(keys.length + i);
  const [data, bins] = [keys.filter(isFree), names.filter(isFreeVector)];
  const bytes = [...data.map((key) => sizes.get(key) ?? 0n), ...bins.map((key) => vectors.get(key)?.bytes ?? 0n)];
  return { keys: [...new Set([...data, ...bins])], bytes: bytes.reduce((sum, size) => sum + size, 0n) };
}
