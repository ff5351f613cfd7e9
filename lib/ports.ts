/** Every side effect of the product, as interfaces. Operations see only these and the model; a Lake is all of them together. */

import type { Catalog } from "./ports/catalog.ts";
import type { DeltaLog } from "./ports/delta-log.ts";

export {
  MARKER_NAMES,
  type MarkerName,
  type Markers,
  type PlannedCommit,
  type PlannedTable,
  type TableHead,
  type TableState,
  type TableStatus,
} from "./delta/table.ts";
export type * from "./ports/catalog.ts";
export type * from "./ports/delta-log.ts";
export type * from "./ports/storage.ts";

export interface Lake {
  readonly catalog: Catalog;
  /** The `_delta_log` of the table at this location. Opens nothing yet. */
  readonly openLog: (location: string) => DeltaLog;
  readonly queue: MirrorQueue;
  /** Who makes the checkpoints that take long; absent where whoever mirrors a table has all the time it takes. */
  readonly checkpointQueue?: CheckpointQueue;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  newId(): string;
  sleep(ms: number): Promise<void>;
}

/** A doorbell, never the truth: it may be lost, doubled or reordered (design D6). */
export interface MirrorQueue {
  /** Asks that some worker publishes all that is unpublished of these tables. Never throws: a lost ring is found by the sweeper. */
  ring(tables: readonly { readonly tableId: string; readonly version: number }[]): Promise<void>;
}

/** A checkpoint is for speed only, so this may be lost as well: the next one that is due makes it good. */
export interface CheckpointQueue {
  /** Asks that some worker writes a checkpoint of this version, or of a later one. @throws LakeError unavailable */
  ask(tableId: string, version: number): Promise<void>;
}

export interface Metrics {
  /** Adds one measurement. Ids are properties of the record, never dimensions (design D13). */
  record(
    name: string,
    value: number,
    unit: "Count" | "Milliseconds" | "Bytes",
    properties?: Record<string, unknown>,
  ): void;
}
