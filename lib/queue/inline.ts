/** The mirror queue of a single process: messages start work in the background, one run at a time per table. Holds nothing that matters. */

import { deadlineMs } from "../deadlines.ts";
import type { MirrorQueue } from "../ports.ts";

/**
 * Tables that are mirrored at the same time, in each lane. In the slow one are those whose last run has taken long: a table
 * that hangs never has the place of one that does not.
 */
const SLOTS = 16;
/** Runs that have outstayed their slots, at most: then slots are kept. Each may have a thread that hangs, of the 64. */
const BESIDE = 24;

/** Of its patience: after so long a run takes no more. */
const LONG_SHARE = 0.8;

/** So many of those who have asked for one run are told of it. */
const TRACES = 32;

type Lane = "quick" | "slow";

interface Run {
  readonly lane: Lane;
  readonly since: number;
  hasSlot: boolean;
  readonly wake: (() => void)[];
}

export interface InlineQueue extends MirrorQueue {
  /** Resolves when nothing is enqueued and nothing runs. */
  idle(): Promise<void>;
  /** Tables whose run takes long, and for how many milliseconds. */
  slow(): readonly { readonly tableId: string; readonly ms: number }[];
  /** Takes nothing more, finishes what was enqueued. @returns the tables that were not finished in time */
  close(options?: { readonly withinMs?: number }): Promise<readonly string[]>;
}

/** Lets a run take what comes while it lasts, as long as nobody waits for its slot: it need not begin from the start each time. */
export interface More {
  /** True where a message for its table has come, which is this run's now. */
  taken(): boolean;
  /** Resolves with the next message for its table. */
  woken(): Promise<void>;
}

export interface InlineQueueOptions {
  /**
   * Publishes all that is unpublished of a table.
   * @param traces of those who have asked for it, the first ones @param more says what is asked for during the run
   */
  readonly mirror: (tableId: string, traces: readonly string[], more: More) => Promise<unknown>;
  /** A run that threw. The sweeper will enqueue its table again. */
  readonly onError: (tableId: string, error: unknown) => void;
  /** After which a run gives its slot to another table, and goes on beside. */
  readonly patienceMs?: number;
}

/** Messages during a run of the same table coalesce into one more run: it reads what is missing from SQL. */
export function openInlineQueue(options: InlineQueueOptions): InlineQueue {
  const { mirror, onError, patienceMs = deadlineMs("mirrorSlot") } = options;
  const waiting = new Map<string, readonly string[]>();
  const running = new Map<string, Run>();
  const slowTables = new Set<string>();
  let closed = false;
  let idleWaiters: (() => void)[] = [];

  const taken = (lane: Lane) => [...running.values()].filter((run) => run.hasSlot && run.lane === lane).length;

  function startWaiting(): void {
    const free: Record<Lane, number> = { quick: SLOTS - taken("quick"), slow: SLOTS - taken("slow") };
    for (const [tableId, traces] of waiting) {
      if (free.quick <= 0 && free.slow <= 0) break;
      const lane: Lane = slowTables.has(tableId) ? "slow" : "quick";
      if (running.has(tableId) || free[lane] <= 0) continue;
      free[lane] -= 1;
      waiting.delete(tableId);
      const run: Run = { lane, since: performance.now(), hasSlot: true, wake: [] };
      running.set(tableId, run);
      void finish(tableId, run, traces);
    }
    if (waiting.size === 0 && running.size === 0) {
      const resolveAll = idleWaiters;
      idleWaiters = [];
      for (const resolve of resolveAll) resolve();
    }
  }

  async function finish(tableId: string, run: Run, traces: readonly string[]): Promise<void> {
    const timer = setTimeout(() => {
      slowTables.add(tableId);
      if ([...running.values()].filter(({ hasSlot }) => !hasSlot).length >= BESIDE) return;
      run.hasSlot = false;
      startWaiting();
    }, patienceMs);
    try {
      await mirror(tableId, traces, moreOf(tableId, run));
    } catch (error) {
      onError(tableId, error);
    }
    clearTimeout(timer);
    if (performance.now() - run.since < patienceMs) slowTables.delete(tableId);
    running.delete(tableId);
    startWaiting();
  }

  function moreOf(tableId: string, run: Run): More {
    return {
      taken() {
        // Who is traced has a run of its own; one that lasts is for a new look, and never takes a slot that others wait for.
        const isPlain = waiting.get(tableId)?.length === 0;
        const isLong = performance.now() - run.since > LONG_SHARE * patienceMs;
        if (!isPlain || isLong || [...waiting.keys()].some((other) => !running.has(other))) return false;
        return waiting.delete(tableId);
      },
      woken: () => new Promise((resolve) => run.wake.push(resolve)),
    };
  }

  function idle(): Promise<void> {
    if (waiting.size === 0 && running.size === 0) return Promise.resolve();
    return new Promise((resolve) => idleWaiters.push(resolve));
  }

  return {
    async enqueue(tables) {
      if (closed) return;
      for (const { tableId, trace } of tables) {
        const known = waiting.get(tableId) ?? [];
        waiting.set(tableId, trace === undefined || known.length >= TRACES ? known : [...known, trace]);
        for (const wake of running.get(tableId)?.wake.splice(0) ?? []) wake();
      }
      startWaiting();
    },
    idle,
    slow() {
      const now = performance.now();
      return [...running]
        .map(([tableId, { since }]) => ({ tableId, ms: Math.round(now - since) }))
        .filter(({ ms }) => ms >= patienceMs);
    },
    async close({ withinMs = Number.POSITIVE_INFINITY } = {}) {
      closed = true;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        if (Number.isFinite(withinMs)) timer = setTimeout(resolve, withinMs);
      });
      await Promise.race([idle(), late]);
      clearTimeout(timer);
      const left = [...new Set([...running.keys(), ...waiting.keys()])];
      waiting.clear();
      return left;
    },
  };
}
