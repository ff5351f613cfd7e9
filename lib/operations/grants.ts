/** Grants and roles as people name them: tables by their names, which rows have by their ids. */

import {
  askedGrantee,
  askedPrivilege,
  askedResource,
  checkGrantable,
  type Granted,
  resourceOf,
  resourceText,
} from "../access/privileges.ts";
import type { TableRef } from "../delta/request.ts";
import { invalid } from "../errors.ts";
import type {
  AccessChange,
  AccessRules,
  AccessState,
  Grant,
  Lake,
  ListPage,
  Made,
  RoleMember,
  TableHead,
} from "../ports.ts";
import { missingTable } from "./tables/missing-table.ts";

/** A privilege on something, or a place in a role. */
export type AskedGrant =
  | { readonly privilege: string; readonly on: string; readonly to: string }
  | { readonly role: string; readonly to: string };

export interface GrantChange {
  readonly grant?: readonly AskedGrant[];
  readonly revoke?: readonly AskedGrant[];
}

/** Whether whoever asks may; absent for operators. Each throws where they may not. */
export interface GrantJudge {
  /** @returns the table by its id */
  table(ref: TableRef): Promise<TableRef>;
  namespace(name: string): Promise<void>;
  catalog(): Promise<void>;
}

/**
 * Grants and revokes, all of it or nothing. @param change.by `user:NAME`, or `operator`
 * @throws LakeError invalid, notFound, forbidden
 */
export async function changeGrants(
  lake: Lake,
  {
    grant = [],
    revoke = [],
    by,
    judge,
    noting,
  }: GrantChange & Pick<AccessChange, "noting"> & { readonly by: string; readonly judge?: GrantJudge },
): Promise<AccessState & { readonly changed: number }> {
  const [given, taken] = [await rowsOf(lake, grant, judge), await rowsOf(lake, revoke, judge)];
  const change: AccessChange = {
    grant: given.grants,
    revoke: taken.grants,
    join: given.members,
    leave: taken.members,
    by,
    at: lake.clock.now(),
    noting,
  };
  return lake.catalog.changeAccess(change);
}

type Bare<T> = Omit<T, keyof Made>;

/** As rows have it. @throws LakeError invalid, notFound, forbidden */
export async function rowsOf(lake: Lake, asked: readonly AskedGrant[], judge: GrantJudge | undefined) {
  const grants: Bare<Grant>[] = [];
  const members: Bare<RoleMember>[] = [];
  for (const one of asked) {
    const grantee = askedGrantee(one.to);
    if ("role" in one) {
      askedGrantee(`role:${one.role}`, "/role");
      if (grantee === `role:${one.role}`)
        throw invalid("a role cannot be in itself", { at: "/to", code: "ROLE_CYCLE" });
      await judge?.catalog();
      members.push({ role: one.role, member: grantee });
      continue;
    }
    const privilege = askedPrivilege(one.privilege);
    grants.push({ privilege, grantee, resource: await resourceFor(lake, one.on, privilege, judge) });
  }
  return { grants, members };
}

