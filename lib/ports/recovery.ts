/** Recovery: rows of tables whose log is ahead of SQL, and what is known of transactions that are not whole. */

import type { TableHead } from "../delta/table.ts";
import type { CommittedTable } from "./commits.ts";
import type { ImportBatch, ImportProgress } from "./imports.ts";
import type { FormerLife } from "./rebuild.ts";
import type { Claim } from "./tables.ts";

export interface Recovery {
  /**
   * Appends versions out of its log, in order, to a table whose head is the version before: rows as they are, the head, and that they
   * are published, in one SQL transaction.
   * @throws LakeError conflict RECOVERY_MOVED when the head is another one; notFound
   */
  recoverVersions(tableId: string, batches: readonly RecoveredVersion[]): Promise<void>;
  /**
   * Takes the rows of a table away, to make them again from a checkpoint above its head: the table is IMPORTING under its own id,
   * until `finishImport`. What is known of its transactions stays. A recovery that was begun with this plan goes on where it was.
   * @param from.to another place, with whose log the table goes on
   * @throws LakeError conflict: RECOVERY_MOVED when the head is another one, LOCATION_TAKEN, LOCATION_OVERLAPS; notFound
   */
  beginRecovery(
    tableId: string,
    from: { readonly head: number; readonly plan: string; readonly to?: string },
  ): Promise<ImportProgress>;
  /**
   * Gives a table the place where its logs say that it is; SQL is older than that. Done already, it changes nothing.
   * @param move.changes of the manifest that says so: SQL counts on from there
   * @throws LakeError conflict: RECOVERY_MOVED where it is at neither place, LOCATION_TAKEN, LOCATION_OVERLAPS; notFound
   */
  followMove(
    tableId: string,
    move: { readonly from: string; readonly to: string; readonly changes: number },
  ): Promise<void>;
  /** Tables of which `beginRecovery` has taken the rows away and that have not been finished. */
  openRecoveries(): Promise<readonly TableHead[]>;
  /** Transactions that some tables have not brought in yet, ascending by id. */
  incompleteTransactions(options: {
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly TransactionParts[]>;
  findTransactionParts(transactionId: string): Promise<TransactionParts | undefined>;
  /**
   * Gives tables the lives that their logs tell, all in one SQL transaction; those whose identity has changed as often already stay as they
   * are. @returns tables that stay as they are, as a live one has the name or touches the place
   */
  adoptLives(lives: readonly AdoptedLife[]): Promise<readonly { readonly tableId: string; readonly by: Claim }[]>;
  /** Lets the identity of a table have changed so often at least, so that its log is told again. */
  raiseChanges(tableId: string, changes: number): Promise<void>;
  /**
   * Gives these tables of a transaction up, as far as they are not in: it is answered with what stands. The next backup takes all of its tables
   * whole.
   */
  settleTransaction(transactionId: string, tableIds: readonly string[]): Promise<void>;
}

export interface AdoptedLife {
  readonly tableId: string;
  /** Where its log is: a table that is elsewhere by now stays as it is. */
  readonly location: string;
  readonly life: FormerLife;
}

export interface RecoveredVersion extends ImportBatch {
  readonly kind: "commit";
  /** Milliseconds: when the log got it. */
  readonly publishedAt: number;
}

/** A transaction, whole or not, by its tables. */
export interface TransactionParts {
  readonly transactionId: string;
  readonly known: readonly (CommittedTable & {
    /** The id that the table had when it was committed to, where that is another one. */
    readonly origin?: string;
  })[];
  /** Ids of tables that it was committed to as well, and that may still come; */
  readonly pending: readonly string[];
  /** of those that were given up. */
  readonly lost: readonly string[];
}
