/**
 * The audit trail as a chain: each row has the hash of the one before, so that none can be changed, taken out or put in unseen. Every
 * process has a chain of its own, and so takes no lock and waits for nobody; rows are written beside the requests, some at once.
 */

import { createHash } from "node:crypto";
import type { Audit, AuditFacts, AuditRow, AuditShard } from "../ports.ts";

/** Milliseconds for which rows gather. */
const GATHERED_MS = 200;
/** Rows that wait while the database is away; what is beyond is counted, and the count is a row. */
const MAX_WAITING = 10_000;
/** Refusals a second of those who name nobody: beyond it they are counted. Whoever is known has no bound. */
const STRANGERS_A_SECOND = 100;
const PAGE = 1000;

/** SHA-256 (hex) of everything in a row but the hash. */
export function hashOfRow({ hash: _, ...row }: Omit<AuditRow, "hash"> & { readonly hash?: string }): string {
  const { shard, seq, at, requestId, who, session, client, operation, tables } = row;
  const { decision, outcome, because, effect, previous } = row;
  const first = [shard, seq, at, requestId, who, session, client, operation, tables];
  return sha256(JSON.stringify([...first, decision, outcome, because, effect, previous]));
}

/** What the first row of a shard has as the hash before it. */
export function rootOf(shard: string): string {
  return sha256(`deltalakedb audit ${shard}`);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export interface AuditTrail {
  /** Waits for nothing. */
  note(facts: AuditFacts): void;
  /** Writes what waits. */
  flush(): Promise<void>;
}

export interface AuditTrailOptions {
  /** A name that no other process has, now or ever. */
  readonly shard: string;
  readonly now: () => number;
  /** Rows could not be written; they wait, and are tried again. */
  readonly onError: (error: unknown) => void;
}

export function openAuditTrail(catalog: Pick<Audit, "addAudit">, options: AuditTrailOptions): AuditTrail {
  const { shard, now, onError } = options;
  let waiting: AuditRow[] = [];
  let lost = 0;
  let last = { seq: 0, hash: rootOf(shard) };
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  function chain(facts: AuditFacts): void {
    const row = { ...facts, shard, seq: last.seq + 1, previous: last.hash };
    const hash = hashOfRow(row);
    waiting.push({ ...row, hash });
    last = { seq: row.seq, hash };
  }

  async function write(): Promise<void> {
    if (lost > 0 && waiting.length < MAX_WAITING) {
      chain({ ...OF_ITSELF, at: now(), operation: "auditLost", effect: JSON.stringify({ lost }) });
      lost = 0;
    }
    const rows = waiting;
    if (rows.length === 0) return;
    try {
      await catalog.addAudit(rows);
      waiting = waiting.slice(rows.length);
    } catch (error) {
      onError(error);
      later();
    }
  }

  function later(): void {
    if (timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      writing = writing.then(write);
    }, GATHERED_MS);
    // A process that ends says so by flush.
    timer.unref();
  }

  let strangers = { second: 0, count: 0 };
  function isFlood({ who, at }: AuditFacts): boolean {
    if (who !== "") return false;
    const second = Math.floor(at / 1000);
    strangers = { second, count: strangers.second === second ? strangers.count + 1 : 1 };
    return strangers.count > STRANGERS_A_SECOND;
  }

  return {
    note(facts) {
      if (waiting.length >= MAX_WAITING || isFlood(facts)) lost += 1;
      else chain(facts);
      later();
    },
    async flush() {
      clearTimeout(timer);
      timer = undefined;
      writing = writing.then(write);
      await writing;
    },
  };
}

const OF_ITSELF: AuditFacts = {
  at: 0,
  requestId: "",
  who: "operator",
  session: "",
  client: "",
  operation: "",
  tables: "[]",
  decision: "allowed",
  outcome: "",
  because: "",
  effect: "",
};

/** The last row of each shard: kept elsewhere, where nobody can change it, it tells when the end of a chain is gone. */
export interface Anchor {
  readonly shard: string;
  readonly seq: number;
  readonly hash: string;
}

export interface Verified {
  readonly rows: number;
  readonly shards: number;
  /** Sentences: what is wrong, and where. */
  readonly faults: readonly string[];
}

/**
 * Follows all chains. A beginning may be missing where a row of the trail says that it was taken away, and which row was its last.
 * @param anchors what has been known of the chains before
 */
