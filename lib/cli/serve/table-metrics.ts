/** The state of each table's mirror, read from SQL when Prometheus scrapes. */

import { readLag } from "../../operations/lag.ts";
import type { Lake, TableHead } from "../../ports.ts";
import { mirrorSamples, type Sample } from "../../telemetry/samples.ts";

const PAGE = 500;

/** All tables of the catalog, page by page. */
export async function* allTables(lake: Lake): AsyncGenerator<TableHead> {
  let cursor: string | undefined;
  do {
    const page = await lake.catalog.listTables({ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
    yield* page.items;
    cursor = page.next;
  } while (cursor !== undefined);
}

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
