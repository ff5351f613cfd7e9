/** Creates a table: version 0 in SQL, which the mirror then publishes like any other version. */

import { checkActionSizes } from "../delta/fields/action-sizes.ts";
import { checkTableLocation } from "../delta/files/locations.ts";
import { type NewTable, newTableActions } from "../delta/new-table.ts";
import { withOrigins } from "../delta/origin.ts";
import { planCreation } from "../delta/plan-commit.ts";
import { canonicalJson } from "../delta/values/json.ts";
import { invalid } from "../errors.ts";
import type { Lake } from "../ports.ts";
import { type Allowed, type By, signed } from "./committing/author.ts";
import { sha256 } from "./committing/request-hash.ts";
import { databaseReplaced, type Sent, sendCommit } from "./committing/send-commit.ts";
import { freePlace, taken } from "./tables/free-place.ts";

/** The database may be started again while a table is made, not again and again. */
const ROUNDS = 3;

export interface CreatedTable {
  readonly tableId: string;
  readonly name: string;
  readonly location: string;
  readonly version: 0;
  readonly inCommitTimestamp: number;
  readonly replayed: boolean;
}

/**
 * Creates a table at a location that holds no Delta log yet, and that can be written where this lake writes logs.
 * @param request.location canonical
 * @param request.transactionId the idempotency key; made here if absent
 * @throws LakeError invalid; conflict TABLE_EXISTS, LOCATION_TAKEN, LOCATION_OVERLAPS or DELTA_LOG_EXISTS
 */
export async function createTable(
  lake: Lake,
  request: NewTable & By & Pick<Allowed, "claim"> & { readonly transactionId?: string },
): Promise<CreatedTable> {
  checkTableName(request.name);
  checkTableLocation(request.location);
  const { transactionId = lake.clock.newId(), by, attempt, claim, ...table } = request;
  const tableId = lake.clock.newId();
  const actions = signed(newTableActions(table, tableId, lake.clock.now()), { by });
  checkActionSizes(actions, () => "");
  const requestHash = sha256(canonicalJson({ create: table }));
  const send = async (): Promise<{ readonly location: string; readonly outcome: Sent }> => {
    // Before the look at the place: whatever is published until the commit is known to the database that it goes to.
    const epoch = await lake.catalog.epoch();
    const known = await lake.catalog.findTransaction(transactionId);
    const location = known === undefined ? await freePlace(lake, table) : table.location;
    if (known === undefined) await claim?.(tableId);
    const tables = [planCreation({ tableId, name: table.name, location }, actions, transactionId)];
    const noted = attempt === undefined ? {} : { attempt: attempt() };
    return {
      location,
      outcome: await sendCommit(lake, [], withOrigins({ transactionId, requestHash, epoch, tables, ...noted })),
    };
  };
  let { location, outcome } = await send();
  for (let round = 1; outcome.status === "again" && round < ROUNDS; round += 1) ({ location, outcome } = await send());
  if (outcome.status === "committed") {
    const created = outcome.tables[0] ?? { tableId, version: 0, timestamp: outcome.committedAt };
    await lake.queue.enqueue([created]);
    return {
      tableId: created.tableId,
      name: table.name,
      location,
      version: 0,
      inCommitTimestamp: created.timestamp,
      replayed: outcome.replayed,
    };
  }
  if (outcome.status === "rejected") {
    const [rejection] = outcome.rejections;
    throw taken({ name: table.name, location }, { name: table.name, location, ...rejection });
  }
  if (outcome.status === "again") throw databaseReplaced();
  throw invalid(`the transactionId ${transactionId} was used for a different request`, {
    at: "/transactionId",
    code: "IDEMPOTENCY_KEY_REUSED",
    hint: "Make a new UUID for a new table.",
  });
}

const NAME = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$/;

/** @throws LakeError invalid unless the name is `namespace.name` */
export function checkTableName(name: string): void {
  if (!NAME.test(name) || name.length > 255) {
    throw invalid(`"${name}" is not a table name`, {
      at: "/name",
      hint: "Write namespace.name, of letters, digits, _ and -.",
    });
  }
}
