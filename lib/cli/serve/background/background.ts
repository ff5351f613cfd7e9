/**
 * The side of the API of what a server does behind it: mirror, sweeper and parity checks have a thread of their own, so that no
 * checkpoint holds up a commit, and no rush of commits the mirror. A thread that ends is started again: it holds nothing that matters.
 */

import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { deadlineMs } from "../../../deadlines.ts";
import { errorText, unavailable } from "../../../errors.ts";
import type { LocalLake } from "../../../lake/local.ts";
import { outcomeOf } from "../../../outcome.ts";
import type { Metrics, MirrorQueue, Woken } from "../../../ports.ts";
import type { Logger } from "../../../telemetry/log.ts";
import type { LogFile } from "../../../telemetry/log-file.ts";
import type { Sample } from "../../../telemetry/samples.ts";
import type { FromBackground, Hanging, Task, ToBackground, WriteRequest } from "./messages.ts";

/** Whose catalog writes for the thread. */
type Writer = Pick<LocalLake, "catalog">;

export interface Background {
  /** Messages before the start are lost, as any may be: the first sweep finds their tables. */
  readonly queue: MirrorQueue;
  /** @param lake writes for the thread, where that asks for it */
  start(task: Task, lake: Writer): void;
  /** Of the last round of parity checks. */
  samples(): readonly Sample[];
  /** What takes long there. @throws LakeError unavailable while there is no thread */
  hanging(): Promise<Hanging>;
  /** Finishes what is under way. @returns what was left when the time was over, as sentences, and whether a step there still hangs */
  stop(options: {
    readonly withinMs: number;
  }): Promise<{ readonly left: readonly string[]; readonly isStuck: boolean }>;
}

/** Between the end of a thread and the start of the next one. */
const PAUSE_MS = 1_000;
/** A thread that has not begun to answer so soon is told of. */
const START_MS = 10_000;

export function openBackground({
  logger,
  metrics,
  logFile,
}: {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** What the thread logs goes there, too, if it is a file. */
  readonly logFile?: LogFile | undefined;
}): Background {
  let thread: Worker | undefined;
  let stopping = false;
  let startedAt = 0;
  let isReady = false;
  let latest: readonly Sample[] = [];
  let questions = 0;
  const asked = new Map<number, (hanging: Hanging | undefined) => void>();
  let onStopped: ((end: { readonly left: readonly string[]; readonly isStuck: boolean }) => void) | undefined;
  const say = (message: ToBackground) => thread?.postMessage(message);

  function start(task: Task, lake: Writer): void {
    if (stopping) return;
    const worker = new Worker(new URL(`./thread${extname(import.meta.url)}`, import.meta.url), { workerData: task });
    thread = worker;
    [startedAt, isReady] = [performance.now(), false];
    worker.on("message", (message: FromBackground) => {
      if (message.kind === "ready") isReady = true;
      else if (message.kind === "metrics") for (const record of message.records) metrics.record(...record);
      else if (message.kind === "samples") latest = message.samples;
      else if (message.kind === "line") logFile?.write(message.line);
      else if (message.kind === "write") void write(lake, message);
      else if (message.kind === "looked") {
        asked.get(message.id)?.(message.hanging);
        asked.delete(message.id);
      } else onStopped?.(message);
    });
    worker.on("error", (error) => {
      thread = undefined;
      logger.error({ err: error }, `the mirror's thread has failed: ${errorText(error)}`);
    });
    worker.on("exit", () => {
      thread = undefined;
      for (const answer of asked.values()) answer(undefined);
      asked.clear();
      if (stopping) return onStopped?.({ left: [], isStuck: false });
      setTimeout(() => start(task, lake), PAUSE_MS).unref();
    });
  }

  async function write(lake: Writer, { id, name, values }: WriteRequest): Promise<void> {
    const call = lake.catalog[name] as (...values: readonly unknown[]) => Promise<unknown>;
    say({ kind: "written", id, outcome: await outcomeOf(() => call(...values)) });
  }

  /** Commits of one turn of the event loop wake the mirror up together: a message to a thread costs as much as hashing a request. */
  const woken = new Map<string, Woken[]>();
  const wake = () => {
    if (woken.size === 0) return;
    say({ kind: "enqueue", tables: [...woken.values()].flat() });
    woken.clear();
  };

  return {
    queue: {
      async enqueue(tables) {
        if (woken.size === 0 && tables.length > 0) setImmediate(wake);
        for (const table of tables) {
          // Only those who are traced have messages of their own.
          const traced = (woken.get(table.tableId) ?? []).filter(({ trace }) => trace !== undefined);
          woken.set(table.tableId, [...traced, table]);
        }
      },
    },
    start,
    samples: () => latest,
    async hanging() {
      if (thread && !isReady && performance.now() - startedAt < START_MS) return { folders: [], tables: [] };
      questions += 1;
      const id = questions;
      const answer = new Promise<Hanging | undefined>((resolve) => {
        if (thread === undefined) resolve(undefined);
        else asked.set(id, resolve);
      });
      say({ kind: "look", id });
      const hanging = await answer;
      if (hanging === undefined) throw unavailable("the mirror has ended, and is started again");
      return hanging;
    },
    async stop({ withinMs }) {
      stopping = true;
      if (thread === undefined) return { left: [], isStuck: false };
      const end = new Promise<{ readonly left: readonly string[]; readonly isStuck: boolean }>((resolve) => {
        onStopped = resolve;
        setTimeout(resolve, withinMs + deadlineMs("backgroundStop"), {
          left: [
            "the mirror did not answer, and was given up: every commit is safe in SQL, and is published when a server runs again",
          ],
          isStuck: true,
        }).unref();
      });
      wake();
      say({ kind: "stop", withinMs });
      return end;
    },
  };
}
