/** Megabytes of each function; Lambda gives a whole core at 1,769. */

export const MEMORY_MB = {
  // 100,000 actions in 56 MB of JSON, uploaded, take up to 820 MB.
  commit: 1769,
  read: 1024,
  mirror: 1769,
  checkpoint: 1769,
  sweep: 512,
  parity: 1769,
  migrate: 512,
  backup: 1769,
  drill: 1769,
  maintenance: 1769,
  canary: 512,
} as const;
