/** GET /v1/health: whether this service can do its work now. */

import { errorText } from "../../errors.ts";
import { healthAnswer } from "../../wire/contracts/reads.ts";
import { type Endpoint, endpoint, json } from "../endpoint.ts";

const content = { "application/json": { schema: healthAnswer } };

export const healthRoutes: readonly Endpoint[] = [
  endpoint(
    "health",
    {
      tags: ["service"],
      summary: "Whether the service can reach its database",
      responses: {
        200: { description: "It can.", content },
        503: { description: "It cannot: `database` says why.", content },
      },
    },
    async (_request, { lake, version }) => {
      try {
        await lake.catalog.ping();
      } catch (error) {
        return json(503, { status: "unavailable", database: errorText(error), version });
      }
      return json(200, { status: "ok", database: "ok", version });
    },
  ),
];
