/** From the JSON of `POST /v1/commits` to a CommitRequest. `dl commit` reads its files through this, too. */

import type { CommitActions } from "../delta/actions.ts";
import { addsFilesOnly } from "../delta/appends.ts";
import { ActionCollector } from "../delta/decode.ts";
import type { ActionPlaces } from "../delta/fields/action-places.ts";
import { COUNT } from "../delta/limits.ts";
import type { AppendRequest, CommitRequest, TableCommit, TableRef, VerifyFiles } from "../delta/request.ts";
import type { Json } from "../delta/values/json.ts";
import { foundAt, invalid, isLakeError } from "../errors.ts";
import { checked } from "../validation.ts";
import { checkActionBounds, checkPredicateBounds } from "./action-bounds.ts";
import { appendRequest, commitRequest } from "./contracts/commits.ts";
import type { z } from "./contracts/values.ts";
import { refOf } from "./table-ref.ts";

type WireTable = z.output<typeof commitRequest>["tables"][number];

/** A commit, and how its client lets it share a version with others. */
export interface DecodedCommit {
  readonly request: CommitRequest;
  /** Absent where it must have a version of its own. */
  readonly sharing?: Pick<AppendRequest, "maxDelayMs">;
}

/** @throws LakeError invalid, with the JSON pointer of the culprit */
export function decodeCommitRequest(body: Json): CommitRequest {
  return decodeCommit(body).request;
}

/** As {@link decodeCommitRequest}, for who lets commits share versions. */
export function decodeCommit(body: Json): DecodedCommit {
  const asked = checked(commitRequest, body);
  const { transactionId, tables, acknowledge, allowUnknownActions = false, verifyFiles } = asked;
  const actions = tables.reduce((sum, table) => sum + table.actions.length, 0);
  if (actions > COUNT.actions) {
    throw invalid(`a commit holds at most ${COUNT.actions} actions, and this one has ${actions}`, {
      at: "/tables",
      code: "TOO_LONG",
      hint: "Split it into several commits.",
    });
  }
  const request: CommitRequest = {
    transactionId,
    tables: tables.map((table, i) => decodeTable(table, `/tables/${i}`, allowUnknownActions)),
    ...(acknowledge === undefined ? {} : { acknowledge }),
    ...(verifyFiles === undefined ? {} : { verifyFiles: verifyMode(verifyFiles) }),
  };
  const { coalesce = false, maxDelayMs } = asked;
  return { request, ...(coalesce ? { sharing: maxDelayMs === undefined ? {} : { maxDelayMs } } : {}) };
}

/**
 * The same request as an append, where its client lets it share a version and it only adds files to one table; else undefined.
 */
export function coalescedAppend({ request, sharing }: DecodedCommit): AppendRequest | undefined {
  const [table, ...others] = request.tables;
  if (sharing === undefined || table === undefined || others.length > 0) return undefined;
  const { expectedVersion, reads, create, ...rest } = table;
  const isStrict = expectedVersion !== undefined || create !== undefined;
  if (isStrict || reads !== undefined || !addsFilesOnly(table.actions)) return undefined;
  const { tables: _, ...ofAll } = request;
  return { ...ofAll, table: rest, ...sharing };
}

/** @throws LakeError invalid, with the JSON pointer of the culprit */
export function decodeAppendRequest(body: Json, table: TableRef): AppendRequest {
  const { transactionId, actions, maxDelayMs, supportedFeatures, acknowledge, verifyFiles } = checked(
    appendRequest,
    body,
  );
  return {
    transactionId,
    table: { table, at: "", ...decodeActions(actions, "", false), ...featuresOf(supportedFeatures) },
    ...(maxDelayMs === undefined ? {} : { maxDelayMs }),
    ...(acknowledge === undefined ? {} : { acknowledge }),
    ...(verifyFiles === undefined ? {} : { verifyFiles: verifyMode(verifyFiles) }),
  };
}

