/** The tables as a part of the service's health: it works, and some of them may need somebody. */

import { lakeHealth } from "../operations/table-health.ts";
import type { Lake } from "../ports.ts";
import type { ServicePart } from "./service-health.ts";

/** Tables that are named; the rest are counted, and `GET /v1/tables` has them all. */
const TROUBLED_TABLES = 20;

export function tablePart(lake: Lake): ServicePart {
  return {
    name: "tables",
    async check() {
      const { status, tables, troubled } = await lakeHealth(lake, TROUBLED_TABLES);
      const counted = Object.entries(tables).filter(([, count]) => count > 0);
      const detail = counted.map(([state, count]) => `${count} ${state}`).join(", ");
      return { state: status, ...(detail === "" ? {} : { detail }), facts: { tables, troubled } };
    },
  };
}
