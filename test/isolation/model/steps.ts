/**
 * Runs many agents one call at a time, in an order that is given: the same order gives the same run, but where an agent waits for what
 * another has under way in the same process.
 */

import { setImmediate as turn } from "node:timers/promises";

/** An agent that has not come to a call in this time, in ms, waits for one whose turn has not come: the others go on. */
const QUIET_MS = 100;
/** Agents that all wait for each other have been found out after this, in ms. */
const STUCK_MS = 60_000;

interface Waiting {
  readonly label: string;
  readonly run: () => Promise<void>;
}

export class Steps {
  /** What happened, in order: the first thing to read when a run has failed. */
  readonly trace: string[] = [];
  readonly #choices: readonly number[];
  readonly #waiting: Waiting[] = [];
  #live = 0;

  /** @param choices which of the waiting calls comes next, again and again from the start */
  constructor(choices: readonly number[]) {
    this.#choices = choices;
  }

  /** Every call of the port waits for its turn and then runs alone. */
  stepped<T extends object>(port: T, name: string): T {
    return new Proxy(port, {
      get: (target, key) => {
        const method: unknown = Reflect.get(target, key);
        if (typeof method !== "function") return method;
        return (...args: unknown[]) => this.#step(`${name}.${String(key)}`, async () => method.apply(target, args));
      },
    });
  }

  #step<T>(label: string, call: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ label, run: () => call().then(resolve, reject) });
    });
  }

  /** Several at once, within an agent. */
  async fork<T>(works: readonly (() => Promise<T>)[]): Promise<T[]> {
    let left = works.length;
    this.#live += left - 1;
    return Promise.all(
      works.map((work) =>
        work().finally(() => {
          left -= 1;
          if (left > 0) this.#live -= 1;
        }),
      ),
    );
  }

  /**
   * Between its calls an agent may need real time (a digest, for one), or what another agent of its server reads for both (a look at a
   * log); it is never waited for inside a call.
   */
  async #untilQuiet(): Promise<void> {
    const from = performance.now();
    while (this.#live > this.#waiting.length) {
      await turn();
      const quiet = performance.now() - from;
      if (this.#waiting.length > 0 && quiet > QUIET_MS) return;
      if (quiet > STUCK_MS) throw new Error(`${this.#live} agents wait, and none for a call: ${this.trace.join(" ")}`);
    }
  }

  /** Runs all agents to their ends. @throws the first error of an agent, when all are done */
  async run(agents: readonly (() => Promise<void>)[]): Promise<void> {
    this.#live = agents.length;
    const ends = agents.map((agent) => agent().finally(() => (this.#live -= 1)));
    const all = Promise.allSettled(ends);
    for (let i = 0; this.#live > 0; i += 1) {
      await this.#untilQuiet();
      if (this.#waiting.length === 0) break;
      const choice = this.#choices[i % this.#choices.length] ?? 0;
      const [next] = this.#waiting.splice(choice % this.#waiting.length, 1);
      this.trace.push(next?.label ?? "");
      await next?.run();
      await turn();
    }
    for (const end of await all) if (end.status === "rejected") throw end.reason;
  }
}
