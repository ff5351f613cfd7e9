/** Brings the content of a table back to that of an older version, as a new version: what Spark's RESTORE does. */

import { type AddFile, type Metadata, NO_ACTIONS, type RemoveFile } from "../delta/actions.ts";
import { featuresToDeclare } from "../delta/checks/rewritable.ts";
import { fileKey } from "../delta/replay.ts";
import type { CommitRequest, TableRef } from "../delta/request.ts";
import { tableConfiguration, tableDescription } from "../delta/table-configuration.ts";
import type { Int64 } from "../delta/values/int64.ts";
import { canonicalJson } from "../delta/values/json.ts";
import { invalid, LakeError } from "../errors.ts";
import type { Lake, TableState } from "../ports.ts";
import { PAGE_FILES, pages } from "./checkpoint.ts";
import { commit } from "./commit.ts";
import type { By } from "./committing/author.ts";
import { tableStates } from "./committing/table-states.ts";
import { type AsOf, resolveVersion } from "./read.ts";

export interface RevertResult {
  readonly tableId: string;
  readonly table: string;
  /** Whose content the table has now. */
  readonly to: number;
  /** That of the commit; absent where the content was the same already. */
  readonly version?: number;
  readonly restoredFiles: number;
  readonly removedFiles: number;
  /** True when the schema went back, too. */
  readonly schemaChanged: boolean;
}

/**
 * The files of the older version are live again, and those that came later are not; so its columns where they
 * are not among those of now. Properties and protocol stay as they are. Nothing is lost: the versions in between stay readable. Holds the keys of the live files, and what changes.
 * @throws LakeError notFound; invalid NOTHING_TO_REVERT, FILE_NOT_FOUND where vacuum has taken a file; conflict when another commit came first
 */
export async function revertTable(lake: Lake, ref: TableRef, asOf: AsOf & By): Promise<RevertResult> {
  const [state] = (await tableStates(lake, [ref], { fresh: true })) as [TableState];
  const { tableId, name: table } = state;
  const { version: to } = await resolveVersion(lake, state, asOf);
  if (to >= state.version) {
    throw invalid(`version ${to} is the newest of ${table}: there is nothing to go back to`, {
      code: "NOTHING_TO_REVERT",
      hint: "Name an older version: `dl history` shows them.",
    });
  }
  const { adds, removes } = await changes(lake, state, to);
  const { metadata: before } = await lake.catalog.readSummary(tableId, to);
  const { schemaString, partitionColumns } = before;
  const isSame =
    String(partitionColumns) === String(state.metadata.partitionColumns) && hasColumns(state.metadata, before);
  const done = { tableId, table, to, restoredFiles: adds.length, removedFiles: removes.length, schemaChanged: !isSame };
  if (adds.length === 0 && removes.length === 0 && isSame) return done;
  const metadata = isSame
    ? {}
    : { metadata: { ...state.metadata, partitionColumns, ...(schemaString === undefined ? {} : { schemaString }) } };
  const result = await commit(lake, request(lake, state, to, { adds, removes, ...metadata }, asOf));
  if (result.status === "conflict") throw overtaken(result.conflicts[0]?.message ?? "another commit came first");
  return { ...done, version: result.tables[0]?.version ?? state.version + 1 };
}

/** Columns that came later stay: they are NULL in the rows of then. */
function hasColumns(now: Metadata, then: Metadata): boolean {
  const columns = new Map(tableDescription(now).schema.map((field) => [field.name, canonicalJson({ ...field })]));
  return tableDescription(then).schema.every((field) => columns.get(field.name) === canonicalJson({ ...field }));
}

function overtaken(why: string): LakeError {
  return new LakeError("conflict", `the table has changed meanwhile: ${why}`, {
    code: "DELTA_CONCURRENT_WRITE",
    hint: "Nothing was written. Look at the new version, and say it again.",
  });
}

/** What is to be added of the older version, and removed of the newest. */
async function changes(
  lake: Lake,
  state: TableState,
  to: number,
): Promise<{ readonly adds: readonly AddFile[]; readonly removes: readonly RemoveFile[] }> {
  const live = new Set<string>();
  for await (const file of filesAt(lake, state, state.version)) live.add(fileKey(file));
  const adds: AddFile[] = [];
  for await (const file of filesAt(lake, state, to)) {
    if (!live.delete(fileKey(file))) adds.push({ ...file, dataChange: true });
  }
  const removes: RemoveFile[] = [];
  if (live.size > 0) {
    const now = lake.clock.now();
    for await (const file of filesAt(lake, state, state.version)) {
      if (live.has(fileKey(file))) removes.push(removeOf(file, now));
    }
  }
  return { adds, removes };
}

async function* filesAt(lake: Lake, { tableId }: TableState, version: number): AsyncGenerator<AddFile> {
  for await (const page of pages<AddFile>((at) =>
    lake.catalog.readFiles(tableId, version, { ...at, limit: PAGE_FILES }),
  )) {
    yield* page;
  }
}

function removeOf(
  { stats: _, modificationTime: __, clusteringProvider: ___, ...file }: AddFile,
  now: number,
): RemoveFile {
  return { ...file, deletionTimestamp: now, dataChange: true, extendedFileMetadata: true };
}

function request(
  lake: Lake,
  state: TableState,
  to: number,
  actions: Partial<CommitRequest["tables"][number]["actions"]>,
  { by }: By,
): CommitRequest & By {
  const features = featuresToDeclare(tableConfiguration(state.protocol, state.metadata));
  return {
    by,
    transactionId: lake.clock.newId(),
    ...(lake.files === undefined ? {} : { verifyFiles: "size" as const }),
    tables: [
      {
        table: { tableId: state.tableId },
        readVersion: state.version,
        reads: { wholeTable: true },
        supportedFeatures: { reader: features, writer: features },
        actions: { ...NO_ACTIONS, commitInfo: restoreInfo(to, actions), ...actions },
        at: "/tables/0",
      },
    ],
  };
}

function restoreInfo(to: number, { adds = [], removes = [] }: Partial<CommitRequest["tables"][number]["actions"]>) {
  const bytes = (files: readonly { readonly size?: Int64 }[]) =>
    String(files.reduce((sum, { size = 0 }) => sum + BigInt(size), 0n));
  return {
    operation: "RESTORE",
    operationParameters: { version: String(to) },
    operationMetrics: {
      numRestoredFiles: String(adds.length),
      restoredFilesSize: bytes(adds),
      numRemovedFiles: String(removes.length),
      removedFilesSize: bytes(removes),
    },
  };
}
