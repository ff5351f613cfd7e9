/** GET /v1/health: whether this service can do its work now; GET /v1/live: whether it answers at all. */

import { problems } from "../../wire/contracts/problem.ts";
import { healthAnswer, liveAnswer, READ_EXAMPLES } from "../../wire/contracts/reads.ts";
import { answers } from "../../wire/contracts/responses.ts";
import { type Endpoint, endpoint, json } from "../endpoint.ts";

export const healthRoutes: readonly Endpoint[] = [
  endpoint(
    "health",
    {
      tags: ["service"],
      summary: "Whether the service can do its work",
      description:
        "Answers within a second, whatever hangs. Each part says `ok`, `warning`, `degraded` (tables are not ok: it names them), `silent` (no answer yet), `unavailable`, `gone` " +
        "or `changed` (the database is no longer the one that the service began with). A server that is about to end says `unhealthy`, and goes on with what it is sent.",
      responses: {
        ...problems(400),
        200: answers("It can; `parts` says what is degraded.", healthAnswer, READ_EXAMPLES.healthy),
        503: answers("It cannot: `database` says why.", healthAnswer, READ_EXAMPLES.unavailable),
      },
    },
    async ({ isKnown }, { health, isStopping, version }) => {
      // Whoever sends requests here is to send them elsewhere: what the parts say does not matter any more.
      if (isStopping?.()) return json(503, { status: "unhealthy", ...(isKnown ? { stopping: true, version } : {}) });
      const { status, parts } = await health();
      // To strangers no more than whether it lives: what is wrong with it, and which release it is, helps who attacks it.
      if (!isKnown) return json(status === "unhealthy" ? 503 : 200, { status });
      const { state = "ok", detail } = parts.database ?? {};
      const database = state === "ok" || state === "warning" ? "ok" : (detail ?? state);
      return json(status === "unhealthy" ? 503 : 200, { status, database, version, parts });
    },
  ),
  endpoint(
    "live",
    {
      tags: ["service"],
      summary: "Whether the process answers",
      description:
        "Asks nothing outside of it: a database that is away is no reason to start the process anew. Whether requests should be sent here, `GET /v1/health` tells.",
      responses: { ...problems(400), 200: answers("It does.", liveAnswer, READ_EXAMPLES.live) },
    },
    async () => json(200, { status: "alive" }),
  ),
];
