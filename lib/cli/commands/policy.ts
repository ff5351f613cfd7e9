/** dl policy: what the schedule does with a table, and what it did last. */

import { Command, Option } from "commander";
import type { Config } from "../../config.ts";
import { policyOf } from "../../operations/maintenance.ts";
import { findHead } from "../../operations/read.ts";
import type { Lake, Upkeep, UpkeepChange } from "../../ports.ts";
import { duration } from "../arguments.ts";
import { action, oneTable } from "../context.ts";
import { UsageError } from "../failure.ts";
import { formatTime } from "../format.ts";
import { maintenanceRules } from "../maintenance-rules.ts";
import { facts } from "../output.ts";

const DAY_MS = 86_400_000;
const CHOICES = ["on", "off", "default"] as const;
type Choice = (typeof CHOICES)[number];

interface Options {
  readonly compact?: Choice;
  readonly vacuum?: Choice;
  readonly cleanLog?: Choice;
  readonly trimHistory?: Choice;
  readonly historyRetention?: number | "default";
}

export function policyCommand(): Command {
  const choice = (flag: string, about: string) =>
    new Option(`${flag} <choice>`, `${about}: on, off, or default, as the service says`).choices(CHOICES);
  return new Command("policy")
    .addCommand(
      new Command("show")
        .description("show what the schedule does with a table, and what it did last")
        .argument("<table>", "the table: namespace.name or its id")
        .action(
          action(async ({ output, config, withLake }, _, [table]) => {
            const shown = await withLake((lake) => show(lake, config, table ?? ""));
            await output.result(shown, () => text(shown));
            return undefined;
          }),
        ),
    )
    .addCommand(
      new Command("set")
        .description("say what the schedule does with a table")
        .argument("<table>", "the table: namespace.name or its id")
        .addOption(choice("--compact", "whether small files become large ones"))
        .addOption(choice("--vacuum", "whether files go that only expired versions have"))
        .addOption(choice("--clean-log", "whether expired versions leave _delta_log"))
        .addOption(choice("--trim-history", "whether SQL forgets versions after the history's retention"))
        .option(
          "--history-retention <duration>",
          "for how long SQL keeps versions, such as 90d; or default",
          (given) => (given === "default" ? given : duration(given)),
        )
        .action(
          action<Options>(async ({ output, config, withLake }, options, [table]) => {
            const change = changeOf(options);
            if (Object.keys(change).length === 0)
              throw new UsageError("nothing is to be set: see dl policy set --help");
            const shown = await withLake(async (lake) => {
              const { tableId } = await findHead(lake, oneTable({ table: table ?? "" }));
              await lake.catalog.writeUpkeep(tableId, change);
              return show(lake, config, tableId);
            });
            await output.result(shown, () => text(shown));
            return undefined;
          }),
        ),
    );
}

function changeOf({ compact, vacuum, cleanLog, trimHistory, historyRetention }: Options): UpkeepChange {
  const flag = (choice: Choice) => (choice === "default" ? null : choice === "on");
  return {
    ...(compact === undefined ? {} : { compact: flag(compact) }),
    ...(vacuum === undefined ? {} : { vacuum: flag(vacuum) }),
    ...(cleanLog === undefined ? {} : { cleanLog: flag(cleanLog) }),
    ...(trimHistory === undefined ? {} : { trimHistory: flag(trimHistory) }),
    ...(historyRetention === undefined
      ? {}
      : { historyRetention: historyRetention === "default" ? null : historyRetention }),
  };
}

interface Shown extends Partial<Upkeep> {
  readonly tableId: string;
  readonly table: string;
  readonly policy: ReturnType<typeof policyOf>;
  /** Milliseconds. */
  readonly historyRetention: number;
}

async function show(lake: Lake, config: Config, table: string): Promise<Shown> {
  const { tableId, name } = await findHead(lake, oneTable({ table }));
  const [upkeep] = await lake.catalog.readUpkeep([tableId]);
  const rules = maintenanceRules(config);
  const historyRetention = upkeep?.historyRetention ?? rules.historyRetentionMs;
  return { ...upkeep, tableId, table: name, policy: policyOf(upkeep, rules), historyRetention };
}

function text(shown: Shown): string {
  const { policy, lastError, vacuumFloor } = shown;
  const line = (wanted: boolean, own: boolean | undefined, at: number | undefined) =>
    `${wanted ? "on" : "off"}${own === undefined ? ", by default" : ""}${at === undefined ? "" : `; last ${formatTime(at)}`}`;
  return [
    shown.table,
    facts([
      ["compact", line(policy.compact, shown.compact, shown.compactAt)],
      ["vacuum", line(policy.vacuum, shown.vacuum, shown.vacuumAt)],
      ["clean-log", line(policy.cleanLog, shown.cleanLog, shown.cleanLogAt)],
      ["trim-history", line(policy.trimHistory, shown.trimHistory, shown.trimHistoryAt)],
      ["history retention", `${Number((shown.historyRetention / DAY_MS).toFixed(2))} d`],
      ["readable from version", vacuumFloor === undefined ? undefined : String(vacuumFloor)],
      ["last failure", lastError],
    ]),
  ].join("\n");
}
