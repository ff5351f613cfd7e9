/** The state of each table, read from SQL when Prometheus scrapes: one call for a thousand tables. */

import { type CheckedTable, checkedTables, countStates } from "../../operations/table-health.ts";
import type { Lake } from "../../ports.ts";
import { type Sample, stateSamples, tableSamples } from "../../telemetry/samples.ts";

export async function tableMetrics(lake: Lake): Promise<Sample[]> {
  const tables: CheckedTable[] = [];
  for await (const table of checkedTables(lake, "all")) tables.push(table);
  return [...tables.flatMap(({ facts, health }) => tableSamples(facts, health)), ...stateSamples(countStates(tables))];
}
