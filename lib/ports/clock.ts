/** Time, the end of it, and ids that nobody else makes. */

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  newId(): string;
  sleep(ms: number): Promise<void>;
}

/** Says that the time is over, when it is asked: an AbortSignal is one. */
export type Signal = Pick<AbortSignal, "aborted">;
