/**
 * Makes large files of small ones: each group of the plan is rewritten and committed by itself, without a change of data, and gives
 * way to every writer who changed one of its files meanwhile.
 */

import { deadlineMs } from "../deadlines.ts";
import { type AddFile, NO_ACTIONS, type RemoveFile } from "../delta/actions.ts";
import { misnamedColumn, schemaMismatch } from "../delta/checks/file-schema.ts";
import { checkRewritable, featuresToDeclare } from "../delta/checks/rewritable.ts";
import type { CompactionGroup } from "../delta/compaction.ts";
import { deletionVectorPath, keyInTable } from "../delta/files/file-places.ts";
import { compactionInfo } from "../delta/optimize-info.ts";
import type { CommitRequest, TableRef } from "../delta/request.ts";
import { type TableConfiguration, tableConfiguration } from "../delta/table-configuration.ts";
import { corrupt, isLakeError } from "../errors.ts";
import type { FileRewriter, Lake, Signal, TableFiles, TableState } from "../ports.ts";
import { commit } from "./commit.ts";
import { tableStates } from "./committing/table-states.ts";
import { type CompactionOptions, planCompaction } from "./compact-plan.ts";

export interface CompactionResult {
  readonly tableId: string;
  readonly table: string;
  /** Versions that the compaction made. */
  readonly versions: readonly number[];
  readonly removedFiles: number;
  readonly removedBytes: number;
  readonly addedFiles: number;
  readonly addedBytes: number;
  /** Groups that gave way to a writer, once for each time. */
  readonly gaveWay: number;
  /** Files outside the table, which only an engine can read. */
  readonly leftOutside: number;
  /** Why it ended before all was done. */
  readonly stopped?: "signal" | "maxBytes";
}

/** A table or a file that this writer cannot keep as it is: engines can. */
export const REWRITE_REFUSED = "REWRITE_REFUSED";

export interface CompactOptions extends CompactionOptions {
  /** Looked at between groups. */
  readonly signal?: Signal;
  readonly onProgress?: (progress: { readonly phase: string; readonly done: number }) => void;
}

/** After so many commits of its own a new plan is made: the winners that the next commit is checked against stay few. */
const GROUPS_A_ROUND = 20;
/** A group that gave way is tried again with the new state, so often. */
const MAX_GAVE_WAY = 10;

/**
 * Killed at any moment it leaves whole groups behind, and at most one file that no version names. Called again, it goes on.
 * @throws LakeError notFound; invalid REWRITE_REFUSED for a table or file that this writer cannot keep; corrupt; unavailable
 */
export async function compactTable(
  lake: Lake,
  rewriter: FileRewriter,
  ref: TableRef,
  options: CompactOptions = {},
): Promise<CompactionResult> {
  const run: Run = { lake, rewriter, options, sums: { ...NOTHING, versions: [] } };
  let state: TableState;
  let isNew: boolean;
  do {
    [state] = (await tableStates(lake, [ref], { fresh: true })) as [TableState];
    checkRewritable(state.name, tableConfiguration(state.protocol, state.metadata));
    const { gaveWay } = run.sums;
    // What gave way is planned again, with what the winners have left.
    isNew = (await compactRound(run, state)) > 0 || run.sums.gaveWay > gaveWay;
  } while (isNew && goesOn(run));
  return { tableId: state.tableId, table: state.name, ...run.sums };
}

/** What has been done so far. */
type Sums = { -readonly [K in keyof Omit<CompactionResult, "tableId" | "table" | "versions">]: CompactionResult[K] } & {
  readonly versions: number[];
};

interface Run {
  readonly lake: Lake;
  readonly rewriter: FileRewriter;
  readonly options: CompactOptions;
  readonly sums: Sums;
}

const NOTHING = { removedFiles: 0, removedBytes: 0, addedFiles: 0, addedBytes: 0, gaveWay: 0, leftOutside: 0 };

function goesOn({ sums }: Run): boolean {
  return sums.stopped === undefined && sums.gaveWay < MAX_GAVE_WAY;
}

/** @returns how many groups were committed */
async function compactRound(run: Run, state: TableState): Promise<number> {
  const { sums } = run;
  const { maxBytes: _, ...wishes } = run.options;
  const plan = await planCompaction(run.lake, { tableId: state.tableId }, wishes);
  let made = 0;
  sums.leftOutside = 0;
  for await (const group of plan.groups) {
    const stopped = whyStopped(run, group);
    if (stopped !== undefined) sums.stopped = stopped;
    if (made >= GROUPS_A_ROUND || !goesOn(run)) break;
    const outside = group.files.filter(({ file }) => isOutside(state.location, file));
    sums.leftOutside += outside.length;
    if (outside.length === 0 && (await compactGroup(run, state, plan.version, group))) made += 1;
  }
  return made;
}

