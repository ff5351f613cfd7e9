/** Commits: the commit point of the product, and what a transaction was answered with. */

import type { Commit } from "../delta/actions.ts";
import type { AddRange } from "../delta/appends.ts";
import type { MirrorFacts } from "../delta/health.ts";
import type { PlannedCommit, TableState } from "../delta/table.ts";

export interface Commits {
  /**
   * Names the present life of the database: another name may mean that it has been restored, replaced or started again, and that
   * what was seen before says nothing any more. No round trip from the second call on: the statement of a commit compares it.
   */
  epoch(): Promise<string>;
  /** The commit point of the product: all tables move in one SQL transaction, or none. One round trip. */
  commit(planned: PlannedCommit): Promise<CommitOutcome>;
  /**
   * The last resort on a hot table: takes the locks of the tables, calls `plan` with their heads and the winners
   * after the given versions read under these locks, commits what it returns. `plan` may throw; then nothing is written.
   */
  commitLocked(
    transactionId: string,
    tables: readonly { readonly tableId: string; readonly after: number }[],
    plan: (states: readonly TableState[], winners: ReadonlyMap<string, readonly Commit[]>) => PlannedCommit,
  ): Promise<CommitOutcome>;
  /**
   * A commit that takes a table to another place, in one SQL transaction. `plan` is called with the head under the locks of commits and of
   * whoever makes a table at the new place; without a plan nothing is written, and the outcome is `moved`.
   * @throws LakeError notFound; conflict TABLE_MOVED where it is at `from` no more, LOCATION_TAKEN, LOCATION_OVERLAPS
   */
  commitMove(transactionId: string, move: Move): Promise<CommitOutcome>;
  /** @throws LakeError unavailable TRANSACTION_INCOMPLETE: committed, and not all of its tables have been brought in from their logs */
  findTransaction(transactionId: string): Promise<Transaction | undefined>;
  /** Of transactions whose id was made before this moment, in milliseconds, some may be forgotten; 0 for none. */
  transactionFloor(): Promise<number>;
}

export interface Move {
  readonly tableId: string;
  readonly from: string;
  readonly to: string;
  plan(head: TableState): Promise<PlannedCommit | undefined>;
}

export interface CommittedTable {
  readonly tableId: string;
  readonly version: number;
  /** Milliseconds. */
  readonly timestamp: number;
  /** Of an append that shares the version with others: which of its add actions are this one's. */
  readonly adds?: AddRange;
}

/** A fact about rows that only the statement can see; the planner turns it into an error class. */
export interface Rejection {
  readonly tableId: string;
  readonly reason:
    | "tableNotFound"
    | "readVersionAhead"
    /** the head is below a version that was seen before */
    | "headWentBack"
    /** what was read is older than the transactions that are remembered: it may be a repetition */
    | "forgotten"
    /** the expectedVersion of a strict commit is there already */
    | "versionTaken"
    | "nameTaken"
    | "locationTaken"
    /** remove of a file that is not live and never was after readVersion */
    | "removeNotLive"
    /** remove of a path that is live with another deletion vector */
    | "removeOtherDeletionVector"
    /** remove of a file that a winner removed after readVersion */
    | "removedByWinner"
    /** add of a path that is live with another deletion vector, without its remove */
    | "addOverLive"
    /** add or remove of a live file whose path is spelled differently there */
    | "otherSpelling"
    /** add of a path whose live or former file a winner changed after readVersion */
    | "addedByWinner"
    /** add of a path, or of a deletion vector, that vacuum has removed, or is about to remove */
    | "vacuumed"
    /** nothing can be published to the table, and the commit asked for that */
    | "mirrorStopped"
    /** more is unpublished than the commit allows */
    | "backlogFull";
  readonly path?: string;
  /** Of a taken name: how the table that has it writes it, where that is another case. Of a taken place: who is there. */
  readonly name?: string;
  /** Of a taken place: where that table lives, there, within it or around it. */
  readonly location?: string;
  /** Of the table, where its mirror is the reason. */
  readonly mirror?: MirrorFacts;
  /** The head that the statement saw, or the winner's version. */
  readonly version?: number;
}

/** Expected outcomes are values. Only `committed` has written anything. */
export type CommitOutcome =
  | {
      readonly status: "committed";
      /** True when this transactionId had been committed before: this is the first answer again. */
      readonly replayed: boolean;
      readonly transactionId: string;
      /** Milliseconds. */
      readonly committedAt: number;
      readonly tables: readonly CommittedTable[];
      /** As of a {@link Transaction}; in a replay only. */
      readonly lost?: readonly string[];
      /** The mirrors of the tables that were there before, as the statement left them; absent in a replay. */
      readonly mirrors?: readonly MirrorFacts[];
    }
  /** A watched marker moved past checkedVersion: read the winners, check, and plan again. */
  | { readonly status: "moved"; readonly tableIds: readonly string[] }
  | { readonly status: "rejected"; readonly rejections: readonly Rejection[] }
  /** The database is not in the epoch that the commit was planned in: look at the logs, read the tables, and plan again. */
  | { readonly status: "otherEpoch"; readonly epoch: string }
  /** Of the appends that it is made of these have been committed before: nothing was written. */
  | { readonly status: "appendsKnown"; readonly transactionIds: readonly string[] }
  /** This transactionId was used for a different request. */
  | { readonly status: "otherRequest" }
  /** The id says that it was made before this moment, in milliseconds: its transaction may be forgotten. */
  | { readonly status: "forgotten"; readonly before: number };

export interface Transaction {
  readonly transactionId: string;
  readonly requestHash: string;
  readonly committedAt: number;
  readonly tables: readonly CommittedTable[];
  /** Ids of tables that it was committed to as well, of whose versions nothing is left; absent when there are none. */
  readonly lost?: readonly string[];
}
