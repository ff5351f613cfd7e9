/** /v1/tables/{tableId}/txns and /domains: what a table knows of applications and of domains, where that is too much for one answer. */

import { domainFields, txnFields } from "../../delta/encode.ts";
import { beginList, listDomains, listTxns } from "../../operations/lists.ts";
import { objectText, PAGE_BYTES, writtenPage } from "../../wire/answer-size.ts";
import { withoutUndefined } from "../../wire/commit-request.ts";
import { problems } from "../../wire/contracts/problem.ts";
import { domainsAnswer, READ_EXAMPLES, stateListQuery, txnsAnswer } from "../../wire/contracts/reads.ts";
import { answers } from "../../wire/contracts/responses.ts";
import { tableParams } from "../../wire/contracts/values.ts";
import { tableRef } from "../../wire/table-ref.ts";
import { type Endpoint, endpoint, jsonText } from "../endpoint.ts";
import { isPinned, versionedAnswer } from "../versioned.ts";

const txns = endpoint(
  "listTxns",
  {
    tags: ["reads"],
    summary: "The newest txn action of each application",
    description:
      "By the id of the application. With the table property `delta.setTransactionRetentionDuration`, without those that have " +
      "expired: last updated longer ago than that, or without `lastUpdated`.",
    params: tableParams,
    query: stateListQuery("applications"),
    responses: { 200: answers("One page of them.", txnsAnswer, READ_EXAMPLES.txns), ...problems(400, 404) },
  },
  async ({ params, query: { limit, ...from } }, { lake, pageSize }) => {
    const options = { ...withoutUndefined(from), limit: limit ?? pageSize, maxBytes: PAGE_BYTES };
    const { page, ...at } = await listTxns(lake, tableRef(params.tableId), options);
    const { items, next } = writtenPage(page, txnFields);
    return jsonText(200, objectText(at, { txns: items }, { next }));
  },
);

const domains = endpoint(
  "listDomains",
  {
    tags: ["reads"],
    summary: "The domains of a table",
    description: "By name, without the removed ones.",
    params: tableParams,
    query: stateListQuery("domains"),
    responses: { 200: answers("One page of them.", domainsAnswer, READ_EXAMPLES.domains), ...problems(400, 404) },
  },
  async ({ params, asked, query: { limit, ...from }, headers }, host) => {
    const { lake, pageSize } = host;
    const options = { ...withoutUndefined(from), limit: limit ?? pageSize, maxBytes: PAGE_BYTES };
    const ref = tableRef(params.tableId);
    return versionedAnswer(host, {
      headers,
      key: ["domains", options.limit, options.cursor],
      isPinned: isPinned(tableRef(asked.tableId), options),
      find: async () => (await beginList(lake, ref, "domains", options)).at,
      async make() {
        const { page, ...at } = await listDomains(lake, ref, options);
        const { items, next } = writtenPage(page, domainFields);
        return { at, answer: jsonText(200, objectText(at, { domains: items }, { next })) };
      },
    });
  },
);

export const stateListRoutes: readonly Endpoint[] = [txns, domains];
