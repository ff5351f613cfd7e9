/** An object store in memory for tests and trials: strictly consistent, with a clock and faults that a test controls. */

import { compareKeys } from "../delta/files/key-order.ts";
import { notFound } from "../errors.ts";
import type { ObjectBody, ObjectInfo, ObjectStore } from "../ports.ts";
import { checkKey, wholeBody } from "./keys.ts";

export type WriteOperation = "put" | "putIfAbsent" | "removeIf" | "replaceIf" | "remove";

export interface MemoryStoreOptions {
  /** Milliseconds since the epoch; the system clock if absent. */
  readonly now?: () => number;
  /** Runs before a write takes effect; when it throws, nothing was written. */
  readonly beforeWrite?: (operation: WriteOperation, key: string) => void | Promise<void>;
  /** Runs after a write took effect; when it throws, the caller cannot know: the unknown outcome. */
  readonly afterWrite?: (operation: WriteOperation, key: string) => void | Promise<void>;
}

interface StoredObject {
  readonly bytes: Uint8Array;
  readonly modifiedAt: number;
}

export function openMemoryStore(options: MemoryStoreOptions = {}): ObjectStore {
  const now = options.now ?? Date.now;
  const objects = new Map<string, StoredObject>();
  const infoOf = (key: string, object: StoredObject): ObjectInfo => ({
    key,
    size: object.bytes.length,
    modifiedAt: object.modifiedAt,
  });

  const write = async (
    operation: "put" | "putIfAbsent",
    key: string,
    body: ObjectBody,
  ): Promise<"created" | "exists"> => {
    checkKey(key);
    await options.beforeWrite?.(operation, key);
    const bytes = await wholeBody(body);
    // No await between the question and the answer: this is what makes putIfAbsent atomic.
    if (operation === "putIfAbsent" && objects.has(key)) return "exists";
    objects.set(key, { bytes, modifiedAt: now() });
    await options.afterWrite?.(operation, key);
    return "created";
  };

  return {
    async *list(prefix, { startAfter } = {}) {
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort(compareKeys);
      for (const key of keys) {
        if (startAfter !== undefined && compareKeys(key, startAfter) <= 0) continue;
        const object = objects.get(key);
        if (object) yield infoOf(key, object);
      }
    },
    async *listFolders(prefix) {
      const below = [...objects.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
      yield* new Set(below.filter((key) => key.includes("/")).map((key) => key.slice(0, key.indexOf("/"))));
    },
    async head(key) {
      const object = objects.get(key);
      return object && infoOf(key, object);
    },
    async get(key) {
      const object = objects.get(key);
      return object && { bytes: object.bytes.slice(), info: infoOf(key, object) };
    },
    async getRange(key, start, end) {
      const object = objects.get(key);
      if (!object) throw notFound(`there is no object "${key}"`);
      return object.bytes.slice(start, end);
    },
    putIfAbsent: (key, body) => write("putIfAbsent", key, body),
    async put(key, body) {
      await write("put", key, body);
    },
    async removeIf(key, bytes) {
      const object = objects.get(key);
      if (!object || Buffer.compare(object.bytes, bytes) !== 0) return false;
      await options.beforeWrite?.("removeIf", key);
      const removed = objects.get(key) === object && objects.delete(key);
      await options.afterWrite?.("removeIf", key);
      return removed;
    },
    async replaceIf(key, { from, to }) {
      await options.beforeWrite?.("replaceIf", key);
      const object = objects.get(key);
      if (!object || Buffer.compare(object.bytes, from) !== 0) return false;
      objects.set(key, { bytes: to, modifiedAt: now() });
      await options.afterWrite?.("replaceIf", key);
      return true;
    },
    async remove(keys) {
      for (const key of keys) checkKey(key);
      for (const key of keys) {
        await options.beforeWrite?.("remove", key);
        objects.delete(key);
        await options.afterWrite?.("remove", key);
      }
      return [];
    },
  };
}
