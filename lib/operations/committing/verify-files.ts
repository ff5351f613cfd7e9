/**
 * Looks at the files that a commit names, before SQL hears of it: an action for a file that is not there, or is another one,
 * makes the table unreadable for everyone, and cannot be recalled.
 */

import { deadlineMs } from "../../deadlines.ts";
import { schemaMismatch } from "../../delta/checks/file-schema.ts";
import { type FileToCheck, filesToCheck } from "../../delta/checks/files-to-check.ts";
import { placesOf } from "../../delta/fields/action-places.ts";
import type { CommitRequest, VerifyFiles } from "../../delta/request.ts";
import { type TableDescription, tableDescription } from "../../delta/table-configuration.ts";
import { isJsonObject, parseJson } from "../../delta/values/json.ts";
import { errorText, invalid, isLakeError, LakeError, unavailable } from "../../errors.ts";
import type { FileChecks, Lake, TableFiles } from "../../ports.ts";
import type { PlannedPart } from "./parts.ts";

/** Questions to the storage at the same time; the SDK of S3 keeps 50 connections. */
const AT_ONCE = 48;
/** The magic bytes at both ends and the length of the footer. */
const MIN_PARQUET_BYTES = 12;
/** Named in one refusal. */
const MAX_NAMED = 10;

/** What was made sure of, recorded in the commit as `commitInfo.filesVerified`. */
export type Verified = "size" | "deep" | "off" | "partly" | "unreachable";

interface Check {
  readonly how: "size" | "deep" | "off";
  /** True: asked for by the request or the table, so what cannot be checked is not committed. */
  readonly isAsked: boolean;
}

/**
 * Checks the files of all tables of a request.
 * @returns by tableId what is to be recorded; nothing for tables whose part names no files
 * @throws LakeError invalid FILE_NOT_FOUND, FILE_SIZE_MISMATCH, FILE_NOT_PARQUET, FILE_SCHEMA_MISMATCH, FILE_STATS_MISMATCH;
 *   unavailable FILES_NOT_VERIFIED where the check is asked for and the storage cannot be asked
 */
export async function verifyFiles(
  lake: Lake,
  request: Pick<CommitRequest, "verifyFiles">,
  parts: readonly PlannedPart[],
): Promise<ReadonlyMap<string, Verified>> {
  const verified = new Map<string, Verified>();
  for (const part of parts) {
    const { state } = part;
    const table = tableDescription(part.asked.actions.metadata ?? state.metadata);
    const check = checkOf(request.verifyFiles, table, lake.files);
    const files = filesToCheck(part.asked.actions, state.location);
    if (files.length === 0 || check === undefined) continue;
    verified.set(state.tableId, await verifyTable(lake, part, table, files, check));
  }
  if ([...verified.values()].some((how) => how === "partly" || how === "unreachable")) {
    lake.metrics.record("UnverifiedCommits", 1, "Count");
  }
  return verified;
}

/** The request decides, else the table, else whoever runs the service. undefined: nobody here can look at files. */
function checkOf(
  asked: VerifyFiles | undefined,
  { properties }: TableDescription,
  files: FileChecks | undefined,
): Check | undefined {
  const ofTable = properties["deltalakedb.verifyFiles"];
  const wanted = asked ?? (ofTable?.replace(/^true$/, "size").replace(/^false$/, "off") as VerifyFiles | undefined);
  if (wanted !== undefined) return { how: wanted, isAsked: wanted !== "off" };
  return files && { how: files.byDefault, isAsked: false };
}

interface Looking {
  readonly part: PlannedPart;
  readonly table: TableDescription;
  readonly files: TableFiles;
  readonly how: "size" | "deep";
}

