/** What a commit asks of the mirrors of its tables, and how it is told that one of them does not comply. */

import { isStopped, type MirrorFacts } from "../../delta/health.ts";
import type { CommitRequest } from "../../delta/request.ts";
import type { MirrorDemand } from "../../delta/table.ts";
import { LakeError, unavailable } from "../../errors.ts";
import type { Lake } from "../../ports.ts";
import { checkedTable, mirrorRules } from "../table-health.ts";

/** Whoever wants to be told that a version is in the log is told at once, before anything is written, that it cannot get there. */
export function mirrorDemand(lake: Lake, { acknowledge }: CommitRequest): MirrorDemand {
  const { maxUnpublished, commitsWhenStopped } = mirrorRules(lake);
  return {
    running: commitsWhenStopped === "refuse" || acknowledge === "mirrored",
    ...(maxUnpublished > 0 ? { below: maxUnpublished } : {}),
  };
}

/** conflict MIRROR_STOPPED where somebody must take care first; unavailable MIRROR_BACKLOG_FULL where time will do. */
export function mirrorRefusal(lake: Lake, facts: MirrorFacts): LakeError {
  const { health } = checkedTable(lake, facts);
  const { tableId, table } = facts;
  const about = { tableId, table, health };
  const { maxUnpublished, commitsWhenStopped } = mirrorRules(lake);
  const isFull = maxUnpublished > 0 && health.unpublishedVersions >= maxUnpublished;
  lake.metrics.record("CommitsRefused", 1, "Count", { tableId, table, state: health.state });
  if (isStopped(health.state)) {
    const taken =
      commitsWhenStopped === "accept" && !isFull
        ? ' With acknowledge "sql" the commit is taken, and published when that is done.'
        : "";
    return new LakeError("conflict", `nothing can be published to "${table}" (${health.state}): ${health.reason}`, {
      code: "MIRROR_STOPPED",
      hint: `${health.hint}${taken}`,
      facts: about,
    });
  }
  return unavailable(
    `"${table}" has ${health.unpublishedVersions} unpublished versions, and takes commits while there are fewer than ${maxUnpublished}`,
    {
      code: "MIRROR_BACKLOG_FULL",
      hint: "Send the same request again later: the mirror catches up meanwhile, where one is running. The bound is mirror.max_unpublished.",
      facts: about,
    },
  );
}
