/** Where the files of a scan come from: indexes, where they find few of them, else all files of the version. */

import type { AddFile } from "../delta/actions.ts";
import type { Need } from "../delta/predicates/file-predicate.ts";
import { fitsForm, keyFormOf, rangesOfSpans } from "../delta/predicates/scan-keys.ts";
import type { FilePlace, IndexLook, Lake, ListPage } from "../ports.ts";

/** Reads a page of files in the order of their places, all that a scan may need among them. */
export type FileSource = (from: string | undefined) => Promise<ListPage<AddFile>>;

/** Files read at once. */
const READ = 2000;
const READ_BYTES = 4_000_000;
/** Of smaller tables all files are looked at as fast. */
const FEW_FILES = 2000;
/** An index that finds more is of no use; so is one beyond which there are more. */
const MOST_FOUND = 20_000;
/** So few candidates are read and judged faster than they are compared with others. */
const FEW_FOUND = 200;

export interface ScannedVersion {
  readonly tableId: string;
  readonly version: number;
  readonly numFiles: number;
}

/** @param onUnindexed told of columns by which the scan might have been faster */
export async function fileSource(
  lake: Lake,
  scanned: ScannedVersion,
  needs: readonly Need[],
  onUnindexed?: (columnId: string) => void,
): Promise<FileSource> {
  const { tableId, version } = scanned;
  const all: FileSource = (from) =>
    lake.catalog.readFiles(tableId, version, {
      limit: READ,
      maxBytes: READ_BYTES,
      ...(from === undefined ? {} : { cursor: from }),
    });
  const chosen = await chooseLooks(lake, scanned, needs, onUnindexed);
  if (chosen === undefined) return all;
  return async (from) => {
    const options = { ...chosen, limit: READ, ...(from === undefined ? {} : { cursor: from }) };
    return (await lake.catalog.readCandidates(tableId, version, options)) ?? all(from);
  };
}

interface Chosen {
  readonly looks: readonly IndexLook[];
  readonly past: FilePlace;
}

async function chooseLooks(
  lake: Lake,
  { tableId, version, numFiles }: ScannedVersion,
  needs: readonly Need[],
  onUnindexed: ((columnId: string) => void) | undefined,
): Promise<Chosen | undefined> {
  if (numFiles < FEW_FILES || needs.length === 0) return undefined;
  const indexes = await lake.catalog.scanIndexes(tableId);
  const looks = needs.flatMap(({ column, spans }): IndexLook[] => {
    const index = indexes.find(({ columnId }) => columnId === column.id);
    if (index === undefined && column.isBounded && keyFormOf(column.type) !== undefined) onUnindexed?.(column.id);
    if (index === undefined || !fitsForm(index.form, column.type) || version < index.fromVersion) return [];
    const ranges = rangesOfSpans(spans, column, index.form);
    return ranges === undefined ? [] : [{ index, ranges }];
  });
  if (looks.length === 0) return undefined;
  const counted = await Promise.all(
    looks.map(async (look) => {
      const options = { looks: [look], past: look.index.at, version, most: MOST_FOUND };
      const { found: [files = MOST_FOUND] = [], beyond } = await lake.catalog.countCandidates(tableId, options);
      return { look, files, beyond };
    }),
  );
  const useful = counted
    .filter(({ files, beyond }) => files < MOST_FOUND && beyond < MOST_FOUND)
    .sort((a, b) => a.files - b.files);
  const [first, second] = useful;
  if (first === undefined) return undefined;
  const chosen = second === undefined || first.files <= FEW_FOUND ? [first.look] : [first.look, second.look];
  return { looks: chosen, past: earliest(chosen.map(({ index }) => index.at)) };
}

function earliest(places: readonly FilePlace[]): FilePlace {
  return places.reduce((a, b) => (b.version < a.version || (b.version === a.version && b.ord < a.ord) ? b : a));
}
