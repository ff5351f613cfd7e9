/** Whoever makes a table owns it, where grants are enforced: the grant is there before the table is. */

import type { Guard } from "../access/guard.ts";
import type { Principal } from "../access/principal.ts";
import type { Allowed } from "../operations/committing/author.ts";
import type { Host } from "./endpoint.ts";

/** An id is never given twice: a claim to a table that is not made in the end gives nothing to anyone. */
export function ownerOf(guard: Guard, principal: Principal | undefined, host: Host): Pick<Allowed, "claim"> {
  if (!guard.isEnforced || principal === undefined) return {};
  const { lake, rules } = host;
  return {
    async claim(tableId) {
      const { id } = principal;
      const owns = { privilege: "OWN", resource: `table:${tableId}`, grantee: id } as const;
      await lake.catalog.changeAccess({ grant: [owns], by: id, at: lake.clock.now() });
      rules.forget();
    },
  };
}
