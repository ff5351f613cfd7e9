/** What operators ask of a running service, by a privilege each; `dl` does the same, and more, beside the database. */

import { isPast } from "../../delta/values/age.ts";
import { invalid, LakeError } from "../../errors.ts";
import { backupCatalog } from "../../operations/backup.ts";
import { findHead } from "../../operations/read.ts";
import { recoverTable } from "../../operations/recover.ts";
import { resolveTable, unpublishedVersions } from "../../operations/resolve.ts";
import { vacuumTable } from "../../operations/vacuum.ts";
import { checked } from "../../validation.ts";
import {
  askedExamples,
  askedRequest,
  backupAnswer,
  backupExamples,
  backupRequest,
  mirrorAnswer,
  OPERATOR_EXAMPLES,
  recoverAnswer,
  resolveAnswer,
  vacuumAnswer,
  vacuumExamples,
  vacuumRequest,
} from "../../wire/contracts/operator.ts";
import { problems } from "../../wire/contracts/problem.ts";
import { answers } from "../../wire/contracts/responses.ts";
import { tableParams } from "../../wire/contracts/values.ts";
import { tableRef } from "../../wire/table-ref.ts";
import { type Endpoint, endpoint, json } from "../endpoint.ts";

/** Milliseconds after which a request begins no more batches: what is left is for the next. */
const VACUUM_MS = 15_000;

const ASKED = { schema: askedRequest, examples: askedExamples };

const mirror = endpoint(
  "askMirror",
  {
    tags: ["operator"],
    summary: "Have what is unpublished written to `_delta_log` now",
    description: "Wakes the mirror up and waits for nothing: `GET …/mirror` says how far it is.",
    params: tableParams,
    body: ASKED,
    responses: {
      202: answers("The mirror was told.", mirrorAnswer, OPERATOR_EXAMPLES.mirror),
      ...problems(400, 404, 413, 415),
    },
  },
  async ({ params, body, changed }, { lake }) => {
    checked(askedRequest, await body());
    const head = await findHead(lake, tableRef(params.tableId));
    const { tableId, name: table, version } = head;
    const unpublished = unpublishedVersions(head, await lake.catalog.mirroredVersion(tableId));
    await lake.queue.enqueue([{ tableId, version }]);
    changed({ woken: tableId, version });
    return json(202, { tableId, table, version, unpublished });
  },
);

const resolve = endpoint(
  "resolveTable",
  {
    tags: ["operator"],
    summary: "End the quarantine of a table",
    description:
      "When nothing that SQL has not committed is in its log any more; else `500 FOREIGN_COMMIT` names the files that must go first. Nothing is written to the log.",
    params: tableParams,
    body: ASKED,
    responses: {
      200: answers("The mirror goes on.", resolveAnswer, OPERATOR_EXAMPLES.resolve),
      ...problems(400, 404, 413, 415),
    },
  },
  async ({ params, body, noting }, { lake }) => {
    checked(askedRequest, await body());
    const resolved = await resolveTable(lake, tableRef(params.tableId), noting(200));
    return json(200, resolved);
  },
);

const recover = endpoint(
  "recoverTable",
  {
    tags: ["operator"],
    summary: "Take over what the log has more than the database",
    description:
      "After the database went back in time. Only what this catalog itself had committed; what others wrote, and transactions of which a part is lost, is for `dl recover`.",
    params: tableParams,
    body: ASKED,
    responses: {
      200: answers("What was done.", recoverAnswer, OPERATOR_EXAMPLES.recover),
      ...problems(400, 404, 409, 413, 415),
    },
  },
  async ({ params, body, changed }, { lake }) => {
    checked(askedRequest, await body());
    const head = await findHead(lake, tableRef(params.tableId));
    const { tables } = await recoverTable(lake, { tableId: head.tableId });
    const done = tables.find(({ tableId }) => tableId === head.tableId);
    if (done?.error) throw new LakeError("conflict", done.error.message, done.error);
    const { tableId, name: table, version } = head;
    const { from, to, logVersion, stop } = done ?? { from: version, to: version, logVersion: version };
    changed({ recovered: tableId, from, to });
    return json(200, { tableId, table, from, to, logVersion, ...(stop === undefined ? {} : { stop: stop.reason }) });
  },
);

const vacuum = endpoint(
  "vacuumTable",
  {
    tags: ["operator"],
    summary: "Remove files that no version within the retention has",
    description:
      "The retention is the table's. `dl serve` does it; on AWS the function of the API may remove nothing: `400 FILES_NOT_REMOVABLE`, and the maintenance function does it by schedule.",
    params: tableParams,
    body: { schema: vacuumRequest, examples: vacuumExamples },
    responses: {
      200: answers("What was counted, or removed.", vacuumAnswer, OPERATOR_EXAMPLES.vacuum),
      ...problems(400, 404, 409, 413, 415),
    },
  },
  async ({ params, body, principal, changed }, { lake }) => {
    const { remove } = checked(vacuumRequest, await body());
    const { clock } = lake;
    const startedAt = clock.now();
    const signal = {
      get aborted() {
        return isPast(clock.now(), startedAt, VACUUM_MS);
      },
    };
    const done = await vacuumTable(lake, tableRef(params.tableId), { remove, signal, by: principal });
    const { tableId, table, files, bytes, oldestReadable, removed, failed, interrupted } = done;
    if (remove) changed({ vacuumed: tableId, files, failed });
    const answer = { tableId, table, files, bytes, oldestReadable, removed, failed };
    return json(200, { ...answer, ...(interrupted ? { interrupted } : {}) });
  },
);

const backup = endpoint(
  "makeBackup",
  {
    tags: ["operator"],
    summary: "Make a backup of the catalog",
    description:
      "At the place that `server.backups` names; answers when it is made. Where there is none, as on AWS, where the backup function makes them by schedule, it is `400 NO_BACKUPS_HERE`.",
    body: { schema: backupRequest, examples: backupExamples },
    responses: {
      201: answers("It is made.", backupAnswer, OPERATOR_EXAMPLES.backup),
      ...problems(400, 413, 415),
    },
  },
  async ({ body, changed }, { lake, backups }) => {
    const options = checked(backupRequest, await body());
    if (backups === undefined) {
      throw invalid("this server makes no backups", {
        code: "NO_BACKUPS_HERE",
        hint: "Set server.backups, or make them by `dl backup` or the backup function.",
      });
    }
    const { backupId, kind, tables, rows, bytes } = await backupCatalog(lake, await backups(), options);
    changed({ backup: backupId });
    return json(201, { backupId, kind, tables: tables.length, rows, bytes });
  },
);

export const operatorRoutes: readonly Endpoint[] = [mirror, resolve, recover, vacuum, backup];
