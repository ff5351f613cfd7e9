/** Wire contracts of /v1/grants: who may do what, and who is in which role. */

import { GRANTED } from "../../access/privileges.ts";
import { TEXT } from "../../delta/limits.ts";
import { cursor, millis, next, PAGE_MAX, pageLimit, text, z } from "./values.ts";

const NAMED = TEXT.name + 16;

const on = text(NAMED, 1).meta({
  description: "`catalog`, `namespace:NAME` (with all namespaces in it), or `table:` with a name or an id",
  examples: ["namespace:sales", "table:sales.orders"],
});
const to = text(NAMED, 1).meta({
  description: "`user:NAME`, `group:NAME` or `role:NAME`",
  examples: ["user:etl", "group:analysts", "role:readers"],
});
const privilege = z.enum(GRANTED).meta({ examples: ["SELECT"] });
const role = text(TEXT.name, 1).meta({ description: "The name of a role", examples: ["readers"] });

const onGrant = z.strictObject({ privilege, on, to });
const onRole = z.strictObject({ role, to });

/** A privilege, or a place in a role. */
export const grantRequest = z.union([onGrant, onRole]).meta({ id: "GrantRequest" });

export const grantExamples = {
  privilege: {
    summary: "A privilege on all tables of a namespace",
    value: { privilege: "SELECT", on: "namespace:sales", to: "group:analysts" },
  },
  role: { summary: "A place in a role", value: { role: "readers", to: "user:alice" } },
};

/** The same as query parameters. */
export const revokeQuery = z.object({
  privilege: privilege.optional().meta({ description: "With `on`: the privilege to take away" }),
  on: on.optional(),
  role: role.optional().meta({ description: "Instead: the role to take out of" }),
  to,
});

const made = {
  by: z.string().meta({ description: "Who granted it" }),
  at: millis,
};

const listed = z.object({
  privilege: privilege.optional(),
  on: z.string().optional().meta({ description: "Tables by their names; by their ids where they are dropped" }),
  role: z.string().optional().meta({ description: "Of a place in a role, instead of privilege and on" }),
  to: z.string(),
  ...made,
});

export const grantAnswer = listed
  .omit({ by: true, at: true })
  .extend({ changed: z.boolean().meta({ description: "False where it was so already" }) })
  .meta({ id: "Granted" });

export const grantsQuery = z.object({
  on: on.optional().meta({ description: "Only those on exactly this" }),
  to: to.optional().meta({ description: "Only those to exactly this" }),
  cursor,
  limit: pageLimit("grants"),
});

export const grantsAnswer = z
  .object({
    mode: z.enum(["open", "enforced"]).meta({ description: "`open`: grants are not held against requests yet" }),
    grants: z.array(listed).max(PAGE_MAX),
    next,
  })
  .meta({ id: "Grants" });

export const GRANT_EXAMPLES = {
  granted: { privilege: "SELECT", on: "namespace:sales", to: "group:analysts", changed: true },
  list: {
    mode: "enforced",
    grants: [
      { privilege: "SELECT", on: "namespace:sales", to: "group:analysts", by: "user:alice", at: 1_764_400_000_000 },
    ],
  },
};
