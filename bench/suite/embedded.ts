/** A catalog without a server: commits by a call of a function, which nobody publishes. */

import { randomUUID } from "node:crypto";
import { ActionCollector } from "../../lib/delta/decode.ts";
import type { JsonObject } from "../../lib/delta/values/json.ts";
import { openLocalLake } from "../../lib/lake/local.ts";
import { commit } from "../../lib/operations/commit.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { PARTITION_COLUMNS, SCHEMA } from "../support.ts";

export interface Embedded {
  /** To its one table. */
  commit(actions: readonly JsonObject[]): Promise<void>;
  close(): Promise<void>;
}

/** @param database that is empty */
export async function openEmbedded(database: string): Promise<Embedded> {
  const mirrorRules = { maxUnpublished: 0, commitsWhenStopped: "accept", lateAfterMs: 60_000 } as const;
  const lake = await openLocalLake({ database, mirror: false, verifyFiles: "off", mirrorRules });
  await lake.catalog.migrate();
  const table = { name: "bench.alone", location: "file:///bench/alone", schema: SCHEMA };
  const { tableId } = await createTable(lake, { ...table, partitionColumns: PARTITION_COLUMNS });
  return {
    async commit(actions) {
      const collector = new ActionCollector({ strict: true });
      for (const [i, action] of actions.entries()) collector.collect(action, `/tables/0/actions/${i}`);
      const part = { table: { tableId }, readVersion: 0, actions: collector.actions(), at: "/tables/0" };
      const { status } = await commit(lake, { transactionId: randomUUID(), tables: [part], acknowledge: "sql" });
      if (status !== "committed") throw new Error(status);
    },
    async close() {
      await lake.close();
    },
  };
}