function whyStopped({ options, sums }: Run, group: CompactionGroup): CompactionResult["stopped"] {
  if (options.signal?.aborted) return "signal";
  const { maxBytes = Number.POSITIVE_INFINITY } = options;
  return sums.removedBytes > 0 && sums.removedBytes + Number(group.bytes) > maxBytes ? "maxBytes" : undefined;
}

/** @returns false where it gave way */
async function compactGroup(
  { lake, rewriter, options, sums }: Run,
  state: TableState,
  version: number,
  group: CompactionGroup,
): Promise<boolean> {
  const { location } = state;
  const table = tableConfiguration(state.protocol, state.metadata);
  const files = group.files.map(({ file }) => file);
  await checkFooters(lake, state, table, files);
  const path = newPath(files[0]?.path ?? "", location, lake.clock.newId());
  const key = keyInTable(location, path) ?? path;
  const written = await rewriter.rewrite({ location, table, files, key });
  const discard = async () => (written === undefined ? undefined : rewriter.discard({ location, key }));
  const now = lake.clock.now();
  const adds = written === undefined ? [] : [newFile(path, written, group, now)];
  const wanted = request(state, table, version, { files, adds, now }, lake.clock.newId());
  const result = await commit(lake, wanted).catch(async (error: unknown) => {
    // After any other error the commit may have been made.
    if (isLakeError(error, "invalid")) await discard();
    throw error;
  });
  if (result.status === "conflict") {
    sums.gaveWay += 1;
    await discard();
    return false;
  }
  sums.versions.push(...result.tables.map((committed) => committed.version));
  sums.removedFiles += files.length;
  sums.removedBytes += Number(group.bytes);
  sums.addedFiles += adds.length;
  sums.addedBytes += written?.size ?? 0;
  options.onProgress?.({ phase: "files", done: sums.removedFiles });
  return true;
}

function isOutside(location: string, { path, deletionVector }: Omit<AddFile, "stats">): boolean {
  const ofVector = deletionVector && deletionVectorPath(deletionVector);
  return [path, ...(ofVector === undefined ? [] : [ofVector])].some((each) => keyInTable(location, each) === undefined);
}

/** Beside the first file of the group, in whatever way its folder is written; at the root where that lies elsewhere. */
function newPath(beside: string, location: string, id: string): string {
  const folder = keyInTable(location, beside) === undefined ? "" : beside.slice(0, beside.lastIndexOf("/") + 1);
  return `${folder}part-00000-${id}-c000.parquet`;
}

function newFile(
  path: string,
  { size, stats }: { readonly size: number; readonly stats: string },
  { partitionValues }: CompactionGroup,
  now: number,
): AddFile {
  return { path, partitionValues, size, modificationTime: now, dataChange: false, stats };
}

interface Exchange {
  readonly files: readonly Omit<AddFile, "stats">[];
  readonly adds: readonly AddFile[];
  readonly now: number;
}

function request(
  { tableId }: TableState,
  table: TableConfiguration,
  version: number,
  { files, adds, now }: Exchange,
  transactionId: string,
): CommitRequest {
  const removes = files.map(
    ({ path, partitionValues, size, deletionVector, baseRowId, defaultRowCommitVersion, tags }): RemoveFile => ({
      path,
      deletionTimestamp: now,
      dataChange: false,
      extendedFileMetadata: true,
      partitionValues,
      size,
      ...(tags && { tags }),
      ...(deletionVector && { deletionVector }),
      ...(baseRowId === undefined ? {} : { baseRowId }),
      ...(defaultRowCommitVersion === undefined ? {} : { defaultRowCommitVersion }),
    }),
  );
  const features = featuresToDeclare(table);
  return {
    transactionId,
    tables: [
      {
        table: { tableId },
        readVersion: version,
        reads: { files: files.map(({ path }) => path) },
        supportedFeatures: { reader: features, writer: features },
        actions: { ...NO_ACTIONS, commitInfo: compactionInfo(files, adds), removes, adds },
        at: "/tables/0",
      },
    ],
  };
}

/** Before rows are read by name and cast to the types of the table: a file that does not fit is no file to be rewritten. */
async function checkFooters(
  lake: Lake,
  { location, name }: TableState,
  table: TableConfiguration,
  files: readonly Omit<AddFile, "stats">[],
): Promise<void> {
  const opened: TableFiles | undefined = lake.files?.open(location, { timeoutMs: deadlineMs("filesAsked") });
  if (opened === undefined) return;
  for (const { path, size } of files) {
    const footer = await opened.footerOf(keyInTable(location, path) ?? path, Number(size));
    const problem = schemaMismatch(footer, table) ?? misnamedColumn(footer, table);
    if (problem === undefined) continue;
    throw corrupt(`the file "${path}" of ${name} does not fit the table: ${problem}`, {
      code: "FILE_SCHEMA_MISMATCH",
      hint: "Nothing has been changed. Have an engine that reads the table write the file anew.",
      facts: { path, table: name },
    });
  }
}
