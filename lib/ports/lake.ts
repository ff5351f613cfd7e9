/** A lake: all side effects together. */

import type { Catalog } from "./catalog.ts";
import type { Clock } from "./clock.ts";
import type { DataFiles } from "./data-files.ts";
import type { FileChecks } from "./files.ts";
import type { ImportProgress, ImportSource, Imports, OnProgress } from "./imports.ts";
import type { DeltaLog } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { CheckpointQueue, MirrorQueue } from "./queue.ts";

export interface Lake {
  readonly catalog: Catalog;
  /** The `_delta_log` of the table at this location. Opens nothing yet. */
  readonly openLog: (location: string) => DeltaLog;
  /**
   * Writes into the log of a table to be made, takes that away again, and resolves to the location as its store spells it now.
   * Absent where another role or another process writes logs. @throws LakeError invalid, notFound, unavailable
   */
  readonly tryLocation?: (location: string) => Promise<string>;
  /** The files that commits name; absent where nobody can look at them. */
  readonly files?: FileChecks;
  /** The files below a table's root, to be listed and removed; absent where this process may not. Opens nothing yet. */
  readonly openDataFiles?: (location: string) => DataFiles;
  /** The locations of all tables below a root, or at it; what lies within a table is not looked at. Absent where nobody rebuilds. */
  readonly findTables?: (root: string) => AsyncIterable<string>;
  /**
   * All that an open import still lacks, read in a thread of its own and written through this catalog. Absent, and false, where it is to
   * be done here: nothing is written then. @throws LakeError what the import of the same here would throw; unavailable
   */
  readonly importApart?: (catalog: Imports, work: ImportWork) => Promise<boolean>;
  readonly queue: MirrorQueue;
  /** How mirrors that are behind are judged; absent: the defaults of operations/table-health.ts. */
  readonly mirrorRules?: MirrorRules;
  /** How commits are made where they do not say themselves; absent: the defaults of operations/commit.ts. */
  readonly commitRules?: CommitRules;
  /** Milliseconds after a drop in which it can be undone; absent: seven days. */
  readonly undropWindowMs?: number;
  /** True where one process takes the requests of many, so that small appends may share a version. */
  readonly coalesces?: boolean;
  /** Who makes the checkpoints that take long; absent where whoever mirrors a table has all the time it takes. */
  readonly checkpointQueue?: CheckpointQueue;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/** The rows of an import. */
export interface ImportWork {
  readonly start: ImportSource;
  readonly progress: ImportProgress & { readonly location: string };
  readonly onProgress: OnProgress;
}

export interface CommitRules {
  /** Where neither a commit nor its table says. */
  readonly isolation?: "Serializable" | "WriteSerializable" | undefined;
  /** Rounds without locks, before one that holds them. */
  readonly rounds?: number;
  /** Milliseconds in which a commit that meets others is planned again. */
  readonly withinMs?: number;
}

export interface MirrorRules {
  /** An unpublished version of this age makes its table late. */
  readonly lateAfterMs: number;
  /** A table with so many unpublished versions takes no commit; 0 for any number. */
  readonly maxUnpublished: number;
  /** Whether commits are made to a table that nothing can be published to. */
  readonly commitsWhenStopped: "accept" | "refuse";
}
