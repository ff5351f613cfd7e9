/** dl compact: which small files should become larger ones, for an engine to carry out. */

import { Command, InvalidArgumentError } from "commander";
import { type CompactionOptions, type CompactionPlan, planCompaction } from "../../operations/compact-plan.ts";
import { allTables } from "../../operations/read.ts";
import type { Lake } from "../../ports.ts";
import { integer } from "../arguments.ts";
import { COMPACTION_WRITERS } from "../compaction-plan.ts";
import { action, oneTable } from "../context.ts";
import { UsageError } from "../failure.ts";

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
    .option("--max-bytes <n>", "begin no further group once that many bytes are taken", integer(1))
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
          if (!plan) throw new UsageError("say --plan");
          await withLake(async (lake) => {
            const writer = COMPACTION_WRITERS[output.format](output);
            for await (const each of plansOf(lake, named, options)) await writer.plan(each);
            await writer.end();
          });
          return 0;
        },
        { formats: ["text", "json", "ndjson"] },
      ),
    );
}

async function* plansOf(
  lake: Lake,
  named: string | undefined,
  options: CompactionOptions,
): AsyncGenerator<CompactionPlan> {
  if (named !== undefined) return yield await planCompaction(lake, oneTable({ table: named }), options);
  for await (const { tableId } of allTables(lake)) yield await planCompaction(lake, { tableId }, options);
}

/** Adds one `column=value`. */
function partition(
  text: string,
  before: Readonly<Record<string, string | null>> | undefined,
): Readonly<Record<string, string | null>> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("It takes column=value.");
  const value = text.slice(at + 1);
  return { ...before, [text.slice(0, at)]: value === "" ? null : value };
}
