/** A catalog that is made again from logs alone. */

import type { FormerName } from "../delta/manifest.ts";

export interface Rebuilds {
  /**
   * Makes an empty database ready, under the identity that the lost catalog had; makes the schema, too. One that was begun for
   * the same catalog goes on. The first call of a process. @returns the identity
   * @throws LakeError conflict TARGET_NOT_EMPTY
   */
  beginRebuild(options: { readonly catalogId?: string }): Promise<string>;
  /** From then on the database is as any other, and no rebuild goes on with it. */
  finishRebuild(): Promise<void>;
}

/** What a table was beside its versions: an import that makes it again leaves it so. */
export interface FormerLife {
  readonly name: string;
  readonly formerNames: readonly FormerName[];
  /** How often its identity has changed, and how much of that its log tells. */
  readonly changes: number;
  readonly told: number;
  /** Milliseconds; set for a table that was dropped. */
  readonly droppedAt?: number;
}
