/** dl restore: brings a backup into an empty database, and SQL and logs together again. */

import { Command } from "commander";
import { defaultFolder } from "../../delta/files/locations.ts";
import { type LocalLake, toLocation } from "../../lake/local.ts";
import { type ForkedTable, forkLogs } from "../../operations/backups/fork-log.ts";
import type { Moment } from "../../operations/backups/restore-choice.ts";
import {
  type LogAboveHead,
  type LogSetAside,
  logsAboveHeads,
  setLogsAside,
} from "../../operations/backups/set-log-aside.ts";
import { isRecovered, type RecoverResult, recoverAll } from "../../operations/recover.ts";
import { type Restored, type RestoreOptions, restoreCatalog } from "../../operations/restore.ts";
import { moment } from "../arguments.ts";
import { backupsAt, type KeyOptions, withKeyOption } from "../backup-place.ts";
import { action } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { UsageError } from "../failure.ts";
import { formatSeconds, formatTime, plural } from "../format.ts";
import { identitySentence } from "../identity-text.ts";
import { openProgress, type Progress } from "../progress.ts";
import { stopwatch } from "../stopwatch.ts";

interface Options extends KeyOptions {
  readonly from?: string;
  readonly id?: string;
  readonly at?: number;
  readonly transaction?: string;
  readonly truncateLog?: true;
  readonly forkLog?: string;
  readonly asCopy?: true;
  readonly recover: boolean;
}

/** How SQL and logs stand to each other afterwards. */
interface Logs {
  /** What SQL took over from the logs. */
  readonly recovered?: RecoverResult;
  readonly setAside?: readonly LogSetAside[];
  readonly forked?: readonly ForkedTable[];
  /** Logs that are ahead of SQL: their tables take no commits. */
  readonly ahead?: readonly LogAboveHead[];
}

export function restoreCommand(): Command {
  return withKeyOption(new Command("restore"))
    .option("--from <place>", "where the backups are: a folder, or s3://bucket/prefix")
    .option("--id <backup>", "this backup; the newest if absent, or with --at the first one after that moment")
    .option("--at <time>", "the state at this moment (ISO 8601, or milliseconds)", moment)
    .option("--transaction <uuid>", "the state after this transaction")
    .option(
      "--truncate-log",
      "with --at or --transaction: set later versions in the logs aside, so that commits go on; without --from this alone, of a catalog that was restored",
    )
    .option(
      "--fork-log <dir>",
      "likewise, but leave the logs as they are: all tables go on below this folder or s3://bucket/prefix, and name their data files where these are (Spark reads that; DuckDB and Polars do not)",
    )
    .option("--as-copy", "give the catalog an identity of its own: it lives beside the old one")
    .option("--no-recover", "do not take over from the logs what is later than the backup")
    .action(
      action<Options>(async ({ output, withLake }, options) => {
        const until = momentOf(options);
        const progress = openProgress();
        if (options.from === undefined) {
          const after = await withLake((lake) => settleLogs(lake, options, progress), { mirror: false }).finally(
            progress.stop,
          );
          await output.result(after, () => logTexts(after).join("\n") || "no log is ahead of SQL");
          return EXIT.ok;
        }
        const place = await backupsAt(options.from, options);
        const elapsed = stopwatch();
        const { restored, seconds, logs } = await withLake(
          async (lake) => {
            const wanted = { onProgress: progress.update, asCopy: options.asCopy ?? false };
            const done = await restoreCatalog(lake.catalog, place, { ...wanted, ...chosen(options, until) });
            const took = elapsed();
            return {
              restored: { ...done, ...took.rates(done) },
              seconds: took.seconds,
              logs: await withLogs(lake, options, done, progress),
            };
          },
          { create: "file", schema: "leave", mirror: false },
        ).finally(progress.stop);
        await output.result({ ...restored, ...logs }, () => [text(restored, seconds), ...logTexts(logs)].join("\n"));
        if ((logs.ahead ?? []).length > 0) output.note(AHEAD_HINT);
        return isWhole(logs) ? EXIT.ok : EXIT.failed;
      }),
    );
}

