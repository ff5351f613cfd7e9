/** Versions of a table: its history, with or without the actions. */

import type { Commit } from "../delta/actions.ts";
import type { Int64 } from "../delta/values/int64.ts";
import type { JsonObject } from "../delta/values/json.ts";
import type { ListPage, PageLimits } from "./page.ts";

export interface Versions {
  /**
   * What conflict checks read: as `readCommits` for each of these ranges, with the partition values of removed files, and a
   * round trip for every few ranges.
   */
  readCommitsOf(ranges: readonly CommitRange[]): Promise<readonly (readonly Commit[])[]>;
  /** Versions `from`…`to` (inclusive) with all their actions, ascending; fewer when a page is full. One round trip. */
  readCommits(
    tableId: string,
    from: number,
    to: number,
    options?: {
      readonly maxActions?: number;
      /** Of the rows' texts. With it none are returned when the first alone has more: see `readActions`. */
      readonly maxBytes?: number;
    },
  ): Promise<readonly Commit[]>;
  /** This version of each table that was dropped at this location, as far as it was committed here; the last dropped first. */
  formerCommits(location: string, version: number): Promise<readonly Commit[]>;
  /** From here on SQL has the bytes of every version: what follows the last one that others have written. undefined when there is none. */
  firstOwnVersion(tableId: string): Promise<number | undefined>;
  /**
   * A part of one version: its actions in the order of the log (`actionObjects`), after a place. One round trip.
   * @throws LakeError notFound
   */
  readActions(
    tableId: string,
    version: number,
    options: PageLimits & { readonly after?: ActionPlace },
  ): Promise<CommitPart>;
  /** Newest first, below `before`; the cursor is the `before` of the next page. */
  history(tableId: string, options: PageLimits & { readonly before?: number }): Promise<ListPage<VersionSummary>>;
  /** The newest version whose timestamp is ≤ the given one; undefined when all are later. */
  versionAt(
    tableId: string,
    timestamp: number,
  ): Promise<{ readonly version: number; readonly timestamp: number } | undefined>;
}

/** Where an action is within its version: among those of its kind. */
export interface ActionPlace {
  /** Place of the kind in the order of the log. */
  readonly kind: number;
  readonly ord: number;
}

/** Some actions of a version. */
export interface CommitPart {
  readonly commit: Commit;
  /** Of the actions, in the order in which the log has them. */
  readonly places: readonly ActionPlace[];
  /** True when the version has actions after these. */
  readonly more: boolean;
}

/** Versions of a table, both ends included. */
export interface CommitRange {
  readonly tableId: string;
  readonly from: number;
  readonly to: number;
}

/** One version in the history of a table, without its file actions. */
export interface VersionSummary {
  readonly version: number;
  readonly timestamp: number;
  readonly inCommitTimestamp?: number;
  readonly transactionId?: string;
  readonly commitInfo?: JsonObject;
  readonly numAdds: number;
  readonly numRemoves: number;
  readonly numFiles: number;
  readonly sizeInBytes: Int64;
  readonly isBlindAppend: boolean;
}
