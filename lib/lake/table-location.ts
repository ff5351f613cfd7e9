/** The rule for places that clients name: below a root that the operator allows. What holds for everybody is delta/files/locations.ts. */

import { checkTableLocation, defaultFolder, foldersOf, isHidden, isWithin } from "../delta/files/locations.ts";
import { foundAt, invalid, isLakeError } from "../errors.ts";
import { toLocation } from "./location.ts";

/** Where tables may be that are made or imported through the API; folders as paths or `file:///…`, or `s3://bucket/prefix`. */
export interface AllowedPlaces {
  /** Tables without a location, or with a relative one, are made below it. */
  readonly storage?: string | undefined;
  /** Beside the storage. */
  readonly roots?: readonly string[] | undefined;
}

/**
 * The canonical location of a table that a client names: as given, below the storage where it is relative, or named after the
 * table. It is below an allowed root, not the root itself, and in no hidden folder.
 * @throws LakeError invalid: INVALID_LOCATION, LOCATION_NOT_ALLOWED, UNSUPPORTED_STORAGE
 */
export async function tableLocation(
  allowed: AllowedPlaces,
  location: string | undefined,
  tableName: string,
): Promise<string> {
  try {
    const place = await operatorLocation(allowed.storage, location, tableName);
    await checkAllowed(place, allowed);
    return place;
  } catch (error) {
    throw pointed(error);
  }
}

/**
 * Likewise of a table that an operator names: it may be anywhere.
 * @throws LakeError invalid: INVALID_LOCATION, UNSUPPORTED_STORAGE
 */
export async function operatorLocation(
  storage: string | undefined,
  location: string | undefined,
  tableName: string,
): Promise<string> {
  const relative = location === undefined || !/^(?:[a-z][a-z0-9+.-]*:|[/\\])/i.test(location);
  if (relative && storage === undefined) {
    throw invalid(location === undefined ? "no location is given" : `"${location}" is a relative location`, {
      at: "/location",
      code: "INVALID_LOCATION",
      hint: "Give file:///absolute/path or s3://bucket/prefix, or start the server with --storage.",
    });
  }
  const place = await toLocation(location ?? defaultFolder(tableName), storage);
  checkTableLocation(place);
  return place;
}

/** Roots are resolved each time: a folder among them may have become a link. */
async function checkAllowed(place: string, { storage, roots = [] }: AllowedPlaces): Promise<void> {
  const places = await Promise.all([...(storage === undefined ? [] : [storage]), ...roots].map(rootLocation));
  const refuse = (why: string, hint: string) =>
    invalid(`${place} ${why}`, { at: "/location", code: "LOCATION_NOT_ALLOWED", hint });
  if (places.includes(place)) throw refuse("is a root of the storage itself", "Name a folder below it.");
  const above = places.filter((root) => isWithin(place, root));
  if (above.length === 0) {
    const known = places.length === 0 ? "None is set" : `Allowed here: ${places.join(", ")}`;
    throw refuse(
      "is not below a place where this service may put tables",
      `${known}. Whoever runs the service can allow more (storage.roots), or use \`dl import\`.`,
    );
  }
  if (above.every((root) => foldersOf(place.slice(root.length)).some(isHidden))) {
    throw refuse("lies in a hidden folder", "Names with _ or . at the beginning are for files that readers pass over.");
  }
}

/** `/` as a root allows every folder of this machine. */
async function rootLocation(root: string): Promise<string> {
  return /^(?:file:)?\/+$/i.test(root) ? "file://" : toLocation(root);
}

/** For whoever starts a service. @throws LakeError invalid for a root that cannot be one */
export async function checkPlaces({ storage, roots = [] }: AllowedPlaces): Promise<void> {
  for (const root of [...(storage === undefined ? [] : [storage]), ...roots]) await rootLocation(root);
}

function pointed(error: unknown): unknown {
  if (!isLakeError(error, "invalid") || error.at !== undefined) return error;
  return foundAt(error, "/location");
}
