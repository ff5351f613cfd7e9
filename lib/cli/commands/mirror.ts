/** dl mirror: publishes now what is unpublished, of one table or of all, and looks at the logs that others write. */

import { Command } from "commander";
import { isStopped } from "../../delta/health.ts";
import { mirrorTable } from "../../operations/mirror.ts";
import { checkLog, faultError } from "../../operations/publishing/check-log.ts";
import { findHead } from "../../operations/read.ts";
import { checkedTables } from "../../operations/table-health.ts";
import type { Lake } from "../../ports.ts";
import { action, oneTable, withTableOptions } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { plural } from "../format.ts";
import { openProgress } from "../progress.ts";
import { table } from "../table.ts";

/** Versions of one table go one after the other; on S3 each waits for its answer, while others go on. */
const TABLES_AT_ONCE = 16;

interface Options {
  readonly table?: string;
  readonly tableId?: string;
}

export function mirrorCommand(): Command {
  const command = new Command("mirror");
  return withTableOptions(command).action(
    action<Options>(async ({ output, withLake }, options) => {
      const tables = await withLake((lake) => mirrorAll(lake, options), { mirror: false });
      await output.result({ tables }, () => text(tables));
      const failed = tables.some((t) => t.error !== undefined || t.quarantined !== undefined);
      return failed ? EXIT.failed : EXIT.ok;
    }),
  );
}

async function mirrorAll(lake: Lake, options: Options): Promise<readonly Mirrored[]> {
  const named = options.table !== undefined || options.tableId !== undefined;
  const ids = named ? [(await findHead(lake, oneTable(options))).tableId] : await unpublishedTables(lake);
  const progress = openProgress();
  const done: Mirrored[] = [];
  const waiting = ids.values();
  const worker = async () => {
    for (const tableId of waiting) {
      done.push(await mirrorOne(lake, tableId));
      progress.update({ phase: "mirror", done: done.length, total: ids.length });
    }
  };
  progress.update({ phase: "mirror", done: 0, total: ids.length });
  await Promise.all(Array.from({ length: TABLES_AT_ONCE }, worker));
  progress.stop();
  return ids.flatMap((tableId) => done.find((one) => one.tableId === tableId) ?? []);
}

interface Mirrored {
  readonly tableId: string;
  readonly table: string | undefined;
  readonly published: readonly number[];
  readonly checkpoints: readonly number[];
  /** Versions of others that were taken over; absent where the table is written here. */
  readonly followed: readonly number[] | undefined;
  readonly quarantined: string | undefined;
  readonly error: string | undefined;
}

async function mirrorOne(lake: Lake, tableId: string): Promise<Mirrored> {
  const { table: name, published, checkpoints, followed, quarantined, error } = await mirrorTable(lake, tableId);
  const fault = error === undefined && quarantined === undefined ? await faultOf(lake, tableId) : undefined;
  const why = error && (error.hint === undefined ? error.message : `${error.message}. ${error.hint}`);
  return { tableId, table: name, published, checkpoints, followed, quarantined, error: why ?? fault };
}

/** Also those that have stopped: whoever asks for all is told of them. */
async function unpublishedTables(lake: Lake): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { facts, health } of checkedTables(lake, "unsettled")) {
    if (facts.oldest !== undefined || facts.followed || isStopped(health.state)) ids.push(facts.tableId);
  }
  return ids;
}

/** Nothing may be left to publish, and what was published be gone: that is not up to date. */
async function faultOf(lake: Lake, tableId: string): Promise<string | undefined> {
  const head = await findHead(lake, { tableId });
  const fault = await checkLog(lake, head);
  return fault && `${fault.message}; ${faultError(fault, head.location).hint}`;
}

function text(tables: readonly Mirrored[]): string {
  if (tables.length === 0) return "nothing is unpublished";
  return table(
    ["TABLE", "PUBLISHED", "RESULT"],
    tables.map((t) => [
      t.table ?? t.tableId,
      t.followed ? `${plural(t.followed.length, "version")} followed` : plural(t.published.length, "version"),
      t.quarantined !== undefined ? `quarantined: ${t.quarantined}` : (t.error ?? "up to date"),
    ]),
  );
}
