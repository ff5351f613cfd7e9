/** Compaction: which live files are too small, or hold too many deleted rows, and who makes larger ones of them. */

import type { AddFile } from "../delta/actions.ts";
import type { CompactionRule, FileTotals, SmallFile } from "../delta/compaction.ts";
import type { TableConfiguration } from "../delta/table-configuration.ts";
import type { Page } from "./page.ts";

export interface Compactions {
  /** Sums over the live files of a version. One round trip. @throws LakeError notFound */
  fileTotals(tableId: string, version: number, rule: CompactionRule): Promise<FileTotals>;
  /** The files that the rule picks, by partition and then in the order in which they were added. */
  smallFiles(
    tableId: string,
    version: number,
    options: { readonly rule: CompactionRule; readonly cursor?: string; readonly limit: number },
  ): Promise<Page<SmallFile>>;
}

/** Files to be written anew as one. */
export interface RewriteJob {
  /** Root of the table. */
  readonly location: string;
  readonly table: TableConfiguration;
  /** Of one partition; their keys and those of their deletion vectors are below the root. */
  readonly files: readonly AddFile[];
  /** Where the new file is to be, relative to the root. */
  readonly key: string;
}

export interface RewrittenFile {
  /** Bytes. */
  readonly size: number;
  /** Text of its statistics. */
  readonly stats: string;
}

/** Makes one data file of many. It looks at rows, which the rest of the product never does. */
export interface FileRewriter {
  /**
   * Writes the rows of the files that are not deleted, in their order, into a new file; undefined when there are none left, and
   * no file then. Whoever dies on the way leaves at most a file that no version names.
   * @throws LakeError corrupt for files that do not hold what the log says; invalid REWRITE_REFUSED; unavailable
   */
  rewrite(job: RewriteJob): Promise<RewrittenFile | undefined>;
  /** Takes away a file that {@link rewrite} has made and no commit has named. */
  discard(job: Pick<RewriteJob, "location" | "key">): Promise<void>;
}
