/** The actions of the Delta protocol as plain data (PROTOCOL.md, "Actions"; docs/delta-rules.md §1). Types only: reading them from JSON is decode.ts. */

import type { Int64 } from "./values/int64.ts";
import type { Json, JsonObject } from "./values/json.ts";

/** Fields that the protocol does not name. They change no state, and are written back as they came. */
export type UnknownFields = JsonObject;

export interface DeletionVector {
  readonly storageType: string;
  readonly pathOrInlineDv: string;
  readonly offset?: Int64;
  readonly sizeInBytes: Int64;
  /** Number of rows it deletes. */
  readonly cardinality: Int64;
  readonly unknown?: UnknownFields;
}

export type StringMap = Readonly<Record<string, string | null>>;

/** What `add` and `remove` share. */
export interface FileIdentity {
  /** Percent-encoded URI, relative to the table root or absolute; kept exactly as sent. */
  readonly path: string;
  readonly deletionVector?: DeletionVector;
}

export interface AddFile extends FileIdentity {
  readonly partitionValues: StringMap;
  /** Bytes. */
  readonly size: Int64;
  /** Milliseconds since the epoch. */
  readonly modificationTime: Int64;
  readonly dataChange: boolean;
  /** JSON text, exactly as it came. */
  readonly stats?: string;
  readonly tags?: StringMap;
  readonly baseRowId?: Int64;
  readonly defaultRowCommitVersion?: Int64;
  readonly clusteringProvider?: string;
  readonly unknown?: UnknownFields;
}

export interface RemoveFile extends FileIdentity {
  /** Milliseconds since the epoch; absent means 0: already expired. */
  readonly deletionTimestamp?: Int64;
  readonly dataChange: boolean;
  readonly extendedFileMetadata?: boolean;
  readonly partitionValues?: StringMap;
  readonly size?: Int64;
  readonly stats?: string;
  readonly tags?: StringMap;
  readonly baseRowId?: Int64;
  readonly defaultRowCommitVersion?: Int64;
  readonly unknown?: UnknownFields;
}

export interface Metadata {
  readonly id: string;
  readonly name?: string;
  readonly description?: string;
  readonly format: {
    readonly provider: string;
    readonly options: Readonly<Record<string, string>>;
    readonly unknown?: UnknownFields;
  };
  /** JSON text of the schema; absent only in broken tables that an import may meet. */
  readonly schemaString?: string;
  /** Logical names. */
  readonly partitionColumns: readonly string[];
  readonly configuration: Readonly<Record<string, string>>;
  readonly createdTime?: Int64;
  readonly unknown?: UnknownFields;
}

export interface Protocol {
  readonly minReaderVersion: number;
  readonly minWriterVersion: number;
  readonly readerFeatures?: readonly string[];
  readonly writerFeatures?: readonly string[];
  readonly unknown?: UnknownFields;
}

export interface Txn {
  readonly appId: string;
  readonly version: Int64;
  readonly lastUpdated?: Int64;
  readonly unknown?: UnknownFields;
}

export interface DomainMetadata {
  readonly domain: string;
  readonly configuration: string;
  readonly removed: boolean;
  readonly unknown?: UnknownFields;
}

/** Free JSON by the protocol; `cdc` and unknown actions are kept as they came, too. */
export type CommitInfo = JsonObject;

/**
 * The actions of one version, grouped by kind: within a commit the order of actions has no meaning (PROTOCOL.md, "Action
 * Reconciliation"), so the model has none.
 */
export interface CommitActions {
  readonly commitInfo?: CommitInfo;
  readonly protocol?: Protocol;
  readonly metadata?: Metadata;
  readonly txns: readonly Txn[];
  readonly domains: readonly DomainMetadata[];
  readonly removes: readonly RemoveFile[];
  readonly adds: readonly AddFile[];
  /** Whole action objects (`{"cdc":{…}}`, `{"someFutureAction":{…}}`) that change no table state. */
  readonly others: readonly { readonly [action: string]: Json }[];
}

export const NO_ACTIONS: CommitActions = { txns: [], domains: [], removes: [], adds: [], others: [] };

/** A version of a table: its actions and what the commit service knows about it. */
export interface Commit {
  readonly version: number;
  readonly actions: CommitActions;
  /** Milliseconds: the timestamp that time travel uses; strictly increasing within a table. */
  readonly timestamp: number;
  /** Set when the table has in-commit timestamps at this version; then equal to {@link timestamp}. */
  readonly inCommitTimestamp?: number;
  /** For each remove what its file had, where that was asked for and is known: the action itself need not say. */
  readonly removedPartitionValues?: readonly (StringMap | undefined)[];
}

/**
 * The id of a deletion vector: storage type + path or inline data, and `@offset` if there is one (PROTOCOL.md, "Derived
 * Fields"). The empty string stands for "no deletion vector".
 */
export function deletionVectorId(file: FileIdentity): string {
  const dv = file.deletionVector;
  if (dv === undefined) return "";
  return dv.storageType + dv.pathOrInlineDv + (dv.offset === undefined ? "" : `@${dv.offset}`);
}
