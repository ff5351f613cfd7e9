/** Traces of a server, where a collector is named. */

import type { Config } from "../../config.ts";
import type { Traces } from "../../ports.ts";
import type { Logger } from "../../telemetry/log.ts";
import { VERSION } from "../version.ts";

/** undefined, and nothing is loaded, where nobody is to be traced. */
export async function tracesOf({ monitoring, environment }: Config, logger: Logger): Promise<Traces | undefined> {
  const { traces_endpoint: endpoint, traces_sample_ratio: sampleRatio } = monitoring;
  if (endpoint === undefined) return undefined;
  const { openTraces } = await import("../../telemetry/traces.ts");
  const onError = (message: string) => logger.warn(`traces were not sent: ${message}`);
  return openTraces({ endpoint, sampleRatio, version: VERSION, environment, onError });
}
