/** Exit codes of `dl`: a contract with pipelines. */

export const EXIT = {
  ok: 0,
  failed: 1,
  /** `dl diff`: SQL and log differ. */
  drift: 2,
  /** `dl diff`: no difference, but the mirror is late. */
  lag: 3,
  /** `dl serve`: it was told to stop, and the time was over before all was done. */
  unfinished: 4,
  /** `dl migrate --check`: the database lacks migrations of this release. */
  pending: 5,
  /** Wrong usage (EX_USAGE of sysexits.h). */
  usage: 64,
} as const;
