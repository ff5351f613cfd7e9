/** The looks of a server at its own health: what changes is a line of the log, what holds is a metric. */

import type { PartHealth, ServiceHealth } from "../../http/service-health.ts";
import type { Logger } from "../../telemetry/log.ts";
import { SERVICE_METRICS } from "../../telemetry/metric-names.ts";
import type { Sample } from "../../telemetry/samples.ts";

export interface SelfCheck {
  run(): Promise<void>;
  /** Of the last look. */
  samples(): readonly Sample[];
}

export function openSelfCheck(health: () => Promise<ServiceHealth>, logger: Logger): SelfCheck {
  let last: ServiceHealth | undefined;

  function tell({ status, parts }: ServiceHealth): void {
    const changed = Object.entries(parts).filter(([name, part]) => part.state !== (last?.parts[name]?.state ?? "ok"));
    for (const [part, { state, detail, hint }] of changed) {
      const line = { part, state, status, ...(detail && { detail }), ...(hint && { hint }) };
      if (state === "ok") logger.info(line, `${part} is ok again`);
      else logger.warn(line, `${part} is ${state}`);
    }
  }

  return {
    async run() {
      const now = await health();
      tell(now);
      last = now;
    },
    samples: () =>
      Object.entries(last?.parts ?? {}).map(([part, { state }]) => ({
        metric: SERVICE_METRICS.health,
        labels: { part },
        value: healthValue(state),
      })),
  };
}

function healthValue(state: PartHealth["state"]): number {
  if (state === "ok") return 1;
  return state === "warning" || state === "degraded" ? 0.5 : 0;
}
