/** GET /v1/health: whether this service can do its work now. */

import { errorText } from "../../errors.ts";
import { problems } from "../../wire/contracts/problem.ts";
import { healthAnswer, READ_EXAMPLES } from "../../wire/contracts/reads.ts";
import { answers } from "../../wire/contracts/responses.ts";
import { type Endpoint, endpoint, json } from "../endpoint.ts";

const DETAIL_CHARACTERS = 2000;

export const healthRoutes: readonly Endpoint[] = [
  endpoint(
    "health",
    {
      tags: ["service"],
      summary: "Whether the service can reach its database",
      responses: {
        ...problems(400),
        200: answers("It can.", healthAnswer, READ_EXAMPLES.healthy),
        503: answers("It cannot: `database` says why.", healthAnswer, READ_EXAMPLES.unavailable),
      },
    },
    async ({ isKnown }, { lake, version }) => {
      // To strangers no more than whether it lives: what is wrong with it, and which release it is, helps who attacks it.
      const shown = <T extends { readonly status: string }>(all: T) => (isKnown ? all : { status: all.status });
      try {
        await lake.catalog.ping();
      } catch (error) {
        return json(
          503,
          shown({ status: "unavailable", database: errorText(error).slice(0, DETAIL_CHARACTERS), version }),
        );
      }
      return json(200, shown({ status: "ok", database: "ok", version }));
    },
  ),
];
