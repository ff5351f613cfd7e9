/** The vocabulary of policies, as a schema of Cedar (docs.cedarpolicy.com): what principals, actions, resources and contexts there are. */

import { GRANTED, isOn, OPERATOR_PRIVILEGES, PRIVILEGES, type Privilege } from "../privileges.ts";

/** What an action of a grant is in Cedar. */
function actions(privilege: string): string {
  if (privilege === "OPERATE") {
    return `action in [${["OPERATE", ...OPERATOR_PRIVILEGES].map((name) => `Action::"${name}"`).join(", ")}]`;
  }
  return privilege in PRIVILEGES ? `action == Action::"${privilege}"` : "action";
}

const CONTEXT = "{ time: datetime, proof: String, ip?: ipaddr }";

const KINDS = { table: "Table", namespace: "Namespace", catalog: "Catalog" } as const;

const resources = (privilege: Privilege): string => {
  const kinds = (["table", "namespace", "catalog"] as const).filter((kind) => isOn(privilege, kind));
  return `[${kinds.map((kind) => KINDS[kind]).join(", ")}]`;
};

/** Tags of a table are its properties, but for those that begin with `delta.`. */
export const SCHEMA = [
  "entity Role in [Role];",
  "entity Group in [Role];",
  "entity User in [Group, Role];",
  "entity Catalog;",
  "entity Namespace in [Namespace, Catalog];",
  "entity Table in [Namespace, Catalog] = { name: String } tags String;",
  ...(Object.keys(PRIVILEGES) as Privilege[]).map(
    (name) => `action ${name} appliesTo { principal: [User], resource: ${resources(name)}, context: ${CONTEXT} };`,
  ),
].join("\n");

/** Each grant is a link to one of these. */
export const TEMPLATES: Readonly<Record<string, string>> = Object.fromEntries(
  GRANTED.map((privilege) => [
    privilege,
    `permit(principal in ?principal, ${actions(privilege)}, resource in ?resource);`,
  ]),
);
