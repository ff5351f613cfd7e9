/** Queues: wake-ups and requests that may be lost. */

/** A wake-up, never the truth: it may be lost, doubled or reordered. */
export interface MirrorQueue {
  /** Asks that some worker publishes all that is unpublished of these tables. Never throws: what is lost is found by the sweeper. */
  enqueue(tables: readonly Woken[]): Promise<void>;
}

export interface Woken {
  readonly tableId: string;
  readonly version: number;
  /** The span that asks, as a W3C `traceparent`. */
  readonly trace?: string;
}

/** A checkpoint is for speed only, so this may be lost as well: the next one that is due makes it good. */
export interface CheckpointQueue {
  /** Asks that some worker writes a checkpoint of this version, or of a later one. @throws LakeError unavailable */
  ask(tableId: string, version: number): Promise<void>;
}
