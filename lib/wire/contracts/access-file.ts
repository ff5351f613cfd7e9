/** Grants, roles and policies as one file, for `dl access export`, `plan` and `apply`. */

import { GRANTED } from "../../access/privileges.ts";
import { TEXT } from "../../delta/limits.ts";
import { text, z } from "./values.ts";

const whom = text(TEXT.name + 16, 1);
const privilege = z.enum(GRANTED.filter((one) => one !== "OWN") as [Exclude<(typeof GRANTED)[number], "OWN">]);

/** Owners are no part of it: they come and go with tables. */
export const accessFile = z.strictObject({
  roles: z.record(text(TEXT.name, 1), z.array(whom)).default({}),
  grants: z
    .array(z.strictObject({ on: text(TEXT.name + 16, 1), to: whom, privileges: z.array(privilege).min(1) }))
    .default([]),
  policies: z
    .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, "up to 100 letters, digits and . _ -"), z.string())
    .default({}),
});

export type AccessFile = z.output<typeof accessFile>;
