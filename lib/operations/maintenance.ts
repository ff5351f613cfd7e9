/** Upkeep by schedule: which tables are due by their policies, and what is done with one of them. */

import { TRANSACTION_RETENTION_MS } from "../delta/transaction-age.ts";
import { isPast } from "../delta/values/age.ts";
import { errorText, isLakeError } from "../errors.ts";
import type { FileRewriter, Lake, Signal, TableHead, Upkeep } from "../ports.ts";
import { cleanLog } from "./clean-log.ts";
import { compactTable, REWRITE_REFUSED } from "./compact.ts";
import { allTables } from "./read.ts";
import { HISTORY_RETENTION_MS, trimHistory } from "./trim-history.ts";
import { type TrimmedTransactions, trimTransactions } from "./trim-transactions.ts";
import { vacuumTable } from "./vacuum.ts";

/** What holds for tables that say nothing themselves. */
export interface MaintenanceRules {
  readonly compact: boolean;
  /** Bytes of a table that one run writes again; what is left is for the next. */
  readonly compactBytes: number;
  readonly vacuum: boolean;
  readonly cleanLog: boolean;
  readonly trimHistory: boolean;
  /** Milliseconds. */
  readonly historyRetentionMs: number;
  /** Whether SQL forgets transactions, of all tables. */
  readonly trimTransactions: boolean;
  /** Milliseconds that it answers for them. */
  readonly transactionRetentionMs: number;
  /** Milliseconds that rows of the audit trail stay; 0 for ever. */
  readonly auditRetentionMs: number;
  /** Milliseconds between two runs for one table. */
  readonly everyMs: number;
}

/** Vacuum is off: which readers still need what a table once had, only its owner knows. So is compaction, which reads rows and costs accordingly. */
export const MAINTENANCE_RULES: MaintenanceRules = {
  compact: false,
  compactBytes: 10 * 1024 ** 3,
  vacuum: false,
  cleanLog: true,
  trimHistory: true,
  historyRetentionMs: HISTORY_RETENTION_MS,
  trimTransactions: true,
  transactionRetentionMs: TRANSACTION_RETENTION_MS,
  auditRetentionMs: 0,
  everyMs: 86_400_000,
};

/**
 * In this order: what is compacted is what the others find. What the log no longer has SQL need not keep. Vacuum is last, as what it has dealt with stays in SQL for a day: trimmed after it,
 * day by day, removes would never go.
 */
export const TASKS = ["compact", "cleanLog", "trimHistory", "vacuum"] as const;
export type Task = (typeof TASKS)[number];

export interface DueTable {
  readonly tableId: string;
  readonly table: string;
  readonly tasks: readonly Task[];
}

/** What a table wants done: by its own policy, else by the rules. */
export function policyOf(upkeep: Upkeep | undefined, rules: MaintenanceRules): Readonly<Record<Task, boolean>> {
  const wants = (task: Task) => [task, upkeep?.[task] ?? rules[task]] as const;
  return Object.fromEntries(TASKS.map(wants)) as Record<Task, boolean>;
}

const TABLES_AT_ONCE = 200;

/**
 * Tables with something to be done, by name; not those that others write, and keep up. A round trip for every few hundred tables.
 * @param tasks those that the caller carries out
 */
export async function* maintenanceDue(
  lake: Lake,
  rules: MaintenanceRules,
  tasks: readonly Task[] = TASKS,
): AsyncGenerator<DueTable> {
  let some: TableHead[] = [];
  for await (const head of allTables(lake)) {
    if (!head.followed) some.push(head);
    if (some.length < TABLES_AT_ONCE) continue;
    yield* await dueOf(lake, some, rules, tasks);
    some = [];
  }
  yield* await dueOf(lake, some, rules, tasks);
}

async function dueOf(
  lake: Lake,
  heads: readonly TableHead[],
  rules: MaintenanceRules,
  offered: readonly Task[],
): Promise<readonly DueTable[]> {
  const known = await lake.catalog.readUpkeep(heads.map(({ tableId }) => tableId));
  const byTable = new Map(known.map((upkeep) => [upkeep.tableId, upkeep]));
  const now = lake.clock.now();
  return heads.flatMap(({ tableId, name }) => {
    const upkeep = byTable.get(tableId);
    const policy = policyOf(upkeep, rules);
    const tasks = offered.filter((task) => policy[task] && isPast(now, upkeep?.[`${task}At`] ?? 0, rules.everyMs));
    return tasks.length === 0 ? [] : [{ tableId, table: name, tasks }];
  });
}

export interface MaintainedTable extends DueTable {
  /** Small files that became fewer large ones. */
  readonly compacted: number;
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
 * run.
 * @param options.signal aborted, it stops after the batch that it is at
 * @param options.openRewriter asked for where a table is to be compacted
 */
export async function maintainTable(
  lake: Lake,
  due: DueTable,
  rules: MaintenanceRules,
  { signal, openRewriter }: { readonly signal?: Signal; readonly openRewriter?: () => Promise<FileRewriter> } = {},
): Promise<MaintainedTable> {
  const { tableId } = due;
  const done = { compacted: 0, files: 0, bytes: 0n, logFiles: 0, versions: 0 };
  const failures: string[] = [];
  const options = { remove: true, ...(signal === undefined ? {} : { signal }) };
  const run: Readonly<Record<Task, () => Promise<string | undefined>>> = {
    async compact() {
      if (openRewriter === undefined) return undefined;
      const [upkeep] = await lake.catalog.readUpkeep([tableId]);
      try {
        const wishes = { maxBytes: rules.compactBytes, ...(signal === undefined ? {} : { signal }) };
        const { removedFiles, stopped } = await compactTable(lake, await openRewriter(), { tableId }, wishes);
        done.compacted += removedFiles;
        if (stopped === "signal") return undefined;
      } catch (error) {
        // What only an engine can compact is a failure where somebody wants this very table compacted.
        if (!isLakeError(error, "invalid") || error.code !== REWRITE_REFUSED || upkeep?.compact === true) throw error;
      }
      await lake.catalog.writeUpkeep(tableId, { compactAt: lake.clock.now() });
      return undefined;
    },
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
