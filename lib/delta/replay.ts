/** The state of a table, rebuilt action by action in memory (PROTOCOL.md, "Action Reconciliation"). Naive on purpose: it checks the SQL side. */

import { corrupt } from "../errors.ts";
import {
  type AddFile,
  type CommitActions,
  type DomainMetadata,
  deletionVectorId,
  type FileIdentity,
  type Metadata,
  type Protocol,
  type RemoveFile,
  type Txn,
} from "./actions.ts";
import { canonicalPath } from "./files/paths.ts";
import { addInt64, type Int64 } from "./values/int64.ts";

/** One text for one logical file: its canonical path and its deletion vector (docs/delta-rules.md §0.2). */
export function fileKey(file: FileIdentity): string {
  return `${canonicalPath(file.path)}\n${deletionVectorId(file)}`;
}

/** What a checkpoint says apart from files. */
export interface ReplayHeader {
  readonly protocol?: Protocol;
  readonly metadata?: Metadata;
  readonly txns: readonly Txn[];
  readonly domains: readonly DomainMetadata[];
}

/** Apply a checkpoint first, if there is one, then every commit after it in ascending order. */
export class LogReplay {
  /** Live files by {@link fileKey}. */
  readonly files = new Map<string, AddFile>();
  /** Removed files that are not live, by {@link fileKey}. */
  readonly tombstones = new Map<string, RemoveFile>();
  /** The newest of each application. */
  readonly txns = new Map<string, Txn>();
  /** Without the removed ones. */
  readonly domains = new Map<string, DomainMetadata>();
  #protocol: Protocol | undefined;
  #metadata: Metadata | undefined;
  #sizeInBytes: Int64 = 0;

  /** Undefined until a checkpoint or a commit has brought one. */
  get protocol(): Protocol | undefined {
    return this.#protocol;
  }

  get metadata(): Metadata | undefined {
    return this.#metadata;
  }

  get header(): ReplayHeader {
    return {
      ...(this.#protocol && { protocol: this.#protocol }),
      ...(this.#metadata && { metadata: this.#metadata }),
      txns: [...this.txns.values()],
      domains: [...this.domains.values()],
    };
  }

  /**
   * What a table must have before any reader may use it.
   * @throws LakeError corrupt: MISSING_PROTOCOL, MISSING_METADATA
   */
  requireTable(): { readonly protocol: Protocol; readonly metadata: Metadata } {
    if (!this.#protocol) throw corrupt("neither checkpoint nor commits have a protocol", { code: "MISSING_PROTOCOL" });
    if (!this.#metadata) throw corrupt("neither checkpoint nor commits have a metaData", { code: "MISSING_METADATA" });
    return { protocol: this.#protocol, metadata: this.#metadata };
  }

  get numFiles(): number {
    return this.files.size;
  }

  /** Sum of the sizes of the live files. */
  get sizeInBytes(): Int64 {
    return this.#sizeInBytes;
  }

  /** The actions of one version; their order within it has no meaning, so removes go before adds. */
  applyCommit(actions: CommitActions): void {
    this.applyHeader(actions);
    for (const remove of actions.removes) this.#remove(remove);
    for (const add of actions.adds) this.#add(add);
  }

  applyHeader(header: ReplayHeader): void {
    this.#protocol = header.protocol ?? this.#protocol;
    this.#metadata = header.metadata ?? this.#metadata;
    for (const txn of header.txns) this.txns.set(txn.appId, txn);
    for (const domain of header.domains) {
      if (domain.removed) this.domains.delete(domain.domain);
      else this.domains.set(domain.domain, domain);
    }
  }

  /** File actions of a checkpoint: already reconciled, so no two of them are about the same file. */
  applyFiles(actions: readonly ({ readonly add: AddFile } | { readonly remove: RemoveFile })[]): void {
    for (const action of actions) {
      if ("add" in action) this.#add(action.add);
      else this.#remove(action.remove);
    }
  }

  #add(add: AddFile): void {
    const key = fileKey(add);
    this.#drop(key);
    this.tombstones.delete(key);
    this.files.set(key, add);
    this.#sizeInBytes = addInt64(this.#sizeInBytes, add.size);
  }

  /** Also of a file that is not known: the log may start after its add. */
  #remove(remove: RemoveFile): void {
    const key = fileKey(remove);
    this.#drop(key);
    this.tombstones.set(key, remove);
  }

  #drop(key: string): void {
    const file = this.files.get(key);
    if (!file) return;
    this.files.delete(key);
    this.#sizeInBytes = addInt64(this.#sizeInBytes, -file.size);
  }
}
