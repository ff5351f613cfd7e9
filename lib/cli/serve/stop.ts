/** The orderly end of `dl serve`, within a time: what is under way is finished, and what is not is said. */

import { deadlineMs } from "../../deadlines.ts";
import type { HttpServer } from "../../http/node-server.ts";
import type { LocalLake } from "../../lake/local.ts";
import { stepsUnderWay } from "../../lake/stores.ts";
import type { Background } from "./background/background.ts";
import type { Schedule } from "./schedule.ts";

export interface Stopping {
  /** What answers requests. */
  readonly servers: readonly Pick<HttpServer, "close">[];
  readonly background: Background;
  /** What runs by the clock beside the API, and has been told to end. */
  readonly schedules: readonly Schedule[];
  readonly lake: LocalLake;
}

export interface End {
  /** As sentences. */
  readonly left: readonly string[];
  /** True when a step in a folder hangs, which keeps the program alive. */
  readonly isStuck: boolean;
}

/** Finishes the requests first, then what runs behind them. */
export async function stopWithin(seconds: number, { servers, background, schedules, lake }: Stopping): Promise<End> {
  const endsAt = performance.now() + seconds * 1000;
  const leftMs = () => Math.max(0, endsAt - performance.now());
  const withinMs = Math.min(deadlineMs("requestsAtStop"), leftMs() / 2);
  const cut = await Promise.all(servers.map((server) => server.close({ withinMs })));
  const cutOff = cut.reduce((sum, requests) => sum + requests, 0);
  const requests = cutOff > 0 ? [`${counted(cutOff, "request")} cut off: whoever sent them may send them again`] : [];
  const ended = await inTime(leftMs() / 2, Promise.all(schedules.map((schedule) => schedule.stop())));
  const upkeep = ended ? [] : ["upkeep of a table was given up: the next one does what is left"];
  const { left, isStuck } = await background.stop({ withinMs: leftMs() });
  await lake.close({ withinMs: leftMs() });
  return { left: [...requests, ...upkeep, ...left], isStuck: isStuck || stepsUnderWay() > 0 };
}

export interface Behind {
  readonly schedules: readonly Schedule[];
  readonly lake: LocalLake;
}

/**
 * Finishes what runs by the clock, then the mirror.
 * @returns what was left when the time was over, as sentences
 */
export async function stopSchedules({ schedules, lake }: Behind, withinMs: number): Promise<readonly string[]> {
  const endsAt = performance.now() + withinMs;
  const left: string[] = [];
  const stopped = await inTime(withinMs / 2, Promise.all(schedules.map((schedule) => schedule.stop())));
  if (!stopped) left.push("a sweep or parity check was given up: the next one comes round to the same");
  const unfinished = await lake.close({ withinMs: Math.max(0, endsAt - performance.now()) });
  if (unfinished.length > 0) {
    const named = unfinished.slice(0, 5).join(", ");
    left.push(
      `the mirror of ${counted(unfinished.length, "table")} was not finished (${named}${unfinished.length > 5 ? ", …" : ""}): ` +
        "every commit is safe in SQL, and is published when a server runs again",
    );
  }
  return left;
}

function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}

/** @returns false when the time was over first */
async function inTime(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const first = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return first;
}
