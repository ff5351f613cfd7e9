/** Writes a V2 checkpoint: sidecars that are not there yet, then the file that names them all, under the name of a classic checkpoint. */

import type { AddFile, Metadata, RemoveFile } from "../delta/actions.ts";
import { checkpointFileName, LOG_FOLDER, SIDECARS_FOLDER } from "../delta/files/log-files.ts";
import { addFingerprint, type Fingerprint, sameFingerprint } from "../delta/fingerprint.ts";
import { NO_RANGE, SIDECAR_FILES, SIDECAR_TEXT } from "../delta/sidecars.ts";
import { isPast } from "../delta/values/age.ts";
import { corrupt, isLakeError, unavailable } from "../errors.ts";
import { openRowGroup } from "../parquet/write/group.ts";
import { openSplice } from "../parquet/write/splice.ts";
import type { ObjectStore, Sidecar, SidecarContent, WrittenCheckpoint } from "../ports.ts";
import { fileSize, headerGroups } from "./checkpoint-encode.ts";
import { openSidecarColumns, openTopColumns } from "./checkpoint-rows.ts";
import { moveLastCheckpoint } from "./last-checkpoint.ts";
import { formatTags, type NamedSidecars, nameOf, readNamed, sidecarAction, sidecarKey } from "./sidecar-actions.ts";

/** A sidecar of this age that nobody names may be taken away any moment (lib/operations/clean-log.ts): nothing names it any more. */
const YOUNG_MS = 12 * 3_600_000;
/** One tombstone of so many ends a sidecar, whatever lies before it: so those that expire first leave the others as they are. */
const TOMBSTONES = 8_192;

/** As {@link DeltaLog.readSidecars} says; what cannot be read is not ours. */
export async function readSidecars(
  store: ObjectStore,
  version: number,
  metadata: Metadata,
  { unchecked = false }: { readonly unchecked?: boolean } = {},
): Promise<readonly Sidecar[] | undefined> {
  const named = await namedOrNothing(store, version);
  if (named?.own === undefined || named.format !== Object.values(formatTags(metadata))[0]) return undefined;
  return unchecked || (await missingOf(store, named)).length === 0 ? named.own : undefined;
}

async function namedOrNothing(store: ObjectStore, version: number): Promise<NamedSidecars | undefined> {
  try {
    return await readNamed(store, version);
  } catch (error) {
    if (isLakeError(error, "corrupt")) return undefined;
    throw error;
  }
}

/** As {@link DeltaLog.isBroken} says. */
export async function isBroken(store: ObjectStore, version: number): Promise<boolean> {
  const named = await readNamed(store, version);
  if (named === undefined) return false;
  if ((await missingOf(store, named)).length > 0) return true;
  for (const { path } of named.own ?? []) {
    const found = await store.get(sidecarKey(path));
    // A name may have an ending of its own, behind that of the bytes.
    if (found === undefined || !path.startsWith(nameOf(found.bytes).replace(".parquet", ""))) return true;
  }
  return false;
}

/** Sidecars that are not there, or of ours not in the size that they were written in. */
async function missingOf(store: ObjectStore, { paths, own = [] }: NamedSidecars): Promise<readonly string[]> {
  const sizes = new Map<string, number>();
  for await (const { key, size } of store.list(`${LOG_FOLDER}/${SIDECARS_FOLDER}/`)) sizes.set(key, size);
  const written = new Map(own.map(({ path, sizeInBytes }) => [path, sizeInBytes]));
  return paths.filter((path) => {
    const size = sizes.get(sidecarKey(path));
    return size === undefined || size !== (written.get(path) ?? size);
  });
}

/** As {@link DeltaLog.putSidecarCheckpoint} says. The put of the file that names the others is the commit point. */
export async function putSidecarCheckpoint(store: ObjectStore, content: SidecarContent): Promise<WrittenCheckpoint> {
  const { header } = content;
  const key = `${LOG_FOLDER}/${checkpointFileName(header.version)}`;
  const before = content.anew ? undefined : await wholeOne(store, content);
  if (before !== undefined) return moved(store, before);
  const named = new Set((await namedOrNothing(store, header.version))?.paths);
  const sidecars: Sidecar[] = [];
  for await (const sidecar of written(store, content, named)) sidecars.push(sidecar);
  checkState(sidecars, content);
  const bytes = topFile(content, sidecars);
  if ((await store.putIfAbsent(key, bytes)) === "exists") await replace(store, key, content, bytes);
  const after = await wholeOne(store, content);
  if (after !== undefined) return moved(store, after);
  throw unavailable(`sidecars of ${key} are gone, though they were just there: another program removes log files`);
}

