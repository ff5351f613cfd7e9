/** Wire contract of `POST /v1/commits` and of transactions. */

import { COUNT, TEXT } from "../../delta/limits.ts";
import { documentedArray } from "./actions.ts";
import { HEALTHY, tableHealth } from "./health.ts";
import { integer, list, millis, ONE_OF_TWO, shownAs, tableRefShape, text, uuid, version, z } from "./values.ts";

const strings = (longest: number, most: number) => list(text(longest), { max: most });

const reads = z
  .strictObject({
    wholeTable: z.boolean().optional(),
    files: strings(TEXT.path, COUNT.filesRead).optional().meta({ description: "Paths of the files that were read" }),
    predicates: shownAs(z.array(z.unknown()).max(COUNT.predicates), {
      type: "array",
      maxItems: COUNT.predicates,
      items: { $ref: "#/components/schemas/Predicate" },
      description: "Predicates over partition columns; a file matters when any of them may match it",
      examples: [[{ column: "day", op: "in", values: ["2026-01-30", "2026-01-31"] }]],
    }).optional(),
    appIds: strings(TEXT.application, COUNT.applications)
      .optional()
      .meta({ description: "Applications whose txn version was read" }),
  })
  .meta({
    description:
      "What was read to compute the actions. Absent: a commit of adds alone is a blind append, any other has read the whole table. " +
      "Less than the truth loses updates; more than the truth costs retries.",
  });

const supportedFeatures = z
  .strictObject({
    reader: strings(TEXT.name, COUNT.features).optional(),
    writer: strings(TEXT.name, COUNT.features).optional(),
  })
  .optional()
  .meta({ description: "Table features that the writer honours" });

const transactionId = uuid.meta({
  description:
    "Made by the client; the same id gives the first answer again, as long as transactions are kept (30 days by default), and then a refusal",
});

const acknowledge = z.enum(["sql", "mirrored"]).optional().meta({
  description:
    "`mirrored` waits until `_delta_log` has the versions, too; refused (409) where nothing can be published to a table",
});

const verifyFiles = z
  .union([z.boolean(), z.literal("deep")])
  .optional()
  .meta({
    description:
      "Whether the files that the actions name are looked at first: `true` for existence and size, `deep` for schema and " +
      "row count as well; then what cannot be checked is a 503. Absent: the table's `deltalakedb.verifyFiles`, else as " +
      "`true`, skipped where the storage cannot be asked. `commitInfo.filesVerified` records what was done.",
  });

/** Milliseconds. */
const LONGEST_DELAY = 5000;

const maxDelay = integer(
  0,
  {
    maximum: LONGEST_DELAY,
    description: "Milliseconds that an append may wait for others to share its version; 100 if absent",
    examples: [100],
  },
  LONGEST_DELAY,
).optional();

const tableCommit = z
  .strictObject({
    ...tableRefShape,
    readVersion: integer(0, {
      description: "The version that was read; needed unless expectedVersion is given",
      examples: [42],
    }).optional(),
    expectedVersion: integer(0, {
      description:
        "Strict: exactly this version, or 409 VERSION_TAKEN; never a rebase. For writers that name their versions and judge conflicts themselves. " +
        "0 makes the table, which is named: the actions hold its protocol and metaData, and may hold files",
      examples: [43],
    }).optional(),
    location: text(TEXT.location, 1).optional().meta({
      description: "With expectedVersion 0: where the table is made, as in `POST /v1/tables`",
    }),
    isolationLevel: z.enum(["Serializable", "WriteSerializable", "SnapshotIsolation"]).optional(),
    reads: reads.optional(),
    supportedFeatures,
    actions: documentedArray("Action", COUNT.actions),
  })
  .meta({ id: "TableCommit", ...ONE_OF_TWO });

export const commitRequest = z
  .strictObject({
    transactionId,
    tables: list(tableCommit, { min: 1, max: COUNT.tables }).meta({
      description: `Together at most ${COUNT.actions} actions`,
    }),
    allowUnknownActions: z.boolean().optional().meta({
      description: "Take actions that the Delta protocol does not name; they are kept, and no reader looks at them",
    }),
    acknowledge,
    verifyFiles,
    coalesce: z.boolean().optional().meta({
      description:
        "Whether it may share a version with other appends, as `POST /v1/tables/{tableId}/appends` does; what is more than add actions of one table goes alone",
    }),
    maxDelayMs: maxDelay,
  })
  .meta({ id: "CommitRequest" });

export const appendRequest = z
  .strictObject({
    transactionId,
    actions: documentedArray("Action", COUNT.actions).meta({ description: "Add actions alone" }),
    maxDelayMs: maxDelay,
    supportedFeatures,
    acknowledge,
    verifyFiles,
  })
  .meta({ id: "AppendRequest" });

const mirror = z.enum(["IN_FLIGHT", "COMPLETE", "FAILED"]).meta({
  description: "Whether this version is in `_delta_log`; `FAILED`: not by itself, as `health` says",
});

const adds = z
  .object({
    first: z.int().meta({ description: "Place of its first add among the add actions of the version, from 0" }),
    count: z.int().meta({ description: "Number of its adds" }),
  })
  .optional()
  .meta({
    description: "Of an append that shares the version with others: which of its add actions are this transaction's",
  });

const lost = z.array(uuid).optional().meta({
  description:
    "Tables that it was committed to as well: their versions were lost with a database, before they were in a log",
});

export const commitAnswer = z
  .object({
    transactionId: uuid,
    committedAt: millis,
    tables: z.array(
      z.object({ tableId: uuid, version, inCommitTimestamp: millis, adds, mirror, health: tableHealth.optional() }),
    ),
    lost,
  })
  .meta({ id: "CommitAnswer" });

export const transaction = z
  .object({
    transactionId: uuid,
    committedAt: millis,
    tables: z.array(z.object({ tableId: uuid, version, inCommitTimestamp: millis, adds })),
    lost,
  })
  .meta({ id: "Transaction" });

const ID = "0f8fad5b-d9cb-469f-a165-70867728950e";

export const commitExamples = {
  append: {
    summary: "Append one file",
    value: {
      transactionId: ID,
      tables: [
        {
          table: "sales.orders",
          readVersion: 0,
          actions: [
            {
              add: {
                path: "part-00000-7d2f.snappy.parquet",
                partitionValues: {},
                size: 1024,
                modificationTime: 1767225600000,
                dataChange: true,
                stats: '{"numRecords":3}',
              },
            },
          ],
        },
      ],
    },
  },
};

export const appendExamples = {
  append: {
    summary: "Append one file",
    value: { transactionId: ID, actions: commitExamples.append.value.tables[0]?.actions, maxDelayMs: 100 },
  },
};

const moved = { tableId: "4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f", version: 1, inCommitTimestamp: 1767225600123 };

export const commitAnswerExample = {
  transactionId: ID,
  committedAt: moved.inCommitTimestamp,
  tables: [{ ...moved, mirror: "IN_FLIGHT", health: { ...HEALTHY, unpublishedVersions: 1 } }],
};

export const transactionExample = { transactionId: ID, committedAt: moved.inCommitTimestamp, tables: [moved] };
