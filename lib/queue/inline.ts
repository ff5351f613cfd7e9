/** The mirror queue of a single process: messages start work in the background, one run at a time per table. Holds nothing that matters. */

import type { MirrorQueue } from "../ports.ts";

/** Tables that are mirrored at the same time. */
const CONCURRENCY = 4;

export interface InlineQueue extends MirrorQueue {
  /** Resolves when nothing is enqueued and nothing runs. */
  idle(): Promise<void>;
  /** Takes nothing more, finishes what was enqueued. */
  close(): Promise<void>;
}

export interface InlineQueueOptions {
  /** Publishes all that is unpublished of a table. */
  readonly mirror: (tableId: string) => Promise<unknown>;
  /** A run that threw. The sweeper will enqueue its table again. */
  readonly onError: (tableId: string, error: unknown) => void;
}

/** Messages during a run of the same table coalesce into one more run: it reads what is missing from SQL. */
export function openInlineQueue({ mirror, onError }: InlineQueueOptions): InlineQueue {
  const waiting = new Set<string>();
  const running = new Set<string>();
  let closed = false;
  let idleWaiters: (() => void)[] = [];

  function startWaiting(): void {
    for (const tableId of waiting) {
      if (running.size >= CONCURRENCY) return;
      if (running.has(tableId)) continue;
      waiting.delete(tableId);
      running.add(tableId);
      void run(tableId);
    }
    if (waiting.size === 0 && running.size === 0) {
      const resolveAll = idleWaiters;
      idleWaiters = [];
      for (const resolve of resolveAll) resolve();
    }
  }

  async function run(tableId: string): Promise<void> {
    try {
      await mirror(tableId);
    } catch (error) {
      onError(tableId, error);
    }
    running.delete(tableId);
    startWaiting();
  }

  function idle(): Promise<void> {
    if (waiting.size === 0 && running.size === 0) return Promise.resolve();
    return new Promise((resolve) => idleWaiters.push(resolve));
  }

  return {
    async enqueue(tables) {
      if (closed) return;
      for (const { tableId } of tables) waiting.add(tableId);
      startWaiting();
    },
    idle,
    async close() {
      closed = true;
      await idle();
    },
  };
}
