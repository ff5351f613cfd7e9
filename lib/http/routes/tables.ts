/** /v1/tables: create, import, list, describe, rename, forget and bring back tables. */

import type { Guard } from "../../access/guard.ts";
import { namespaceOf } from "../../access/privileges.ts";
import { TEXT } from "../../delta/limits.ts";
import { type JsonObject, stringifyJson } from "../../delta/values/json.ts";
import { invalid } from "../../errors.ts";
import { createTable } from "../../operations/create-table.ts";
import { dropTable } from "../../operations/drop-table.ts";
import { listDroppedTables } from "../../operations/dropped-tables.ts";
import { importTable } from "../../operations/import.ts";
import { listTableAt, listTables } from "../../operations/lists.ts";
import { describeTable } from "../../operations/read.ts";
import { renameTable } from "../../operations/rename-table.ts";
import { undropTable } from "../../operations/undrop-table.ts";
import type { Lake } from "../../ports.ts";
import { checked } from "../../validation.ts";

import { INLINE, objectText, writtenPage } from "../../wire/answer-size.ts";
import { descriptionAnswer, tableAnswer } from "../../wire/answers.ts";

import { withoutUndefined } from "../../wire/commit-request.ts";
import { problems } from "../../wire/contracts/problem.ts";
import { answers } from "../../wire/contracts/responses.ts";
import {
  createTableAnswer,
  createTableExamples,
  createTableRequest,
  importAnswer,
  importExamples,
  importRequest,
  renameAnswer,
  renameExamples,
  renameRequest,
  TABLE_EXAMPLES,
  tableDescription,
  tableList,
  undropAnswer,
  undropExamples,
  undropRequest,
} from "../../wire/contracts/tables.ts";
import { cursor, pageLimit, tableParams, text, z } from "../../wire/contracts/values.ts";
import { tableRef } from "../../wire/table-ref.ts";
import { type Endpoint, endpoint, json, jsonText } from "../endpoint.ts";
import { ownerOf } from "../owner.ts";

const create = endpoint(
  "createTable",
  {
    tags: ["tables"],
    summary: "Create a table",
    description: "Version 0 is in SQL at once; the mirror then writes it to `_delta_log`.",
    body: { schema: createTableRequest, examples: createTableExamples },
    responses: {
      201: answers("Created.", createTableAnswer, TABLE_EXAMPLES.created),
      200: answers(
        "This transactionId created it before: the first answer again.",
        createTableAnswer,
        TABLE_EXAMPLES.created,
      ),
      ...problems(400, 409, 413, 415, 422),
    },
  },
  async ({ body, principal, guard, concerns, attempt, noted }, host) => {
    const request = withoutUndefined(checked(createTableRequest, await body()));
    concerns([request.name]);
    await guard.namespace(namespaceOf(request.name), "CREATE");
    checkSchemaLength(request.schema as JsonObject);
    const location = await host.resolveLocation(request.location, request.name);
    const created = await createTable(host.lake, {
      ...request,
      schema: request.schema as JsonObject,
      location,
      by: principal,
      attempt,
      ...ownerOf(guard, principal, host),
    });
    const { replayed, ...answer } = created;
    if (!replayed) noted();
    return json(replayed ? 200 : 201, answer, { location: `/v1/tables/${created.tableId}` });
  },
);

const takeIn = endpoint(
  "importTable",
  {
    tags: ["tables"],
    summary: "Take an existing Delta table into the catalog",
    description:
      "Its files stay where they are. A refused table leaves nothing behind; an interrupted import is resumed.",
    body: { schema: importRequest, examples: importExamples },
    responses: {
      201: answers("Imported.", importAnswer, TABLE_EXAMPLES.imported),
      ...problems(400, 404, 409, 413, 415),
    },
  },
  async ({ body, principal, guard, concerns, noting }, host) => {
    const { name, mode, location } = checked(importRequest, await body());
    concerns([name]);
    const { notes, ...imported } = await importTable(host.lake, {
      name,
      mode,
      location: await host.resolveLocation(location, name),
      noting: noting(201),
      ...ownerOf(guard, principal, host),
    });
    return json(201, { ...imported, notes: fewNotes(notes) }, { location: `/v1/tables/${imported.tableId}` });
  },
);

const MAX_NOTES = 100;
const NOTE_CHARACTERS = 2000;

/** A log may have brought any number of them, of any length. */
function fewNotes(notes: readonly string[]): readonly string[] {
  const few = notes.slice(0, MAX_NOTES).map((note) => note.slice(0, NOTE_CHARACTERS).toWellFormed());
  return notes.length > MAX_NOTES ? [...few, `and ${notes.length - MAX_NOTES} more`] : few;
}

