/** Commits out of a log: some read ahead, their times, and the transactions that wrote them. */

import type { Commit, CommitActions } from "../../delta/actions.ts";
import { encodeCommit } from "../../delta/encode.ts";
import type { CommitFile } from "../../delta/files/log-files.ts";
import { originOf } from "../../delta/origin.ts";
import type { DeltaLog, ImportBatch, LogCommit } from "../../ports.ts";

/** Commits read ahead of the one that is being written to SQL, … */
const READ_AHEAD = 16;
/** … as long as they have no more bytes than this: in memory, actions are some ten times their text. */
const READ_AHEAD_BYTES = 32 * 2 ** 20;

/** Reads commits in the given order, some of them ahead: on S3 each is a round trip. */
export async function* readCommits(log: DeltaLog, commits: readonly CommitFile[]): AsyncGenerator<LogCommit> {
  const ahead: { readonly commit: Promise<LogCommit>; readonly bytes: number }[] = [];
  let [next, bytes] = [0, 0];
  const fill = () => {
    for (let file = commits[next]; file !== undefined && ahead.length < READ_AHEAD; file = commits[next]) {
      if (ahead.length > 0 && bytes + file.size > READ_AHEAD_BYTES) return;
      const commit = log.readCommit(file.version);
      commit.catch(() => {}); // awaited below, in order; this only keeps an early failure from being reported as unhandled
      ahead.push({ commit, bytes: file.size });
      bytes += file.size;
      next += 1;
    }
  };
  for (fill(); ahead.length > 0; fill()) {
    const [first] = ahead.splice(0, 1);
    if (first === undefined) return;
    bytes -= first.bytes;
    yield await first.commit;
  }
}

/**
 * The in-commit timestamp, or the time that a commit of ours names, or else the file's modification time, made strictly increasing as Spark does.
 */
export function timesOf(
  actions: CommitActions | undefined,
  modifiedAt: number,
  previous: number,
): { timestamp: number; inCommitTimestamp?: number } {
  const own = actions?.commitInfo?.inCommitTimestamp;
  if (typeof own === "number") return { timestamp: own, inCommitTimestamp: own };
  const committedAt = originOf(actions?.commitInfo)?.timestamp ?? Math.floor(modifiedAt);
  return { timestamp: Math.max(committedAt, previous + 1) };
}

/** The transaction of ours that wrote a version, if one did. */
export function loggedTransaction(
  { version, actions, bytes }: LogCommit,
  times: Pick<Commit, "timestamp" | "inCommitTimestamp">,
  known: { readonly sameBytes?: boolean } = {},
): Pick<ImportBatch, "transaction"> {
  const origin = originOf(actions.commitInfo);
  if (origin === undefined) return {};
  const { sameBytes = Buffer.compare(encodeCommit({ version, actions, ...times }), bytes) === 0 } = known;
  return { transaction: { ...origin, sameBytes } };
}
