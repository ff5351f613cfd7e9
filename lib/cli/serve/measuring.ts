/** What `GET /metrics` of a server says: what its processes have recorded, and what those behind the first one have found. */

import type { AnswerCache } from "../../ports.ts";
import { type PrometheusMetrics, renderTogether } from "../../telemetry/prometheus.ts";
import { exposition, type Sample } from "../../telemetry/samples.ts";
import type { Background } from "./background/background.ts";
import { cacheSamples } from "./parts.ts";
import type { SelfCheck } from "./self-check.ts";
import type { Measured } from "./workers/messages.ts";
import type { Workers } from "./workers/worker.ts";

export interface Measuring {
  /** In Prometheus' text format, with these samples of the tables. */
  render(tables: readonly Sample[]): Promise<string>;
  /** Of this process alone. */
  read(): Promise<Measured>;
}

export function measuring({
  metrics,
  background,
  selfCheck,
  cache,
  workers,
}: {
  readonly metrics: PrometheusMetrics;
  readonly background: Background;
  readonly selfCheck: SelfCheck;
  readonly cache: AnswerCache | undefined;
  readonly workers: Workers | undefined;
}): Measuring {
  const samples = () => [...background.samples(), ...selfCheck.samples()];
  const read = async (): Promise<Measured> => ({
    recorded: await metrics.read(),
    samples: samples(),
    cache: cache?.stats(),
  });
  return {
    read,
    async render(tables) {
      if (workers === undefined) {
        const caches = cache === undefined ? [] : [cache.stats()];
        return (await metrics.render()) + exposition([...tables, ...samples(), ...cacheSamples(caches)]);
      }
      const all = await workers.ask("metrics");
      const caches = all.flatMap((one) => one.cache ?? []);
      const found = [...tables, ...all.flatMap((one) => one.samples), ...cacheSamples(caches)];
      return (await renderTogether(all.map(({ recorded }) => recorded))) + exposition(found);
    },
  };
}