async function resourceFor(lake: Lake, on: string, privilege: Granted, judge: GrantJudge | undefined): Promise<string> {
  const asked = askedResource(on);
  checkGrantable(privilege, asked.kind);
  if (asked.kind === "catalog") await judge?.catalog();
  if (asked.kind === "namespace") await judge?.namespace(asked.name);
  if (asked.kind !== "table") return resourceText(asked);
  const ref = refOfText(asked.table);
  const judged = judge === undefined ? ref : await judge.table(ref);
  const head = await lake.catalog.findTable(judged, { anyStatus: true });
  if (head === undefined) throw await missingTable(lake, ref);
  return resourceText({ kind: "table", tableId: head.tableId });
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function refOfText(text: string): TableRef {
  return UUID.test(text) ? { tableId: text.toLowerCase() } : { name: text };
}

/** A grant as people read it. */
export interface ShownGrant {
  readonly privilege?: Granted;
  /** `catalog`, `namespace:NAME`, or `table:` with the name of the table, or with its id where it is not there. */
  readonly on?: string;
  readonly role?: string;
  readonly to: string;
  readonly by: string;
  readonly at: number;
}

/** Which grants are shown to whoever asks; all to operators. */
export interface GrantsShown {
  isOwn(grantee: string): boolean;
  table(tableId: string, name: string): Promise<boolean>;
  namespace(name: string): Promise<boolean>;
  catalog(): Promise<boolean>;
}

export interface GrantsFilter {
  /** Only those on exactly this, as {@link askedResource} takes it. */
  readonly on?: string;
  /** Only those to exactly this. */
  readonly to?: string;
}

/** One page of grants and places in roles, in the order of what they are on. @throws LakeError invalid, notFound */
export async function listGrants(
  lake: Lake,
  options: GrantsFilter & {
    readonly cursor?: string;
    readonly limit: number;
    readonly shows?: GrantsShown | undefined;
  },
): Promise<{ readonly mode: AccessState["mode"]; readonly page: ListPage<ShownGrant> }> {
  const { limit, cursor, shows } = options;
  const rules = await lake.catalog.readAccess();
  const rows = [...(await grantRows(lake, rules, options)), ...memberRows(rules, options)];
  const from = cursor === undefined ? 0 : rows.findIndex(({ key }) => key === cursor) + 1;
  if (cursor !== undefined && from === 0) {
    throw invalid("the cursor is of no list of grants, or what it stood for is gone", { code: "INVALID_CURSOR" });
  }
  const found: { readonly key: string; readonly shown: ShownGrant }[] = [];
  for (const row of rows.slice(from)) {
    if (found.length > limit) break;
    if (shows === undefined || shows.isOwn(row.shown.to) || (await row.managedBy(shows))) found.push(row);
  }
  const items = found.slice(0, limit);
  const cursorAfter = (count: number): string => items[count - 1]?.key ?? "";
  const page = {
    items: items.map(({ shown }) => shown),
    cursorAfter,
    ...(found.length > limit ? { next: cursorAfter(items.length) } : {}),
  };
  return { mode: rules.mode, page };
}

interface GrantRow {
  readonly key: string;
  readonly shown: ShownGrant;
  managedBy(shows: GrantsShown): Promise<boolean>;
}

async function grantRows(lake: Lake, { grants }: AccessRules, { on, to }: GrantsFilter): Promise<readonly GrantRow[]> {
  const wanted = on === undefined ? undefined : await wantedResource(lake, on);
  const kept = grants.filter(
    ({ resource, grantee }) => (wanted === undefined || resource === wanted) && (to === undefined || grantee === to),
  );
  const heads = await headsOf(lake, kept);
  return kept.map(({ privilege, resource, grantee, by, at }) => {
    const parsed = resourceOf(resource);
    const head = parsed.kind === "table" ? heads.get(parsed.tableId) : undefined;
    return {
      key: `${resource} ${grantee} ${privilege}`,
      shown: { privilege, on: head === undefined ? resource : `table:${head.name}`, to: grantee, by, at },
      managedBy: async (shows) => {
        if (parsed.kind === "catalog") return shows.catalog();
        if (parsed.kind === "namespace") return shows.namespace(parsed.name);
        return head === undefined ? shows.catalog() : shows.table(parsed.tableId, head.name);
      },
    };
  });
}

/** What is asked for may be gone: then it is found by its id, and by nothing else. */
async function wantedResource(lake: Lake, on: string): Promise<string> {
  const asked = askedResource(on);
  if (asked.kind !== "table") return resourceText(asked);
  const ref = refOfText(asked.table);
  const head = await lake.catalog.findTable(ref, { anyStatus: true });
  return resourceText({ kind: "table", tableId: head?.tableId ?? asked.table });
}

async function headsOf(lake: Lake, grants: readonly Grant[]): Promise<ReadonlyMap<string, Pick<TableHead, "name">>> {
  const ids = new Set(
    grants.flatMap(({ resource }) => {
      const parsed = resourceOf(resource);
      return parsed.kind === "table" ? [parsed.tableId] : [];
    }),
  );
  const states = await lake.catalog.readStates([...ids].map((tableId) => ({ tableId })));
  return new Map(states.map((state) => [state.tableId, state]));
}

function memberRows({ members }: AccessRules, { on, to }: GrantsFilter): readonly GrantRow[] {
  if (on !== undefined) return [];
  return members
    .filter(({ member }) => to === undefined || member === to)
    .map(({ role, member, by, at }) => ({
      key: `role:${role} ${member}`,
      shown: { role, to: member, by, at },
      managedBy: (shows) => shows.catalog(),
    }));
}
