/** The outbox: what the mirror has to publish, and has published. The commit fills it. */

import type { Commit, Metadata } from "../delta/actions.ts";
import type { MirrorFacts } from "../delta/health.ts";
import type { Noting } from "./audit.ts";
import type { ListPage, Page } from "./page.ts";

export interface Outbox {
  /**
   * What is unpublished of a table, oldest first, with the commits, as far as a page holds them. One round trip; undefined
   * when there is no such table. `after`: only what is above this version, as whoever publishes a backlog reads on before what is
   * published is marked.
   */
  readBacklog(
    tableId: string,
    maxVersions: number,
    options?: { readonly after?: number },
  ): Promise<Backlog | undefined>;
  /** Unpublished versions (IN_FLIGHT or FAILED) of a table, ascending. */
  unpublished(tableId: string, limit: number): Promise<readonly MirrorStatus[]>;
  /** The newest version of which it and all before are published: head when nothing is open. */
  mirroredVersion(tableId: string): Promise<number>;
  mirrorStatuses(
    tableId: string,
    options: { readonly after: number; readonly limit: number },
  ): Promise<ListPage<MirrorStatus>>;
  /** False when the table has been dropped. */
  markPublished(tableId: string, versions: readonly number[], publishedAt: number): Promise<boolean>;
  /** Counts an attempt. `failed` sets FAILED, otherwise the state stays IN_FLIGHT. */
  markMirrorError(
    tableId: string,
    version: number,
    error: { readonly code: string; readonly message: string; readonly failed: boolean; readonly at: number },
  ): Promise<void>;
  /** Says what has become of the file of a published version, which stays COMPLETE; undefined: it is as it should be. */
  markLogFault(
    tableId: string,
    version: number,
    fault: { readonly code: string; readonly message: string } | undefined,
  ): Promise<void>;
  /**
   * Stops the mirror of a table at a foreign commit; undefined lifts it, and forgets what the last parity check found, so that
   * everything is compared again.
   */
  setQuarantine(tableId: string, reason: string | undefined, noting?: Noting): Promise<void>;
  /** What the health of these tables is derived from, in one round trip; a missing table is missing from the answer. */
  mirrorFacts(tableIds: readonly string[]): Promise<readonly MirrorFacts[]>;
  /**
   * The same of all tables, or of the `unsettled` alone: those that something is unpublished of, whose mirror has stopped, or
   * whose log differed from SQL at the last comparison. Ascending by id.
   */
  listMirrorFacts(options: {
    readonly which: "all" | "unsettled";
    readonly cursor?: string;
    readonly limit: number;
  }): Promise<Page<MirrorFacts>>;
}

export type MirrorState = "IN_FLIGHT" | "COMPLETE" | "FAILED";

export interface MirrorStatus {
  readonly tableId: string;
  readonly version: number;
  readonly status: MirrorState;
  /** How often publishing failed or had to be repeated. */
  readonly attempts: number;
  readonly lastError?: string;
  /** Code of that failure; of a COMPLETE version, of what has become of its file since. */
  readonly errorCode?: string;
  readonly committedAt: number;
  /** Milliseconds; set when COMPLETE. */
  readonly publishedAt?: number;
}

/** The work of a table's mirror. */
export interface Backlog {
  /** `namespace.name`. */
  readonly table: string;
  readonly location: string;
  /** Why nothing may be published. */
  readonly quarantine?: string;
  /** True where others write the table: nothing is to be published. */
  readonly isFollowed: boolean;
  /** True when the log has not been told who the table is now. */
  readonly isManifestDue: boolean;
  /** At the head, as is the metadata. */
  readonly numFiles: number;
  readonly metadata: Metadata;
  /** Unpublished versions, ascending. */
  readonly open: readonly Pick<MirrorStatus, "version" | "committedAt" | "attempts">[];
  /** From the first of these on, all versions without a gap; at least one when any is open. */
  readonly commits: readonly Commit[];
}
