/** Benchmark of the audit trail: following all chains of a long one, every row hashed again. */

import { randomUUID } from "node:crypto";
import { openAuditTrail, verifyAudit } from "../../lib/access/audit.ts";
import { openLocalLake } from "../../lib/lake/local.ts";
import { enginesOf } from "./engines.ts";
import type { Bench } from "./model.ts";

/** As many processes have written it. */
const CHAINS = 4;
const ROWS_AT_ONCE = 5_000;

async function writeTrail(catalog: Parameters<typeof openAuditTrail>[0], rows: number): Promise<void> {
  const tableId = randomUUID();
  for (let chain = 0; chain < CHAINS; chain += 1) {
    const onError = (error: unknown) => {
      throw error;
    };
    const trail = openAuditTrail(catalog, { shard: randomUUID(), now: () => 0, onError });
    for (let i = chain; i < rows; i += CHAINS) {
      trail.note({
        at: 1_800_000_000_000 + i,
        requestId: randomUUID(),
        who: "user:etl",
        session: "0123456789abcdef",
        client: "10.0.0.12",
        operation: "commit",
        tables: '["sales.orders"]',
        decision: "allowed",
        outcome: "201",
        because: `grant APPEND on table:${tableId} to user:etl`,
        effect: JSON.stringify({ transactionId: randomUUID(), versions: { [tableId]: i } }),
      });
      if (i % ROWS_AT_ONCE < CHAINS) await trail.flush();
    }
    await trail.flush();
  }
}

export const AUDIT: Bench = {
  title: "Verifying the audit trail",
  unit: "rows/s",
  better: "more",
  async *cases(context) {
    for await (const engine of enginesOf(context)) {
      const { database } = await engine.database();
      const lake = await openLocalLake({ database, mirror: false });
      await lake.catalog.migrate();
      await writeTrail(lake.catalog, context.files);
      const sample = async () => {
        const startedAt = performance.now();
        const { rows, faults } = await verifyAudit(lake.catalog);
        if (rows !== context.files || faults.length > 0) throw new Error(faults.join("; "));
        return (rows / (performance.now() - startedAt)) * 1000;
      };
      yield {
        name: `${engine.name}, ${context.files} rows`,
        close: () => lake.close(),
        subjects: [{ name: "deltalakedb", role: "ours", sample }],
      };
    }
  },
};
