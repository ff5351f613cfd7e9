/** Wire contract of `POST /v1/commits` and of transactions. */

import { documentedArray } from "./actions.ts";
import { millis, tableRefShape, uuid, version, z } from "./values.ts";

const reads = z
  .strictObject({
    wholeTable: z.boolean().optional(),
    files: z.array(z.string()).optional().openapi({ description: "Paths of the files that were read" }),
    predicates: z
      .array(z.unknown())
      .optional()
      .openapi({
        type: "array",
        items: { type: "object" },
        description: "Predicates over partition columns; a file matters when any of them may match it",
        example: [{ column: "day", op: "in", values: ["2026-01-30", "2026-01-31"] }],
      }),
    appIds: z.array(z.string()).optional().openapi({ description: "Applications whose txn version was read" }),
  })
  .openapi({
    description:
      "What was read to compute the actions. Absent: a commit of adds alone is a blind append, any other has read the whole table. " +
      "Less than the truth loses updates; more than the truth costs retries.",
  });

const tableCommit = z
  .strictObject({
    ...tableRefShape,
    readVersion: version.openapi({ description: "The version that was read" }),
    isolationLevel: z.enum(["Serializable", "WriteSerializable", "SnapshotIsolation"]).optional(),
    reads: reads.optional(),
    supportedFeatures: z
      .strictObject({ reader: z.array(z.string()).optional(), writer: z.array(z.string()).optional() })
      .optional()
      .openapi({ description: "Table features that the writer honours" }),
    actions: documentedArray("Action"),
  })
  .openapi("TableCommit");

export const commitRequest = z
  .strictObject({
    transactionId: uuid.openapi({
      description: "Made by the client; the same id gives the first answer again, for ever",
    }),
    tables: z.array(tableCommit).min(1),
    allowUnknownActions: z.boolean().optional().openapi({
      description: "Take actions that the Delta protocol does not name; they are kept, and no reader looks at them",
    }),
    acknowledge: z
      .enum(["sql", "mirrored"])
      .optional()
      .openapi({ description: "`mirrored` waits until `_delta_log` has the versions, too" }),
  })
  .openapi("CommitRequest");

const mirror = z.enum(["IN_FLIGHT", "COMPLETE", "FAILED"]);

export const commitAnswer = z
  .object({
    transactionId: uuid,
    committedAt: millis,
    tables: z.array(z.object({ tableId: uuid, version, inCommitTimestamp: millis, mirror })),
  })
  .openapi("CommitAnswer");

export const transaction = z
  .object({
    transactionId: uuid,
    committedAt: millis,
    tables: z.array(z.object({ tableId: uuid, version, inCommitTimestamp: millis })),
  })
  .openapi("Transaction");

export const commitExamples = {
  append: {
    summary: "Append one file",
    value: {
      transactionId: "0f8fad5b-d9cb-469f-a165-70867728950e",
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
