/** One Parquet file of a checkpoint: a classic one, a part of several, the top file of V2, or a sidecar. */

import type { AddFile, DomainMetadata, Metadata, Protocol, RemoveFile, Txn } from "../delta/actions.ts";
import { decodeAdd, decodeDomain, decodeMetadata, decodeProtocol, decodeRemove, decodeTxn } from "../delta/decode.ts";
import { isJsonObject, type JsonObject } from "../delta/values/json.ts";
import { corrupt } from "../errors.ts";
import { type ColumnFilter, findNode } from "../parquet/read/columns.ts";
import {
  countValues,
  isAllNull,
  openParquetFile,
  type ParquetFile,
  type ParquetRow,
  type RowRange,
} from "../parquet/read/file.ts";
import { plainJson } from "../parquet/read/values.ts";
import type { FileAction, ObjectStore } from "../ports.ts";
import type { CheckpointPart, PartHeader } from "./checkpoint-part.ts";
import { addsOf, arePlain, type SizedAction } from "./plain-adds.ts";
import { storedAction } from "./read-commit.ts";
import { statsJson } from "./stats-json.ts";
import { openUnpackLimit, type UnpackLimit } from "./unpack-limit.ts";

/** File actions handed on at a time, … */
const BATCH = 2_000;
/** … or fewer, when they have this many characters. */
const BATCH_SIZE = 8 * 2 ** 20;

const under = (...columns: readonly string[]): ColumnFilter => {
  const prefixes = columns.map((column) => `${column}.`);
  return (path) => columns.includes(path) || prefixes.some((prefix) => path.startsWith(prefix));
};

const HEADER_COLUMNS = under("protocol", "metaData", "txn", "domainMetadata", "sidecar.path");

/** The members that both kinds of file action have; a checkpoint's remove has neither stats nor tags (PROTOCOL.md, "Checkpoints"). */
const SHARED = [
  "path",
  "partitionValues",
  "size",
  "dataChange",
  "deletionVector",
  "baseRowId",
  "defaultRowCommitVersion",
];
const FILE_COLUMNS = under(
  ...[...SHARED, "modificationTime", "tags", "clusteringProvider", "stats"].map((name) => `add.${name}`),
  ...[...SHARED, "deletionTimestamp", "extendedFileMetadata"].map((name) => `remove.${name}`),
);
const MAPS = under("add.partitionValues", "add.tags", "remove.partitionValues");
const PATHS = under("add.path", "remove.path");
const STATS = under("add.path", "add.stats");
const PARSED_STATS = under("add.stats_parsed");

/** @param size bytes */
export async function openParquetPart(store: ObjectStore, key: string, size: number): Promise<CheckpointPart> {
  const file = await openParquetFile({ store, key, size, unreadable: "CHECKPOINT_UNREADABLE" });
  return { readHeader: () => readHeader(file), readFiles: (table) => readFiles(file, table.hasTimestampNtz) };
}

/** Reads the few columns that are no file actions, and of these only the row groups that hold any. */
async function readHeader(file: ParquetFile): Promise<PartHeader> {
  let protocol: Protocol | undefined;
  let metadata: Metadata | undefined;
  const [txns, domains, sidecars]: [Txn[], DomainMetadata[], string[]] = [[], [], []];
  const limit = openUnpackLimit(file);
  const groups = file.groups.filter((group) => !isAllNull(group, HEADER_COLUMNS));
  for (const range of file.ranges(groups, HEADER_COLUMNS)) {
    const rows = await file.readRows(range, HEADER_COLUMNS);
    for (const [i, row] of rows.entries()) {
      const at = `${file.name}: row ${range.firstRow + i}`;
      const read = <T>(column: string, decode: (body: JsonObject, at: string) => T): T | undefined => {
        const body = presentStruct(row[column]);
        if (body) limit.take(body, at);
        return body && storedAction(at, () => decode(body, `${at}/${column}`));
      };
      protocol = read("protocol", decodeProtocol) ?? protocol;
      metadata = read("metaData", decodeMetadata) ?? metadata;
      const txn = read("txn", decodeTxn);
      if (txn) txns.push(txn);
      const domain = read("domainMetadata", decodeDomain);
      if (domain) domains.push(domain);
      const path = presentStruct(row.sidecar)?.path;
      if (typeof path !== "string") continue;
      limit.take(path, at);
      sidecars.push(path);
    }
  }
  return { protocol, metadata, txns, domains, sidecars, ...(await countStats(file)) };
}

/** A struct in which everything is null is the same as none: some writers cannot leave a struct out. */
function presentStruct(value: unknown): JsonObject | undefined {
  const json = plainJson(value);
  return isJsonObject(json) && Object.values(json).some((item) => item !== null) ? json : undefined;
}

/** How many adds there are, and how many with JSON statistics: by the footer, or else by reading just that. */
async function countStats(file: ParquetFile): Promise<{ readonly numAdds: number; readonly numStats: number }> {
  const total = { numAdds: 0, numStats: 0 };
  for (const group of file.groups) {
    const [numAdds, numStats] = [countValues(group, "add.path"), countValues(group, "add.stats")];
    if (numAdds !== undefined && numStats !== undefined) {
      total.numAdds += numAdds;
      total.numStats += numStats;
      continue;
    }
    for (const range of file.ranges([group], STATS)) {
      for (const row of await file.readRows(range, STATS)) {
        const add = row.add as ParquetRow | undefined;
        if (add?.path) total.numAdds += 1;
        if (add?.stats) total.numStats += 1;
      }
    }
  }
  return total;
}

