/** Tables as answers show them: the API and `dl` print the same JSON. */

import { domainFields, metadataFields, protocolFields, txnFields } from "../delta/encode.ts";

import type { DescribedTable, ListedTable } from "../operations/read.ts";

/** What callers see of a table: markers and status are the catalog's own, and how far its log is followed is told by its health. */
export function tableAnswer({ head, health }: ListedTable) {
  const { markers: _markers, status: _status, followed: _followed, ...answer } = head;
  return { ...answer, health };
}

/** A table's newest state as JSON. */
export function descriptionAnswer(described: DescribedTable) {
  const { head, summary, mirroredVersion, numTxns, numDomains, ...lists } = described;
  const listAt = (name: string): string => `/v1/tables/${head.tableId}/${name}?version=${head.version}`;
  return {
    ...tableAnswer(described),
    mirroredVersion,
    inCommitTimestamp: summary.inCommitTimestamp,
    protocol: protocolFields(summary.protocol),
    metadata: metadataFields(summary.metadata),
    numTxns,
    ...(lists.txns ? { txns: lists.txns.map(txnFields) } : { txnsAt: listAt("txns") }),
    numDomains,
    ...(lists.domains ? { domains: lists.domains.map(domainFields) } : { domainsAt: listAt("domains") }),
  };
}