/** A broken one makes way, as nobody can read it. */
async function replace(store: ObjectStore, key: string, content: SidecarContent, bytes: Uint8Array): Promise<void> {
  const found = await store.get(key);
  if (found === undefined || Buffer.compare(found.bytes, bytes) === 0) return;
  // A twin, whose checkpoint before was another, may have been faster; or the sidecars are mended.
  const { header, anew = false } = content;
  if (anew ? !(await isBroken(store, header.version)) : (await wholeOne(store, content)) !== undefined) return;
  await store.replaceIf(key, { from: found.bytes, to: bytes });
}

/** What there is to say of the checkpoint that is there; undefined where there is none, or one whose sidecars are not. @throws LakeError corrupt where it is another state */
async function wholeOne(store: ObjectStore, { header }: SidecarContent): Promise<WrittenCheckpoint | undefined> {
  const named = await readNamed(store, header.version);
  if (named === undefined) {
    const key = `${LOG_FOLDER}/${checkpointFileName(header.version)}`;
    // A classic one, from before the table's owner wanted others.
    if ((await store.head(key)) === undefined) return undefined;
    const { checkClassic } = await import("./write-checkpoint.ts");
    return checkClassic(store, key, header);
  }
  if ((await missingOf(store, named)).length > 0) return undefined;
  const { own, rows, top } = named;
  if (own !== undefined) checkState(own, { header });
  const files = own?.reduce((sum, sidecar) => sum + sidecar.files, 0) ?? 0;
  const sidecarBytes = own?.reduce((sum, sidecar) => sum + sidecar.sizeInBytes, 0) ?? 0;
  return {
    version: header.version,
    size: rows + files,
    sizeInBytes: top.size + sidecarBytes,
    numOfAddFiles: header.numFiles,
    top,
  };
}

async function moved(store: ObjectStore, checkpoint: WrittenCheckpoint): Promise<WrittenCheckpoint> {
  await moveLastCheckpoint(store, checkpoint);
  return checkpoint;
}

function checkState(sidecars: readonly Sidecar[], { header }: Pick<SidecarContent, "header">): void {
  const adds = sidecars.filter(({ kind }) => kind === "adds");
  const files = adds.reduce((sum, sidecar) => sum + sidecar.files, 0);
  const fingerprint = adds.reduce((sum, sidecar) => addFingerprint(sum, sidecar.fingerprint), NO_RANGE.fingerprint);
  if (files === header.numFiles && sameFingerprint(fingerprint, header.fingerprint)) return;
  throw corrupt(`the sidecars hold ${files} files, which are not the ${header.numFiles} of version ${header.version}`, {
    code: "CHECKPOINT_MISMATCH",
    hint: "Compare the table with its log (dl diff).",
    facts: { version: header.version, numFiles: header.numFiles, numAdds: files },
  });
}

/** One row group, and what is written down about it. */
interface Filled {
  readonly bytes: Uint8Array;
  readonly facts: Omit<Sidecar, "path" | "sizeInBytes" | "modificationTime">;
}

/** @param named by a checkpoint that is there already: nobody takes these away */
async function* written(
  store: ObjectStore,
  content: SidecarContent,
  named: ReadonlySet<string>,
): AsyncGenerator<Sidecar> {
  const putOne = (filled: Filled) => put(store, content, filled, named);
  for (const part of content.parts) {
    if ("kept" in part) yield part.kept;
    else for await (const filled of filledWithAdds(part.adds, content)) yield await putOne(filled);
  }
  for await (const filled of filledWithRemoves(content)) yield await putOne(filled);
}

async function* filledWithAdds(
  pages: Extract<SidecarContent["parts"][number], { adds: unknown }>["adds"],
  { header, fingerprintOf }: SidecarContent,
): AsyncGenerator<Filled> {
  const group = openFilling(header.metadata, "adds");
  for await (const page of pages) {
    for (const [i, add] of page.items.entries()) {
      if (group.add(add, fingerprintOf(add))) yield group.take(page.cursorAfter(i + 1));
    }
    group.end = page.items.length > 0 ? page.cursorAfter(page.items.length) : group.end;
  }
  if (group.rows > 0) yield group.take(group.end);
}

