/** Somebody has written a version of a log: if the table is followed, the mirror is to look at it now, and not with the next sweep. */

import { COMMIT_FILE, LOG_FOLDER } from "../delta/files/log-files.ts";
import type { Lake } from "../ports.ts";

/**
 * One read of SQL; nothing where the catalog knows no table there, writes it itself, or has the version already. A hint: the sweep looks
 * at each followed table anyway.
 * @param address where the object lies, spelled as locations are
 * @returns whether a table has been enqueued
 */
export async function wakeFollower(lake: Lake, address: string): Promise<boolean> {
  const cut = address.lastIndexOf(`/${LOG_FOLDER}/`);
  const [, version] = COMMIT_FILE.exec(address.slice(cut + LOG_FOLDER.length + 2)) ?? [];
  if (cut < 0 || version === undefined) return false;
  const head = await lake.catalog.tableAt(address.slice(0, cut));
  if (head?.followed === undefined || Number(version) <= head.version) return false;
  await lake.queue.enqueue([{ tableId: head.tableId, version: head.version }]);
  return true;
}
