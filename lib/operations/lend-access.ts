/** Lends a client access to the data files of one table: credentials for all of them, or a URL for each that it names. */

import { keyInTable } from "../delta/files/file-places.ts";
import { overlaps } from "../delta/files/locations.ts";
import { LOG_FOLDER } from "../delta/files/log-files.ts";
import { checkPath } from "../delta/files/paths.ts";
import type { TableRef } from "../delta/request.ts";
import { invalid } from "../errors.ts";
import type { Lake, Lending, LentCredentials, LentUrl, Loan, Rights } from "../ports.ts";
import type { By } from "./committing/author.ts";
import { findHead } from "./read.ts";

export interface LendOptions extends By {
  readonly rights: Rights;
  /** Absent where this server lends nothing. */
  readonly lending: Lending | undefined;
}

export interface LentTable {
  readonly tableId: string;
  readonly location: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface LentSession extends LentTable {
  readonly credentials: LentCredentials;
  /** Where the table was before, if files of it may still lie there: may be read as well. */
  readonly alsoAt: readonly string[];
}

/**
 * Credentials that end by themselves, bounded to the table's place: a write never reaches its log.
 * @throws LakeError notFound; invalid NO_CREDENTIALS_FOR_FOLDERS, NO_CREDENTIALS_VENDED, CREDENTIALS_TOO_LONG;
 *   conflict LOCATION_OVERLAPS; unavailable
 */
export async function lendCredentials(lake: Lake, ref: TableRef, options: LendOptions): Promise<LentSession> {
  const { loan, lending, tableId } = await openLoan(lake, ref, options);
  if (lending.credentials === undefined) {
    throw notVended(loan.places[0], "this server has no role of which it could lend sessions", {
      hint: "Name the files (paths) and take a URL for each; or its operator sets security.data_credentials.role_arn.",
    });
  }
  const credentials = await lending.credentials(loan);
  const [location, ...alsoAt] = loan.places;
  return { tableId, location, alsoAt, credentials, expiresAt: credentials.expiresAt };
}

/**
 * A URL for each path, in the order of the request. What is put there must be new.
 * @param paths as actions have them
 * @throws LakeError as {@link lendCredentials}; invalid PATH_OUTSIDE_TABLE, PATH_IN_LOG
 */
export async function lendUrls(
  lake: Lake,
  ref: TableRef,
  { paths, ...options }: LendOptions & { readonly paths: readonly string[] },
): Promise<LentTable & { readonly urls: readonly (LentUrl & { readonly path: string })[] }> {
  const { loan, lending, tableId } = await openLoan(lake, ref, options);
  const [location] = loan.places;
  const keys = paths.map((path, i) => keyOf(path, { at: `/paths/${i}`, location, rights: options.rights }));
  const { urls, expiresAt } = await lending.urls({ ...loan, places: [location] }, keys);
  return { tableId, location, expiresAt, urls: urls.map((url, i) => ({ path: paths[i] as string, ...url })) };
}

interface OpenLoan {
  readonly tableId: string;
  readonly loan: Loan;
  readonly lending: Lending;
}

async function openLoan(lake: Lake, ref: TableRef, { rights, lending, by }: LendOptions): Promise<OpenLoan> {
  const { tableId, name, location } = await findHead(lake, ref);
  if (!location.startsWith("s3:")) {
    throw invalid(`"${name}" lies in a folder, ${location}: whoever may open it needs no credentials`, {
      code: "NO_CREDENTIALS_FOR_FOLDERS",
      hint: "Read and write the files there by the rights of the operating system.",
    });
  }
  if (lending === undefined) throw notVended(location, "this server lends no access to data");
  if (by === undefined) {
    throw notVended(location, "this server asks nobody who they are, and lends nothing to whom it does not know", {
      hint: "Make a key first (dl key create NAME), and start the server again; or give the engine a role or keys of its own.",
    });
  }
  const inner = await lake.catalog.findClaim({ name: "", location, besides: tableId });
  if (inner !== undefined) throw overlaps(location, inner);
  const places: Loan["places"] = [location, ...(rights.read ? await formerPlaces(lake, tableId) : [])];
  return { tableId, lending, loan: { places, rights, borrower: by.id } };
}

/** A table that has moved without its files names them where they are, as long as nobody else lives there. */
async function formerPlaces(lake: Lake, tableId: string): Promise<readonly string[]> {
  const former = await lake.catalog.formerPlaces(tableId);
  const places = [...new Set(former.map(({ location }) => location))].filter((place) => place.startsWith("s3:"));
  const claims = await Promise.all(
    places.map((location) => lake.catalog.findClaim({ name: "", location, besides: tableId })),
  );
  return places.filter((_, i) => claims[i] === undefined);
}

function keyOf(path: string, { at, location, rights }: { at: string; location: string; rights: Rights }): string {
  checkPath(path, at);
  const key = keyInTable(location, path);
  if (key === undefined) {
    throw invalid(`the file "${path}" is not below the table's location, ${location}`, {
      at,
      code: "PATH_OUTSIDE_TABLE",
      hint: "Name files of the table by their relative paths.",
    });
  }
  if (rights.write !== undefined && key.split("/").includes(LOG_FOLDER)) {
    throw invalid(`"${path}" lies in the log, which this service alone writes`, {
      at,
      code: "PATH_IN_LOG",
      hint: "Put data files beside it, and commit them (POST /v1/commits).",
    });
  }
  return key;
}

function notVended(
  location: string,
  why: string,
  { hint = "Give the engine a role or keys of its own that may read the bucket." }: { readonly hint?: string } = {},
): Error {
  return invalid(`no credentials for ${location}: ${why}`, { code: "NO_CREDENTIALS_VENDED", hint });
}
