/** POST /v1/tables/{tableId}/credentials: access to the data files of a table, for clients without rights of their own in the bucket. */

import { invalid } from "../../errors.ts";
import { lendCredentials, lendUrls } from "../../operations/lend-access.ts";
import { checked } from "../../validation.ts";
import { lendAnswer, lendExamples, lendRequest, lentExample } from "../../wire/contracts/lending.ts";
import { problems } from "../../wire/contracts/problem.ts";
import { answers } from "../../wire/contracts/responses.ts";
import { tableParams } from "../../wire/contracts/values.ts";
import { tableRef } from "../../wire/table-ref.ts";
import { type Endpoint, endpoint, json } from "../endpoint.ts";
import { borrowing } from "../lend.ts";

/** No cache keeps them. */
const SECRET = { "cache-control": "no-store" };

export const lendingRoutes: readonly Endpoint[] = [
  endpoint(
    "lendCredentials",
    {
      tags: ["tables"],
      summary: "Borrow access to the data files of a table",
      description:
        "Credentials of AWS that end by themselves and reach the table's place alone, or with `paths` a URL for each file. " +
        "Of a table in a folder there are none: `NO_CREDENTIALS_FOR_FOLDERS`. Written down in the audit trail.",
      params: tableParams,
      body: { schema: lendRequest, examples: lendExamples },
      responses: {
        200: answers("What was borrowed, and until when.", lendAnswer, lentExample),
        ...problems(400, 404, 409, 413, 415),
      },
    },
    async ({ params, body, principal, guard, changed }, { lake, lending }) => {
      const { access, paths } = checked(lendRequest, await body());
      if (paths !== undefined && access === "readWrite") {
        throw invalid("a URL is to read or to write", {
          at: "/access",
          hint: 'Say "read" or "write" where there are paths.',
        });
      }
      const wanted = { read: access !== "write", write: access !== "read" };
      const { ref, rights } = await borrowing({ guard, principal }, tableRef(params.tableId), wanted);
      const options = { rights, lending, by: principal };
      const lent =
        paths === undefined
          ? { ...(await lendCredentials(lake, ref, options)), replaces: rights.write === "replace" }
          : await lendUrls(lake, ref, { ...options, paths });
      const { tableId, expiresAt } = lent;
      changed({ tableId, lent: access, expiresAt, ...(paths === undefined ? {} : { files: paths.length }) });
      return json(200, { access, ...withoutTime(lent) }, SECRET);
    },
  ),
];

/** The session's own end stands beside it. */
function withoutTime<T extends object>(lent: T): object {
  if (!("credentials" in lent)) return lent;
  const { expiresAt: _, ...credentials } = lent.credentials as { readonly expiresAt: number };
  return { ...lent, credentials };
}
