/** A cache of answers of several layers: the nearest is asked first, and gets what another one has. Large answers are compressed. */

import { promisify } from "node:util";
import { zstdCompress, zstdDecompressSync } from "node:zlib";
import type { AnswerCache } from "../ports.ts";

const compress = promisify(zstdCompress);
/** In one piece: in many each would wait for a thread of its own, for longer than the whole takes here. */
const CHUNK = { chunkSize: 2 ** 20 };

/** Below this, compressing saves nothing. */
const WORTH_BYTES = 1_024;
const PLAIN = 0;
const ZSTD = 1;

/** @param layers the nearest first */
export function openAnswerCache(layers: readonly AnswerCache[], compresses: boolean): AnswerCache {
  let [hits, misses] = [0, 0];

  async function find(key: string): Promise<Uint8Array | undefined> {
    for (const [i, layer] of layers.entries()) {
      const value = await layer.get(key);
      if (value === undefined) continue;
      for (const nearer of layers.slice(0, i)) void nearer.put(key, value);
      return value;
    }
    return undefined;
  }

  return {
    async get(key) {
      const found = await find(key);
      const value = found && unpacked(found);
      if (value === undefined) misses += 1;
      else hits += 1;
      return value;
    },
    async put(key, value) {
      const packed = await pack(value, compresses);
      await Promise.all(layers.map((layer) => layer.put(key, packed)));
    },
    stats() {
      const all = layers.map((layer) => layer.stats());
      const sum = (of: "entries" | "bytes") => all.reduce((total, stats) => total + stats[of], 0);
      return { hits, misses, entries: sum("entries"), bytes: sum("bytes") };
    },
    async ping() {
      for (const layer of layers) await layer.ping();
    },
    async close() {
      await Promise.all(layers.map((layer) => layer.close()));
    },
  };
}

async function pack(value: Uint8Array, compresses: boolean): Promise<Uint8Array> {
  const small = !compresses || value.length < WORTH_BYTES;
  return Buffer.concat([Buffer.of(small ? PLAIN : ZSTD), small ? value : await compress(value, CHUNK)]);
}

/** What somebody else has put there is no answer. */
function unpacked(packed: Uint8Array): Uint8Array | undefined {
  const content = packed.subarray(1);
  if (packed[0] === PLAIN) return content;
  if (packed[0] !== ZSTD) return undefined;
  try {
    return zstdDecompressSync(content, CHUNK);
  } catch {
    return undefined;
  }
}
