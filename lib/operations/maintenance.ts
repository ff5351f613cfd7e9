/** Upkeep by schedule: which tables are due by their policies, and what is done with one of them. */

import { TRANSACTION_RETENTION_MS } from "../delta/transaction-age.ts";
import { isPast } from "../delta/values/age.ts";
import { errorText, isLakeError } from "../errors.ts";
import type { Lake, Signal, TableHead, Upkeep } from "../ports.ts";
import { cleanLog } from "./clean-log.ts";
import { allTables } from "./read.ts";
import { HISTORY_RETENTION_MS, trimHistory } from "./trim-history.ts";
import { type TrimmedTransactions, trimTransactions } from "./trim-transactions.ts";
import { vacuumTable } from "./vacuum.ts";

/** What holds for tables that say nothing themselves. */
export interface MaintenanceRules {
  readonly vacuum: boolean;
  readonly cleanLog: boolean;
  readonly trimHistory: boolean;
  /** Milliseconds. */
  readonly historyRetentionMs: number;
  /** Whether SQL forgets transactions, of all tables. */
  readonly trimTransactions: boolean;
  /** Milliseconds that it answers for them. */
  readonly transactionRetentionMs: number;
  /** Milliseconds between two runs for one table. */
  readonly everyMs: number;
}

/** Vacuum is off: which readers still need what a table once had, only its owner knows. */
export const MAINTENANCE_RULES: MaintenanceRules = {
  vacuum: false,
  cleanLog: true,
  trimHistory: true,
  historyRetentionMs: HISTORY_RETENTION_MS,
  trimTransactions: true,
  transactionRetentionMs: TRANSACTION_RETENTION_MS,
  everyMs: 86_400_000,
};

/**
 * In this order: what the log no longer has SQL need not keep. Vacuum is last, as what it has dealt with stays in SQL for a day: trimmed after it,
 * day by day, removes would never go.
 */
export const TASKS = ["cleanLog", "trimHistory", "vacuum"] as const;
export type Task = (typeof TASKS)[number];

const LAST: Readonly<Record<Task, "cleanLogAt" | "vacuumAt" | "trimHistoryAt">> = {
  cleanLog: "cleanLogAt",
  vacuum: "vacuumAt",
  trimHistory: "trimHistoryAt",
};

export interface DueTable {
  readonly tableId: string;
  readonly table: string;
  readonly tasks: readonly Task[];
}

/** What a table wants done: by its own policy, else by the rules. */
export function policyOf(upkeep: Upkeep | undefined, rules: MaintenanceRules): Readonly<Record<Task, boolean>> {
  const wants = (task: Task) => upkeep?.[task] ?? rules[task];
  return { cleanLog: wants("cleanLog"), vacuum: wants("vacuum"), trimHistory: wants("trimHistory") };
}

const TABLES_AT_ONCE = 200;

/** Tables with something to be done, by name. A round trip for every few hundred tables. */
export async function* maintenanceDue(lake: Lake, rules: MaintenanceRules): AsyncGenerator<DueTable> {
  let some: TableHead[] = [];
  for await (const head of allTables(lake)) {
    some.push(head);
    if (some.length < TABLES_AT_ONCE) continue;
    yield* await dueOf(lake, some, rules);
    some = [];
  }
  yield* await dueOf(lake, some, rules);
}

async function dueOf(lake: Lake, heads: readonly TableHead[], rules: MaintenanceRules): Promise<readonly DueTable[]> {
  const known = await lake.catalog.readUpkeep(heads.map(({ tableId }) => tableId));
  const byTable = new Map(known.map((upkeep) => [upkeep.tableId, upkeep]));
  const now = lake.clock.now();
  return heads.flatMap(({ tableId, name }) => {
    const upkeep = byTable.get(tableId);
    const policy = policyOf(upkeep, rules);
    const tasks = TASKS.filter((task) => policy[task] && isPast(now, upkeep?.[LAST[task]] ?? 0, rules.everyMs));
    return tasks.length === 0 ? [] : [{ tableId, table: name, tasks }];
  });
}

export interface MaintainedTable extends DueTable {
  /** Files of the table that were removed, with their bytes. */
  readonly files: number;
  readonly bytes: bigint;
  /** Files of its log. */
  readonly logFiles: number;
  /** Versions that SQL has forgotten. */
  readonly versions: number;
  /** Why not all was done. */
  readonly failure?: string;
  readonly interrupted: boolean;
}

/**
 * Does what is due of one table. A task that fails holds up no other, is written down (`dl policy show`), and comes again with the next
 * run. @param options.signal aborted, it stops after the batch that it is at
 */
export async function maintainTable(
  lake: Lake,
  due: DueTable,
  rules: MaintenanceRules,
  { signal }: { readonly signal?: Signal } = {},
): Promise<MaintainedTable> {
  const { tableId } = due;
  const done = { files: 0, bytes: 0n, logFiles: 0, versions: 0 };
  const failures: string[] = [];
  const options = { remove: true, ...(signal === undefined ? {} : { signal }) };
  const run: Readonly<Record<Task, () => Promise<string | undefined>>> = {
    async cleanLog() {
      const { commits, checkpoints, others, failed, failure } = await cleanLog(lake, { tableId }, options);
      done.logFiles += commits + checkpoints + others - failed;
      return failure;
    },
    async vacuum() {
      const { files, bytes, failure } = await vacuumTable(lake, { tableId }, options);
      done.files += files;
      done.bytes += bytes;
      return failure;
    },
    async trimHistory() {
      const [upkeep] = await lake.catalog.readUpkeep([tableId]);
      const { versions } = await trimHistory(
        lake,
        { tableId },
        {
          ...options,
          retentionMs: upkeep?.historyRetention ?? rules.historyRetentionMs,
          keepForVacuum: policyOf(upkeep, rules).vacuum,
        },
      );
      done.versions += versions;
      return undefined;
    },
  };
  for (const task of due.tasks) {
    if (signal?.aborted) break;
    try {
      const failure = await run[task]();
      if (failure !== undefined) failures.push(`${task}: ${failure}`);
    } catch (error) {
      // Dropped since it was listed.
      if (isLakeError(error, "notFound") && error.code === "TABLE_NOT_FOUND") break;
      failures.push(`${task}: ${errorText(error)}`);
    }
  }
  const failure = failures.length === 0 ? undefined : failures.join("; ");
  await lake.catalog.writeUpkeep(tableId, { lastError: failure ?? null });
  lake.metrics.record("MaintainedTables", 1, "Count", { tableId });
  if (failure !== undefined) lake.metrics.record("MaintenanceFailures", 1, "Count", { tableId, error: failure });
  return { ...due, ...done, ...(failure === undefined ? {} : { failure }), interrupted: signal?.aborted === true };
}

/** What is done for the catalog as a whole, after its tables. A failure is counted, and comes again with the next run. */
export async function maintainTransactions(
  lake: Lake,
  { trimTransactions: isWanted, transactionRetentionMs: retentionMs }: MaintenanceRules,
  { signal }: { readonly signal?: Signal } = {},
): Promise<Partial<TrimmedTransactions> & { readonly failure?: string }> {
  if (!isWanted) return {};
  try {
    return await trimTransactions(lake, { retentionMs, remove: true, ...(signal === undefined ? {} : { signal }) });
  } catch (error) {
    const failure = errorText(error);
    lake.metrics.record("MaintenanceFailures", 1, "Count", { error: failure });
    return { failure };
  }
}
