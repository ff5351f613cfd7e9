/** dl gateway: S3 for engines that write Delta tables; each version that they put is a commit of the catalog. */

import { Command } from "commander";
import { openAuditTrail } from "../../access/audit.ts";
import { errorText } from "../../errors.ts";
import type { LocalLake } from "../../lake/local.ts";
import { sweepMirrors } from "../../operations/sweep.ts";
import { type Logger, openLogger } from "../../telemetry/log.ts";
import { apiAccess } from "../api-access.ts";
import { repeated } from "../arguments.ts";
import { action, type CommandContext } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { UsageError } from "../failure.ts";
import { type ApiAccess, apiOf, prepareS3Face, type S3Face } from "../gateway/s3-face.ts";
import { keysFrom, S3_MASTER_KEY } from "../secret-keys.ts";
import { failureFields } from "../serve/health-log.ts";
import { every } from "../serve/schedule.ts";
import { stopSignal } from "../serve/signals.ts";

interface Options {
  readonly api?: string;
  readonly upstream: string;
  readonly listen: string;
  readonly keys?: string;
  readonly domain?: readonly string[];
  readonly table?: readonly string[];
  readonly create: boolean;
}

/** A table that is behind is looked after so often where no `dl serve` does it. */
const SWEEP_SECONDS = 5;
const SWEEP_TABLES = 100;

export function gatewayCommand(): Command {
  return new Command("gateway")
    .option("--api <url>", "the API that commits; absent, this process commits to --database itself")
    .requiredOption(
      "--upstream <place>",
      "where the objects are: s3://bucket, or a folder whose folders are the buckets",
    )
    .option("--listen <host:port>", "address of the S3 endpoint; port 0 takes a free one", "127.0.0.1:9000")
    .option(
      "--keys <file>",
      "access keys of clients, a line each: id and secret; beyond this machine these are needed, or those of the catalog (dl key create --s3)",
    )
    .option(
      "--domain <name>",
      "a name under which bucket.NAME is a bucket, beside localhost; may be repeated",
      repeated,
    )
    .option(
      "--table <place=name>",
      "how a new table is called: s3://bucket/path=namespace.name; may be repeated",
      repeated,
    )
    .option("--no-create", "engines make no tables, but those that --table names")
    .action(
      action<Options>(async (context, options) => {
        const { level } = context.config.logging;
        const logger = openLogger({ level, environment: context.config.environment });
        const { host, port } = addressOf(options.listen);
        const { upstream, keys, domain: domains, table: tables, create: creates } = options;
        const masters = options.api === undefined ? await keysFrom(process.env, S3_MASTER_KEY) : [];
        const ofCatalog = masters.length > 0;
        const face = await prepareS3Face({ upstream, host, port, keys, ofCatalog, domains, tables, creates, logger });
        if (options.api !== undefined) {
          // The key is a secret: it stands in no list of processes.
          const api = {
            send: async (request: Request) => fetch(request),
            baseUrl: options.api.replace(/\/$/, ""),
            access: apiAccess(process.env),
          };
          return run(context, face, { api, logger });
        }
        const beside = async (lake: LocalLake) => runWith(context, lake, face, { upstream, logger, masters });
        return context.withLake(beside, { create: "schema" });
      }),
    );
}

function addressOf(text: string): { readonly host: string; readonly port: number } {
  const [, v6, name, port] = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? name;
  if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new UsageError(`--listen ${text}: write HOST:PORT, such as 127.0.0.1:9000`);
}

async function runWith(
  context: CommandContext,
  lake: LocalLake,
  face: S3Face,
  {
    upstream,
    logger,
    masters,
  }: { readonly upstream: string; readonly logger: Logger; readonly masters: readonly Uint8Array[] },
): Promise<number> {
  const { overdue_seconds } = context.config.mirror;
  const sweeper = every(
    SWEEP_SECONDS,
    async () => void (await sweepMirrors(lake, { overdueMs: overdue_seconds * 1000, limit: SWEEP_TABLES })),
    (error) => logger.error(failureFields(error), `the sweep failed: ${errorText(error)}`),
  );
  const audit = openAuditTrail(lake.catalog, {
    shard: lake.clock.newId(),
    now: lake.clock.now,
    onError: (error) => logger.error(failureFields(error), `the audit trail waits: ${errorText(error)}`),
  });
  try {
    return await run(context, face, { api: await apiOf(lake, upstream, { logger, audit, masters }), logger });
  } finally {
    await audit.flush();
    await sweeper.stop();
  }
}

async function run(
  { output, config }: CommandContext,
  face: S3Face,
  { api, logger }: { readonly api: ApiAccess; readonly logger: Logger },
): Promise<number> {
  const stop = stopSignal();
  const server = await face(api);
  await output.result({ url: server.url }, () => `dl gateway is at ${server.url}`);
  const signal = await stop;
  logger.info({ signal }, "stopping");
  const cut = await server.close({ withinMs: config.server.shutdown_seconds * 1000 });
  return cut === 0 ? EXIT.ok : EXIT.unfinished;
}
