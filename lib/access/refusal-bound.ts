/**
 * Refusals that come in numbers. So many of one caller are rows of their own; what is beyond is counted by operation, and each count is a row in its turn: no
 * operation is refused without a trace, and nobody fills the trail, or keeps the database busy, by asking for what they may not have.
 */

import type { AuditFacts } from "../ports.ts";

/** Rows of one caller within so many milliseconds; whoever names nobody is everybody who does not. */
const KNOWN = { rows: 100, withinMs: 60_000 };
const STRANGERS = { rows: 100, withinMs: 1_000 };

interface Count {
  readonly first: AuditFacts;
  last: AuditFacts;
  repeated: number;
}

interface Window {
  readonly endsAt: number;
  rows: number;
  /** By operation. */
  readonly counts: Map<string, Count>;
}

export interface RefusalBound {
  /** Whether this is a row of its own; if not, it is counted. */
  admits(facts: AuditFacts): boolean;
  /** Rows for what was counted, each once. @param until milliseconds since the epoch: windows that are open then go on counting */
  counted(until: number): readonly AuditFacts[];
  /** Whether something is counted that no row tells yet. */
  isCounting(): boolean;
}

export function openRefusalBound(): RefusalBound {
  const windows = new Map<string, Window>();
  /** Of windows that were over when their caller came again. */
  let over: AuditFacts[] = [];

  function windowOf({ who, at }: AuditFacts): Window {
    const open = windows.get(who);
    if (open !== undefined && at < open.endsAt) return open;
    if (open !== undefined) over.push(...rowsOf(open));
    const { withinMs } = who === "" ? STRANGERS : KNOWN;
    const begun = { endsAt: at + withinMs, rows: 0, counts: new Map<string, Count>() };
    windows.set(who, begun);
    return begun;
  }

  return {
    admits(facts) {
      if (facts.decision !== "denied") return true;
      const window = windowOf(facts);
      window.rows += 1;
      if (window.rows <= (facts.who === "" ? STRANGERS : KNOWN).rows) return true;
      const count = window.counts.get(facts.operation);
      if (count === undefined) window.counts.set(facts.operation, { first: facts, last: facts, repeated: 1 });
      else Object.assign(count, { last: facts, repeated: count.repeated + 1 });
      return false;
    },
    counted(until) {
      const rows = over;
      over = [];
      for (const [who, window] of windows) {
        if (window.endsAt > until) continue;
        rows.push(...rowsOf(window));
        windows.delete(who);
      }
      return rows;
    },
    isCounting: () => over.length > 0 || windows.values().some(({ counts }) => counts.size > 0),
  };
}

function rowsOf({ counts }: Window): readonly AuditFacts[] {
  return [...counts.values()].map(({ first, last, repeated }) => ({
    ...last,
    // Of all of them, and of none.
    requestId: "",
    tables: "[]",
    because: "",
    effect: JSON.stringify({ repeated, from: first.at, until: last.at }),
  }));
}