function decodeActions(
  wire: readonly unknown[],
  at: string,
  allowUnknownActions: boolean,
): { readonly actions: CommitActions; readonly places: ActionPlaces } {
  const collector = new ActionCollector({ strict: true, allowUnknownActions });
  for (const [i, action] of wire.entries()) {
    checkActionBounds(action as Json, `${at}/actions/${i}`);
    collector.collect(action as Json, `${at}/actions/${i}`);
  }
  return { actions: collector.actions(), places: collector.places() };
}

function featuresOf(given: WireTable["supportedFeatures"]): Pick<TableCommit, "supportedFeatures"> {
  if (given === undefined) return {};
  return { supportedFeatures: withoutUndefined(given) as NonNullable<TableCommit["supportedFeatures"]> };
}

function verifyMode(asked: boolean | "deep"): VerifyFiles {
  if (asked === "deep") return "deep";
  return asked ? "size" : "off";
}

function decodeTable(wire: WireTable, at: string, allowUnknownActions: boolean): TableCommit {
  const { tableId: _tableId, table: _table, actions, isolationLevel, reads, supportedFeatures } = wire;
  const decoded = decodeActions(actions, at, allowUnknownActions);
  if (reads?.predicates) checkPredicateBounds(reads.predicates as Json[], `${at}/reads/predicates`);
  return {
    table: refOf(wire, at),
    ...versionsOf(wire, at),
    ...creationOf(wire, at),
    ...(isolationLevel === undefined ? {} : { isolationLevel }),
    ...(reads === undefined ? {} : { reads: withoutUndefined(reads) as NonNullable<TableCommit["reads"]> }),
    ...featuresOf(supportedFeatures),
    ...decoded,
    at,
  };
}

function versionsOf({ readVersion, expectedVersion }: WireTable, at: string) {
  if (expectedVersion === undefined) {
    if (readVersion !== undefined) return { readVersion };
    throw invalid("readVersion is missing: the version that the writer read", {
      at: `${at}/readVersion`,
      hint: "A writer that names its own version gives expectedVersion instead.",
    });
  }
  const read = readVersion ?? expectedVersion - 1;
  if (read < expectedVersion) return { readVersion: read, expectedVersion };
  throw invalid(`expectedVersion ${expectedVersion} is not above readVersion ${read}`, {
    at: `${at}/expectedVersion`,
    hint: "Whoever has read version 41 and wants the next one expects 42; readVersion may be left out.",
  });
}

/** A table that is made by its version 0. */
function creationOf({ expectedVersion, location, table }: WireTable, at: string): Pick<TableCommit, "create"> {
  if (expectedVersion === 0) {
    if (table !== undefined) return { create: location === undefined ? {} : { location } };
    throw invalid("version 0 makes a table, which has no id yet", {
      at: `${at}/tableId`,
      hint: "Name it: table is namespace.name.",
    });
  }
  if (location === undefined) return {};
  throw invalid("a location is for a table that is made: with expectedVersion 0", { at: `${at}/location` });
}

/** @param resolve from a location as a client names it, or none, to a canonical one */
export async function withLocations(
  request: CommitRequest,
  resolve: (location: string | undefined, tableName: string) => Promise<string>,
): Promise<CommitRequest> {
  const tables: TableCommit[] = [];
  for (const table of request.tables) {
    if (table.create === undefined || !("name" in table.table)) tables.push(table);
    else {
      const asked = resolve(table.create.location, table.table.name);
      tables.push({
        ...table,
        create: { location: await asked.catch((error) => Promise.reject(within(table, error))) },
      });
    }
  }
  return { ...request, tables };
}

function within({ at }: TableCommit, error: unknown): unknown {
  return isLakeError(error) && error.at === "/location" ? foundAt(error, `${at}/location`) : error;
}

/** Zod types an optional member as `T | undefined`; the model wants it absent. */
export function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
