/** Settings of who may come in, and of what is lent to them. */

import * as z from "zod";
import { DEFAULT_CONFIG } from "../default-config.ts";
import { oidcIssuer } from "./forms.ts";

const D = DEFAULT_CONFIG;

export const securitySettings = z.strictObject({
  access_control_enabled: z
    .boolean()
    .optional()
    .describe(
      "true: callers are asked who they are, and the server does not start before there is a key (`dl key create`) or an issuer. false: nobody is asked, as with `--insecure-no-auth`. Absent: asked as soon as there is a key or an issuer; beyond this machine it does not start without.",
    ),
  oidc: z
    .array(oidcIssuer)
    .refine((all) => new Set(all.map(({ issuer }) => issuer)).size === all.length, {
      message: "an issuer is named twice",
    })
    .refine((all) => new Set(all.map(({ user_prefix }) => user_prefix)).size === all.length, {
      message:
        "with several issuers each needs a user_prefix of its own, or a user of one could pass for one of another",
    })
    .default([])
    .describe("Identity providers whose tokens (JWT) are taken; see [security.md](security.md)."),
  data_credentials: z
    .strictObject({
      role_arn: z
        .string()
        .regex(/^arn:[\w-]+:iam::\d{12}:role\/\S+$/, "the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME")
        .optional()
        .describe(
          "Role of AWS whose sessions are lent to clients, each bounded to the files of one table; absent: URLs alone, for single files.",
        ),
      valid_seconds: z
        .int()
        .min(900)
        .max(43_200)
        .default(D.security.data_credentials.valid_seconds)
        .describe(
          "Seconds until such a session ends; AWS gives no more than an hour where this process is itself in a role.",
        ),
    })
    .prefault({}),
});
