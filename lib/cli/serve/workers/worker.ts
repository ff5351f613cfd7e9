/** One of several processes of `dl serve`, as its code sees the others. */

import cluster from "node:cluster";
import { deadlineMs } from "../../../deadlines.ts";
import { unavailable } from "../../../errors.ts";
import type { Woken } from "../../../ports.ts";
import type { Background } from "../background/background.ts";
import type { Answers, FromWorker, Question, ToWorker } from "./messages.ts";

/** Names the place of a process among those of its server, from 1. */
export const WORKER_VARIABLE = "DL_SERVE_WORKER";

export interface Workers {
  /** 1 is the process behind which mirror, sweeps, parity checks and upkeep run. */
  readonly number: number;
  /** Resolves when all are told to stop. */
  readonly stop: Promise<NodeJS.Signals>;
  /** Tells that this one listens. */
  serving(): void;
  /** Answers what others ask, and takes what they have for the mirror. */
  answer(
    answers: { readonly [Q in Question]?: () => Promise<Answers[Q]> },
    enqueue: (tables: readonly Woken[]) => void,
  ): void;
  /** Of all processes that answer, this one too; of the first alone where that knows it. */
  ask<Q extends Question>(question: Q): Promise<readonly Answers[Q][]>;
  /** What runs behind the first one, as the others have it. */
  background(): Background;
  /** Holds the program up no longer. */
  leave(): void;
}

/** undefined for a server of one process. */
export function openWorkers(): Workers | undefined {
  const number = Number(process.env[WORKER_VARIABLE]);
  if (!cluster.isWorker || !(number > 0)) return undefined;
  const say = (message: FromWorker) => {
    if (process.connected) process.send?.(message);
  };
  let asks = 0;
  const open = new Map<number, (values: readonly unknown[]) => void>();
  let answers: Readonly<Partial<Record<Question, () => Promise<unknown>>>> = {};
  let toMirror: (tables: readonly Woken[]) => void = () => undefined;

  const stop = new Promise<NodeJS.Signals>((resolve) => {
    process.on("message", (message: ToWorker) => {
      if (message.kind === "stop") resolve(message.signal);
      else if (message.kind === "enqueue") toMirror(message.tables);
      else if (message.kind === "answers") {
        open.get(message.id)?.(message.values);
        open.delete(message.id);
      } else void reply(message.to, message.question);
    });
    // Of a terminal, or of a service manager, which tells all processes at once: the one that has started this one passes it on.
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => resolve(signal));
  });

  async function reply(to: string, question: Question): Promise<void> {
    const value = await answers[question]?.().catch(() => undefined);
    say({ kind: "answer", to, value });
  }

  function ask<Q extends Question>(question: Q): Promise<readonly Answers[Q][]> {
    asks += 1;
    const id = asks;
    say({ kind: "ask", id, question });
    return new Promise((resolve) => {
      open.set(id, (values) => resolve(values as readonly Answers[Q][]));
    });
  }

  return {
    number,
    stop,
    serving: () => say({ kind: "serving" }),
    answer(given, enqueue) {
      answers = given;
      toMirror = enqueue;
    },
    ask,
    background: () => remoteBackground(say, () => ask("hanging")),
    leave: () => process.channel?.unref(),
  };
}

function remoteBackground(
  say: (message: FromWorker) => void,
  hanging: () => Promise<readonly Answers["hanging"][]>,
): Background {
  let woken: Woken[] = [];
  return {
    queue: {
      async enqueue(tables) {
        // Commits of one turn of the event loop go together, as to a thread.
        if (woken.length === 0 && tables.length > 0) {
          setImmediate(() => {
            say({ kind: "enqueue", tables: woken });
            woken = [];
          });
        }
        woken.push(...tables);
      },
    },
    start: () => undefined,
    samples: () => [],
    async hanging() {
      const [found] = await hanging();
      if (found !== undefined) return found;
      throw unavailable(
        `the process of the mirror has not answered within ${deadlineMs("otherProcesses")} ms; if it has ended, it is started again`,
      );
    },
    stop: async () => ({ left: [], isStuck: false }),
  };
}