async function verifyTable(
  lake: Lake,
  part: PlannedPart,
  table: TableDescription,
  files: readonly FileToCheck[],
  { how, isAsked }: Check,
): Promise<Verified> {
  if (how === "off") return "off";
  const outside = files.find(({ key }) => key === undefined);
  if (isAsked && outside)
    throw notVerified(part, outside, "it lies outside the table, where this service does not look");
  if (lake.files === undefined) {
    throw notVerified(part, files[0] as FileToCheck, "this service does not look at files");
  }
  const timeoutMs = deadlineMs(isAsked ? "filesAsked" : "filesByDefault");
  const looking = { part, table, how, files: lake.files.open(part.state.location, { timeoutMs }) };
  const { problems, unanswered, silence } = await lookAt(looking, files, isAsked ? 1 : files.length);
  const [first] = problems;
  if (first) throw refusal(first, problems);
  if (silence === undefined) return outside ? "partly" : how;
  if (isAsked) throw notVerified(part, silence.file, errorText(silence.error), silence.error);
  return unanswered === files.length ? "unreachable" : "partly";
}

interface Findings {
  readonly problems: readonly LakeError[];
  /** How many files nothing is known of. */
  readonly unanswered: number;
  readonly silence?: { readonly file: FileToCheck; readonly error: unknown };
}

/** Looks at files side by side until enough is known: refusals by the dozen say no more, and silence is no news. */
async function lookAt(looking: Looking, files: readonly FileToCheck[], maxUnanswered: number): Promise<Findings> {
  const found = new Map<number, LakeError>();
  let silence: Findings["silence"];
  let next = 0;
  let answered = 0;
  let silent = 0;
  const isEnough = () => found.size >= MAX_NAMED || silent >= Math.min(maxUnanswered, AT_ONCE);
  const worker = async (): Promise<void> => {
    while (next < files.length && !isEnough()) {
      const i = next;
      next += 1;
      const file = files[i] as FileToCheck;
      if (file.key === undefined) continue;
      try {
        await look(looking, file, file.key);
        answered += 1;
      } catch (error) {
        if (isLakeError(error, "invalid")) found.set(i, error);
        else if (isLakeError(error, "unavailable")) {
          silent += 1;
          silence ??= { file, error };
        } else throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, files.length) }, worker));
  const problems = [...found].sort(([a], [b]) => a - b).map(([, error]) => error);
  return { problems, unanswered: files.length - answered - found.size, ...(silence === undefined ? {} : { silence }) };
}

/** @throws LakeError invalid for what is wrong with the file; unavailable when the storage does not say */
async function look({ part, table, files, how }: Looking, file: FileToCheck, key: string): Promise<void> {
  const { location } = part.state;
  const size = await files.sizeOf(key);
  const place = { at: placeOf(part, file), facts: { path: file.path, lookedAt: `${location}/${key}` } };
  if (size === undefined) {
    throw invalid(`there is no file "${file.path}"; looked for as ${place.facts.lookedAt}`, {
      ...place,
      code: "FILE_NOT_FOUND",
      hint: "Write the file before its action is committed, or correct the path. Where this service cannot see the files of the table, commit with verifyFiles false.",
    });
  }
  if (file.size !== undefined ? BigInt(size) !== BigInt(file.size) : BigInt(size) < (file.atLeast ?? 0n)) {
    const wanted = file.size !== undefined ? `${file.size} bytes` : `${file.atLeast} bytes or more`;
    throw invalid(
      `the file "${file.path}" has ${size} bytes, and its action says ${wanted}; looked at as ${place.facts.lookedAt}`,
      {
        ...place,
        facts: { ...place.facts, size },
        code: "FILE_SIZE_MISMATCH",
        hint: "Readers find the footer of a file by its size: send the size that the file has.",
      },
    );
  }
  if (file.vector !== undefined) await lookAtVector(files, file, { key, size, ...place });
  if (file.kind !== "adds" || file.member !== "path") return;
  if (size < MIN_PARQUET_BYTES) {
    throw invalid(
      `the file "${file.path}" has ${size} bytes, and a Parquet file has ${MIN_PARQUET_BYTES} or more; looked at as ${place.facts.lookedAt}`,
      { ...place, facts: { ...place.facts, size }, code: "FILE_NOT_PARQUET" },
    );
  }
  if (how === "deep") await lookInside(files, table, file, { key, size, ...place });
}

