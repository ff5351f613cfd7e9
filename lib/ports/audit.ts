/** The audit trail: who tried what, what was decided, and what came of it. Rows are only ever added, and taken away at the end of their time. */

export interface Audit {
  /** Those that are there already are left as they are. */
  addAudit(rows: readonly AuditRow[]): Promise<void>;
  /** Of one shard, ascending by seq. */
  auditOf(shard: string, options: { readonly after: number; readonly limit: number }): Promise<readonly AuditRow[]>;
  /** Newest first, of all shards. */
  findAudit(filter: AuditFilter): Promise<readonly AuditRow[]>;
  /** Of each shard the first and the last row that is there. */
  auditShards(): Promise<readonly AuditShard[]>;
  /** When the oldest row was written that is none of this operation, nor the last one of a chain that goes on (milliseconds since the epoch). */
  oldestAudit(but: string): Promise<number | undefined>;
  /** Takes the rows of a shard away up to this one. */
  trimAudit(shard: string, upTo: number): Promise<void>;
}

export interface AuditFilter {
  /** `user:NAME`. */
  readonly who?: string;
  /** As requests named it, or as an effect does: a name or an id. */
  readonly table?: string;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  readonly limit: number;
}

export interface AuditShard {
  readonly shard: string;
  readonly first: number;
  readonly last: number;
  /** Milliseconds since the epoch, of the last row. */
  readonly at: number;
  /** Of the last row, as it stands there. */
  readonly hash: string;
}

/** What happened. */
export interface AuditFacts {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly requestId: string;
  /** `user:NAME`; empty where nobody was named. */
  readonly who: string;
  /** Which of their keys, tokens or sessions; empty for none. */
  readonly session: string;
  /** The address that it came from; empty where that is not known. */
  readonly client: string;
  /** An operation of the API, or one of the trail itself. */
  readonly operation: string;
  /** As the request named them, as a JSON list. */
  readonly tables: string;
  readonly decision: "allowed" | "denied" | "failed";
  /** The status of the answer. */
  readonly outcome: string;
  /** Grants and policies that decided, or what was lacking. */
  readonly because: string;
  /** What it has changed, as JSON; empty for nothing. */
  readonly effect: string;
}

/** A row of the trail that the transaction of a change writes itself, if it changes something. */
export interface Noting {
  /** Who tries it (access/audit-row.ts); asked for when all is decided. */
  attempt(): string;
  /** The row is there, if the transaction comes to its end. */
  written(): void;
}

/** What happened, in the chain of the process that has written it. */
export interface AuditRow extends AuditFacts {
  /** A process that serves, from its start to its end. */
  readonly shard: string;
  /** From 1 without a gap. */
  readonly seq: number;
  /** The hash of the row before; of the first one that of the shard's name. */
  readonly previous: string;
  /** SHA-256 (hex) of all of the above. */
  readonly hash: string;
}
