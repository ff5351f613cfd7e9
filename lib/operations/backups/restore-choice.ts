/**
 * Which backup a restore begins with: the newest, or the first one that was made after the moment that is wanted. Where none was, the
 * logs have what is missing (recover.ts, `until`).
 */

import { notFound } from "../../errors.ts";
import type { BackupPlace } from "../../ports.ts";
import { chainOf, findBackup } from "./list.ts";
import { checkKey, type Manifest } from "./manifest.ts";
import { readStep, stepsOf } from "./restore-steps.ts";

export type Moment =
  /** Milliseconds: with all that has this timestamp or an earlier one. */
  { readonly timestamp: number } | { readonly transactionId: string };

export interface Chosen {
  readonly backup: Manifest;
  /** The full one first. */
  readonly chain: readonly Manifest[];
  /** Milliseconds; absent where the state at the cut is wanted. */
  readonly timestamp?: number;
}

/** A backup that is so much later than a moment has all of it, though clocks differ. */
const CLOCKS_MS = 60_000;

/** @throws LakeError notFound: BACKUP_NOT_FOUND, TRANSACTION_NOT_IN_BACKUP; invalid: BACKUP_KEY_MISSING, BACKUP_KEY_WRONG */
export async function chooseBackup(
  place: BackupPlace,
  { backupId, until }: { readonly backupId: string | undefined; readonly until: Moment | undefined },
): Promise<Chosen> {
  const { backup: newest, backups } = await findBackup(place, backupId);
  const chainTo = (backup: Manifest): readonly Manifest[] => {
    const chain = chainOf(backups, backup);
    for (const one of chain) checkKey(place, one);
    return chain;
  };
  if (until === undefined) return { backup: newest, chain: chainTo(newest) };
  const timestamp = "timestamp" in until ? until.timestamp : await timeOf(place, chainTo(newest), until.transactionId);
  const later = backups.find(({ cutAt }) => cutAt >= timestamp + CLOCKS_MS);
  const backup = backupId === undefined ? (later ?? newest) : newest;
  return { backup, chain: chainTo(backup), timestamp };
}

/** When a transaction was committed. */
async function timeOf(place: BackupPlace, chain: readonly Manifest[], transactionId: string): Promise<number> {
  for (const step of stepsOf(chain)) {
    if (step.part.set !== "dl_transactions") continue;
    const [idAt, timeAt] = [step.columns.indexOf("transaction_id"), step.columns.indexOf("committed_at")];
    const row = (await readStep(place, step)).find((one) => one[idAt] === transactionId.toLowerCase());
    if (row !== undefined) return Number(row[timeAt]);
  }
  throw notFound(`no backup has the transaction ${transactionId}`, {
    code: "TRANSACTION_NOT_IN_BACKUP",
    hint: "Check the id; transactions beyond their retention are forgotten. Of one that was committed after the last backup only the logs know: restore without --transaction.",
  });
}
