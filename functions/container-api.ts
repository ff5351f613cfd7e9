/** The API of a container: what `commit` and `read` share, and the other functions need not load. */

import { setTimeout as delay } from "node:timers/promises";
import { apiGatewayDoor } from "../lib/access/api-gateway.ts";
import { type AuditTrail, openAuditTrail } from "../lib/access/audit.ts";
import { callerRules } from "../lib/config/callers.ts";
import { deadlineMs } from "../lib/deadlines.ts";
import { errorText } from "../lib/errors.ts";
import { createApp } from "../lib/http/app.ts";
import { behindFront, type FrontOptions } from "../lib/http/front.ts";
import { type LambdaApi, lambdaApi } from "../lib/http/lambda.ts";
import { perContainer } from "../lib/lake/aws.ts";
import { readPendingSecret, readSecret } from "../lib/lake/secrets.ts";
import type { Audit, Clock, Scans } from "../lib/ports.ts";
import type { Access } from "../lib/wire/routes.ts";
import { containerLake, logger } from "./middleware.ts";
import { openScanWishes, type ScanWishes } from "./scan-wishes.ts";

/** The API, of which this function answers its part. */
export function containerApi(serves: Access): () => Promise<LambdaApi> {
  const lakeOf = containerLake();
  return perContainer(async () => {
    const lake = await lakeOf();
    // Who reads has a login that cannot write, and for the trail another one that can do nothing else.
    const place = serves === "write" ? lake.catalog : lake.trail;
    const audit = place && containerTrail(place, lake.clock);
    const wishes = serves === "read" && lake.trail ? containerWishes(lake.trail, lake.clock) : undefined;
    const app = createApp(lake, {
      version: process.env.AWS_LAMBDA_FUNCTION_VERSION ?? "0",
      serves,
      streams: false,
      resolveLocation: lake.resolveLocation,
      door: apiGatewayDoor(lake.settings.scopes),
      audit,
      callers: callerRules({ caller_rate: lake.settings.callerRate, caller_burst: lake.settings.callerBurst }),
      // What went well is in API Gateway's log, with who asked, and in the line of the metrics.
      onAnswer: (line) => logger[line.status < 400 ? "debug" : "info"]("answered", { ...line }),
      ...(lake.uploads ? { uploads: lake.uploads } : {}),
      ...(wishes ? { onUnindexed: wishes.wish } : {}),
      ...(lake.lending ? { lending: lake.lending } : {}),
      onIncident: (error, incident) => logger.error(errorText(error), { incident, error: error as Error }),
    });
    const { frontSecretArn } = lake.settings;
    const open = lambdaApi(app, {
      onLate() {
        lake.metrics.record("ServerErrors", 1, "Count", { status: 503 });
        logger.error("there was no answer in time", {
          code: "ANSWER_LATE",
          hint: "Look at the time that database and storage take.",
        });
      },
    });
    const api = frontSecretArn === undefined ? open : await behindFront(open, frontOf(frontSecretArn, lake.clock));
    return async (event, context) => {
      const answer = await api(event, context);
      // Afterwards the container stands still.
      await Promise.all([audit?.written(), wishes && briefly(wishes.told())]);
      return answer;
    };
  });
}

function frontOf(secretArn: string, clock: Clock): FrontOptions {
  return {
    secret: { current: () => readSecret(secretArn), pending: () => readPendingSecret(secretArn) },
    now: clock.now,
    onError: (error) => logger.error("the secret of the front is as it was known", { reason: errorText(error) }),
  };
}

/** A wish that is lost comes again: with a later request, or of another container. */
function containerWishes(place: Pick<Scans, "addScanWish">, clock: Clock): ScanWishes {
  return openScanWishes(place, {
    clock,
    onError: (wish, error) =>
      logger.warn("a wish for an index of scans is lost", { ...wish, reason: errorText(error) }),
  });
}

/** The trail of a container. What cannot be written is a line of the log, and is tried again with the next request. */
function containerTrail(place: Pick<Audit, "addAudit">, clock: Clock): AuditTrail & { written(): Promise<void> } {
  const trail = openAuditTrail(place, {
    shard: clock.newId(),
    now: clock.now,
    onError: (error, rows) => logger.error("the audit trail waits", { reason: errorText(error), rows }),
  });
  return {
    ...trail,
    written: () => briefly(trail.flush({ ends: false })),
  };
}

/** What is written beside an answer holds it up for no longer than this. */
async function briefly(work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const late = delay(deadlineMs("auditTrail"), undefined, { signal: over.signal }).catch(() => undefined);
  await Promise.race([work, late]);
  over.abort();
}
