/** Writes a classic checkpoint, checks what is then in the store, and only then lets `_last_checkpoint` name it. */

import { checkpointFileName, LOG_FOLDER } from "../delta/files/log-files.ts";
import { corrupt, unavailable } from "../errors.ts";
import { countValues, openParquetFile, type ParquetFile } from "../parquet/read/file.ts";
import type { CheckpointContent, ObjectStore, WrittenCheckpoint } from "../ports.ts";
import { encodeCheckpoint, openTally, type Tally } from "./checkpoint-encode.ts";
import { moveLastCheckpoint } from "./last-checkpoint.ts";

/**
 * The put of the object is the commit point: it appears whole or not at all, and when it is there already, another worker
 * wrote this checkpoint and it is kept. The hint comes last, so a crash in between costs readers a listing, no more.
 * @param store rooted at the table
 * @throws LakeError corrupt (CHECKPOINT_MISMATCH) when the content, or what is in the store, is not the header's version;
 * then the hint does not move
 */
export async function putCheckpoint(store: ObjectStore, content: CheckpointContent): Promise<WrittenCheckpoint> {
  const { header } = content;
  const key = `${LOG_FOLDER}/${checkpointFileName(header.version)}`;
  const tally = openTally();
  const outcome = await putBytes(store, key, content, tally);
  const found = await readFooter(store, key);
  checkFound(found, header, key);
  if (outcome === "created") checkOwn(found, tally, key);
  const checkpoint = writtenOf(found, header);
  await moveLastCheckpoint(store, checkpoint);
  return checkpoint;
}

/** What there is to say of the checkpoint that is there, whoever wrote it. @throws LakeError corrupt (CHECKPOINT_MISMATCH) */
export async function checkClassic(
  store: ObjectStore,
  key: string,
  header: CheckpointContent["header"],
): Promise<WrittenCheckpoint> {
  const found = await readFooter(store, key);
  checkFound(found, header, key);
  return writtenOf(found, header);
}

function writtenOf(found: Footer, { version, numFiles }: CheckpointContent["header"]): WrittenCheckpoint {
  return { version, size: found.rows, sizeInBytes: found.bytes, numOfAddFiles: found.adds ?? numFiles };
}

async function putBytes(
  store: ObjectStore,
  key: string,
  content: CheckpointContent,
  tally: Tally,
): Promise<"created" | "exists"> {
  // Spares reading a million rows in vain; the put decides in any case.
  if (await store.head(key)) return "exists";
  try {
    return await store.putIfAbsent(key, encodeCheckpoint(content, tally));
  } catch (error) {
    // The content's own error says what is wrong; what the store makes of a broken stream does not.
    throw tally.failure ?? error;
  }
}

interface Footer {
  readonly rows: number;
  readonly bytes: number;
  /** undefined when the footer does not tell: another program's checkpoint, without statistics or with sidecars. */
  readonly adds: number | undefined;
}

async function readFooter(store: ObjectStore, key: string): Promise<Footer> {
  const info = await store.head(key);
  if (!info) throw unavailable(`${key} was there and is gone again: another program removes log files`);
  const file = await openParquetFile({ store, key, size: info.size, unreadable: "CHECKPOINT_UNREADABLE" });
  const rows = file.groups.reduce((sum, group) => sum + Number(group.num_rows), 0);
  return { rows, bytes: info.size, adds: countAdds(file) };
}

function countAdds(file: ParquetFile): number | undefined {
  if (file.schema.children.some((column) => column.element.name === "sidecar")) return undefined;
  const counts = file.groups.map((group) => countValues(group, "add.path"));
  return counts.reduce((sum, n) => (sum === undefined || n === undefined ? undefined : sum + n), 0);
}

/** What must hold of any checkpoint of this version, whoever wrote it: how many removes it keeps is its writer's choice. */
function checkFound({ rows, adds }: Footer, header: CheckpointContent["header"], key: string): void {
  const fewest = 2 + (adds === undefined ? 0 : header.numFiles);
  if ((adds === undefined || adds === header.numFiles) && rows >= fewest) return;
  throw corrupt(
    `${key} has ${rows} actions with ${adds ?? "unknown"} adds, but version ${header.version} has ${header.numFiles} live files`,
    {
      code: "CHECKPOINT_MISMATCH",
      at: key,
      hint: "Readers may use this checkpoint as it is in the log: compare it with the table (dl diff) and remove it if it is wrong.",
      facts: { version: header.version, numFiles: header.numFiles, numAdds: adds ?? null, rows },
    },
  );
}

/** The file read back must be the one that was fed. */
function checkOwn(found: Footer, tally: Tally, key: string): void {
  if (tally.ended && found.rows === tally.rows && found.bytes === tally.bytes && found.adds === tally.adds) return;
  throw corrupt(`${key} does not hold what was written to it`, {
    code: "CHECKPOINT_MISMATCH",
    at: key,
    hint: "Remove the file: readers may use it. The next checkpoint is written anew.",
    facts: { written: { ...tally, failure: undefined }, found },
  });
}
