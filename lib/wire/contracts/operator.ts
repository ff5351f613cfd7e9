/** Wire contracts of what operators ask of a running service. */

import { uuid, version, z } from "./values.ts";

const table = { tableId: uuid, table: z.string() };
const unpublished = z.int().meta({ description: "Versions that wait to be published" });

/** For what needs no more than the table in the path. */
export const askedRequest = z.strictObject({}).meta({ id: "OperatorRequest" });

export const askedExamples = { asked: { summary: "There is nothing to say", value: {} } };

export const backupRequest = z
  .strictObject({
    full: z.boolean().default(false).meta({ description: "True: all rows, even where an increment would do" }),
  })
  .meta({ id: "BackupRequest" });

export const backupExamples = {
  increment: { summary: "What has changed since the last one, where there is one", value: {} },
  full: { summary: "All rows", value: { full: true } },
};

export const mirrorAnswer = z.object({ ...table, version, unpublished }).meta({ id: "MirrorAsked" });

export const resolveAnswer = z
  .object({
    ...table,
    quarantine: z.string().optional().meta({ description: "Why it was quarantined; absent where it was not" }),
    unpublished,
  })
  .meta({ id: "Resolved" });

export const recoverAnswer = z
  .object({
    ...table,
    from: version.meta({ description: "The head before" }),
    to: version.meta({ description: "The head now" }),
    logVersion: version.meta({ description: "The newest version in the log" }),
    stop: z
      .string()
      .optional()
      .meta({ description: "Why the log has more than was taken over: `dl recover` shows all" }),
  })
  .meta({ id: "Recovered" });

export const vacuumRequest = z
  .strictObject({
    remove: z.boolean().default(false).meta({ description: "False, or absent, only counts" }),
  })
  .meta({ id: "VacuumRequest" });

export const vacuumExamples = {
  count: { summary: "What would go", value: {} },
  remove: { summary: "Remove it", value: { remove: true } },
};

export const vacuumAnswer = z
  .object({
    ...table,
    files: z.int().meta({ description: "Files that are to go, or have gone" }),
    bytes: z.int().meta({ description: "Of those whose size is known" }),
    oldestReadable: version.meta({ description: "The oldest version that keeps all its files" }),
    removed: z.boolean(),
    failed: z.int().meta({ description: "Files that could not be removed" }),
    interrupted: z
      .boolean()
      .optional()
      .meta({ description: "True where its time was over before the work was: ask again for the rest" }),
  })
  .meta({ id: "Vacuumed" });

export const backupAnswer = z
  .object({
    backupId: z.string(),
    kind: z.string().meta({ description: "`full` or `increment`" }),
    tables: z.int(),
    rows: z.int(),
    bytes: z.int(),
  })
  .meta({ id: "BackupMade" });

const TABLE = { tableId: "4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f", table: "sales.orders" };

/** One answer of each route, as it is sent. */
export const OPERATOR_EXAMPLES = {
  mirror: { ...TABLE, version: 42, unpublished: 2 },
  resolve: { ...TABLE, quarantine: "_delta_log holds another commit 41 than SQL", unpublished: 2 },
  recover: { ...TABLE, from: 40, to: 42, logVersion: 42 },
  vacuum: { ...TABLE, files: 120, bytes: 1_073_741_824, oldestReadable: 30, removed: true, failed: 0 },
  backup: { backupId: "2026-11-30T10-00-00.000Z-0f8fad5b", kind: "full", tables: 12, rows: 40_000, bytes: 900_000 },
};
