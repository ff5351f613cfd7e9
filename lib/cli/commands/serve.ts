/** dl serve: the whole service in one process: API, mirror, sweeper and parity checks. */

import { Command } from "commander";
import type { Config } from "../../config.ts";
import { errorText } from "../../errors.ts";
import { createApp } from "../../http/app.ts";
import type { HostOptions } from "../../http/endpoint.ts";
import { listen } from "../../http/node-server.ts";
import type { LocalLake } from "../../lake/local.ts";
import { tableLocation } from "../../lake/location.ts";
import { maskedUrl } from "../../masked-url.ts";
import { sweepMirrors } from "../../operations/sweep.ts";
import { type Logger, openLogger } from "../../telemetry/log.ts";
import { openPrometheus, type PrometheusMetrics } from "../../telemetry/prometheus.ts";
import { exposition } from "../../telemetry/samples.ts";
import { integer, seconds } from "../arguments.ts";
import { action } from "../context.ts";
import type { Output } from "../output.ts";
import { openParityChecks, type ParityChecks } from "../serve/parity.ts";
import { every } from "../serve/schedule.ts";
import { stopSignal } from "../serve/signals.ts";
import { mirrorMetrics } from "../serve/table-metrics.ts";
import { VERSION } from "../version.ts";

/** Tables that one sweep enqueues; the next sweep takes the rest. */
const SWEEP_TABLES = 1000;

interface Options {
  readonly port?: number;
  readonly host?: string;
  readonly storage?: string;
  readonly sweepIntervalSeconds?: number;
  readonly parityIntervalSeconds?: number;
  readonly mirror: boolean;
}

export function serveCommand(): Command {
  return new Command("serve")
    .option("--port <n>", "port of the API; 0 takes a free one (default: 8080)", integer(0, 65_535))
    .option("--host <address>", "address to listen on (default: 127.0.0.1)")
    .option(
      "--storage <dir>",
      "folder or s3://bucket/prefix for tables created without a location, or with a relative one",
    )
    .option(
      "--sweep-interval-seconds <n>",
      "how often overdue tables are mirrored again; 0 never (default: 5)",
      seconds,
    )
    .option(
      "--parity-interval-seconds <n>",
      "how often SQL and _delta_log are compared; 0 never (default: 300)",
      seconds,
    )
    .option("--no-mirror", "leave _delta_log to another process")
    .action(
      action<Options>(async ({ config, output, database, withLake }, options) => {
        const settings = withOptions(config, options);
        const { level } = settings.logging;
        const logger = openLogger({ level, environment: settings.environment });
        const metrics = openPrometheus();
        const onMirrorError = (tableId: string, error: unknown) => {
          logger.warn({ tableId, err: error }, `the mirror failed and will be tried again: ${errorText(error)}`);
        };
        const { enabled: mirror } = settings.mirror;
        await withLake(
          async (lake) => {
            logger.info({ database: maskedUrl(database()), version: VERSION }, "starting");
            await serve(lake, settings, { logger, metrics, output });
          },
          { create: "schema", mirror, metrics, onMirrorError },
        );
        logger.info("stopped");
        return 0;
      }),
    );
}

function withOptions(config: Config, options: Options): Config {
  const { server, mirror, parity } = config;
  const { sweepIntervalSeconds, parityIntervalSeconds } = options;
  return {
    ...config,
    server: {
      ...server,
      host: options.host ?? server.host,
      port: options.port ?? server.port,
      storage: options.storage ?? server.storage,
    },
    mirror: {
      ...mirror,
      enabled: options.mirror && mirror.enabled,
      sweep_interval_seconds: sweepIntervalSeconds ?? mirror.sweep_interval_seconds,
    },
    parity: { ...parity, interval_seconds: parityIntervalSeconds ?? parity.interval_seconds },
  };
}

interface Speaking {
  readonly logger: Logger;
  readonly metrics: PrometheusMetrics;
  readonly output: Output;
}

async function serve(lake: LocalLake, settings: Config, { logger, metrics, output }: Speaking): Promise<void> {
  const stop = stopSignal();
  const parity = openParityChecks(lake, settings.parity, logger);
  const app = createApp(lake, hostOptions(lake, settings, { logger, metrics, parity }));
  const server = await listen(app.fetch, settings.server);
  await output.result({ url: server.url }, () => `dl serves ${server.url}`);
  const { enabled, sweep_interval_seconds, overdue_seconds } = settings.mirror;
  const sweeper = every(
    enabled ? sweep_interval_seconds : 0,
    async () => {
      await sweepMirrors(lake, { overdueMs: overdue_seconds * 1000, limit: SWEEP_TABLES });
    },
    (error) => logger.error({ err: error }, "the sweep failed"),
  );
  const checks = every(settings.parity.interval_seconds, parity.run, (error) => {
    logger.error({ err: error }, "the parity checks failed");
  });
  const signal = await stop;
  logger.info({ signal }, "stopping: finishing requests and the mirror; a second signal stops at once");
  parity.stop();
  await server.close();
  await Promise.all([sweeper.stop(), checks.stop()]);
  // What was committed until now is published before the lake closes (its close waits for the mirror).
}

function hostOptions(
  lake: LocalLake,
  settings: Config,
  { logger, metrics, parity }: Omit<Speaking, "output"> & { readonly parity: ParityChecks },
): HostOptions {
  const { body_limit_bytes, storage } = settings.server;
  const text = async () => {
    const samples = [...(await mirrorMetrics(lake)), ...parity.samples()];
    return { contentType: metrics.contentType, text: (await metrics.render()) + exposition(samples) };
  };
  return {
    version: VERSION,
    bodyLimitBytes: body_limit_bytes,
    resolveLocation: (location, tableName) => tableLocation(storage, location, tableName),
    onIncident: (error, incident) => logger.error({ err: error, incident }, errorText(error)),
    ...(settings.monitoring.metrics_enabled ? { metrics: { access: "read", render: text } } : {}),
  };
}
