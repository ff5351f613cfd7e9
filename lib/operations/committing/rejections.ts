/** What the commit statement saw in the rows, told as conflicts (someone was faster) or as mistakes (the request is wrong). */

import type { Conflict } from "../../delta/conflicts.ts";
import { placesOf } from "../../delta/fields/action-places.ts";
import { canonicalPath } from "../../delta/files/paths.ts";
import type { TableCommit, TableConflict } from "../../delta/request.ts";
import { invalid } from "../../errors.ts";
import type { Lake, Rejection, TableState } from "../../ports.ts";
import { tableNotFound } from "../tables/missing-table.ts";
import { readForgotten } from "./forgotten.ts";
import { mirrorRefusal } from "./mirror-demand.ts";

/** A table's part of the commit that was rejected. */
interface RejectedPart {
  readonly asked: TableCommit;
  readonly state: TableState;
}

/** Sorts what the statement saw in the rows into conflicts (someone was faster) and mistakes (the request is wrong). */
export function rejected(
  lake: Lake,
  parts: readonly RejectedPart[],
  rejections: readonly Rejection[],
): { status: "conflict"; conflicts: readonly TableConflict[] } {
  const told = rejections.flatMap((rejection) => {
    const part = parts.find(({ state }) => state.tableId === rejection.tableId);
    return part ? [{ rejection, part }] : [];
  });
  const conflicts = told.flatMap(({ rejection, part: { asked, state } }) => {
    const conflict = rowConflict(rejection, state.version);
    return conflict ? [tableConflict(state, asked.readVersion, conflict)] : [];
  });
  if (conflicts.length > 0) return { status: "conflict", conflicts };
  const [first] = told;
  if (first === undefined) throw new Error("the commit was rejected for a table that it does not name");
  if (first.rejection.mirror) throw mirrorRefusal(lake, first.rejection.mirror);
  throw rejectionError(first.rejection, first.part);
}

function rowConflict(rejection: Rejection, head: number): Conflict | undefined {
  const where = {
    version: rejection.version ?? head,
    ...(rejection.path === undefined ? {} : { path: rejection.path }),
  };
  switch (rejection.reason) {
    case "removedByWinner":
      return {
        ...where,
        code: "DELTA_CONCURRENT_DELETE_DELETE",
        message: "another commit removed a file that this one removes",
      };
    case "addedByWinner":
      return {
        ...where,
        code: "DELTA_CONCURRENT_DELETE_READ",
        message: "another commit added, removed or replaced a file that this one writes again",
      };
    case "versionTaken":
      return versionTaken(where.version);
    default:
      return undefined;
  }
}

/** @param head the newest version of the table, which is the expected one or above it */
export function versionTaken(head: number): Conflict {
  return { code: "VERSION_TAKEN", version: head, message: "the expected version is there already" };
}

function rejectionError(rejection: Rejection, { asked, state }: RejectedPart): Error {
  const { at } = asked;
  const fileAt = () => placeOfFile(asked, state.location, rejection);
  const facts = { tableId: rejection.tableId, path: rejection.path, version: rejection.version };
  switch (rejection.reason) {
    case "tableNotFound":
      return tableNotFound(asked.table);
    case "forgotten":
      return readForgotten(asked.table, { at, read: asked.readVersion, version: rejection.version ?? 0 });
    case "readVersionAhead":
      return invalid(
        `readVersion ${asked.readVersion} is ahead of the table, whose newest version is ${rejection.version}`,
        {
          at: `${at}/readVersion`,
          code: "READ_VERSION_AHEAD",
          facts,
        },
      );
    case "removeNotLive":
      return invalid(
        `the file to remove is not in the table at readVersion ${asked.readVersion}: "${rejection.path}"`,
        {
          at: fileAt(),
          code: "REMOVE_OF_UNKNOWN_FILE",
          hint: "Repeat path and deletionVector exactly as the table has them: GET /v1/tables/{tableId}/files.",
          facts,
        },
      );
    case "removeOtherDeletionVector":
      return invalid(`the file to remove is in the table with another deletion vector: "${rejection.path}"`, {
        at: fileAt(),
        code: "REMOVE_OF_UNKNOWN_FILE",
        hint: "A remove must carry exactly the deletionVector of the live add.",
        facts,
      });
    case "addOverLive":
      return invalid(`the file is in the table already, with another deletion vector: "${rejection.path}"`, {
        at: fileAt(),
        code: "DELTA_DUPLICATE_ACTIONS_FOUND",
        hint: "Remove the live file, with its deletionVector, in the same commit.",
        facts,
      });
    case "otherSpelling":
      return invalid(`the file is in the table under another spelling of its path: "${rejection.path}"`, {
        at: fileAt(),
        code: "PATH_SPELLED_DIFFERENTLY",
        hint: "Readers compare paths letter by letter: use the spelling of GET /v1/tables/{tableId}/files.",
        facts,
      });
    case "vacuumed":
      return invalid(
        `vacuum has removed this file, which versions before ${rejection.version} had: "${rejection.path}"`,
        {
          at: fileAt(),
          code: "FILE_VACUUMED",
          hint: `Write its rows to a file with a new name. What version ${rejection.version} and later ones have can be restored.`,
          facts,
        },
      );
    default:
      return invalid(`the commit was refused: ${rejection.reason}`, { at, facts });
  }
}

export function tableConflict(state: TableState, readVersion: number, conflict: Conflict): TableConflict {
  return { tableId: state.tableId, table: state.name, readVersion, ...conflict };
}

/** The pointer of the action that the statement saw in the rows: of the remove rather than the add where both name the path. */
function placeOfFile(table: TableCommit, location: string, { path = "", reason }: Rejection): string {
  const place = placesOf(table);
  const wanted = canonicalPath(path, location);
  const kinds = reason === "addOverLive" ? (["adds", "removes"] as const) : (["removes", "adds"] as const);
  for (const kind of kinds) {
    const i = table.actions[kind].findIndex((file) => canonicalPath(file.path, location) === wanted);
    if (i >= 0 && table.places !== undefined) return place(kind, i, "path");
  }
  return `${table.at}/actions`;
}
