/** The data files of a table over an object store: the one implementation of the DataFiles port. */

import { LOG_FOLDER } from "../delta/files/log-files.ts";
import { invalid } from "../errors.ts";
import type { DataFiles, ObjectInfo, ObjectStore } from "../ports.ts";

const PAGE = 1000;
const LOG = `${LOG_FOLDER}/`;
/** Comes after all keys of the log, and before all others. */
const AFTER_LOG = `${LOG}\u{10ffff}`;

/**
 * @param store rooted at the table
 * @param location of the table, for messages
 */
export function openDataFiles(store: ObjectStore, location: string): DataFiles {
  return {
    location,
    list: ({ startAfter } = {}) => inPages(withoutLog(store, startAfter)),
    sizeOf: async (key) => (await store.head(key))?.size,
    read: (key, size) => inPieces(store, key, size),
    async add(key, body) {
      checkNoLog([key], location);
      return store.putIfAbsent(key, body);
    },
    async remove(keys) {
      checkNoLog(keys, location);
      return store.remove(keys);
    },
  };
}

function checkNoLog(keys: readonly string[], location: string): void {
  const ofLog = keys.find((key) => key === LOG_FOLDER || key.startsWith(LOG));
  if (ofLog === undefined) return;
  throw invalid(`${ofLog} belongs to the log of ${location}: it is no data file`, { facts: { key: ofLog } });
}

const PIECE_BYTES = 8 * 2 ** 20;

async function* inPieces(store: ObjectStore, key: string, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < size; start += PIECE_BYTES) {
    yield await store.getRange(key, start, Math.min(size, start + PIECE_BYTES));
  }
}

/** The log may be longer than everything else, so its listing ends at its first key. */
async function* withoutLog(store: ObjectStore, startAfter: string | undefined): AsyncGenerator<ObjectInfo> {
  let logBegins = false;
  for await (const info of store.list("", startAfter === undefined ? {} : { startAfter })) {
    logBegins = info.key.startsWith(LOG);
    if (logBegins) break;
    yield info;
  }
  if (logBegins) yield* store.list("", { startAfter: AFTER_LOG });
}

async function* inPages<T>(items: AsyncIterable<T>): AsyncGenerator<readonly T[]> {
  let page: T[] = [];
  for await (const item of items) {
    page.push(item);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
