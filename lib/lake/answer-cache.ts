/** Opens the cache of answers that the settings name. */

import { openAnswerCache } from "../cache/answers.ts";
import { openMemoryCache } from "../cache/memory.ts";
import type { Config } from "../config.ts";
import type { AnswerCache } from "../ports.ts";

/** Undefined where none is wanted. */
export async function answerCacheOf({ performance }: Config): Promise<AnswerCache | undefined> {
  const { enabled, max_size, max_bytes, ttl_seconds, compression, redis_url } = performance.cache;
  if (!enabled) return undefined;
  const ttlMs = Math.round(ttl_seconds * 1000);
  const memory = openMemoryCache({ maxEntries: max_size, maxBytes: max_bytes, ttlMs });
  if (redis_url === undefined) return openAnswerCache([memory], compression);
  const { openRedisCache } = await import("../cache/redis.ts");
  return openAnswerCache([memory, openRedisCache({ url: redis_url, ttlMs })], compression);
}
