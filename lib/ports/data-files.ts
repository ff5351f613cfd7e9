/** The data files of a table: all that lies below its root beside the log. */

import type { ObjectBody, ObjectInfo, RemoveFailure } from "./storage.ts";

/** Keys are relative to the root of the table. Nothing of `_delta_log` is shown, and nothing there can be written or removed. */
export interface DataFiles {
  readonly location: string;
  /** In pages, in the order of the keys' UTF-8 bytes, strictly after `startAfter`. Never holds more than a page. */
  list(options?: { readonly startAfter?: string }): AsyncIterable<readonly ObjectInfo[]>;
  /** Bytes of one file; undefined when there is none. */
  sizeOf(key: string): Promise<number | undefined>;
  /** Its bytes, some megabytes at a time. @throws LakeError notFound */
  read(key: string, size: number): AsyncIterable<Uint8Array>;
  /** Creates a file whole, or not at all; `exists` when there is one. @throws LakeError invalid for keys of the log; unavailable */
  add(key: string, body: ObjectBody): Promise<"created" | "exists">;
  /** @returns those that are left. @throws LakeError invalid for keys of the log */
  remove(keys: readonly string[]): Promise<readonly RemoveFailure[]>;
}
