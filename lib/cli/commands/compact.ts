/** dl compact: makes large files of small ones, or says which ones an engine should take together. */

import { Command, InvalidArgumentError } from "commander";
import { errorText, isLakeError } from "../../errors.ts";
import { type CompactionResult, compactTable, REWRITE_REFUSED } from "../../operations/compact.ts";
import { type CompactionOptions, type CompactionPlan, planCompaction } from "../../operations/compact-plan.ts";
import { allTables } from "../../operations/read.ts";
import type { Lake } from "../../ports.ts";
import { integer } from "../arguments.ts";
import { COMPACTION_WRITERS } from "../compaction-plan.ts";
import { action, oneTable } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { UsageError } from "../failure.ts";
import { formatBytes, plural } from "../format.ts";
import type { ListFormat, Output } from "../output.ts";
import { openProgress } from "../progress.ts";
import { table } from "../table.ts";

interface Options extends CompactionOptions {
  readonly plan?: true;
  readonly all?: true;
}

export function compactCommand(): Command {
  return new Command("compact")
    .argument("[table]", "the table: namespace.name or its id")
    .option("--all", "every table of the catalog, one after the other")
    .option("--plan", "change nothing; print which files belong together")
    .option(
      "--partition <column=value>",
      "only this partition; repeat it for more columns; no value for NULL",
      partition,
    )
    .option("--max-bytes <n>", "begin no further group once that many bytes of a table are taken", integer(1))
    .option(
      "--target-bytes <n>",
      "size of the new files (delta.targetFileSize; 128 MiB to 1 GiB by the size of the table)",
      integer(1),
    )
    .option("--min-files <n>", "leave fewer small files of a partition alone", integer(2), 2)
    .action(
      action<Options>(
        async ({ output, withLake }, { all, plan, ...options }, [named]) => {
          if ((named === undefined) === (all === undefined)) throw new UsageError("name a table, or say --all");
          if (plan) return withLake((lake) => printPlans(lake, output, named, options), { mirror: false });
          if (output.format === "ndjson") throw new UsageError("--format ndjson is for dl compact --plan");
          const tables = await withLake((lake) => compactTables(lake, named, options));
          await output.result({ tables }, () => text(tables));
          // Among all tables one that an engine must compact is no failure.
          return tables.some((each) => "error" in each && each.code !== REWRITE_REFUSED) ? EXIT.failed : EXIT.ok;
        },
        { formats: ["text", "json", "ndjson"] },
      ),
    );
}

async function printPlans(lake: Lake, output: Output, named: string | undefined, options: CompactionOptions) {
  const writer = COMPACTION_WRITERS[output.format as ListFormat](output);
  for await (const each of plansOf(lake, named, options)) await writer.plan(each);
  await writer.end();
  return EXIT.ok;
}

async function* plansOf(
  lake: Lake,
  named: string | undefined,
  options: CompactionOptions,
): AsyncGenerator<CompactionPlan> {
  if (named !== undefined) return yield await planCompaction(lake, oneTable({ table: named }), options);
  for await (const { tableId } of allTables(lake)) yield await planCompaction(lake, { tableId }, options);
}

type Compacted =
  | CompactionResult
  | { readonly tableId: string; readonly table: string; readonly code: string; readonly error: string };

async function compactTables(
  lake: Lake,
  named: string | undefined,
  options: CompactionOptions,
): Promise<readonly Compacted[]> {
  const { openFileRewriter } = await import("../../lake/compaction.ts");
  const rewriter = await openFileRewriter();
  const progress = openProgress();
  const wishes = { ...options, onProgress: progress.update };
  try {
    if (named !== undefined) return [await compactTable(lake, rewriter, oneTable({ table: named }), wishes)];
    const done: Compacted[] = [];
    for await (const { tableId, name } of allTables(lake)) {
      try {
        done.push(await compactTable(lake, rewriter, { tableId }, wishes));
      } catch (error) {
        // Dropped since it was listed.
        if (isLakeError(error, "notFound")) continue;
        done.push({
          tableId,
          table: name,
          code: isLakeError(error) ? error.code : "INTERNAL",
          error: errorText(error),
        });
      }
    }
    return done;
  } finally {
    progress.stop();
  }
}

function text(tables: readonly Compacted[]): string {
  if (tables.length === 0) return "there are no tables";
  return table(
    ["TABLE", "RESULT"],
    tables.map((each) => [each.table, "error" in each ? each.error : sentence(each)]),
  );
}

function sentence(result: CompactionResult): string {
  const { removedFiles, removedBytes, addedFiles, addedBytes, gaveWay, leftOutside, stopped } = result;
  const parts = [
    removedFiles === 0
      ? "nothing was worth writing again"
      : `${plural(removedFiles, "file")} of ${formatBytes(removedBytes)} became ${plural(addedFiles, "file")} of ${formatBytes(addedBytes)}`,
    ...(gaveWay > 0 ? [`gave way to other writers ${plural(gaveWay, "time")}`] : []),
    ...(leftOutside > 0 ? [`${plural(leftOutside, "file")} outside the table left to engines`] : []),
    ...(stopped === "maxBytes" ? ["ended at --max-bytes"] : []),
  ];
  return parts.join("; ");
}

/** Adds one `column=value`. */
function partition(
  given: string,
  before: Readonly<Record<string, string | null>> | undefined,
): Readonly<Record<string, string | null>> {
  const at = given.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("It takes column=value.");
  const value = given.slice(at + 1);
  return { ...before, [given.slice(0, at)]: value === "" ? null : value };
}
