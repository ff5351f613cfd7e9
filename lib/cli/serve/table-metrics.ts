/** The state of each table's mirror, read from SQL when Prometheus scrapes. */

import { readLag } from "../../operations/lag.ts";
import { allTables } from "../../operations/read.ts";
import type { Lake, TableHead } from "../../ports.ts";
import { mirrorSamples, type Sample } from "../../telemetry/samples.ts";

export async function mirrorMetrics(lake: Lake): Promise<Sample[]> {
  const samples: Sample[] = [];
  for await (const head of allTables(lake)) samples.push(...(await tableSamples(lake, head)));
  return samples;
}

/** As `dl diff` sees it. */
async function tableSamples(lake: Lake, head: TableHead): Promise<Sample[]> {
  const { lagSeconds, mirror } = await readLag(lake, head);
  return mirrorSamples(head.tableId, lagSeconds, mirror ?? { version: head.version, status: "COMPLETE", attempts: 0 });
}
