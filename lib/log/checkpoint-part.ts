/** What the files of a checkpoint have in common, whatever their format. Types only. */

import type { DomainMetadata, Metadata, Protocol, Txn } from "../delta/actions.ts";
import type { FileAction } from "../ports.ts";

export interface PartHeader {
  readonly protocol: Protocol | undefined;
  readonly metadata: Metadata | undefined;
  readonly txns: readonly Txn[];
  readonly domains: readonly DomainMetadata[];
  /** As written: a file name, or a whole URI. */
  readonly sidecars: readonly string[];
  /** Adds in this file. */
  readonly numAdds: number;
  /** Of these, the ones with JSON statistics. */
  readonly numStats: number;
}

export interface CheckpointPart {
  readHeader(): Promise<PartHeader>;
  /** File actions of this file alone, in the order of its rows. */
  readFiles(table: { readonly hasTimestampNtz: boolean }): AsyncIterable<readonly FileAction[]>;
}
