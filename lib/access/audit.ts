/**
 * The audit trail as a chain: each row has the hash of the one before, so that none can be changed, taken out or put in unseen. What a commit
 * has changed is in the chain of a table, by the commit's own transaction (audit-row.ts). For all else every process has a chain of its
 * own, and so takes no lock and waits for nobody; rows are written beside the requests, some at once.
 */

import { unavailable } from "../errors.ts";
import type { Audit, AuditFacts, AuditRow } from "../ports.ts";
import { hashOfRow, rootOf } from "./audit-row.ts";
import { openRefusalBound } from "./refusal-bound.ts";

/** Milliseconds for which rows gather. */
const GATHERED_MS = 200;
/** Rows that wait while the database is away; what is beyond is counted, and the count is a row. */
const MAX_WAITING = 10_000;
const PAGE = 500;

export interface AuditTrail {
  /** Waits for nothing. */
  note(facts: AuditFacts): void;
  /** Writes what waits. @param options.ends false for a process that stands still and may go on: what is counted goes on, too */
  flush(options?: { readonly ends: boolean }): Promise<void>;
}

export interface AuditTrailOptions {
  /** A name that no other process has, now or ever. */
  readonly shard: string;
  readonly now: () => number;
  /** Rows could not be written; they wait, and are tried again. */
  readonly onError: (error: unknown, waiting: readonly AuditRow[]) => void;
}

export function openAuditTrail(catalog: Pick<Audit, "addAudit">, options: AuditTrailOptions): AuditTrail {
  const { shard, now, onError } = options;
  let waiting: AuditRow[] = [];
  let lost = 0;
  let last = { seq: 0, hash: rootOf(shard) };
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  const bound = openRefusalBound();

  function chain(facts: AuditFacts): void {
    const row = { ...facts, shard, seq: last.seq + 1, previous: last.hash };
    const hash = hashOfRow(row);
    waiting.push({ ...row, hash });
    last = { seq: row.seq, hash };
  }

  async function write(until = now()): Promise<void> {
    for (const facts of bound.counted(until)) chain(facts);
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
      onError(error, rows);
      later();
    }
  }

  function later(): void {
    if (timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      writing = writing.then(() => write());
      // What is counted has its row when its time is over.
      if (bound.isCounting()) later();
    }, GATHERED_MS);
    // A process that ends says so by flush.
    timer.unref();
  }

  return {
    note(facts) {
      if (waiting.length >= MAX_WAITING) lost += 1;
      else if (bound.admits(facts)) chain(facts);
      later();
    },
    async flush({ ends } = { ends: true }) {
      clearTimeout(timer);
      timer = undefined;
      writing = writing.then(() => write(ends ? Number.POSITIVE_INFINITY : now()));
      await writing;
    },
  };
}

/** Others may write to the chain at the same moment: whoever comes second follows the first. */
const TRIES = 20;

/**
 * One row at the end of a chain that many short processes share, each of which writes little: it is read first. Resolves when it is there.
 * @throws LakeError unavailable
 */
export async function noteAlone(
  catalog: Pick<Audit, "addAudit" | "auditOf">,
  shard: string,
  facts: AuditFacts,
): Promise<void> {
  let last = { seq: 0, hash: rootOf(shard) };
  for (let i = 0; i < TRIES; i += 1) {
    for await (const page of pagesOf(catalog, shard, last.seq)) last = page.at(-1) ?? last;
    const row = { ...facts, shard, seq: last.seq + 1, previous: last.hash };
    const hash = hashOfRow(row);
    await catalog.addAudit([{ ...row, hash }]);
    const [there] = await catalog.auditOf(shard, { after: last.seq, limit: 1 });
    if (there?.hash === hash) return;
  }
  throw unavailable(`the audit trail has no place for a row: ${TRIES} others came first`, { hint: "Try again." });
}

/** What the trail says of itself. */
export const OF_ITSELF: AuditFacts = {
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
  /** Sentences: what is wrong, and where; at most {@link MAX_FAULTS}. */
  readonly faults: readonly string[];
  /** Those beyond. */
  readonly moreFaults: number;
}

/** Where all is wrong, nobody reads more of it. */
export const MAX_FAULTS = 1000;

