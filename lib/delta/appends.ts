/** Appends that share a version: many small ones become one, and each stays a transaction of its own. Pure. */

import type { CommitActions } from "./actions.ts";

/** One of the appends that were coalesced into a version: a transaction of its own, with some of the version's add actions. */
export interface Append {
  readonly transactionId: string;
  /** SHA-256 (hex) of its request. */
  readonly requestHash: string;
  /** Its adds: place of the first among those of the version, from 0, and their number. */
  readonly adds: AddRange;
  /** As of a PlannedCommit. */
  readonly attempt?: string;
}

export interface AddRange {
  readonly first: number;
  readonly count: number;
}

/** True for a commit of files alone, which may share a version with others whatever they add. */
export function addsFilesOnly({ adds, removes, txns, domains, others, metadata, protocol }: CommitActions): boolean {
  const hasOthers = removes.length + txns.length + domains.length + others.length > 0;
  return adds.length > 0 && !hasOthers && metadata === undefined && protocol === undefined;
}

/** Which adds of the version are whose, where each append has so many, in their order. */
export function addRanges(counts: readonly number[]): readonly AddRange[] {
  let first = 0;
  return counts.map((count) => {
    const range = { first, count };
    first += count;
    return range;
  });
}
