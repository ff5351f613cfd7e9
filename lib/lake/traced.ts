/** The parts of a lake whose calls are spans, where somebody is traced. */

import type { Lake, MirrorQueue, Traces } from "../ports.ts";

/** Each call within a span is a span below it: `catalog.commit`, `log.put`. Outside of any a call is a call. */
export function traced<T extends object>(part: T, name: string, traces: Traces): T {
  return new Proxy(part, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key);
      if (typeof member !== "function" || typeof key !== "string") return member;
      return (...values: unknown[]): unknown => {
        const call = () => Reflect.apply(member, target, values);
        return traces.current() === undefined ? call() : traces.span(`${name}.${key}`, call);
      };
    },
  });
}

export function tracedLogs(openLog: Lake["openLog"], traces: Traces): Lake["openLog"] {
  return (location) => traced(openLog(location), "log", traces);
}

/** Messages carry along who asks. */
export function tracedQueue(queue: MirrorQueue, traces: Traces): MirrorQueue {
  return {
    async enqueue(tables) {
      if (traces.current() === undefined) return queue.enqueue(tables);
      const send = () => {
        const trace = traces.current();
        return queue.enqueue(trace === undefined ? tables : tables.map((table) => ({ ...table, trace })));
      };
      return traces.span("queue.enqueue", send, { kind: "producer" });
    },
  };
}
