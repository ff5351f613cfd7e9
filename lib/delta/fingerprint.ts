/** Fingerprints: a sum over the live files of a version, which tells two states apart without holding either (ARCHITECTURE.md D15). Pure. */

import type { AddFile, CommitActions, DomainMetadata, Metadata, Protocol, Txn } from "./actions.ts";
import { fileKey, type ReplayHeader } from "./replay.ts";

/** Four unsigned 32-bit numbers: the lanes. */
export type Fingerprint = readonly [number, number, number, number];

/** Of a table without files. */
export const NO_FILES: Fingerprint = [0, 0, 0, 0];

/** Lane by lane modulo 2^32. A sum, not XOR: a file that occurs twice must not cancel itself. */
export function addFingerprint(a: Fingerprint, b: Fingerprint): Fingerprint {
  return [(a[0] + b[0]) >>> 0, (a[1] + b[1]) >>> 0, (a[2] + b[2]) >>> 0, (a[3] + b[3]) >>> 0];
}

export function subtractFingerprint(a: Fingerprint, b: Fingerprint): Fingerprint {
  return [(a[0] - b[0]) >>> 0, (a[1] - b[1]) >>> 0, (a[2] - b[2]) >>> 0, (a[3] - b[3]) >>> 0];
}

export function sameFingerprint(a: Fingerprint, b: Fingerprint): boolean {
  return a.every((lane, i) => lane === b[i]);
}

/**
 * Sums a log up without holding its files: commits from the newest to the oldest, then the checkpoint below them. What
 * was said last counts, so that memory grows with the commits alone (PROTOCOL.md, "Action Reconciliation").
 */
export class NewestFirst {
  numFiles = 0;
  fingerprint: Fingerprint = NO_FILES;
  #protocol: Protocol | undefined;
  #metadata: Metadata | undefined;
  readonly #txns = new Map<string, Txn>();
  readonly #domains = new Map<string, DomainMetadata>();
  readonly #decided = new Set<string>();
  readonly #fingerprintOf: (file: AddFile) => Fingerprint;

  constructor(fingerprintOf: (file: AddFile) => Fingerprint) {
    this.#fingerprintOf = fingerprintOf;
  }

  /** Domains without the removed ones. */
  get header(): ReplayHeader {
    return {
      ...(this.#protocol && { protocol: this.#protocol }),
      ...(this.#metadata && { metadata: this.#metadata }),
      txns: [...this.#txns.values()],
      domains: [...this.#domains.values()].filter((domain) => !domain.removed),
    };
  }

  /** Within a version an add wins over a remove of the same file. */
  applyCommit(actions: CommitActions): void {
    this.applyHeader(actions);
    for (const add of actions.adds) {
      const key = fileKey(add);
      if (!this.#decided.has(key)) this.#count(add);
      this.#decided.add(key);
    }
    for (const remove of actions.removes) this.#decided.add(fileKey(remove));
  }

  applyHeader(header: ReplayHeader): void {
    this.#protocol ??= header.protocol;
    this.#metadata ??= header.metadata;
    for (const txn of header.txns) if (!this.#txns.has(txn.appId)) this.#txns.set(txn.appId, txn);
    for (const domain of header.domains) {
      if (!this.#domains.has(domain.domain)) this.#domains.set(domain.domain, domain);
    }
  }

  /** Adds of a checkpoint: it names each file once. */
  applyCheckpointFile(add: AddFile): void {
    if (!this.#decided.has(fileKey(add))) this.#count(add);
  }

  #count(add: AddFile): void {
    this.numFiles += 1;
    this.fingerprint = addFingerprint(this.fingerprint, this.#fingerprintOf(add));
  }
}
