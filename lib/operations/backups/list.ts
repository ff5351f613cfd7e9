/** The backups at a place: which there are, and which chains they make. */

import { LakeError, notFound } from "../../errors.ts";
import type { BackupPlace, ObjectInfo } from "../../ports.ts";
import { damaged, getManifest, MANIFEST, type Manifest } from "./manifest.ts";

export interface FoundBackups {
  /** The oldest first. */
  readonly backups: readonly Manifest[];
  /** Manifests that cannot be read, with what is the matter. */
  readonly unreadable: readonly { readonly backupId: string; readonly error: string }[];
  /** Folders without a manifest: backups under way, or that were killed. */
  readonly unfinished: readonly string[];
  /** Every object of a backup or of what is left of one, by its folder. */
  readonly objects: ReadonlyMap<string, readonly Pick<ObjectInfo, "key" | "size">[]>;
}

/** `20260101T120000000Z-1a2b3c4d` */
const BACKUP_ID = /^\d{8}T\d{9}Z-[0-9a-f]{8}$/;

/** After all that are there, whatever the clock says: the order of ids is that in which backups were made. */
export function nextId({ objects }: FoundBackups, time: number, random: string): string {
  const newest = Math.max(...[...objects.keys()].map(timeOfBackup));
  const at = new Date(Math.max(time, newest + 1)).toISOString().replaceAll(/[-:.]/g, "");
  return `${at}-${random.replaceAll("-", "").slice(0, 8)}`;
}

/** Milliseconds: of the cut of a backup, finished or not. */
export function timeOfBackup(backupId: string): number {
  const [, y, m, d, h, min, s, ms] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})/.exec(backupId) ?? [];
  return Date.parse(`${y}-${m}-${d}T${h}:${min}:${s}.${ms}Z`);
}

/** Folders of other names are none of ours. @throws LakeError unavailable */
export async function findBackups(place: BackupPlace): Promise<FoundBackups> {
  const objects = new Map<string, { key: string; size: number }[]>();
  for await (const { key, size } of place.store.list("")) {
    const [folder = ""] = key.split("/");
    if (!BACKUP_ID.test(folder)) continue;
    const known = objects.get(folder);
    if (known) known.push({ key, size });
    else objects.set(folder, [{ key, size }]);
  }
  const backups: Manifest[] = [];
  const unreadable: { backupId: string; error: string }[] = [];
  const unfinished: string[] = [];
  for (const [backupId, all] of objects) {
    if (!all.some(({ key }) => key === `${backupId}/${MANIFEST}`)) {
      unfinished.push(backupId);
      continue;
    }
    try {
      const manifest = await getManifest(place, backupId);
      if (manifest !== undefined) backups.push(manifest);
    } catch (error) {
      if (!(error instanceof LakeError) || error.kind === "unavailable") throw error;
      unreadable.push({ backupId, error: error.message });
    }
  }
  return { backups, unreadable, unfinished, objects };
}

/** A backup and those that it goes on from, the full one first. @throws LakeError corrupt BACKUP_DAMAGED where one is missing */
export function chainOf(backups: readonly Manifest[], last: Manifest): readonly Manifest[] {
  const chain = [last];
  for (let at = last; at.baseId !== undefined; ) {
    const base = backups.find(({ backupId }) => backupId === at.baseId);
    if (base === undefined || chain.includes(base)) {
      throw damaged(
        last.backupId,
        `is of no use: ${at.baseId}, from which ${at.backupId} goes on, is ${base ? "damaged" : "missing"}`,
      );
    }
    chain.unshift(base);
    at = base;
  }
  return chain;
}

/** The backup of this id, or the newest. @throws LakeError notFound */
export async function findBackup(
  place: BackupPlace,
  backupId: string | undefined,
): Promise<{ readonly backup: Manifest; readonly backups: readonly Manifest[] }> {
  const { backups, unreadable } = await findBackups(place);
  const backup = backupId === undefined ? backups.at(-1) : backups.find((one) => one.backupId === backupId);
  if (backup !== undefined) return { backup, backups };
  const broken = unreadable.find((one) => backupId === undefined || one.backupId === backupId);
  if (broken !== undefined) throw damaged(broken.backupId, `cannot be read: ${broken.error}`);
  throw notFound(
    backupId === undefined
      ? `there is no backup at ${place.location}`
      : `there is no backup ${backupId} at ${place.location}`,
    { code: "BACKUP_NOT_FOUND", hint: "`dl backup list --from …` shows those that there are." },
  );
}
