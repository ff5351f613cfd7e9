/** The tables as parts of the service's health: how many need somebody, and how far behind their logs are. One question for both. */

import { type LakeHealth, lakeHealth } from "../operations/table-health.ts";
import type { Lake } from "../ports.ts";
import type { ServicePart } from "./service-health.ts";

/** Tables that are named; the rest are counted, and `GET /v1/tables` has them all. */
const TROUBLED_TABLES = 20;

export function tableParts(lake: Lake): readonly ServicePart[] {
  let open: Promise<LakeHealth> | undefined;
  const ask = () => {
    open ??= lakeHealth(lake, TROUBLED_TABLES).finally(() => {
      open = undefined;
    });
    return open;
  };
  return [
    {
      name: "tables",
      async check() {
        const { status, tables, troubled } = await ask();
        const counted = Object.entries(tables).filter(([, count]) => count > 0);
        const detail = counted.map(([state, count]) => `${count} ${state}`).join(", ");
        return { state: stateOf(status), ...(detail === "" ? {} : { detail }), facts: { tables, troubled } };
      },
    },
    {
      name: "mirrorLag",
      async check() {
        const { isLate, lagSeconds } = await ask();
        const detail = isLate ? { detail: `the oldest unpublished version is ${lagSeconds} s old` } : {};
        return { state: isLate ? "degraded" : "ok", ...detail, facts: { lagSeconds } };
      },
    },
  ];
}

function stateOf(status: LakeHealth["status"]): "ok" | "degraded" {
  return status === "healthy" ? "ok" : "degraded";
}