async function* filledWithRemoves({ header, tombstones }: SidecarContent): AsyncGenerator<Filled> {
  const group = openFilling(header.metadata, "removes");
  for await (const page of tombstones) {
    for (const remove of page) if (group.remove(remove) || isLast(remove)) yield group.take("");
  }
  if (group.rows > 0) yield group.take("");
}

/** By the name alone. */
function isLast({ path }: RemoveFile): boolean {
  let hash = 0;
  for (let i = 0; i < path.length; i += 1) hash = (Math.imul(hash, 31) + path.charCodeAt(i)) | 0;
  return (hash >>> 0) % TOMBSTONES === 0;
}

function openFilling(metadata: Metadata, kind: Sidecar["kind"]) {
  const columns = openSidecarColumns(metadata);
  const group = openRowGroup(columns);
  let [text, fingerprint]: [number, Fingerprint] = [0, NO_RANGE.fingerprint];
  const isFull = (file: AddFile | RemoveFile): boolean => {
    text += fileSize(file);
    return group.rows >= SIDECAR_FILES || text >= SIDECAR_TEXT;
  };
  return {
    /** The cursor behind the last file so far. */
    end: "",
    get rows() {
      return group.rows;
    },
    add(file: AddFile, of: Fingerprint): boolean {
      group.put(columns.add, file);
      fingerprint = addFingerprint(fingerprint, of);
      return isFull(file);
    },
    remove(file: RemoveFile): boolean {
      group.put(columns.remove, file);
      return isFull(file);
    },
    take(end: string): Filled {
      const facts = { kind, files: group.rows, text, end, fingerprint };
      const bytes = wholeFile([group.take()]);
      [text, fingerprint] = [0, NO_RANGE.fingerprint];
      return { bytes, facts };
    },
  };
}

function wholeFile(groups: Iterable<Uint8Array>): Buffer {
  const splice = openSplice("spark_schema");
  const chunks = Array.from(groups, (group) => splice.append(group));
  return Buffer.concat([...chunks, splice.end()]);
}

/** What is there already holds the same bytes: read back when in doubt, as a damaged file would have this name, too. */
async function put(
  store: ObjectStore,
  content: SidecarContent,
  { bytes, facts }: Filled,
  named: ReadonlySet<string>,
): Promise<Sidecar> {
  const name = nameOf(bytes);
  const known = content.known.find(({ path }) => path === name);
  if (known !== undefined) return { ...known, ...facts };
  // As the commit says, so that two workers write the same.
  const sidecar = { ...facts, sizeInBytes: bytes.length, modificationTime: content.header.timestamp };
  if ((await store.putIfAbsent(sidecarKey(name), bytes)) === "created") return { ...sidecar, path: name };
  const found = await store.get(sidecarKey(name));
  if (found === undefined) throw unavailable(`${sidecarKey(name)} was there and is gone again`);
  if (Buffer.compare(found.bytes, bytes) !== 0) {
    await store.replaceIf(sidecarKey(name), { from: found.bytes, to: bytes });
    return { ...sidecar, path: name };
  }
  if (named.has(name) || !isPast(content.now, found.info.modifiedAt, YOUNG_MS)) return { ...sidecar, path: name };
  const path = name.replace(".parquet", `-${content.now}.parquet`);
  await store.putIfAbsent(sidecarKey(path), bytes);
  return { ...sidecar, path };
}

function topFile({ header }: SidecarContent, sidecars: readonly Sidecar[]): Buffer {
  const columns = openTopColumns(header.metadata);
  const group = openRowGroup(columns);
  let text = 0;
  const isFull = (size: number): boolean => {
    text += size;
    return group.rows >= SIDECAR_FILES || text >= SIDECAR_TEXT;
  };
  const take = (options?: { readonly plain: boolean }): Uint8Array => {
    text = 0;
    return group.take(options);
  };
  return wholeFile(
    (function* () {
      yield* headerGroups(header, columns, { group, isFull, take });
      group.put(columns.checkpointMetadata, { version: header.version, tags: formatTags(header.metadata) });
      for (const sidecar of sidecars) group.put(columns.sidecar, sidecarAction(sidecar));
      yield take();
    })(),
  );
}
