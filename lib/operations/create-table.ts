/** Creates a table: version 0 in SQL, which the mirror then publishes like any other version. */

import { canonicalJson } from "../delta/json.ts";
import { type NewTable, newTableActions } from "../delta/new-table.ts";
import { planCreation } from "../delta/plan-commit.ts";
import { invalid, isLakeError, LakeError } from "../errors.ts";
import type { Lake } from "../ports.ts";
import { type By, signed } from "./author.ts";
import { sha256 } from "./request-hash.ts";

export interface CreatedTable {
  readonly tableId: string;
  readonly name: string;
  readonly location: string;
  readonly version: 0;
  readonly inCommitTimestamp: number;
  readonly replayed: boolean;
}

/**
 * Creates a table at a location that holds no Delta log yet.
 * @param request.transactionId the idempotency key; made here if absent
 * @throws LakeError invalid; conflict TABLE_EXISTS, LOCATION_TAKEN or DELTA_LOG_EXISTS
 */
export async function createTable(
  lake: Lake,
  request: NewTable & By & { readonly transactionId?: string },
): Promise<CreatedTable> {
  checkTableName(request.name);
  const { transactionId = lake.clock.newId(), by, ...table } = request;
  const tableId = lake.clock.newId();
  const actions = signed(newTableActions(table, tableId, lake.clock.now()), { by });
  const requestHash = sha256(canonicalJson({ create: table }));
  const known = await lake.catalog.findTransaction(transactionId);
  if (known === undefined) await checkNoLog(lake, table.location);
  const outcome = await lake.catalog.commit({
    transactionId,
    requestHash,
    tables: [planCreation({ tableId, name: table.name, location: table.location }, actions, transactionId)],
  });
  if (outcome.status === "committed") {
    const created = outcome.tables[0] ?? { tableId, version: 0, timestamp: outcome.committedAt };
    await lake.queue.enqueue([created]);
    return {
      tableId: created.tableId,
      name: table.name,
      location: table.location,
      version: 0,
      inCommitTimestamp: created.timestamp,
      replayed: outcome.replayed,
    };
  }
  if (outcome.status === "rejected") {
    const taken = outcome.rejections.find((r) => r.reason === "nameTaken");
    throw taken ? nameTaken(table.name, taken.name) : locationTaken(table.location);
  }
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

/** @param other how the table that has the name writes it, where that is another case */
export function nameTaken(name: string, other?: string): LakeError {
  const inOtherCase = other === undefined ? "" : `, and "${name}" differs from it only by case`;
  return new LakeError("conflict", `there is a table named "${other ?? name}" already${inOtherCase}`, {
    code: "TABLE_EXISTS",
    at: "/name",
    hint: "Choose another name, or drop the table first.",
  });
}

export function locationTaken(location: string): LakeError {
  return new LakeError("conflict", `another table of this catalog lives at ${location}`, {
    code: "LOCATION_TAKEN",
    at: "/location",
    hint: "Two tables cannot share a folder: choose another location.",
  });
}

async function checkNoLog(lake: Lake, location: string): Promise<void> {
  try {
    const listing = await lake.openLog(location).list();
    if (listing.commits.length + listing.checkpoints.length === 0 && !listing.hasStagedCommits) return;
  } catch (error) {
    if (isLakeError(error, "notFound")) return;
    throw error;
  }
  throw new LakeError("conflict", `there is a Delta table at ${location} already`, {
    code: "DELTA_LOG_EXISTS",
    at: "/location",
    hint: "POST /v1/tables/import (or `dl import`) takes an existing table into the catalog.",
  });
}
