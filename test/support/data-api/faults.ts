/** What tests let go wrong in the emulator, and how often each operation was called. */

export const OPERATIONS = [
  "ExecuteStatement",
  "BatchExecuteStatement",
  "BeginTransaction",
  "CommitTransaction",
  "RollbackTransaction",
] as const;
export type Operation = (typeof OPERATIONS)[number];

export interface Fault {
  /** Any operation if absent. */
  readonly operation?: Operation;
  /** Only statements that this matches. */
  readonly sql?: RegExp;
  /** How many calls it befalls; 1 if absent. */
  readonly times?: number;
  /** The call is executed, then its connection breaks. */
  readonly loseResponse?: boolean;
  /** The call is answered by this error, without being executed. */
  readonly error?: { readonly name: string; readonly message?: string };
  /** The call waits this long before it is executed. */
  readonly latencyMs?: number;
}

export interface Faults {
  inject(fault: Fault): void;
  clear(): void;
  /** Calls that injected faults have not met yet. */
  left(): number;
  /** The fault that befalls this call, used up by it. */
  next(operation: Operation, sql: string | undefined): Fault | undefined;
}

export function openFaults(): Faults {
  let pending: { readonly fault: Fault; left: number }[] = [];
  return {
    inject: (fault) => void pending.push({ fault, left: fault.times ?? 1 }),
    clear() {
      pending = [];
    },
    left: () => pending.reduce((sum, { left }) => sum + left, 0),
    next(operation, sql) {
      const hit = pending.find(
        ({ fault, left }) =>
          left > 0 &&
          (fault.operation ?? operation) === operation &&
          (fault.sql === undefined || (sql !== undefined && fault.sql.test(sql))),
      );
      if (hit === undefined) return undefined;
      hit.left -= 1;
      return hit.fault;
    },
  };
}
