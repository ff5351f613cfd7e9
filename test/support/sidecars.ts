/** Tables whose owner wants V2 checkpoints, and what a store is asked to write of them. */

import type { FileAction, Lake, ObjectStore } from "../../lib/ports.ts";
import { newTable } from "./lake.ts";

export const V2 = { "delta.checkpointPolicy": "v2" };

/** The feature comes with the property, as in any table that is made. */
export function newV2Table(lake: Lake, name: string, configuration: Record<string, string> = {}): Promise<string> {
  return newTable(lake, name, { configuration: { ...V2, ...configuration } });
}

export const isSidecar = (key: string): boolean => key.includes("/_sidecars/");

/** A store that writes down each object that it is given. */
export function countingStore(store: ObjectStore, puts: { key: string; bytes: number }[]): ObjectStore {
  return {
    ...store,
    async putIfAbsent(key, body, options) {
      if (body instanceof Uint8Array) puts.push({ key, bytes: body.length });
      return store.putIfAbsent(key, body, options);
    },
  };
}

/** File actions of a checkpoint, in an order of their own. */
export async function contentsOf(lake: Lake, location: string, version: number): Promise<string[]> {
  const log = lake.openLog(location);
  const checkpoint = (await log.list()).checkpoints.findLast((found) => found.version === version);
  if (checkpoint === undefined) throw new Error(`no checkpoint ${version}`);
  const found: string[] = [];
  for await (const batch of log.readCheckpointFiles(checkpoint)) found.push(...batch.map(textOf));
  return found.sort();
}

function textOf(action: FileAction): string {
  return JSON.stringify(action);
}

export async function sidecarsIn(store: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list("_delta_log/_sidecars/")) keys.push(key);
  return keys;
}
