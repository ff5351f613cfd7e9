/** Which rights a caller may borrow on a table: what the grants let them do by the API, and no more. */

import type { Guard } from "../access/guard.ts";
import { mayDo, type Principal } from "../access/principal.ts";
import { mayNot } from "../access/refusals.ts";
import type { TableRef } from "../delta/request.ts";
import type { Rights } from "../ports.ts";

export interface Borrowing {
  readonly ref: TableRef;
  readonly rights: Rights;
}

/**
 * Whoever may only append may only create: a file that is replaced is a change that no commit tells of.
 * @returns the table as it has been judged. @throws LakeError forbidden, notFound
 */
export async function borrowing(
  { guard, principal }: { readonly guard: Guard; readonly principal: Principal | undefined },
  asked: TableRef,
  access: { readonly read: boolean; readonly write: boolean },
): Promise<Borrowing> {
  if (access.write && principal !== undefined && !mayDo(principal, "write")) throw mayNot(principal, "write");
  let ref = asked;
  // The first that is asked for decides whether the table may be known; from then on it is known by its id.
  if (access.read) [ref = asked] = await guard.tables([asked], ["SELECT"]);
  if (!access.write) return { ref, rights: { read: true } };
  const replaces = await guard.mayOnTable(ref, "MODIFY");
  [ref = asked] = await guard.tables([ref], replaces ? ["MODIFY"] : ["APPEND"], [asked]);
  return { ref, rights: { read: access.read, write: replaces ? "replace" : "create" } };
}
