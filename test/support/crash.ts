/** Crashes at a chosen call: wraps a port so that its nth call throws, before or after it took effect. */

export class Crash extends Error {
  constructor(call: string) {
    super(`crash at ${call}`);
    this.name = "Crash";
  }
}

export interface CrashPoint {
  /** Counts calls over all wrapped ports; the call with this number crashes. */
  at: number;
  /** `after`: the call took effect, but its answer is lost. */
  when: "before" | "after";
  calls: number;
  /** Once crashed, the process is dead: every later call fails, too. */
  dead: boolean;
}

export function crashPoint(at: number, when: "before" | "after"): CrashPoint {
  return { at, when, calls: 0, dead: false };
}

/** The same port, dying at the crash point. Only functions that answer promises count as calls. */
export function dying<T extends object>(port: T, point: CrashPoint, only?: readonly (keyof T)[]): T {
  return new Proxy(port, {
    get(target, key, receiver) {
      const value: unknown = Reflect.get(target, key, receiver);
      if (typeof value !== "function") return value;
      if (only && !only.includes(key as keyof T)) return value.bind(target);
      return (...args: unknown[]) => {
        const name = String(key);
        if (point.dead) throw new Crash(name);
        const mine = point.calls++ === point.at;
        if (mine && point.when === "before") {
          point.dead = true;
          throw new Crash(name);
        }
        const result: unknown = value.apply(target, args);
        if (!mine || !(result instanceof Promise)) return result;
        return result.then(() => {
          point.dead = true;
          throw new Crash(name);
        });
      };
    },
  });
}
