/** Tables that others write: their logs are followed, until one is taken over. */

import type { Followed } from "../delta/table.ts";

export interface Following {
  /** Writes down what a look at the log has found; nothing where the catalog writes the table by now. */
  noteFollowed(tableId: string, look: Followed): Promise<void>;
  /**
   * From now on the catalog writes the table, and nobody else may. Under the lock of whoever moves the head.
   * @returns false where the head is another one; true also where it has been taken over before
   * @throws LakeError notFound
   */
  takeOver(tableId: string, head: number): Promise<boolean>;
}
