/** Time, and ids that nobody else makes. */

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  newId(): string;
  sleep(ms: number): Promise<void>;
}