const list = endpoint(
  "listTables",
  {
    tags: ["tables"],
    summary: "List the tables of the catalog",
    query: z.object({
      namespace: text(TEXT.name, 1).optional().meta({ description: "Tables of this namespace alone" }),
      location: text(TEXT.location, 1)
        .optional()
        .meta({ description: "The table that lives at this place alone, as `location` of answers spells it" }),
      status: z.enum(["active", "dropped"]).optional().meta({
        description:
          "`dropped`: tables that were dropped and are not purged, the last dropped first, each with `droppedAt` and, while it can come back, `undropUntil`",
      }),
      cursor,
      limit: pageLimit("tables"),
    }),
    responses: { 200: answers("One page of tables.", tableList, TABLE_EXAMPLES.list), ...problems(400) },
  },
  async ({ query, guard }, { lake, pageSize }) => {
    const { limit = pageSize, location, status = "active", ...rest } = withoutUndefined(query);
    if (location !== undefined && Object.keys(rest).length > 0)
      throw invalid("a location names one table: give it alone");
    const { visible } = guard;
    if (status === "dropped") {
      if (location !== undefined || rest.namespace !== undefined) {
        throw invalid("dropped tables are listed all together: leave namespace and location out", { at: "/status" });
      }
      const dropped = writtenPage(await listDroppedTables(lake, { ...rest, limit, visible }), (table) => table);
      return jsonText(200, objectText({}, { tables: dropped.items }, { next: dropped.next }));
    }
    const page =
      location === undefined
        ? await listTables(lake, { ...rest, limit, visible })
        : await listTableAt(lake, location, { visible });
    const { items, next } = writtenPage(page, tableAnswer);
    return jsonText(200, objectText({}, { tables: items }, { next }));
  },
);

const describe = endpoint(
  "describeTable",
  {
    tags: ["tables"],
    summary: "The newest state of a table, without its files",
    description:
      "With all its applications (`txns`) and domains where they are few; where they are many, these members are absent, and " +
      "`txnsAt` or `domainsAt` says where they are listed. `numTxns` and `numDomains` count them.",
    params: tableParams,
    responses: { 200: answers("The table.", tableDescription, TABLE_EXAMPLES.description), ...problems(400, 404) },
  },
  async ({ params }, { lake }) =>
    json(200, descriptionAnswer(await describeTable(lake, tableRef(params.tableId), INLINE))),
);

const forget = endpoint(
  "dropTable",
  {
    tags: ["tables"],
    summary: "Forget a table",
    description:
      "Its name and location are free again. No file is touched: the Delta table stays where it is, with every version that was acknowledged, which is waited for. For some days the table can come back (`undrop`). Sent again after a lost answer, it finds no table: 404.",
    params: tableParams,
    query: z.object({
      force: z
        .enum(["true", "false"])
        .optional()
        .meta({ description: "`true` gives up versions that are not in `_delta_log`, instead of waiting for them" }),
    }),
    responses: { 204: { description: "Forgotten." }, ...problems(400, 404, 409) },
  },
  async ({ params, query, noting }, { lake }) => {
    const unpublished = query.force === "true" ? "giveUp" : "keep";
    await dropTable(lake, tableRef(params.tableId), { unpublished, noting: noting(204) });
    return new Response(null, { status: 204 });
  },
);

const rename = endpoint(
  "renameTable",
  {
    tags: ["tables"],
    summary: "Give a table another name",
    description:
      "Nothing moves. Who asks for the former name is told the new one (`renamedTo` of a 404), until another table takes it.",
    params: tableParams,
    body: { schema: renameRequest, examples: renameExamples },
    responses: {
      200: answers("Renamed.", renameAnswer, TABLE_EXAMPLES.renamed),
      ...problems(400, 404, 409, 413, 415),
    },
  },
  async ({ params, body, guard, concerns, noting }, { lake }) => {
    const { name } = checked(renameRequest, await body());
    concerns([name]);
    await checkNewNamespace(guard, params.tableId, name, lake);
    return json(200, await renameTable(lake, tableRef(params.tableId), name, noting(200)));
  },
);

const bringBack = endpoint(
  "undropTable",
  {
    tags: ["tables"],
    summary: "Bring a dropped table back",
    description:
      "With all its versions, those that a drop by force gave up, too: within the window (`undropUntil` of the 404 that is its answer " +
      "meanwhile), and as long as nothing else has lived at its place since. By a name, the table is meant that was dropped last " +
      "under it. A table that is there already is left as it is.",
    params: tableParams,
    body: { schema: undropRequest, examples: undropExamples },
    responses: {
      200: answers("It is back.", undropAnswer, TABLE_EXAMPLES.undropped),
      ...problems(400, 404, 409, 413, 415),
    },
  },
  async ({ params, body, guard, concerns, noting }, { lake }) => {
    const options = withoutUndefined(checked(undropRequest, await body()));
    if (options.name !== undefined) {
      concerns([options.name]);
      await checkNewNamespace(guard, params.tableId, options.name, lake);
    }
    return json(200, await undropTable(lake, tableRef(params.tableId), { ...options, noting: noting(200) }));
  },
);

export const tableRoutes: readonly Endpoint[] = [create, takeIn, list, describe, forget, rename, bringBack];

/**
 * In another namespace other grants hold for the table: whoever moves it there decides who may use it.
 * @throws LakeError forbidden
 */
async function checkNewNamespace(guard: Guard, tableId: string, name: string, lake: Lake): Promise<void> {
  if (!guard.isEnforced) return;
  const head = await lake.catalog.findTable(tableRef(tableId), { anyStatus: true });
  const to = namespaceOf(name);
  if (head === undefined || namespaceOf(head.name) === to) return;
  await guard.tableOrDropped(tableRef(tableId), "MANAGE");
  await guard.namespace(to, "CREATE");
}

function checkSchemaLength(schema: JsonObject): void {
  if (stringifyJson(schema).length <= TEXT.schema) return;
  throw invalid(`the schema has more than ${TEXT.schema} characters`, { at: "/schema", code: "TOO_LONG" });
}
