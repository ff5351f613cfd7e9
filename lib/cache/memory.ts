/** Answers in the memory of this process: the least recently used go first. */

import { LRUCache } from "lru-cache";
import type { AnswerCache } from "../ports.ts";

export interface MemoryCacheOptions {
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly ttlMs: number;
}

/** One that would take more than this share of all is not kept: it would push too many others out. */
const LARGEST_SHARE = 0.25;

export function openMemoryCache({ maxEntries, maxBytes, ttlMs }: MemoryCacheOptions): AnswerCache {
  const kept = new LRUCache<string, Uint8Array>({
    max: maxEntries,
    maxSize: maxBytes,
    maxEntrySize: Math.max(1, Math.floor(maxBytes * LARGEST_SHARE)),
    ttl: ttlMs,
    sizeCalculation: (value, key) => value.length + key.length,
  });
  let [hits, misses] = [0, 0];
  return {
    async get(key) {
      const value = kept.get(key);
      if (value === undefined) misses += 1;
      else hits += 1;
      return value;
    },
    async put(key, value) {
      kept.set(key, value);
    },
    stats: () => ({ hits, misses, entries: kept.size, bytes: kept.calculatedSize }),
    ping: async () => undefined,
    close: async () => kept.clear(),
  };
}
