/** Rows as parts of a backup: lines of JSON in objects of bounded size, out and in. */

import { parseJson, stringifyJson } from "../../delta/values/json.ts";
import type { BackupPlace, BackupRow } from "../../ports.ts";
import { damaged, getPart, type ManifestPart, partKey, sha256Of } from "./manifest.ts";

/** Characters of a part before it is compressed: what a backup and a restore hold at once is a small multiple of it. */
export const PART_CHARACTERS = 8_000_000;

export interface PartWriter {
  /** Rows of a set come together: another set begins another part. */
  add(set: string, rows: readonly BackupRow[]): Promise<void>;
  /** All parts, once they are written. */
  end(): Promise<readonly ManifestPart[]>;
}

/** One part is written while the next one fills. */
export function partWriter(place: BackupPlace, backupId: string): PartWriter {
  const parts: ManifestPart[] = [];
  let lines: string[] = [];
  let characters = 0;
  let current = "";
  let count = 0;
  let writing: Promise<void> = Promise.resolve();

  async function flush(): Promise<void> {
    // An error of the part before ends the backup here.
    await writing;
    if (lines.length === 0) return;
    count += 1;
    const name = `${current}-${String(count).padStart(6, "0")}.ndjson.zst`;
    const text = `${lines.join("\n")}\n`;
    const rows = lines.length;
    const set = current;
    lines = [];
    characters = 0;
    writing = write(name, set, rows, text);
    // It is awaited later: until then nobody else hears of a failure.
    writing.catch(() => undefined);
  }

  async function write(name: string, set: string, rows: number, text: string): Promise<void> {
    const key = partKey(backupId, name);
    const bytes = await place.seal(key, new TextEncoder().encode(text));
    await place.store.put(key, bytes);
    parts.push({ name, set, rows, bytes: bytes.length, sha256: sha256Of(bytes) });
  }

  return {
    async add(set, rows) {
      if (set !== current) await flush();
      current = set;
      for (const row of rows) {
        const line = stringifyJson(row);
        lines.push(line);
        characters += line.length + 1;
        if (characters >= PART_CHARACTERS) await flush();
      }
    },
    async end() {
      await flush();
      await writing;
      return parts;
    },
  };
}

/** The rows of a part. @throws LakeError corrupt BACKUP_DAMAGED; invalid: BACKUP_KEY_MISSING, BACKUP_KEY_WRONG */
export async function readPart(
  place: BackupPlace,
  backupId: string,
  part: ManifestPart,
): Promise<readonly BackupRow[]> {
  const key = partKey(backupId, part.name);
  const text = new TextDecoder().decode(await place.unseal(key, await getPart(place, backupId, part)));
  const rows = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => parseJson(line) as BackupRow);
  if (rows.length !== part.rows) throw damaged(key, `holds ${rows.length} rows, and not ${part.rows}`);
  return rows;
}
