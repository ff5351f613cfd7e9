/** Access as code: the rules of a catalog as one document, what is to be done to make them so, and doing it in one step. */

import { askedGrantee, resourceOf } from "../access/privileges.ts";
import { foundAt, isLakeError } from "../errors.ts";
import type { AccessChange, AccessState, Grant, Lake, Made, Policy, RoleMember } from "../ports.ts";
import { rowsOf } from "./grants.ts";

export interface AccessDocument {
  /** Members by the name of their role. */
  readonly roles: Readonly<Record<string, readonly string[]>>;
  readonly grants: readonly { readonly on: string; readonly to: string; readonly privileges: readonly string[] }[];
  /** Texts by name. */
  readonly policies: Readonly<Record<string, string>>;
}

type Bare<T> = Omit<T, keyof Made>;

export interface AccessPlan {
  /** The state that it has been made for: whoever is faster is not overwritten. */
  readonly version: number;
  readonly change: Required<Pick<AccessChange, "grant" | "revoke" | "join" | "leave" | "set" | "unset">>;
  /** One line a change: `+` gives, `-` takes away, `~` replaces. */
  readonly lines: readonly string[];
}

/** What there is, owners left out, in an order that does not change by itself. */
export async function exportAccess(lake: Lake): Promise<AccessDocument> {
  const rules = await lake.catalog.readAccess();
  const names = await namesOf(lake, rules.grants);
  const grants = new Map<string, { on: string; to: string; privileges: string[] }>();
  for (const { privilege, resource, grantee } of rules.grants.filter(isNoOwner)) {
    const on = names(resource);
    const entry = grants.get(`${on} ${grantee}`) ?? { on, to: grantee, privileges: [] };
    grants.set(`${on} ${grantee}`, entry);
    entry.privileges.push(privilege);
  }
  const roles: Record<string, string[]> = {};
  for (const { role, member } of rules.members) roles[role] = [...(roles[role] ?? []), member];
  return {
    roles,
    grants: [...grants.values()].sort((a, b) => (`${a.on} ${a.to}` < `${b.on} ${b.to}` ? -1 : 1)),
    policies: Object.fromEntries(rules.policies.map(({ name, text }) => [name, text])),
  };
}

/** @throws LakeError invalid with a pointer into the document; notFound for a table that is not there */
export async function planAccess(lake: Lake, wanted: AccessDocument): Promise<AccessPlan> {
  const rules = await lake.catalog.readAccess();
  const grants: Bare<Grant>[] = [];
  for (const [i, { on, to, privileges }] of wanted.grants.entries()) {
    const asked = privileges.map((privilege) => ({ privilege, on, to }));
    grants.push(...(await within(`/grants/${i}`, () => rowsOf(lake, asked, undefined))).grants);
  }
  const members: Bare<RoleMember>[] = [];
  for (const [role, list] of Object.entries(wanted.roles)) {
    for (const [i, member] of list.entries()) {
      members.push({ role, member: await within(`/roles/${role}/${i}`, async () => askedGrantee(member, "")) });
    }
  }
  const policies: Bare<Policy>[] = Object.entries(wanted.policies).map(([name, text]) => ({ name, text }));
  const grantKey = ({ privilege, resource, grantee }: Bare<Grant>) => `${privilege} on ${resource} to ${grantee}`;
  const memberKey = ({ role, member }: Bare<RoleMember>) => `role:${role} to ${member}`;
  const policyKey = ({ name, text }: Bare<Policy>) => `${name}\n${text}`;
  const [grant, revoke] = difference(grants, rules.grants.filter(isNoOwner), grantKey);
  const [join, leave] = difference(members, rules.members, memberKey);
  const [set] = difference(policies, rules.policies, policyKey);
  const unset = rules.policies.map(({ name }) => name).filter((name) => !Object.hasOwn(wanted.policies, name));
  const names = await namesOf(lake, [...grant, ...revoke]);
  const shown = (one: Bare<Grant>) => grantKey({ ...one, resource: names(one.resource) });
  const isKnown = (name: string) => rules.policies.some((policy) => policy.name === name);
  return {
    version: rules.version,
    change: { grant, revoke, join, leave, set, unset },
    lines: [
      ...revoke.map((one) => `- ${shown(one)}`),
      ...leave.map((one) => `- ${memberKey(one)}`),
      ...unset.map((name) => `- policy ${name}`),
      ...grant.map((one) => `+ ${shown(one)}`),
      ...join.map((one) => `+ ${memberKey(one)}`),
      ...set.map(({ name }) => `${isKnown(name) ? "~" : "+"} policy ${name}`),
    ],
  };
}

/** All of a plan, or nothing. @throws LakeError conflict ACCESS_CHANGED where somebody has been faster; invalid ROLE_CYCLE */
export async function applyAccess(
  lake: Lake,
  { version, change }: AccessPlan,
  by: string,
): Promise<AccessState & { readonly changed: number }> {
  return lake.catalog.changeAccess({ ...change, by, at: lake.clock.now(), ifVersion: version });
}

function isNoOwner({ privilege }: Pick<Grant, "privilege">): boolean {
  return privilege !== "OWN";
}

/** What is wanted and not there, each once, and what is there and not wanted. */
function difference<T>(wanted: readonly T[], there: readonly T[], key: (one: T) => string): readonly [T[], T[]] {
  const [want, have] = [wanted, there].map((list) => new Map(list.map((one) => [key(one), one])));
  const without = (left: ReadonlyMap<string, T> = new Map(), right: ReadonlyMap<string, T> = new Map()) =>
    [...left].flatMap(([name, one]) => (right.has(name) ? [] : [one]));
  return [without(want, have), without(have, want)];
}

/** Tables by their names, live ones; the others stay ids. */
async function namesOf(lake: Lake, grants: readonly Pick<Grant, "resource">[]): Promise<(resource: string) => string> {
  const refs = [...new Set(grants.map(({ resource }) => resource))].map(resourceOf);
  const tables = refs.flatMap((ref) => (ref.kind === "table" ? [{ tableId: ref.tableId }] : []));
  const names = new Map((await lake.catalog.readStates(tables)).map(({ tableId, name }) => [`table:${tableId}`, name]));
  return (resource) => (names.has(resource) ? `table:${names.get(resource)}` : resource);
}

async function within<T>(at: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isLakeError(error) ? foundAt(error, `${at}${error.at ?? ""}`) : error;
  }
}
