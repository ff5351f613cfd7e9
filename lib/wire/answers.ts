/** Tables as answers show them: the API and `dl` print the same JSON. */

import { domainFields, metadataFields, protocolFields, txnFields } from "../delta/encode.ts";
import type { describeTable, ListedTable } from "../operations/read.ts";

/** What callers see of a table: markers and status are the catalog's own. */
export function tableAnswer({ head, health }: ListedTable) {
  const { markers: _markers, status: _status, ...answer } = head;
  return { ...answer, health };
}

/** A table's newest state as JSON. */
export function descriptionAnswer(described: Awaited<ReturnType<typeof describeTable>>) {
  const { header, mirroredVersion } = described;
  return {
    ...tableAnswer(described),
    mirroredVersion,
    inCommitTimestamp: header.inCommitTimestamp,
    protocol: protocolFields(header.protocol),
    metadata: metadataFields(header.metadata),
    txns: header.txns.map(txnFields),
    domains: header.domains.map(domainFields),
  };
}