export async function verifyAudit(catalog: Audit, anchors: readonly Anchor[] = []): Promise<Verified> {
  const shards = await catalog.auditShards();
  const trims: Anchor[] = [];
  const begun: { readonly shard: string; readonly first: AuditRow }[] = [];
  const faults: string[] = [];
  const due = new Map(anchors.map((anchor) => [`${anchor.shard} ${anchor.seq}`, anchor]));
  let rows = 0;
  for (const { shard } of shards) {
    let previous: AuditRow | undefined;
    for await (const row of rowsOf(catalog, shard)) {
      rows += 1;
      const where = `${shard} ${row.seq}`;
      if (hashOfRow(row) !== row.hash) faults.push(`${where}: the row has been changed`);
      if (previous === undefined && row.seq === 1 && row.previous !== rootOf(shard))
        faults.push(`${where}: it is not the first of its chain`);
      if (previous === undefined && row.seq !== 1) begun.push({ shard, first: row });
      if (previous && row.seq !== previous.seq + 1)
        faults.push(`${where}: rows before it are missing, from ${previous.seq + 1} on`);
      else if (previous && row.previous !== previous.hash)
        faults.push(`${where}: it does not follow the row before it`);
      if (row.operation === TRIM) trims.push(...trimsIn(row));
      const anchor = due.get(where);
      if (anchor && anchor.hash !== row.hash) faults.push(`${where}: it is not the row that was anchored`);
      due.delete(where);
      previous = row;
    }
  }
  const isTrimmed = (shard: string, seq: number) => trims.some((trim) => trim.shard === shard && trim.seq >= seq);
  for (const { shard, first } of begun) {
    const trim = trims.find((one) => one.shard === shard && one.seq === first.seq - 1);
    if (trim?.hash !== first.previous)
      faults.push(`${shard} ${first.seq}: rows before it are missing, and no row says that they were taken away`);
  }
  for (const { shard, seq } of due.values()) {
    if (!isTrimmed(shard, seq)) faults.push(`${shard} ${seq}: it was anchored, and is missing`);
  }
  return { rows, shards: shards.length, faults };
}

const TRIM = "auditTrim";

function trimsIn({ effect }: AuditRow): readonly Anchor[] {
  try {
    return (JSON.parse(effect) as { readonly removed: readonly Anchor[] }).removed;
  } catch {
    return [];
  }
}

async function* rowsOf(catalog: Pick<Audit, "auditOf">, shard: string): AsyncGenerator<AuditRow> {
  let after = 0;
  for (;;) {
    const rows = await catalog.auditOf(shard, { after, limit: PAGE });
    yield* rows;
    const end = rows.at(-1);
    if (end === undefined) return;
    after = end.seq;
  }
}

/** The last row of every chain. */
export async function anchorsOf(catalog: Audit): Promise<readonly Anchor[]> {
  const anchors: Anchor[] = [];
  for (const { shard, last } of await catalog.auditShards()) {
    const [row] = await catalog.auditOf(shard, { after: last - 1, limit: 1 });
    if (row) anchors.push({ shard, seq: row.seq, hash: row.hash });
  }
  return anchors;
}

/** Takes rows away whose time is over, once a row says so: a chain goes on from there. @returns how many there were */
export async function trimAudit(
  catalog: Audit,
  { before, shard, now, onError }: AuditTrailOptions & { readonly before: number },
): Promise<number> {
  const removed: Anchor[] = [];
  let count = 0;
  for (const one of await catalog.auditShards()) {
    const end = await lastBefore(catalog, one, before);
    if (end === undefined) continue;
    removed.push({ shard: one.shard, seq: end.seq, hash: end.hash });
    count += end.seq - one.first + 1;
  }
  if (removed.length === 0) return 0;
  const failures: unknown[] = [];
  const failed = (error: unknown) => {
    failures.push(error);
    onError(error);
  };
  const trail = openAuditTrail(catalog, { shard, now, onError: failed });
  trail.note({ ...OF_ITSELF, at: now(), operation: TRIM, effect: JSON.stringify({ before, removed }) });
  await trail.flush();
  if (failures.length > 0) throw failures[0];
  for (const { shard: of, seq } of removed) await catalog.trimAudit(of, seq);
  return count;
}

/** Rows that say what was taken away stay: without them no chain that begins later could be followed. */
async function lastBefore(catalog: Audit, { shard }: AuditShard, before: number): Promise<AuditRow | undefined> {
  let end: AuditRow | undefined;
  for await (const row of rowsOf(catalog, shard)) {
    if (row.at >= before || row.operation === TRIM) return end;
    end = row;
  }
  return end;
}