async function* readFiles(file: ParquetFile, hasTimestampNtz: boolean): AsyncGenerator<readonly FileAction[]> {
  const groups = file.groups.filter((group) => !isAllNull(group, PATHS));
  const limit = openUnpackLimit(file);
  let [numRead, size] = [0, 0];
  let batch: FileAction[] = [];
  for (const range of file.ranges(groups, FILE_COLUMNS)) {
    // One by one: all of a range at once could be too many.
    const actions = (await plainAdds(file, range, limit)) ?? (await allActions(file, range, limit, hasTimestampNtz));
    for (const action of actions) {
      numRead += 1;
      size += action.size;
      batch.push(action.file);
      if (batch.length < BATCH && size < BATCH_SIZE) continue;
      yield batch;
      [batch, size] = [[], 0];
    }
  }
  if (batch.length > 0) yield batch;
  checkCount(file, numRead);
}

/** Adds of the simple kind, where a range holds no others; undefined where it does. */
async function plainAdds(
  file: ParquetFile,
  range: RowRange,
  limit: UnpackLimit,
): Promise<Iterable<SizedAction> | undefined> {
  const columns = presentColumns(range);
  const paths = range.group.columns.map(({ meta_data }) => meta_data?.path_in_schema.join(".") ?? "").filter(columns);
  if (!arePlain(file.schema, paths)) return undefined;
  const leaves = await file.readLeaves(range, columns);
  const hasParsed = findNode(file.schema, ["add", "stats_parsed"]) !== undefined;
  return leaves && addsOf(leaves, { hasParsed, limit, at: (row) => `${file.name}: row ${range.firstRow + row}` });
}

/** File actions of any kind, row by row. */
async function allActions(
  file: ParquetFile,
  range: RowRange,
  limit: UnpackLimit,
  hasTimestampNtz: boolean,
): Promise<Iterable<SizedAction>> {
  const schema = findNode(file.schema, ["add", "stats_parsed"]);
  const rows = await file.readRows(range, presentColumns(range));
  const parsed = schema && rows.some(lacksStats) ? await readParsedStats(file, range) : undefined;
  return (function* () {
    for (const [i, row] of rows.entries()) {
      const stats = schema && statsJson(parsed?.[i], { schema, hasTimestampNtz });
      const action = fileAction(row, `${file.name}: row ${range.firstRow + i}`, stats, limit);
      if (action !== undefined) yield action;
    }
  })();
}

/** A damaged page may read as nulls; a file that is missing from a checkpoint would be lost without a word. */
function checkCount(file: ParquetFile, numRead: number): void {
  const counts = file.groups.flatMap((group) => [countValues(group, "add.path"), countValues(group, "remove.path")]);
  const expected = counts.reduce(
    (sum, count) => (sum === undefined || count === undefined ? undefined : sum + count),
    0,
  );
  if (expected === undefined || expected === numRead) return;
  throw corrupt(`${file.name} gave ${numRead} file actions, but its footer counts ${expected}`, {
    code: "CHECKPOINT_UNREADABLE",
    at: file.name,
    hint: "Restore the file, or remove the checkpoint if the commits before it are all there.",
  });
}

/**
 * The columns worth decoding: most are null for whole row groups (removes among adds, deletion vectors, row ids), as the
 * footer tells. The maps of an action stay: the footer cannot tell an empty map from none.
 */
function presentColumns({ group }: RowRange): ColumnFilter {
  const isNull = (column: string): boolean => isAllNull(group, (path) => path === column);
  const kinds = ["add", "remove"].filter((kind) => !isNull(`${kind}.path`)).map((kind) => `${kind}.`);
  return (path) => FILE_COLUMNS(path) && kinds.some((kind) => path.startsWith(kind)) && (MAPS(path) || !isNull(path));
}

function lacksStats(row: ParquetRow): boolean {
  const add = row.add as ParquetRow | undefined;
  return Boolean(add?.path) && !add?.stats;
}

/** Statistics that are only in `stats_parsed`, row by row: a second read, which few checkpoints need. */
async function readParsedStats(file: ParquetFile, range: RowRange): Promise<unknown[]> {
  // As they are stored: a slice may keep times in another unit than the file's schema says.
  const rows = await file.readRows({ ...range, needsSlice: false }, PARSED_STATS);
  return rows.map((row) => (row.add as ParquetRow | undefined)?.stats_parsed);
}

function fileAction(
  row: ParquetRow,
  at: string,
  parsedStats: string | undefined,
  limit: UnpackLimit,
): SizedAction | undefined {
  return storedAction(at, () => {
    const add = presentStruct(row.add);
    if (add)
      return { size: limit.take([add, parsedStats ?? null], at), file: { add: addOf(add, `${at}/add`, parsedStats) } };
    const remove = presentStruct(row.remove);
    return remove && { size: limit.take(remove, at), file: { remove: removeOf(remove, `${at}/remove`) } };
  });
}

function addOf(body: JsonObject, at: string, parsedStats: string | undefined): AddFile {
  const stats = body.stats || parsedStats;
  // A reconciled action carries no news, so a writer may have left dataChange out.
  return decodeAdd({ ...withoutEmptyVector(body), dataChange: body.dataChange ?? false, stats }, at);
}

function removeOf(body: JsonObject, at: string): RemoveFile {
  return decodeRemove({ ...withoutEmptyVector(body), dataChange: body.dataChange ?? false }, at);
}

/** Some writers write "no deletion vector" as a struct of nulls or of empty texts (delta-kernel-rs#669). */
function withoutEmptyVector(body: JsonObject): JsonObject {
  const vector = body.deletionVector;
  const isEmpty = isJsonObject(vector) && !vector.storageType && !vector.pathOrInlineDv;
  return isEmpty ? { ...body, deletionVector: undefined } : body;
}
