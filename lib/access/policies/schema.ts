/** The vocabulary of policies, as a schema of Cedar (docs.cedarpolicy.com): what principals, actions, resources and contexts there are. */

import { GRANTED, PRIVILEGES } from "../privileges.ts";

const CONTEXT = "{ time: datetime, proof: String, ip?: ipaddr }";

const resources = (privilege: string): string => {
  if (privilege === "OPERATE") return "[Catalog]";
  return privilege === "CREATE" ? "[Namespace, Catalog]" : "[Table, Namespace, Catalog]";
};

/** Tags of a table are its properties, but for those that begin with `delta.`. */
export const SCHEMA = [
  "entity Role in [Role];",
  "entity Group in [Role];",
  "entity User in [Group, Role];",
  "entity Catalog;",
  "entity Namespace in [Namespace, Catalog];",
  "entity Table in [Namespace, Catalog] = { name: String } tags String;",
  ...Object.keys(PRIVILEGES).map(
    (name) => `action ${name} appliesTo { principal: [User], resource: ${resources(name)}, context: ${CONTEXT} };`,
  ),
].join("\n");

/** Each grant is a link to one of these. */
export const TEMPLATES: Readonly<Record<string, string>> = Object.fromEntries(
  GRANTED.map((privilege) => {
    const action = privilege in PRIVILEGES ? `action == Action::"${privilege}"` : "action";
    return [privilege, `permit(principal in ?principal, ${action}, resource in ?resource);`];
  }),
);
