/** Settings of the cache of answers. */

import * as z from "zod";
import { DEFAULT_CONFIG } from "../default-config.ts";
import { onlyText } from "./forms.ts";

const D = DEFAULT_CONFIG.performance.cache;

export const cacheSettings = z.strictObject({
  enabled: z
    .boolean()
    .default(D.enabled)
    .describe(
      "Keeps answers that are bound to a version of a table. Which version is the newest is asked of SQL each time.",
    ),
  max_size: z.int().min(1).max(10_000_000).default(D.max_size).describe("Answers in this process."),
  max_bytes: z
    .int()
    .min(1_000_000)
    .max(2 ** 36)
    .default(D.max_bytes)
    .describe("Bytes of them; one larger than a quarter of that is not kept in this process."),
  eviction_policy: onlyText("lru", "the least recently used go first").default("lru"),
  ttl_seconds: z.number().min(1).max(31_536_000).default(D.ttl_seconds).describe("Seconds that one is kept."),
  compression: z.boolean().default(D.compression).describe("Compresses them (zstd)."),
  redis_url: z
    .string()
    .regex(/^rediss?:\/\//, "redis://user:password@host:6379/0, or rediss:// for TLS")
    .optional()
    .describe("A Redis that several servers share, behind the memory of each. While it is away answers are made anew.")
    .meta({ secret: true }),
});
