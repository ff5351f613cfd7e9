/** Wire contracts of what is read from a table: files, commits, history, mirror, snapshots; and of the service's health. */

import { documentedArray } from "./actions.ts";
import {
  cursor,
  int64,
  millis,
  next,
  pageLimit,
  queryInteger,
  tableName,
  tableRefShape,
  timestamp,
  uuid,
  version,
  z,
} from "./values.ts";

const mirrorState = z.enum(["IN_FLIGHT", "COMPLETE", "FAILED"]);

/** Which state: at most one of the two. */
export const asOfShape = {
  version: queryInteger({ min: 0, description: "State at this version" }).optional(),
  timestamp: timestamp.optional(),
};

export const filesQuery = z.object({ ...asOfShape, cursor, limit: pageLimit("files") });
export const filesAnswer = z
  .object({ tableId: uuid, version, timestamp: millis, files: documentedArray("AddFile"), next })
  .openapi("FileList");

export const commitsQuery = z.object({
  after: queryInteger({ min: -1, description: "Versions above this one; from the oldest if absent" }).optional(),
  limit: queryInteger({ min: 1, max: 1000, description: "At most so many versions; 100 if absent" }).optional(),
});
export const commitsAnswer = z
  .object({
    tableId: uuid,
    commits: z.array(
      z.object({
        version,
        timestamp: millis,
        inCommitTimestamp: millis.optional(),
        actions: documentedArray("Action"),
      }),
    ),
    after: z.int().openapi({ description: "Pass it as `after` to go on; an empty list says that nothing is newer" }),
  })
  .openapi("CommitList");

export const historyQuery = z.object({
  before: queryInteger({ min: 0, description: "Versions below this one; from the newest if absent" }).optional(),
  limit: pageLimit("versions"),
});
export const historyAnswer = z
  .object({
    tableId: uuid,
    versions: z.array(
      z.object({
        version,
        timestamp: millis,
        inCommitTimestamp: millis.optional(),
        transactionId: uuid.optional(),
        commitInfo: z.looseObject({}).optional(),
        numAdds: z.int(),
        numRemoves: z.int(),
        numFiles: z.int(),
        sizeInBytes: int64,
        isBlindAppend: z.boolean(),
        mirror: mirrorState,
      }),
    ),
    next: z.int().optional().openapi({ description: "Pass it as `before` to go on; absent on the last page" }),
  })
  .openapi("History");

export const mirrorQuery = z.object({
  after: queryInteger({ min: -1, description: "Versions above this one" }).optional(),
  limit: pageLimit("versions"),
});
export const mirrorAnswer = z
  .object({
    tableId: uuid,
    version,
    mirroredVersion: z.int(),
    quarantine: z.string().optional(),
    statuses: z.array(
      z.object({
        version,
        status: mirrorState,
        attempts: z.int(),
        lastError: z.string().optional(),
        committedAt: millis,
        publishedAt: millis.optional(),
      }),
    ),
    next: z.int().optional().openapi({ description: "Pass it as `after` to go on; absent on the last page" }),
  })
  .openapi("MirrorStatusList");

export const snapshotRequest = z
  .strictObject({
    tables: z.array(z.strictObject(tableRefShape)).min(1),
    timestamp: timestamp.optional(),
    transactionId: uuid.optional(),
  })
  .openapi("SnapshotRequest");
export const snapshotExamples = {
  moment: {
    summary: "Two tables at one moment",
    value: { tables: [{ table: "sales.orders" }, { table: "sales.customers" }], timestamp: "2026-01-01T00:00:00Z" },
  },
};
export const snapshotAnswer = z
  .object({
    timestamp: millis.optional(),
    tables: z.array(z.object({ tableId: uuid, table: tableName, version, timestamp: millis })),
  })
  .openapi("Snapshot");

export const healthAnswer = z
  .object({ status: z.enum(["ok", "unavailable"]), database: z.string(), version: z.string() })
  .openapi("Health");
