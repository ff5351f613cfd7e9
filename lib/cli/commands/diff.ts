/** dl diff: proves that SQL and `_delta_log` agree, or says where they do not; exit code 2 for drift, 3 for lag alone. */

import { stat } from "node:fs/promises";
import { Command, Option } from "commander";
import type { DiffReport } from "../../delta/diff.ts";
import { stringifyJson } from "../../delta/values/json.ts";
import { notFound } from "../../errors.ts";
import { fromLocation, fromS3Location, toLocation } from "../../lake/location.ts";
import { FIELDS_AT_ONCE } from "../../operations/comparing/compare-state.ts";
import { diffTable } from "../../operations/diff.ts";
import type { DeltaLog, Lake } from "../../ports.ts";
import { reportSamples, sampleLines } from "../../telemetry/samples.ts";
import { integer, seconds } from "../arguments.ts";
import { action, oneTable, withTableOptions } from "../context.ts";
import { diffText } from "../diff-text.ts";
import { EXIT } from "../exit-codes.ts";
import { UsageError } from "../failure.ts";
import type { Format, Output } from "../output.ts";
import { writeFileAtomically } from "../write-file.ts";

interface Options {
  readonly table?: string;
  readonly tableId?: string;
  readonly logDir?: string;
  readonly lagThresholdSeconds?: number;
  readonly maxDriftFiles?: number;
  readonly fields?: true;
  readonly metricsFormat: "none" | "json" | "prometheus";
  readonly metricsOutput?: string;
  readonly jsonOutput?: string;
  readonly format: Format;
}

export function diffCommand(): Command {
  const command = new Command("diff")
    .option("--log-dir <dir>", "the table's folder or its _delta_log, also s3://…; its own location if absent")
    .option("--lag-threshold-seconds <n>", "an unpublished version of this age is late (default: 5)", seconds)
    .option("--max-drift-files <n>", "so many differing files are tolerated (default: 0)", integer(0))
    .option(
      "--fields",
      `compare field by field whatever the size; else more than ${FIELDS_AT_ONCE} files are, only where their fingerprints differ`,
    )
    .addOption(
      new Option("--metrics-format <format>", "metrics of this run")
        .choices(["none", "json", "prometheus"])
        .default("none"),
    )
    .option("--metrics-output <file>", "where metrics go; stdout if absent")
    .option("--json-output <file>", "also write the report here, as JSON");
  return withTableOptions(command).action(
    action<Options>(async ({ config, output, withLake }, options) => {
      checkOptions(options);
      const { parity } = config;
      const report = await withLake(
        async (lake) => {
          const log = options.logDir === undefined ? {} : { log: await openLogDir(lake, options.logDir) };
          return diffTable(lake, {
            ref: oneTable(options),
            ...log,
            lagThresholdSeconds: options.lagThresholdSeconds ?? parity.lag_threshold_seconds,
            maxDriftFiles: options.maxDriftFiles ?? parity.max_drift_files,
            ...(options.fields ? {} : { fieldsUpTo: FIELDS_AT_ONCE }),
          });
        },
        { mirror: false },
      );
      if (options.jsonOutput !== undefined) await writeFileAtomically(options.jsonOutput, `${stringifyJson(report)}\n`);
      await printReport(output, report, options);
      return EXIT[report.outcome];
    }),
  );
}

function checkOptions(options: Options): void {
  const { metricsFormat, metricsOutput, format } = options;
  if (metricsOutput !== undefined && metricsFormat === "none") {
    throw new UsageError("--metrics-output needs --metrics-format json or prometheus");
  }
  if (format === "json" && metricsFormat === "prometheus" && metricsOutput === undefined) {
    throw new UsageError(
      "--format json with --metrics-format prometheus needs --metrics-output: stdout holds one JSON document",
    );
  }
}

/** Accepts the `_delta_log` folder itself as well as the table's. A mistyped one is an error, and no drift. */
async function openLogDir(lake: Lake, dir: string): Promise<DeltaLog> {
  const location = (await toLocation(dir)).replace(/\/_delta_log$/, "");
  const log = lake.openLog(location);
  if (fromS3Location(location)) {
    // S3 has no folders to look for.
    await log.list();
    return log;
  }
  const folder = fromLocation(location);
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory()) return log;
  throw notFound(`there is no folder ${folder}`, {
    code: "NO_DELTA_LOG",
    hint: "--log-dir is the table's folder, or its _delta_log.",
  });
}

/** Metrics without a file take stdout; the text report then goes to stderr. */
async function printReport(output: Output, report: DiffReport, options: Options): Promise<void> {
  const { metricsFormat, metricsOutput, format } = options;
  const text =
    metricsFormat === "prometheus" ? sampleLines(reportSamples(report)) : `${stringifyJson(metricsDocument(report))}\n`;
  if (metricsFormat === "none") return output.result(report, () => diffText(report));
  if (metricsOutput !== undefined) {
    await writeFileAtomically(metricsOutput, text);
    return output.result(report, () => diffText(report));
  }
  if (format === "json") return output.result({ ...report, ...metricsDocument(report) }, () => "");
  output.note(diffText(report));
  return output.write(text);
}

function metricsDocument(report: DiffReport) {
  return {
    metrics: reportSamples(report).map(({ metric, labels, value }) => ({ name: metric.prometheus, labels, value })),
  };
}
