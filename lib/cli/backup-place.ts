/** How commands name the place of backups, and the key that they are encrypted with. */

import type { Command } from "commander";
import { openBackups } from "../lake/backups.ts";
import type { BackupPlace } from "../ports.ts";

export interface KeyOptions {
  readonly keyFile?: string;
}

export function withKeyOption(command: Command): Command {
  return command.option("--key-file <file>", "a file with the key of encrypted backups (or DL_BACKUP_KEY)");
}

/** @throws LakeError invalid */
export function backupsAt(place: string, { keyFile }: KeyOptions): Promise<BackupPlace> {
  const { DL_BACKUP_KEY: key } = process.env;
  return openBackups(place, { ...(keyFile === undefined ? {} : { keyFile }), ...(key ? { key } : {}) });
}
