/** Wire contracts of what is read from a table: files, commits, history, mirror, snapshots; and of the service's health. */

import { COUNT, TEXT } from "../../delta/limits.ts";
import { documentedArray } from "./actions.ts";
import { HEALTHY, tableHealth } from "./health.ts";
import {
  count,
  cursor,
  list,
  millis,
  next,
  ONE_OF_TWO,
  pageLimit,
  queryInteger,
  size64,
  tableName,
  tableRefShape,
  text,
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

export const filesQuery = z.object({
  ...asOfShape,
  cursor,
  limit: pageLimit("files"),
  fields: text(TEXT.name, 1)
    .optional()
    .meta({
      description: "Fields of add actions that are wanted, with commas between; all if absent",
      examples: ["path,size"],
    }),
});
export const filesAnswer = z
  .object({ tableId: uuid, version, timestamp: millis, files: documentedArray("AddFile"), next })
  .meta({ id: "FileList" });

/** Of the applications and the domains of a table. */
export const stateListQuery = (what: string) => z.object({ ...asOfShape, cursor, limit: pageLimit(what) });
export const txnsAnswer = z
  .object({ tableId: uuid, version, timestamp: millis, txns: documentedArray("Txn"), next })
  .meta({ id: "TxnList" });
export const domainsAnswer = z
  .object({ tableId: uuid, version, timestamp: millis, domains: documentedArray("DomainMetadata"), next })
  .meta({ id: "DomainList" });

export const commitsQuery = z.object({
  after: queryInteger({ min: -1, description: "Versions above this one; from the oldest if absent" }).optional(),
  cursor: cursor.meta({ description: "`next` of the answer before: the rest of its version, in place of `after`" }),
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
        complete: z.boolean().optional().meta({
          description: "In a part of a version: whether it is the last one. Absent when the version is whole",
        }),
      }),
    ),
    next: z.string().optional().meta({ description: "The version has more actions: pass it as `cursor` to get them" }),
    after: z
      .int()
      .min(-1)
      .meta({
        description:
          "Where there is no `next`, pass it as `after` to go on; an empty list says that nothing is newer. The newest version " +
          "of which all actions have been given",
      }),
  })
  .meta({ id: "CommitList" });

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
        numAdds: count,
        numRemoves: count,
        numFiles: count,
        sizeInBytes: size64,
        isBlindAppend: z.boolean(),
        mirror: mirrorState,
      }),
    ),
    next: z.int().min(0).optional().meta({ description: "Pass it as `before` to go on; absent on the last page" }),
  })
  .meta({ id: "History" });

export const mirrorQuery = z.object({
  after: queryInteger({ min: -1, description: "Versions above this one" }).optional(),
  limit: pageLimit("versions"),
});
export const mirrorAnswer = z
  .object({
    tableId: uuid,
    version,
    mirroredVersion: z.int().min(-1),
    quarantine: z.string().optional(),
    statuses: z.array(
      z.object({
        version,
        status: mirrorState,
        attempts: count,
        lastError: z.string().optional(),
        errorCode: z
          .string()
          .optional()
          .meta({ description: "Code of that failure; of a COMPLETE version, of what became of its file since" }),
        committedAt: millis,
        publishedAt: millis.optional(),
      }),
    ),
    next: z.int().min(0).optional().meta({ description: "Pass it as `after` to go on; absent on the last page" }),
  })
  .meta({ id: "MirrorStatusList" });

export const snapshotRequest = z
  .strictObject({
    tables: list(z.strictObject(tableRefShape).meta(ONE_OF_TWO), { min: 1, max: COUNT.tables }),
    timestamp: timestamp.optional(),
    transactionId: uuid.optional(),
  })
  .meta({
    id: "SnapshotRequest",
    not: { required: ["timestamp", "transactionId"], properties: { timestamp: {}, transactionId: {} } },
  });
export const snapshotExamples = {
  moment: {
    summary: "Two tables at one moment",
    value: { tables: [{ table: "sales.orders" }, { table: "sales.customers" }], timestamp: "2026-01-01T00:00:00Z" },
  },
};
export const snapshotAnswer = z
  .object({
    timestamp: millis.optional(),
    tables: z.array(
      z.object({ tableId: uuid, table: tableName, version, timestamp: millis, health: tableHealth.optional() }),
    ),
  })
  .meta({ id: "Snapshot" });

