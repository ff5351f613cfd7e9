/** Wire contract of `POST /v1/tables/{tableId}/credentials`: access to the data files of a table, lent for a while. */

import { TEXT } from "../../delta/limits.ts";
import { list, millis, text, uuid, z } from "./values.ts";

/** As many URLs fit into an answer, however long their keys are. */
export const LENT_URLS = 1000;

export const lendRequest = z
  .strictObject({
    access: z.enum(["read", "write", "readWrite"]).meta({
      description:
        "`read`: all files of the table and its log. `write`: data files, never the log: new ones by `APPEND`, any by `MODIFY`",
    }),
    paths: list(text(TEXT.path, 1), { max: LENT_URLS })
      .optional()
      .meta({
        description:
          "Files by their paths, as actions have them: a URL for each is answered in place of credentials. For `read` or `write`, not both",
        examples: [["part-00000.parquet"]],
      }),
  })
  .meta({ id: "LendRequest" });

const lent = { tableId: uuid, location: z.string(), access: z.enum(["read", "write", "readWrite"]), expiresAt: millis };

export const lentCredentials = z
  .object({
    ...lent,
    credentials: z
      .object({ accessKeyId: z.string(), secretAccessKey: z.string(), sessionToken: z.string() })
      .meta({ description: "Of a session on AWS, for the table's files alone: keep them secret" }),
    replaces: z.boolean().meta({
      description: "False: what is written must be new, so each PUT says `If-None-Match: *`, of parts the last call",
    }),
    alsoAt: z
      .array(z.string())
      .meta({ description: "Places where the table was before, which may be read as well; mostly none" }),
  })
  .meta({ id: "LentCredentials" });

export const lentUrls = z
  .object({
    ...lent,
    urls: z.array(
      z.object({
        path: z.string(),
        method: z.enum(["GET", "PUT"]),
        url: z.url().meta({ description: "Works by itself, for one object: keep it secret" }),
        headers: z.record(z.string(), z.string()).meta({ description: "To be sent along" }),
      }),
    ),
  })
  .meta({ id: "LentUrls" });

export const lendAnswer = z.union([lentCredentials, lentUrls]).meta({ id: "LendAnswer" });

export const lendExamples = {
  credentials: { summary: "To read a table", value: { access: "read" } },
  urls: { summary: "A URL to put one new file", value: { access: "write", paths: ["part-00000.parquet"] } },
};

export const lentExample = {
  tableId: "4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f",
  location: "s3://lake/sales/orders",
  access: "read",
  expiresAt: 1767229200000,
  credentials: { accessKeyId: "ASIA…", secretAccessKey: "…", sessionToken: "…" },
  replaces: false,
  alsoAt: [],
};
