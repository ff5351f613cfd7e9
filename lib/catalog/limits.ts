/** The limits of the catalog, each in this one place. */

/** More rejections of one table than this help nobody: so many of removes, and so many of adds. */
export const MAX_REJECTIONS = 20;

/**
 * What one request is told of its rejections, counting so many bytes for each and those of its path: one more is told until there
 * are so many. The Data API returns a megabyte from a statement that writes, and commits share statements.
 */
export const REJECTION_BYTES = { all: 40_000, each: 200 } as const;

/** Actions that one read of commits returns, where nobody says otherwise; one version comes whole, however large. */
export const MAX_ACTIONS_READ = 100_000;

/** Milliseconds that a writer's own in-commit timestamp may be ahead of the clock: readers would take later versions for future ones. */
export const MAX_TIMESTAMP_AHEAD_MS = 300_000;

/** Tables whose commits one statement reads: the Data API takes 64 KB of text. */
export const TABLES_READ_AT_ONCE = 10;

/** Versions that one statement marks as published. */
export const VERSIONS_MARKED_AT_ONCE = 500;

export { OPEN_VERSION } from "../delta/table.ts";