function momentOf({ from, at, transaction, truncateLog, forkLog }: Options): Moment | undefined {
  const alone = from === undefined && at === undefined && transaction === undefined;
  const settles = truncateLog || forkLog !== undefined;
  if (truncateLog && forkLog !== undefined) throw new UsageError("give --truncate-log or --fork-log, not both");
  if (from === undefined && !(settles && alone))
    throw new UsageError("where from? Use --from DIR or --from s3://bucket/prefix");
  if (at !== undefined && transaction !== undefined) throw new UsageError("give --at or --transaction, not both");
  if (settles && !alone && at === undefined && transaction === undefined) {
    throw new UsageError(
      "--truncate-log and --fork-log go with --at or --transaction: without them SQL goes on to the end of the logs",
    );
  }
  if (at !== undefined) return { timestamp: at };
  return transaction === undefined ? undefined : { transactionId: transaction };
}

function chosen({ id }: Options, until: Moment | undefined): RestoreOptions {
  return { ...(id === undefined ? {} : { backupId: id }), ...(until === undefined ? {} : { until }) };
}

/** What lies between the backup and the moment is in the logs alone. */
async function withLogs(
  lake: LocalLake,
  options: Options,
  { asOf, cutAt }: Restored,
  { update }: Progress,
): Promise<Logs> {
  const isPast = options.at !== undefined || options.transaction !== undefined;
  const goesOn = options.recover && (!isPast || asOf > cutAt);
  const recovered = goesOn ? await recoverAll(lake, isPast ? { until: asOf } : {}, update) : undefined;
  const settles = options.truncateLog || options.forkLog !== undefined;
  const after = settles
    ? await settleLogs(lake, options, { update })
    : isPast || !options.recover
      ? { ahead: await logsAboveHeads(lake) }
      : {};
  return { ...(recovered && { recovered }), ...after };
}

/** The stated choice of what becomes of later versions in the logs. */
async function settleLogs(
  lake: LocalLake,
  { forkLog }: Pick<Options, "forkLog">,
  { update }: Pick<Progress, "update">,
): Promise<Logs> {
  if (forkLog === undefined) return { setAside: await setLogsAside(lake, update) };
  return { forked: await forkLogs(lake, ({ name }) => toLocation(defaultFolder(name), forkLog), update) };
}

const AHEAD_HINT =
  "hint: Commits to them get 503 CATALOG_BEHIND_LOG. To go on from here: dl restore --truncate-log, which sets the later versions aside, or --fork-log DIR, which goes on elsewhere. To go on to the end of the logs: dl recover --all.";

function isWhole({ recovered, ahead = [] }: Logs): boolean {
  return ahead.length === 0 && (recovered === undefined || isRecovered(recovered, {}));
}

function text({ backupId, asOf, tables, rows }: Restored, seconds: number): string {
  return `${backupId} is restored: ${plural(tables, "table")}, ${plural(rows, "row")} in ${formatSeconds(seconds)}, as of ${formatTime(asOf)}`;
}

function logTexts({ recovered, setAside = [], forked = [], ahead = [] }: Logs): readonly string[] {
  return [
    ...(recovered?.tables ?? []).map(({ table, from, to, stop, error }) => {
      const rest =
        error?.message ?? (stop && stop.reason !== "later" && `stopped before version ${stop.version}: see dl recover`);
      return `${table}: ${plural(to - from, "version")} taken over from its log${rest ? `; ${rest}` : ""}`;
    }),
    ...(recovered?.identities ?? []).map(identitySentence),
    ...setAside.map(
      ({ table, version, logVersion, folder }) =>
        `${table}: versions ${version + 1} to ${logVersion} of its log are set aside, in ${folder}`,
    ),
    ...forked.map(
      ({ table, version, from, to }) => `${table}: goes on at ${to} after version ${version}; ${from} stays as it is`,
    ),
    ...ahead.map(
      ({ table, version, logVersion }) =>
        `${table}: its log is ahead, at version ${logVersion}; SQL is at version ${version}`,
    ),
  ];
}
