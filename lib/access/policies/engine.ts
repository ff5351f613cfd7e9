/**
 * Decides by grants and policies, with Cedar. Of the grants only those can permit anything whose grantee the principal is or is in, on
 * what the resource is or is in, with this privilege: so Cedar is handed just these, which are few however many there are. Policies are
 * judged beside them, parsed once: each policy of Cedar is judged by itself, so two answers make one. What has been decided is remembered
 * for as long as the rules are the same.
 */

import { BoundedMap } from "../../bounded-map.ts";
import { invalid } from "../../errors.ts";
import type { AccessRules, Grant, Policy } from "../../ports.ts";
import type { Principal } from "../principal.ts";
import {
  grantsOf,
  isOperatorPrivilege,
  namespaceOf,
  namespacesAround,
  type Privilege,
  type Resource,
  resourceText,
  split,
} from "../privileges.ts";
import { SCHEMA, TEMPLATES } from "./schema.ts";

type Cedar = typeof import("@cedar-policy/cedar-wasm/nodejs");

/** A resource as policies see it: a table with its name and properties. */
export type Judged =
  | Exclude<Resource, { kind: "table" }>
  | {
      readonly kind: "table";
      readonly tableId: string;
      readonly name: string;
      readonly properties: Readonly<Record<string, string>>;
    };

export interface Question {
  readonly principal: Pick<Principal, "id" | "groups" | "proof">;
  readonly privilege: Privilege;
  readonly resource: Judged;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Where the request came from, if that is known: an address without a port. */
  readonly ip?: string | undefined;
}

export interface Decision {
  readonly allowed: boolean;
  /** What decided: grants and policies by their names; none where nothing permits it. */
  readonly because: readonly string[];
  /** Policies that could not be evaluated, and why. They permit nothing; one that forbids and fails forbids all. */
  readonly errors: readonly string[];
}

export interface PolicyEngine {
  decide(question: Question): Decision;
  /** Whether any policy may look at more than who, what and where in the tree. */
  readonly looksAtProperties: boolean;
  /** All that a principal is: itself, its groups, and the roles that these are in. */
  identitiesOf(principal: Pick<Principal, "id" | "groups">): readonly string[];
}

const OPERATE = { type: "Action", id: "OPERATE" } as const;
const MAX_DECISIONS = 50_000;
/** Parsed sets of policies that Cedar keeps: of the engines that were opened last. Their names are given again in turn. */
const SLOTS = 8;

let cedar: Promise<Cedar> | undefined;
const slots: (object | undefined)[] = new Array(SLOTS);
let nextSlot = 0;

function loadCedar(): Promise<Cedar> {
  cedar ??= import("@cedar-policy/cedar-wasm/nodejs").then((loaded) => {
    const parsed = loaded.preparseSchema("deltalakedb", SCHEMA);
    if (parsed.type === "failure") throw new Error(`the schema of policies: ${parsed.errors[0]?.message}`);
    return loaded;
  });
  return cedar;
}

type Asked = Omit<Parameters<Cedar["isAuthorized"]>[0], "policies">;
type Answer = ReturnType<Cedar["isAuthorized"]>;
type Response = Extract<Answer, { type: "success" }>["response"];

/** Loads Cedar, some four megabytes of WebAssembly, at its first call. @throws LakeError invalid for a policy that is none */
export async function openPolicyEngine(rules: AccessRules): Promise<PolicyEngine> {
  const loaded = await loadCedar();
  for (const policy of rules.policies) check(loaded, policy);
  return engineOf(loaded, rules);
}

/** @throws LakeError invalid: what is wrong with the policy, and where */
export async function checkPolicy(policy: Pick<Policy, "name" | "text">): Promise<void> {
  check(await loadCedar(), policy);
}

function check(loaded: Cedar, { name, text }: Pick<Policy, "name" | "text">): void {
  const refuse = (why: string) =>
    invalid(`the policy ${name} is not right: ${why}`, {
      code: "INVALID_POLICY",
      at: "/text",
      hint: "docs/security.md has the schema, and docs.cedarpolicy.com the language.",
    });
  const parts = loaded.policySetTextToParts(text);
  if (parts.type === "failure") throw refuse(parts.errors.map(({ message }) => message).join("; "));
  if (parts.policies.length !== 1 || parts.policy_templates.length > 0)
    throw refuse("it must be one policy, and no template");
  const answer = loaded.validate({ schema: SCHEMA, policies: { staticPolicies: { [name]: text } } });
  if (answer.type === "failure") throw refuse(answer.errors.map(({ message }) => message).join("; "));
  if (answer.validationErrors.length > 0)
    throw refuse(answer.validationErrors.map(({ error }) => error.message).join("; "));
}