export const healthAnswer = z
  .object({
    status: z.enum(["healthy", "degraded", "unhealthy"]),
    database: z.string().optional().meta({ description: "Only to callers who are known" }),
    version: z.string().optional().meta({ description: "Only to callers who are known" }),
    stopping: z.literal(true).optional().meta({ description: "The server is about to end: send requests elsewhere" }),
    parts: z
      .record(
        z.string(),
        z.object({
          state: z.enum(["ok", "warning", "degraded", "silent", "unavailable", "gone", "changed"]),
          detail: z.string().optional(),
          hint: z.string().optional(),
          milliseconds: z.int().min(0),
          tables: z
            .record(z.string(), count)
            .optional()
            .meta({ description: "Of the part `tables`: how many are in each state but ok" }),
          troubled: z
            .array(z.object({ tableId: uuid, table: z.string() }).extend(tableHealth.shape))
            .optional()
            .meta({ description: "The worst of them, 20 at most" }),
          hitRatio: z
            .number()
            .min(0)
            .max(1)
            .optional()
            .meta({ description: "Of the part `cache`: share of the answers that it had" }),
          entries: count.optional().meta({ description: "Of the part `cache`: answers in the memory of the process" }),
          lagSeconds: z.number().min(0).optional().meta({
            description: "Of the part `mirrorLag`: age of the oldest version that is not in `_delta_log` yet",
          }),
        }),
      )
      .optional()
      .meta({ description: "Only to callers who are known" }),
  })
  .meta({ id: "Health" });

export const liveAnswer = z.object({ status: z.literal("alive") }).meta({ id: "Liveness" });

const TABLE_ID = "4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f";
const TRANSACTION_ID = "0f8fad5b-d9cb-469f-a165-70867728950e";
const timestampOf = 1767225600123;
const add = {
  path: "part-00000-7d2f.snappy.parquet",
  partitionValues: {},
  size: 1024,
  modificationTime: 1767225600000,
  dataChange: true,
  stats: '{"numRecords":3}',
};

/** One answer of each route, as it is sent. */
export const READ_EXAMPLES = {
  files: { tableId: TABLE_ID, version: 1, timestamp: timestampOf, files: [add] },
  file: add,
  txns: { tableId: TABLE_ID, version: 1, timestamp: timestampOf, txns: [{ appId: "my-stream", version: 7 }] },
  domains: {
    tableId: TABLE_ID,
    version: 1,
    timestamp: timestampOf,
    domains: [{ domain: "my.app", configuration: "{}", removed: false }],
  },
  commits: {
    tableId: TABLE_ID,
    commits: [{ version: 1, timestamp: timestampOf, inCommitTimestamp: timestampOf, actions: [{ add }] }],
    after: 1,
  },
  history: {
    tableId: TABLE_ID,
    versions: [
      {
        version: 1,
        timestamp: timestampOf,
        inCommitTimestamp: timestampOf,
        transactionId: TRANSACTION_ID,
        numAdds: 1,
        numRemoves: 0,
        numFiles: 1,
        sizeInBytes: 1024,
        isBlindAppend: true,
        mirror: "COMPLETE",
      },
    ],
  },
  mirror: {
    tableId: TABLE_ID,
    version: 1,
    mirroredVersion: 1,
    statuses: [
      { version: 1, status: "COMPLETE", attempts: 1, committedAt: timestampOf, publishedAt: timestampOf + 40 },
    ],
  },
  snapshot: {
    tables: [{ tableId: TABLE_ID, table: "sales.orders", version: 1, timestamp: timestampOf, health: HEALTHY }],
  },
  live: { status: "alive" },
  healthy: {
    status: "degraded",
    database: "ok",
    version: "0.1.0",
    parts: {
      database: { state: "ok", milliseconds: 2 },
      tables: {
        state: "degraded",
        detail: "1 quarantined",
        milliseconds: 3,
        tables: { late: 0, failed: 0, quarantined: 1, behindLog: 0, gone: 0 },
        troubled: [
          {
            tableId: TABLE_ID,
            table: "sales.orders",
            state: "quarantined",
            code: "FOREIGN_COMMIT",
            reason: "_delta_log holds another commit 7 than SQL: someone writes to the log directly",
            hint: "Stop the other writer, move its files out of _delta_log, then `dl resolve --table sales.orders`.",
            unpublishedVersions: 3,
            lagSeconds: 60.5,
          },
        ],
      },
      mirrorLag: { state: "degraded", detail: "60.5 s", milliseconds: 3, lagSeconds: 60.5 },
      storage: { state: "ok", milliseconds: 1 },
    },
  },
  unavailable: {
    status: "unhealthy",
    database: "no answer for 12.3 s",
    version: "0.1.0",
    parts: { database: { state: "silent", detail: "no answer for 12.3 s", milliseconds: 12_300 } },
  },
};
