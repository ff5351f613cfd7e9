/** Answers that never change, kept: a hint, whose loss costs time only. */

export interface AnswerCache {
  /** Undefined where it has none, or does not answer in time. Never throws. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Keeps an answer, if there is room. Never throws, and nobody need wait for it. */
  put(key: string, value: Uint8Array): Promise<void>;
  stats(): CacheStats;
  /** Whether it works. @throws LakeError unavailable */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface CacheStats {
  readonly hits: number;
  readonly misses: number;
  /** In this process. */
  readonly entries: number;
  readonly bytes: number;
}