function engineOf(loaded: Cedar, rules: AccessRules): PolicyEngine {
  const rolesOf = new Map<string, string[]>();
  for (const { role, member } of rules.members) rolesOf.set(member, [...(rolesOf.get(member) ?? []), `role:${role}`]);
  const grantsTo = new Map<string, Map<string, Grant[]>>();
  for (const grant of rules.grants) {
    const on = grantsTo.get(grant.grantee) ?? new Map<string, Grant[]>();
    on.set(grant.resource, [...(on.get(grant.resource) ?? []), grant]);
    grantsTo.set(grant.grantee, on);
  }
  const statics = Object.fromEntries(rules.policies.map(({ name, text }) => [`policy ${name}`, text]));
  const hasPolicies = rules.policies.length > 0;
  const speaksOfOperate = rules.policies.some(({ text }) => text.includes("OPERATE"));
  const decisions = new BoundedMap<string, Decision>(MAX_DECISIONS);

  const identitiesOf = ({ id, groups }: Pick<Principal, "id" | "groups">): readonly string[] => {
    const found = new Set([id, ...groups.map((group) => `group:${group}`)]);
    // What is added on the way is visited, too.
    for (const one of found) for (const role of rolesOf.get(one) ?? []) found.add(role);
    return [...found];
  };

  const byGrants = (asked: Asked, grants: readonly Grant[]): Response | undefined => {
    if (grants.length === 0) return undefined;
    const templates = Object.fromEntries(grants.map(({ privilege }) => [privilege, TEMPLATES[privilege] ?? ""]));
    const templateLinks = grants.map(({ privilege, resource, grantee }) => ({
      templateId: privilege,
      newId: `grant ${privilege} on ${resource} to ${grantee}`,
      values: { "?principal": principalUid(grantee), "?resource": resourceUid(resource) },
    }));
    return responseOf(loaded.isAuthorized({ ...asked, policies: { staticPolicies: {}, templates, templateLinks } }));
  };

  let slot = -1;
  const mine = {};
  /** Where Cedar has the policies; they are parsed again when those of other engines have taken their place meanwhile. */
  const parsed = (): string => {
    if (slot < 0 || slots[slot] !== mine) {
      slot = nextSlot;
      nextSlot = (nextSlot + 1) % SLOTS;
      slots[slot] = mine;
      const answer = loaded.preparsePolicySet(`slot ${slot}`, { staticPolicies: statics });
      if (answer.type === "failure") {
        slots[slot] = undefined;
        throw new Error(`policies that are none: ${answer.errors[0]?.message}`);
      }
    }
    return `slot ${slot}`;
  };
  const byPolicies = (asked: Asked): Response | undefined => {
    if (!hasPolicies) return undefined;
    const call = { ...asked, preparsedPolicySetId: parsed(), preparsedSchemaName: "deltalakedb" };
    return responseOf(loaded.statefulIsAuthorized(call));
  };
  // Before anybody waits for a decision.
  if (hasPolicies) parsed();

  return {
    looksAtProperties: hasPolicies,
    identitiesOf,
    decide(question) {
      const { principal, privilege, resource, at, ip } = question;
      const identities = identitiesOf(principal);
      const grantees = identities.filter((one) => grantsTo.has(one));
      if (grantees.length === 0 && !hasPolicies) return { allowed: false, because: [], errors: [] };
      // Grants look at nobody's address, and at no clock; other policies may.
      const facts = hasPolicies ? [identities, principal.proof, ip, Math.floor(at / 1000)] : [];
      const key = JSON.stringify([grantees, privilege, resource, facts]);
      const known = decisions.get(key);
      if (known) return known;
      const { uid, entities } = resourceEntities(resource);
      const asked: Asked = {
        principal: principalUid(principal.id),
        action: { type: "Action", id: privilege },
        resource: uid,
        context: {
          time: { __extn: { fn: "datetime", arg: new Date(Math.floor(at / 1000) * 1000).toISOString() } },
          proof: principal.proof,
          ...(ip === undefined ? {} : { ip: { __extn: { fn: "ip", arg: ip } } }),
        },
        validateRequest: false,
        entities: [...principalEntities(principal.id, identities), ...entities],
      };
      const places = placesOf(resource);
      const grants = grantees
        .flatMap((grantee) => places.flatMap((place) => grantsTo.get(grantee)?.get(place) ?? []))
        .filter((grant) => grantsOf(privilege).includes(grant.privilege));
      const policies = [byPolicies(asked)];
      // What a policy says of OPERATE it says of each part of it.
      if (speaksOfOperate && isOperatorPrivilege(privilege)) policies.push(byPolicies({ ...asked, action: OPERATE }));
      const decided = together([byGrants(asked, grants), ...policies], statics);
      decisions.set(key, decided);
      return decided;
    },
  };
}

