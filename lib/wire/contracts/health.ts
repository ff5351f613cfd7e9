/** Wire contract of a table's health: the same in every answer that shows a table. */

import { HEALTH_STATES } from "../../delta/health.ts";
import { count, z } from "./values.ts";

export const tableHealth = z
  .object({
    state: z.enum(HEALTH_STATES).meta({
      description:
        "How `_delta_log` stands to SQL. `late`: a version is unpublished for too long; `failed`: it could not be published, or " +
        "the log differs; `quarantined`, `behindLog`, `gone`: nothing more is published until somebody takes care",
    }),
    code: z
      .string()
      .optional()
      .meta({ description: "The cause, for machines", examples: ["FOREIGN_COMMIT"] }),
    reason: z.string().optional().meta({ description: "The cause, for people" }),
    hint: z.string().optional().meta({ description: "What can be done about it" }),
    unpublishedVersions: count.meta({ description: "Versions that are in SQL and not yet in `_delta_log`" }),
    lagSeconds: z.number().min(0).meta({ description: "Age of the oldest of them; 0 when there is none" }),
    followed: z
      .object({
        behindVersions: count.meta({
          description: "Versions that the last look at the log saw, and SQL does not have",
        }),
        lookedSecondsAgo: z.number().min(0).meta({ description: "Age of that look" }),
      })
      .optional()
      .meta({ description: "Set where others write the table directly: it is followed, and takes no commits here" }),
  })
  .meta({ id: "TableHealth" });

export const HEALTHY = { state: "ok", unpublishedVersions: 0, lagSeconds: 0 };
