/** /v1/grants: who may do what to which table. */

import type { Guard } from "../../access/guard.ts";
import type { Principal } from "../../access/principal.ts";
import { LakeError } from "../../errors.ts";
import { type AskedGrant, changeGrants, type GrantChange, listGrants } from "../../operations/grants.ts";
import type { AccessChange, Noting } from "../../ports.ts";
import { checked } from "../../validation.ts";
import { objectText, writtenPage } from "../../wire/answer-size.ts";
import { withoutUndefined } from "../../wire/commit-request.ts";
import {
  GRANT_EXAMPLES,
  grantAnswer,
  grantExamples,
  grantRequest,
  grantsAnswer,
  grantsQuery,
  revokeQuery,
} from "../../wire/contracts/grants.ts";
import { problems } from "../../wire/contracts/problem.ts";
import { answers } from "../../wire/contracts/responses.ts";
import { PAGE_DEFAULT } from "../../wire/contracts/values.ts";
import { type Endpoint, endpoint, type Host, json, jsonText } from "../endpoint.ts";

const list = endpoint(
  "listGrants",
  {
    tags: ["access"],
    summary: "Who may do what",
    description:
      "Grants and places in roles. Where grants are enforced: those to the caller, with their groups and roles, and those on what " +
      "the caller may MANAGE.",
    query: grantsQuery,
    responses: { 200: answers("One page of grants.", grantsAnswer, GRANT_EXAMPLES.list), ...problems(400) },
  },
  async ({ query, guard }, { lake }) => {
    const { limit = PAGE_DEFAULT, ...filter } = withoutUndefined(query);
    const { mode, page } = await listGrants(lake, { ...filter, limit, shows: shownTo(guard) });
    const { items, next } = writtenPage(page, (grant) => grant);
    return jsonText(200, objectText({ mode }, { grants: items }, { next }));
  },
);

const give = endpoint(
  "grant",
  {
    tags: ["access"],
    summary: "Grant a privilege, or a place in a role",
    description:
      "Holds at once on this server, and within ten seconds on every other. Where grants are not enforced yet, only `dl` changes " +
      "them: `403 ACCESS_NOT_ENFORCED`.",
    body: { schema: grantRequest, examples: grantExamples },
    responses: {
      200: answers("It is granted.", grantAnswer, GRANT_EXAMPLES.granted),
      ...problems(400, 404, 409, 413, 415),
    },
  },
  async ({ body, principal, guard, noting }, host) => {
    const asked = withoutUndefined(checked(grantRequest, await body())) as AskedGrant;
    const noted = withEffect(noting(200), { grant: asked });
    return change(host, guard, principal, { grant: [asked], noting: noted }, asked);
  },
);

const take = endpoint(
  "revoke",
  {
    tags: ["access"],
    summary: "Revoke a privilege, or a place in a role",
    description:
      "By exactly what was granted: what comes from elsewhere stays. Ends within ten seconds on every server.",
    query: revokeQuery,
    responses: {
      200: answers("It is not granted any more.", grantAnswer, GRANT_EXAMPLES.granted),
      ...problems(400, 404, 409),
    },
  },
  async ({ query, principal, guard, noting }, host) => {
    const asked = checked(grantRequest, withoutUndefined(query)) as AskedGrant;
    const noted = withEffect(noting(200), { revoke: asked });
    return change(host, guard, principal, { revoke: [asked], noting: noted }, asked);
  },
);

function withEffect(noting: Noting | undefined, effect: Readonly<Record<string, unknown>>): AccessChange["noting"] {
  return noting && { ...noting, effect };
}

async function change(
  { lake, rules }: Host,
  guard: Guard,
  principal: Principal | undefined,
  wanted: GrantChange & Pick<AccessChange, "noting">,
  asked: AskedGrant,
): Promise<Response> {
  if (!guard.isEnforced || principal === undefined) throw notEnforced();
  const judge = {
    table: async (ref: Parameters<Guard["tableOrDropped"]>[0]) => guard.tableOrDropped(ref, "MANAGE"),
    namespace: (name: string) => guard.namespace(name, "MANAGE"),
    catalog: () => guard.catalog("MANAGE"),
  };
  const { changed } = await changeGrants(lake, { ...wanted, by: principal.id, judge });
  rules.forget();
  return json(200, { ...asked, changed: changed > 0 });
}

/** What somebody grants to themselves while everyone may do everything would hold later. */
function notEnforced(): LakeError {
  return new LakeError("forbidden", "grants are not enforced in this catalog yet: only its operators change them", {
    code: "ACCESS_NOT_ENFORCED",
    hint: "dl grant prepares them, and dl access on makes them hold.",
  });
}

function shownTo(guard: Guard) {
  if (!guard.isEnforced) return undefined;
  const own = new Set(guard.identities());
  return {
    isOwn: (grantee: string) => own.has(grantee),
    table: (tableId: string, name: string) => guard.may("MANAGE", { kind: "table", tableId, name, properties: {} }),
    namespace: (name: string) => guard.may("MANAGE", { kind: "namespace", name }),
    catalog: () => guard.may("MANAGE", { kind: "catalog" }),
  };
}

export const grantRoutes: readonly Endpoint[] = [list, give, take];