function responseOf(answer: Answer): Response {
  if (answer.type === "success") return answer.response;
  throw new Error(`no decision: ${answer.errors.map(({ message }) => message).join("; ")}`);
}

/** As Cedar decides: whatever forbids counts, else whatever permits. A policy that forbids and cannot be evaluated forbids: Cedar would pass over it. */
function together(responses: readonly (Response | undefined)[], statics: Readonly<Record<string, string>>): Decision {
  const all = responses.flatMap((response) => (response === undefined ? [] : [response]));
  const failures = all.flatMap(({ diagnostics }) => diagnostics.errors);
  const errors = failures.map(({ policyId, error }) => `${policyId}: ${error.message}`);
  const broken = failures.filter(({ policyId }) => /^\s*(?:@[^)]*\)\s*)*forbid\b/.test(statics[policyId] ?? ""));
  if (broken.length > 0) return { allowed: false, because: broken.map(({ policyId }) => policyId), errors };
  const isForbidden = all.some(({ decision, diagnostics }) => decision === "deny" && diagnostics.reason.length > 0);
  const decisive = isForbidden ? all.filter(({ decision }) => decision === "deny") : all;
  return {
    allowed: !isForbidden && all.some(({ decision }) => decision === "allow"),
    because: [...new Set(decisive.flatMap(({ diagnostics }) => diagnostics.reason))].sort(),
    errors,
  };
}

/** Whatever a grant can be on to hold for this, as {@link resourceText} has it. */
function placesOf(resource: Judged): readonly string[] {
  if (resource.kind === "catalog") return ["catalog"];
  const spaces = namespacesAround(resource.kind === "table" ? namespaceOf(resource.name) : resource.name);
  const around = spaces.map((name) => resourceText({ kind: "namespace", name }));
  return [...(resource.kind === "table" ? [resourceText(resource)] : []), ...around, "catalog"];
}

const TYPES: Readonly<Record<string, string>> = {
  user: "User",
  group: "Group",
  role: "Role",
  namespace: "Namespace",
  table: "Table",
  catalog: "Catalog",
};

function uidOf(text: string): { type: string; id: string } {
  const [kind, id] = split(text);
  return { type: TYPES[kind] ?? "User", id };
}

function principalUid(text: string): { type: string; id: string } {
  return uidOf(text);
}

function resourceUid(text: string): { type: string; id: string } {
  return text === "catalog" ? CATALOG : uidOf(text);
}

const CATALOG = { type: "Catalog", id: "catalog" };

/** Flat: all that it is in are its parents, so no circle among roles could matter. */
function principalEntities(id: string, identities: readonly string[]) {
  const parents = identities.filter((one) => one !== id).map(uidOf);
  return [{ uid: uidOf(id), attrs: {}, parents }, ...parents.map((uid) => ({ uid, attrs: {}, parents: [] }))];
}

function resourceEntities(resource: Judged) {
  if (resource.kind === "catalog") return { uid: CATALOG, entities: [{ uid: CATALOG, attrs: {}, parents: [] }] };
  const spaces = namespacesAround(resource.kind === "table" ? namespaceOf(resource.name) : resource.name).map((id) => ({
    type: "Namespace",
    id,
  }));
  const above = spaces.map((uid, i) => ({ uid, attrs: {}, parents: [...spaces.slice(i + 1), CATALOG] }));
  if (resource.kind === "namespace") return { uid: { type: "Namespace", id: resource.name }, entities: above };
  const uid = { type: "Table", id: resource.tableId };
  const { name, properties } = resource;
  return { uid, entities: [{ uid, attrs: { name }, tags: properties, parents: [...spaces, CATALOG] }, ...above] };
}