/** PROTOCOL.md, "Deletion Vector Format": the length of a vector stands before it, and readers compare. */
async function lookAtVector(
  files: TableFiles,
  { path, vector }: FileToCheck,
  { key, at, facts }: Place,
): Promise<void> {
  if (vector === undefined) return;
  const length = await files.lengthAt(key, vector.offset);
  if (BigInt(length) === BigInt(vector.sizeInBytes)) return;
  throw invalid(
    `the file "${path}" has no deletion vector of ${vector.sizeInBytes} bytes at offset ${vector.offset}: the length there is ${length}; looked at as ${facts.lookedAt}`,
    {
      at,
      facts,
      code: "FILE_SIZE_MISMATCH",
      hint: "Send offset and sizeInBytes as the writer of the vector has them.",
    },
  );
}

interface Place {
  readonly key: string;
  readonly size: number;
  readonly at: string;
  readonly facts: { readonly path: string; readonly lookedAt: string };
}

async function lookInside(
  files: TableFiles,
  table: TableDescription,
  { path, stats }: FileToCheck,
  { key, size, at, facts }: Place,
): Promise<void> {
  const footer = await files.footerOf(key, size).catch((error: unknown) => {
    if (!isLakeError(error, "corrupt")) throw error;
    throw invalid(
      `the file "${path}" is no Parquet file that can be read (${error.message}); looked at as ${facts.lookedAt}`,
      {
        at,
        facts,
        code: "FILE_NOT_PARQUET",
        cause: error,
      },
    );
  });
  const mismatch = schemaMismatch(footer, table);
  if (mismatch) {
    throw invalid(`the file "${path}" does not fit the table: ${mismatch}; looked at as ${facts.lookedAt}`, {
      at,
      facts,
      code: "FILE_SCHEMA_MISMATCH",
      hint: "Write the file with the columns of the table, under their physical names where it maps columns.",
    });
  }
  const claimed = numRecordsOf(stats);
  if (claimed !== undefined && String(claimed) !== String(footer.rows)) {
    throw invalid(
      `the file "${path}" has ${footer.rows} rows, and its stats say ${claimed}; looked at as ${facts.lookedAt}`,
      {
        at,
        facts: { ...facts, rows: footer.rows },
        code: "FILE_STATS_MISMATCH",
        hint: "Readers answer counts from numRecords: send the number of rows that the file has, deleted ones included.",
      },
    );
  }
}

function numRecordsOf(stats: string | undefined): unknown {
  if (stats === undefined) return undefined;
  const parsed = parseJson(stats);
  return isJsonObject(parsed) ? (parsed.numRecords ?? undefined) : undefined;
}

function placeOf({ asked }: PlannedPart, { kind, i, member }: FileToCheck): string {
  return placesOf(asked)(kind, i, member);
}

function refusal(first: LakeError, all: readonly LakeError[]): LakeError {
  if (all.length === 1) return first;
  const { message, code, at, hint, facts } = first;
  const more = all.slice(1).map((error) => ({ at: error.at, code: error.code, ...error.facts }));
  return new LakeError("invalid", `${message} (and ${more.length} more)`, {
    code,
    facts: { ...facts, more },
    cause: first,
    ...(at === undefined ? {} : { at }),
    ...(hint === undefined ? {} : { hint }),
  });
}

function notVerified(part: PlannedPart, file: FileToCheck, why: string, cause?: unknown): LakeError {
  return unavailable(`the file "${file.path}" cannot be verified: ${why}`, {
    at: placeOf(part, file),
    code: "FILES_NOT_VERIFIED",
    hint: "Send the same request again later, or with verifyFiles false if you know that the files are there.",
    facts: { path: file.path, location: part.state.location },
    cause,
  });
}