/**
 * Follows all chains. A beginning may be missing where a row of the trail says that it was taken away, and which row was its last.
 * @param anchors what has been known of the chains before
 * @param onRow sees each row
 */
export async function verifyAudit(
  catalog: Audit,
  anchors: readonly Anchor[] = [],
  onRow: (row: AuditRow) => void = () => undefined,
): Promise<Verified> {
  const shards = await catalog.auditShards();
  const trims: Anchor[] = [];
  const begun: { readonly shard: string; readonly first: AuditRow }[] = [];
  const faults: string[] = [];
  let moreFaults = 0;
  const fault = (what: string): void => {
    if (faults.length < MAX_FAULTS) faults.push(what);
    else moreFaults += 1;
  };
  const due = new Map<string, Map<number, Anchor>>();
  for (const anchor of anchors) {
    const known = due.get(anchor.shard) ?? new Map<number, Anchor>();
    due.set(anchor.shard, known.set(anchor.seq, anchor));
  }
  let rows = 0;
  for (const { shard } of shards) {
    let previous: AuditRow | undefined;
    const anchored = due.get(shard);
    const check = (row: AuditRow): void => {
      rows += 1;
      onRow(row);
      const wrong = (what: string) => fault(`${shard} ${row.seq}: ${what}`);
      if (hashOfRow(row) !== row.hash) wrong("the row has been changed");
      if (previous === undefined && row.seq === 1 && row.previous !== rootOf(shard))
        wrong("it is not the first of its chain");
      if (previous === undefined && row.seq !== 1) begun.push({ shard, first: row });
      if (previous && row.seq !== previous.seq + 1) wrong(`rows before it are missing, from ${previous.seq + 1} on`);
      else if (previous && row.previous !== previous.hash) wrong("it does not follow the row before it");
      if (row.operation === TRIM) trims.push(...trimsIn(row));
      const anchor = anchored?.get(row.seq);
      if (anchor && anchor.hash !== row.hash) wrong("it is not the row that was anchored");
      anchored?.delete(row.seq);
      previous = row;
    };
    for await (const page of pagesOf(catalog, shard)) page.forEach(check);
  }
  const isTrimmed = (shard: string, seq: number) => trims.some((trim) => trim.shard === shard && trim.seq >= seq);
  for (const { shard, first } of begun) {
    // A trim that was killed has taken away a part of what its row says.
    const isSaid = trims.some(
      (one) =>
        one.shard === shard && (one.seq >= first.seq || (one.seq === first.seq - 1 && one.hash === first.previous)),
    );
    if (!isSaid) fault(`${shard} ${first.seq}: rows before it are missing, and no row says that they were taken away`);
  }
  for (const { shard, seq } of [...due.values()].flatMap((left) => [...left.values()])) {
    if (!isTrimmed(shard, seq)) fault(`${shard} ${seq}: it was anchored, and is missing`);
  }
  return { rows, shards: shards.length, faults, moreFaults };
}

/** The operation of a row that says what was taken away; its effect has the moment `before` which rows were. */
export const TRIM = "auditTrim";

function trimsIn({ effect }: AuditRow): readonly Anchor[] {
  try {
    return (JSON.parse(effect) as { readonly removed: readonly Anchor[] }).removed;
  } catch {
    return [];
  }
}

/** One page is asked for ahead: the database reads while this process hashes. */
export async function* pagesOf(
  catalog: Pick<Audit, "auditOf">,
  shard: string,
  from = 0,
): AsyncGenerator<readonly AuditRow[]> {
  const pageAfter = (after: number) => {
    const page = catalog.auditOf(shard, { after, limit: PAGE });
    // Whoever stops before has no use for its failure.
    page.catch(() => undefined);
    return page;
  };
  let page = pageAfter(from);
  for (;;) {
    const rows = await page;
    const end = rows.at(-1);
    if (end === undefined) return;
    page = pageAfter(end.seq);
    yield rows;
  }
}

/** The last row of every chain, by one question. */
export async function anchorsOf(catalog: Pick<Audit, "auditShards">): Promise<readonly Anchor[]> {
  return (await catalog.auditShards()).map(({ shard, last, hash }) => ({ shard, seq: last, hash }));
}
