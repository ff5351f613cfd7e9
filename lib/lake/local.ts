/** Composition root of a lake in one process: a SQL database, tables in folders or on S3, and the mirror within. */

import { openCatalog, type PostgresOptions } from "../catalog/open.ts";
import { openDeltaLog } from "../log/delta-log.ts";
import { mirrorTable } from "../operations/mirror.ts";
import type {
  Catalog,
  Clock,
  CommitRules,
  Facts,
  FileChecks,
  Lake,
  Metrics,
  MirrorQueue,
  MirrorRules,
  Traces,
} from "../ports.ts";
import { type InlineQueue, openInlineQueue } from "../queue/inline.ts";
import { systemClock } from "./clock.ts";
import { findTables } from "./find-tables.ts";
import { importApart } from "./importing/import-apart.ts";
import { fromLocation, fromS3Location, toLocation } from "./location.ts";
import { dataFilesAt, fileChecks, openStore, tryStore } from "./stores.ts";
import { traced, tracedLogs, tracedQueue } from "./traced.ts";

export { isPlainText } from "../catalog/open.ts";
export { toLocation } from "./location.ts";

export interface LocalLakeOptions {
  /** A file, `sqlite:…`, `postgresql://…`, `mysql://…` or `rds-data://…`. */
  readonly database: string;
  readonly clock?: Clock;
  readonly metrics?: Metrics;
  /** Whether commits look at the files that they name, where neither they nor their table says; `size` if absent. */
  readonly verifyFiles?: FileChecks["byDefault"];
  /** How mirrors that are behind are judged, and what commits ask of them. */
  readonly mirrorRules?: MirrorRules;
  /**
   * Who publishes: this lake (true, if absent), whoever takes the messages of this queue, or another process (false). Commits are
   * made all the same.
   */
  readonly mirror?: boolean | MirrorQueue;
  /** How commits are made where they do not say themselves. */
  readonly commitRules?: CommitRules;
  /** Milliseconds after a drop in which it can be undone; seven days if absent. */
  readonly undropWindowMs?: number;
  /** A mirror run that failed; the sweeper starts it again. */
  readonly onMirrorError?: (tableId: string, error: unknown) => void;
  /** Where there is no SQLite file, or an empty one: `make` a catalog (if absent), or `refuse`. */
  readonly missing?: "make" | "refuse";
  /** `leave`: a new SQLite file gets no schema, as a restore makes that of the backup. */
  readonly schema?: "leave";
  /** Connections to a PostgreSQL server. */
  readonly pool?: PostgresOptions;
  /** Where calls of SQL, logs and queue are told as spans; absent: nowhere. */
  readonly traces?: Traces | undefined;
  /** Writes in place of this lake what a mirror writes: threads of one process share a connection that writes. */
  readonly mirrorWrites?: MirrorWrites;
}

/** All that mirror, sweeper and parity checks write into SQL. */
export type MirrorWrites = Pick<Catalog, (typeof MIRROR_WRITES)[number]>;

export const MIRROR_WRITES = [
  "markPublished",
  "markMirrorError",
  "markLogFault",
  "setQuarantine",
  "writeParity",
  "markManifest",
  "noteFollowed",
  "recoverVersions",
] as const satisfies readonly (keyof Catalog)[];

export interface LocalLake extends Lake {
  /** Resolves when the mirror has nothing left to do. */
  mirrored(): Promise<void>;
  /** Tables whose mirror takes long, and for how many milliseconds. */
  slowMirrors(): readonly { readonly tableId: string; readonly ms: number }[];
  /**
   * Finishes the mirror and closes the database. @param options.withinMs how long the mirror has for that; no limit if absent
   * @returns the tables whose mirror was not finished: their versions are published when a server runs again
   */
  close(options?: { readonly withinMs?: number }): Promise<readonly string[]>;
}

const noMetrics: Metrics = { record: () => undefined };

/** A folder is there then, and where its disk takes several spellings for one name it has told its own. */
async function tryLocation(location: string): Promise<string> {
  await tryStore(openStore(location), location);
  return toLocation(fromS3Location(location) ? location : fromLocation(location));
}

/** Enqueues nothing: another process runs the mirror. */
const mute: MirrorQueue = { enqueue: async () => undefined };

/** Opens the lake; the schema is the caller's to migrate. @throws LakeError invalid, unavailable */
export async function openLocalLake(options: LocalLakeOptions): Promise<LocalLake> {
  const { database, clock = systemClock, metrics = noMetrics, mirror = true, onMirrorError } = options;
  const { verifyFiles = "size", traces } = options;
  const opened = await openCatalog(database, clock, {
    ...options.pool,
    missing: options.missing ?? "make",
    ...(options.mirrorWrites ? { readOnly: true } : {}),
    ...(options.schema && { schema: options.schema }),
  });
  const whole: Catalog = { ...opened, ...options.mirrorWrites };
  const catalog = traces ? traced(whole, "catalog", traces) : whole;
  const logAt: Lake["openLog"] = (location) => openDeltaLog(openStore(location), location);
  const openLog = traces ? tracedLogs(logAt, traces) : logAt;
  const inline: InlineQueue | undefined =
    mirror === true
      ? openInlineQueue({
          mirror: async (tableId, [parent, ...links], more) => {
            const run = async (note?: (facts: Facts) => void) => {
              const { error, published } = await mirrorTable(lake, tableId, { more });
              note?.({ "deltalakedb.published": published.length });
              if (error) onMirrorError?.(tableId, error);
            };
            // A sweep asks for no one: its runs are traced where they publish what somebody waits for.
            if (traces === undefined || parent === undefined) return run();
            const facts = { "deltalakedb.table_id": tableId };
            return traces.span("mirror", run, { kind: "consumer", parent, links, facts });
          },
          onError: (tableId, error) => onMirrorError?.(tableId, error),
        })
      : undefined;
  const queue = inline ?? (typeof mirror === "object" ? mirror : mute);
  let closed: Promise<readonly string[]> | undefined;
  const lake: LocalLake = {
    catalog,
    openLog,
    ...(mirror ? { tryLocation } : {}),
    files: fileChecks(verifyFiles),
    openDataFiles: dataFilesAt,
    findTables,
    ...(options.mirrorRules && { mirrorRules: options.mirrorRules }),
    coalesces: true,
    ...(options.commitRules && { commitRules: options.commitRules }),
    ...(options.undropWindowMs !== undefined && { undropWindowMs: options.undropWindowMs }),
    // Another thread's calls are no spans.
    ...(traces ? {} : { importApart }),
    clock,
    metrics,
    queue: traces ? tracedQueue(queue, traces) : queue,
    mirrored: async () => inline?.idle(),
    slowMirrors: () => inline?.slow() ?? [],
    close(closing) {
      closed ??= closeAll(inline, catalog, closing);
      return closed;
    },
  };
  return lake;
}

async function closeAll(
  inline: InlineQueue | undefined,
  catalog: Catalog,
  closing: { readonly withinMs?: number } | undefined,
): Promise<readonly string[]> {
  const left = (await inline?.close(closing)) ?? [];
  await catalog.close();
  return left;
}
