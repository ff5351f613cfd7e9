/** The data files of a table: all that lies below its root beside the log. */

import type { ObjectInfo, RemoveFailure } from "./storage.ts";

/** Keys are relative to the root of the table. Nothing of `_delta_log` is shown, and nothing there can be removed. */
export interface DataFiles {
  readonly location: string;
  /** In pages, in the order of the keys' UTF-8 bytes, strictly after `startAfter`. Never holds more than a page. */
  list(options?: { readonly startAfter?: string }): AsyncIterable<readonly ObjectInfo[]>;
  /** @returns those that are left. @throws LakeError invalid for keys of the log */
  remove(keys: readonly string[]): Promise<readonly RemoveFailure[]>;
}
