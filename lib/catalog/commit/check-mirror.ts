/** What the mirrors of a commit's tables say to it, under the lock. The twin of dl_mirror_facts in PL/pgSQL. */

import { type MirrorFacts, unpublishedOf } from "../../delta/health.ts";
import type { Rejection } from "../../ports.ts";
import { raw, type SqlTransaction, sql } from "../database.ts";
import { MIRROR_FACTS, mirrorFactsOf } from "../rows/mirror-facts.ts";
import type { MirrorRequest } from "./planned-rows.ts";

/** Undefined when there is no such table. */
export async function readFacts(tx: SqlTransaction, tableId: string, now: number): Promise<MirrorFacts | undefined> {
  const [row] = await tx.read(
    sql`select ${raw(MIRROR_FACTS.columns)} from ${raw(MIRROR_FACTS.from(tx.dialect.isUnpublished))} where h.table_id = ${tableId}`,
  );
  return row && mirrorFactsOf(row, now);
}

/** Why the mirror of a table forbids a commit to it; undefined when it does not. */
export function refusalBy(mirror: MirrorFacts, rules: MirrorRequest): Rejection | undefined {
  const { tableId } = mirror;
  if (isStoppedBy(mirror, rules)) return { tableId, reason: "mirrorStopped", mirror };
  const { maxUnpublished } = rules;
  if (maxUnpublished === undefined || unpublishedOf(mirror) < maxUnpublished) return undefined;
  return { tableId, reason: "backlogFull", mirror };
}

function isStoppedBy({ quarantine, oldest, fault, parity }: MirrorFacts, { stops }: MirrorRequest): boolean {
  if (stops.quarantine && quarantine !== undefined) return true;
  if ([oldest?.errorCode, fault?.code].some((code) => code !== undefined && stops.codes.includes(code))) return true;
  // What a comparison did not find is not among its counts.
  return Object.keys(parity?.drift ?? {}).some((kind) => stops.drift.includes(kind));
}
