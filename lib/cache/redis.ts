/** Answers in Redis, for several servers. While it is away they are made anew: no request waits for it longer than a moment. */

import { createClient, RESP_TYPES } from "@redis/client";
import { deadlineMs } from "../deadlines.ts";
import { errorText, unavailable } from "../errors.ts";
import type { AnswerCache } from "../ports.ts";

export interface RedisCacheOptions {
  /** `redis://…` or `rediss://…` (TLS). */
  readonly url: string;
  readonly ttlMs: number;
}

/** Between two attempts to reach it again, milliseconds. */
const RECONNECT_MS = 1_000;

/** Reaches for it beside what else is done. */
export function openRedisCache({ url, ttlMs }: RedisCacheOptions): AnswerCache {
  const client = createClient({
    url,
    // What cannot be sent now is not sent later: the answer has been made by then.
    disableOfflineQueue: true,
    socket: { connectTimeout: deadlineMs("redisConnection"), reconnectStrategy: () => RECONNECT_MS },
  }).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  let trouble: unknown;
  client.on("error", (error: unknown) => {
    trouble = error;
  });
  client.on("ready", () => {
    trouble = undefined;
  });
  // It keeps no program alive.
  client.unref();
  client.connect().catch((error: unknown) => {
    trouble = error;
  });
  let [hits, misses] = [0, 0];

  async function inTime<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("no answer")), deadlineMs("redisAnswer"));
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
      work.catch(() => undefined);
    }
  }

  return {
    async get(key) {
      try {
        const value = client.isReady ? await inTime(client.get(key)) : null;
        if (value !== null) {
          hits += 1;
          return value;
        }
      } catch (error) {
        trouble = error;
      }
      misses += 1;
      return undefined;
    },
    async put(key, value) {
      if (!client.isReady) return;
      try {
        await inTime(client.set(key, Buffer.from(value), { expiration: { type: "PX", value: ttlMs } }));
      } catch (error) {
        trouble = error;
      }
    },
    stats: () => ({ hits, misses, entries: 0, bytes: 0 }),
    async ping() {
      try {
        if (!client.isReady) throw trouble ?? new Error("not connected");
        await inTime(client.ping());
        trouble = undefined;
      } catch (error) {
        const reason = error instanceof AggregateError ? error.errors.map(errorText).join(", ") : errorText(error);
        throw unavailable(`Redis does not answer: ${reason}`, {
          code: "CACHE_UNAVAILABLE",
          hint: "Answers are made anew meanwhile. Look at performance.cache.redis_url.",
          cause: error,
        });
      }
    },
    async close() {
      client.destroy();
    },
  };
}
