/**
 * What the grants of a caller let them do to objects behind the gateway. An object belongs to the live table in whose place it lies; elsewhere to
 * the namespace of which a table there would be. Nothing is said of tables that the caller may not know.
 */

import { guardOf } from "../../access/guard.ts";
import { mayDo } from "../../access/principal.ts";
import { namespaceOf, type Privilege } from "../../access/privileges.ts";
import { RULES_REMEMBERED_MS, type Rules } from "../../access/rules.ts";
import { BoundedMap } from "../../bounded-map.ts";
import { isWithin } from "../../delta/files/locations.ts";
import { isLakeError, notFound } from "../../errors.ts";
import type { Deed, ObjectPlace, ObjectRights } from "../../gateway/rights.ts";
import type { Lake } from "../../ports.ts";

export interface TableRightsOptions {
  readonly rules: Rules;
  /** The canonical location of a folder. @throws LakeError invalid */
  readonly locate: (bucket: string, folder: string) => Promise<string>;
  /** The name of a table that would hold this folder, or be it; undefined where engines make none. */
  readonly nameNear: (bucket: string, folder: string) => string | undefined;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic?: () => number;
}

const REMEMBERED_FOLDERS = 10_000;

interface Near {
  readonly location: string;
  /** The table that lives there, or around it. */
  readonly around?: string;
  /** True where one lives within. */
  readonly holds: boolean;
}

/** Each of these is enough. */
const IN_TABLES: Readonly<Record<Deed, readonly Privilege[]>> = {
  look: ["SELECT"],
  read: ["SELECT"],
  list: ["SELECT"],
  add: ["APPEND", "MODIFY"],
  change: ["MODIFY"],
};
/** What lies there may be of a table that was dropped, and can come back: whoever may only make tables adds. */
const ELSEWHERE: Readonly<Record<Exclude<Deed, "list">, readonly Privilege[]>> = {
  look: ["SELECT", "CREATE"],
  read: ["SELECT"],
  add: ["CREATE"],
  change: ["MODIFY"],
};

export function tableRights(lake: Lake, options: TableRightsOptions): ObjectRights {
  const { rules, locate, nameNear, monotonic = () => performance.now() } = options;
  const { catalog, clock } = lake;
  const remembered = new BoundedMap<string, { readonly tableId: string; readonly at: number }>(REMEMBERED_FOLDERS);

  /** The table around a folder, or one within it. A table that is there is known for seconds, none is asked for each time. */
  async function tableNear(bucket: string, folder: string): Promise<Near | "nowhere"> {
    let location: string;
    try {
      location = await locate(bucket, folder);
    } catch (error) {
      // No table can be there.
      if (isLakeError(error, "invalid")) return "nowhere";
      throw error;
    }
    const before = remembered.get(location);
    if (before !== undefined && monotonic() - before.at < RULES_REMEMBERED_MS) {
      return { location, around: before.tableId, holds: false };
    }
    const at = monotonic();
    const claim = await catalog.findClaim({ name: "", location });
    if (claim === undefined) return { location, holds: false };
    if (claim.location !== location && !isWithin(location, claim.location)) return { location, holds: true };
    remembered.set(location, { tableId: claim.tableId, at });
    return { location, around: claim.tableId, holds: false };
  }

  return {
    async may(principal, deed, place) {
      const isWrite = deed === "add" || deed === "change";
      if (isWrite && !mayDo(principal, "write")) return false;
      const guard = await guardOf({
        catalog,
        rules,
        principal,
        now: clock.now,
        missing: async () => notFound("there is no table"),
      });
      if (!guard.isEnforced) return true;
      const folder = folderOf(place);
      const known = await tableNear(place.bucket, folder);
      if (known === "nowhere") return false;
      // A table's folder itself is looked at as an object, too.
      const at =
        deed === "look" && known.around === undefined ? await tableNear(place.bucket, folderItself(place)) : known;
      if (at === "nowhere") return false;
      const { around, location } = at;
      if (around !== undefined) {
        for (const privilege of IN_TABLES[deed])
          if (await guard.mayOnTable({ tableId: around }, privilege)) return true;
        // It may have gone since, and another may live there: the next look finds out.
        remembered.delete(location);
        return false;
      }
      if (deed === "list" && known.holds) return guard.may("SELECT", { kind: "catalog" });
      const namespaces = [namespaceOf(nameNear(place.bucket, folder) ?? "")];
      // On the way to the tables of a namespace its folders are looked at.
      if (deed === "look" || deed === "list") namespaces.push(nameNear(place.bucket, folderItself(place)) ?? "");
      for (const privilege of ELSEWHERE[deed === "list" ? "look" : deed]) {
        for (const name of namespaces) {
          if (await guard.may(privilege, name === "" ? { kind: "catalog" } : { kind: "namespace", name })) return true;
        }
      }
      return false;
    },
  };
}

/** Of an object the folder in which it lies; of a log its table's. */
function folderOf({ key }: ObjectPlace): string {
  return key.slice(0, Math.max(0, key.lastIndexOf("/"))).replace(LOG, "");
}

function folderItself({ key }: ObjectPlace): string {
  return (key.endsWith("/") ? key.slice(0, -1) : key).replace(LOG, "");
}

const LOG = /(?:^|\/)_delta_log(?:\/.*)?$/;
