/** Who may do what: grants, who is in which role, policies beside them, and whether all that counts. */

import type { ColumnSpec, TableSpec } from "./ddl.ts";

const MADE: readonly ColumnSpec[] = [
  { name: "made_by", type: "text", comment: "Who made it." },
  { name: "made_at", type: "int64", comment: "When, in milliseconds." },
];

export const ACCESS: TableSpec = {
  name: "dl_access",
  comment: "Whether grants are held against requests. One row; none: they are not, and there has been no change.",
  backup: "whole",
  columns: [
    { name: "name", type: "name", comment: "access." },
    { name: "mode", type: "text", comment: "open, or enforced." },
    { name: "version", type: "int64", comment: "Grows with each change of grants, roles, policies and this row." },
    { name: "changed_at", type: "int64", comment: "When that was, in milliseconds." },
  ],
  primaryKey: ["name"],
};

export const GRANTS: TableSpec = {
  name: "dl_grants",
  comment: "Privileges that have been granted.",
  backup: "whole",
  columns: [
    { name: "resource", type: "name", comment: "catalog, namespace:NAME or table:UUID." },
    { name: "grantee", type: "name", comment: "user:NAME, group:NAME or role:NAME." },
    { name: "privilege", type: "name", comment: "Such as SELECT; ALL; or OWN, of the owner of a table." },
    ...MADE,
  ],
  primaryKey: ["resource", "grantee", "privilege"],
};

export const ROLE_MEMBERS: TableSpec = {
  name: "dl_role_members",
  comment: "Who is in which role. A role may be in other roles, but never in itself.",
  backup: "whole",
  columns: [
    { name: "role", type: "name", comment: "Its name." },
    { name: "member", type: "name", comment: "user:NAME, group:NAME or role:NAME." },
    ...MADE,
  ],
  primaryKey: ["role", "member"],
};

export const POLICIES: TableSpec = {
  name: "dl_policies",
  comment: "Policies beside the grants, in Cedar.",
  backup: "whole",
  columns: [
    { name: "name", type: "name", comment: "Its name." },
    { name: "text", type: "text", comment: "One policy in Cedar's language." },
    ...MADE,
  ],
  primaryKey: ["name"],
};

export const ACCESS_MIGRATION = 32;
/** Code from here on works with these tables as long as they are not enforced: older code would let everyone in. */
export const ACCESS_WORKS_FROM = 20;
