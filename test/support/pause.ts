/** A process that pauses: wraps a port so that its nth call waits, before it is made, until somebody lets it go on. */

export interface PausePoint {
  /** Counts calls over all wrapped ports; the call with this number waits. */
  readonly at: number;
  calls: number;
  /** Resolves when the call is waiting. */
  readonly reached: Promise<void>;
  resume(): void;
  /** For {@link pausing}. */
  wait(): Promise<void>;
}

export function pausePoint(at: number): PausePoint {
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  const { promise: resumed, resolve: resume } = Promise.withResolvers<void>();
  return {
    at,
    calls: 0,
    reached,
    resume,
    wait() {
      reach();
      return resumed;
    },
  };
}

/** The same port, pausing there. Only functions that answer promises count as calls. */
export function pausing<T extends object>(port: T, point: PausePoint): T {
  return new Proxy(port, {
    get(target, key, receiver) {
      const value: unknown = Reflect.get(target, key, receiver);
      // Listings and the fingerprint answer at once.
      if (typeof value !== "function" || ["list", "fingerprintOf"].includes(String(key))) return value;
      return async (...args: unknown[]) => {
        if (point.calls++ === point.at) await point.wait();
        return value.apply(target, args);
      };
    },
  });
}
