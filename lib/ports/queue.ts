/** Queues: doorbells and questions that may be lost. */

/** A doorbell, never the truth: it may be lost, doubled or reordered. */
export interface MirrorQueue {
  /** Asks that some worker publishes all that is unpublished of these tables. Never throws: a lost ring is found by the sweeper. */
  ring(tables: readonly { readonly tableId: string; readonly version: number }[]): Promise<void>;
}

/** A checkpoint is for speed only, so this may be lost as well: the next one that is due makes it good. */
export interface CheckpointQueue {
  /** Asks that some worker writes a checkpoint of this version, or of a later one. @throws LakeError unavailable */
  ask(tableId: string, version: number): Promise<void>;
}
