/** Which tables have changed their state since they were last spoken of: what a log says once, and not every few seconds. */

import type { HealthState } from "../delta/health.ts";
import type { CheckedTable } from "./table-health.ts";

export interface HealthChange {
  readonly tableId: string;
  readonly table: string;
  readonly before: HealthState;
  /** Undefined where the table is well again, or has been dropped. */
  readonly now?: CheckedTable;
}

/** A table that is late and well in turn is spoken of once in this time. */
const LATE_PAUSE_MS = 60_000;

interface Said {
  readonly table: string;
  readonly state: HealthState;
  readonly code: string | undefined;
  readonly at: number;
}

export interface HealthWatch {
  /** `unsettled` are all tables that there is something to say of. @param now milliseconds */
  look(unsettled: readonly CheckedTable[], now: number): readonly HealthChange[];
  /** Some tables alone: nothing is said of all others. */
  lookAt(tables: readonly CheckedTable[], now: number): readonly HealthChange[];
}

/** Remembers what was said of the tables that are not ok; at first nothing was. */
export function openHealthWatch(): HealthWatch {
  const said = new Map<string, Said>();

  function changeOf(checked: CheckedTable, now: number): HealthChange | undefined {
    const { tableId, table } = checked.facts;
    const { state, code } = checked.health;
    const last = said.get(tableId);
    const before = last?.state ?? "ok";
    if (state === before && code === last?.code) return undefined;
    const isMild = (one: HealthState) => one === "ok" || one === "late";
    const age = last === undefined ? LATE_PAUSE_MS : Math.abs(now - last.at);
    if (isMild(state) && isMild(before) && age < LATE_PAUSE_MS) return undefined;
    said.set(tableId, { table, state, code, at: now });
    return state === "ok" ? { tableId, table, before } : { tableId, table, before, now: checked };
  }

  function lookAt(tables: readonly CheckedTable[], now: number): readonly HealthChange[] {
    return tables.flatMap((checked) => changeOf(checked, now) ?? []);
  }

  return {
    lookAt,
    look(unsettled, now) {
      const changes = [...lookAt(unsettled, now)];
      const seen = new Set(unsettled.map(({ facts }) => facts.tableId));
      for (const [tableId, last] of said) {
        if (seen.has(tableId)) continue;
        const isQuiet = Math.abs(now - last.at) < LATE_PAUSE_MS;
        if (last.state !== "ok" && !(last.state === "late" && isQuiet)) {
          changes.push({ tableId, table: last.table, before: last.state });
          said.set(tableId, { ...last, state: "ok", code: undefined, at: now });
        } else if (last.state === "ok" && !isQuiet) said.delete(tableId);
      }
      return changes;
    },
  };
}

/** A change as one line of a log: for people, and as fields for programs. */
export interface ChangeLine {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function changeLine({ tableId, table, before, now }: HealthChange): ChangeLine {
  if (now === undefined) {
    return { level: "info", message: `${table} is ok again`, fields: { tableId, table, state: "ok", before } };
  }
  const { state, code, reason, hint, unpublishedVersions, lagSeconds } = now.health;
  return {
    level: state === "late" ? "warn" : "error",
    message: `${table} is ${state}: ${reason}`,
    fields: { tableId, table, state, before, code, hint, unpublishedVersions, lagSeconds },
  };
}
