/** Versions that have been read from the catalog, within a number of bytes: their bytes never change. */

import type { PublishedVersion } from "./catalog.ts";

export interface VersionCache {
  /** All of these, or undefined. */
  range(tableId: string, from: number, to: number): readonly PublishedVersion[] | undefined;
  add(tableId: string, versions: readonly PublishedVersion[]): void;
}

/** @param maxBytes the oldest go first */
export function versionCache(maxBytes: number): VersionCache {
  const versions = new Map<string, PublishedVersion>();
  let held = 0;
  const forget = (key: string) => {
    held -= versions.get(key)?.bytes.length ?? 0;
    versions.delete(key);
  };
  return {
    range(tableId, from, to) {
      const found: PublishedVersion[] = [];
      for (let version = from; version <= to; version += 1) {
        const known = versions.get(`${tableId} ${version}`);
        if (known === undefined) return undefined;
        found.push(known);
      }
      return found;
    },
    add(tableId, added) {
      for (const version of added) {
        const key = `${tableId} ${version.version}`;
        forget(key);
        versions.set(key, version);
        held += version.bytes.length;
      }
      for (const key of versions.keys()) {
        if (held <= maxBytes) break;
        forget(key);
      }
    },
  };
}
