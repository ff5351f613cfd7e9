/** The state of each table's mirror, read from SQL when Prometheus scrapes. */

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

/** As `dl diff` sees it: the age of the oldest unpublished version, or the time that the newest took to be published. */
async function tableSamples(lake: Lake, { tableId, version }: TableHead): Promise<Sample[]> {
  const [oldest] = await lake.catalog.unpublished(tableId, 1);
  const newest = (await lake.catalog.mirrorStatuses(tableId, { after: version - 1, limit: 1 })).items[0];
  const status = oldest ?? newest;
  const until = oldest ? lake.clock.now() : (status?.publishedAt ?? status?.committedAt ?? 0);
  const lagSeconds = status ? Math.max(0, until - status.committedAt) / 1000 : 0;
  return mirrorSamples(tableId, lagSeconds, newest ?? oldest ?? { version, status: "COMPLETE", attempts: 0 });
}
