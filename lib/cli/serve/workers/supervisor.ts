/**
 * `dl serve --workers N`: the process that has the port, starts the others and hands them connections in turn. It knows no catalog. What
 * runs behind the API runs behind the first of them alone; one that ends is started again.
 */

import cluster, { type Worker } from "node:cluster";
import { deadlineMs } from "../../../deadlines.ts";
import type { Logger } from "../../../telemetry/log.ts";
import { stopSignal } from "../signals.ts";
import type { FromWorker, Question, ToWorker } from "./messages.ts";
import { WORKER_VARIABLE } from "./worker.ts";

/** Between the end of a process and the start of the next one. */
const PAUSE_MS = 1_000;

interface Asking {
  readonly asker: Worker;
  readonly id: number;
  readonly open: Set<number>;
  readonly values: unknown[];
  readonly timer: NodeJS.Timeout;
}

/**
 * Runs this very command line in so many processes until a signal, which each of them is told.
 * @returns the exit code: that of a first process that could not begin; else the largest of those that have ended in order
 */
export async function superviseWorkers(count: number, logger: Logger): Promise<number> {
  const numbers = new Map<number, number>();
  const asking = new Map<string, Asking>();
  let stopping: NodeJS.Signals | undefined;
  let worst = 0;
  let end: (code: number) => void = () => undefined;
  const ended = new Promise<number>((resolve) => {
    end = resolve;
  });

  const say = (worker: Worker, message: ToWorker) => {
    if (worker.isConnected()) worker.send(message);
  };
  const running = () => [...numbers.keys()].flatMap((id) => cluster.workers?.[id] ?? []);
  const first = () => running().find(({ id }) => numbers.get(id) === 1);

  function start(number: number): void {
    const worker = cluster.fork({ [WORKER_VARIABLE]: String(number) });
    numbers.set(worker.id, number);
    let isServing = false;
    worker.on("message", (message: FromWorker) => {
      if (message.kind === "enqueue") {
        const mirror = first();
        // While there is none a message is lost, as any may be: the first sweep finds its tables.
        if (mirror !== undefined) say(mirror, message);
      } else if (message.kind === "ask") ask(worker, message.id, message.question);
      else if (message.kind === "answer") answer(worker, message.to, message.value);
      else {
        isServing = true;
        // One makes or migrates the catalog, and the others find it.
        if (number === 1) for (let other = 2; other <= count; other += 1) if (!has(other)) start(other);
      }
    });
    worker.on("exit", (code, signal) => {
      numbers.delete(worker.id);
      for (const [to, { open }] of asking) if (open.delete(worker.id) && open.size === 0) reply(to);
      if (stopping !== undefined) {
        // One that never served had nothing to finish.
        if (isServing) worst = Math.max(worst, code ?? 1);
        if (numbers.size === 0) end(worst);
      } else if (number === 1 && !isServing && numbers.size === 0) end(code ?? 1);
      else {
        logger.error(
          { worker: number, code, signal },
          `process ${number} of the server has ended, and is started again`,
        );
        setTimeout(() => stopping === undefined && start(number), PAUSE_MS);
      }
    });
    if (stopping !== undefined) say(worker, { kind: "stop", signal: stopping });
  }

  const has = (number: number) => [...numbers.values()].includes(number);

  function ask(asker: Worker, id: number, question: Question): void {
    const whom = question === "hanging" ? [first()].filter((one) => one !== undefined) : running();
    const to = `${asker.id}:${id}`;
    const timer = setTimeout(() => reply(to), deadlineMs("otherProcesses"));
    asking.set(to, { asker, id, open: new Set(whom.map((one) => one.id)), values: [], timer });
    for (const one of whom) say(one, { kind: "asked", to, question });
    if (whom.length === 0) reply(to);
  }

  function answer(from: Worker, to: string, value: unknown): void {
    const found = asking.get(to);
    if (found === undefined || !found.open.delete(from.id)) return;
    if (value !== undefined) found.values.push(value);
    if (found.open.size === 0) reply(to);
  }

  function reply(to: string): void {
    const found = asking.get(to);
    if (found === undefined) return;
    asking.delete(to);
    clearTimeout(found.timer);
    say(found.asker, { kind: "answers", id: found.id, values: found.values });
  }

  cluster.setupPrimary({ args: process.argv.slice(2) });
  const renew = () => {
    for (const worker of running()) worker.process.kill("SIGHUP");
  };
  process.on("SIGHUP", renew);
  start(1);
  void stopSignal().then((signal) => {
    stopping = signal;
    for (const worker of running()) say(worker, { kind: "stop", signal });
    if (numbers.size === 0) end(worst);
  });
  const code = await ended;
  process.off("SIGHUP", renew);
  return code;
}
