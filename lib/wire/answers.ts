/** Tables as answers show them: the API and `dl` print the same JSON. */

import { domainFields, metadataFields, protocolFields, txnFields } from "../delta/encode.ts";
import type { describeTable } from "../operations/read.ts";
import type { TableHead } from "../ports.ts";

/** What callers see of a head: markers and status are the catalog's own. */
export function headAnswer(head: TableHead) {
  const { markers: _markers, status: _status, ...answer } = head;
  return answer;
}

/** A table's newest state as JSON. */
export function descriptionAnswer({ head, header, mirroredVersion }: Awaited<ReturnType<typeof describeTable>>) {
  return {
    ...headAnswer(head),
    mirroredVersion,
    inCommitTimestamp: header.inCommitTimestamp,
    protocol: protocolFields(header.protocol),
    metadata: metadataFields(header.metadata),
    txns: header.txns.map(txnFields),
    domains: header.domains.map(domainFields),
  };
}
