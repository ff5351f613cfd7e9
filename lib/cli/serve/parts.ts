/** What the health of `dl serve` asks beside the database: the storage for new tables, folders that hang, the queue and the mirror behind it. */

import type { ServicePart } from "../../http/service-health.ts";
import { toLocation } from "../../lake/local.ts";
import { askStorage, hangingFolders } from "../../lake/stores.ts";
import type { AnswerCache, CacheStats } from "../../ports.ts";
import { CACHE_METRICS } from "../../telemetry/metric-names.ts";
import type { Sample } from "../../telemetry/samples.ts";
import type { Background } from "./background/background.ts";

/** Named in one sentence. */
const NAMED = 5;

export function serviceParts(
  background: Background,
  { storage, cache }: { readonly storage: string | undefined; readonly cache: AnswerCache | undefined },
): readonly ServicePart[] {
  return [
    ...(cache === undefined
      ? []
      : [
          {
            name: "cache",
            check: async () => {
              await cache.ping();
              return {
                state: "ok" as const,
                facts: { hitRatio: hitRatio(cache.stats()), entries: cache.stats().entries },
              };
            },
          },
        ]),
    ...(storage === undefined
      ? []
      : [
          {
            name: "storage",
            check: async () => {
              await askStorage(await toLocation(storage));
              return [];
            },
          },
        ]),
    {
      name: "folders",
      check: async () => {
        const { folders } = await background.hanging();
        return namesOf([...hangingFolders(), ...folders].map(({ folder, ms }) => [folder, ms]));
      },
    },
    {
      name: "queue",
      check: async () => {
        await background.hanging();
        return [];
      },
    },
    {
      name: "mirror",
      check: async () => {
        const { tables } = await background.hanging();
        return namesOf(tables.map(({ tableId, ms }) => [tableId, ms]));
      },
    },
  ];
}

/** Of all answers since the start, 0 to 1. */
export function hitRatio({ hits, misses }: Pick<CacheStats, "hits" | "misses">): number {
  return hits === 0 ? 0 : Math.round((hits / (hits + misses)) * 1000) / 1000;
}

/** Of the caches of all processes together; none where no process has one. */
export function cacheSamples(caches: readonly CacheStats[]): readonly Sample[] {
  if (caches.length === 0) return [];
  const sum = (name: keyof CacheStats) => caches.reduce((total, stats) => total + stats[name], 0);
  const stats = { hits: sum("hits"), misses: sum("misses"), entries: sum("entries"), bytes: sum("bytes") };
  const values = { ...stats, hitRatio: hitRatio(stats) };
  return Object.entries(CACHE_METRICS).map(([name, metric]) => ({
    metric,
    labels: {},
    value: values[name as keyof typeof CACHE_METRICS],
  }));
}

function namesOf(hanging: readonly (readonly [name: string, ms: number])[]): readonly string[] {
  const named = hanging.slice(0, NAMED).map(([name, ms]) => `${name} has not answered for ${(ms / 1000).toFixed(1)} s`);
  return hanging.length > NAMED ? [...named, `and ${hanging.length - NAMED} more`] : named;
}
