/** Rows of the audit trail as CloudEvents 1.0, in their JSON format, one a line: what collectors of events take. */

import type { AuditRow } from "../ports.ts";

/** Source and id together are unique, as the specification asks; the whole row, with its hashes, is the data. */
export function cloudEvent(row: AuditRow): object {
  const { shard, seq, at, operation, tables, effect, ...rest } = row;
  const named = listOf(tables);
  const [subject] = named;
  return {
    specversion: "1.0",
    id: String(seq),
    source: `urn:deltalakedb:audit:${shard}`,
    type: `deltalakedb.audit.${operation.replaceAll(/\s+/g, ".")}`,
    time: new Date(at).toISOString(),
    ...(typeof subject === "string" ? { subject } : {}),
    datacontenttype: "application/json",
    data: { shard, seq, at, operation, tables, effect, ...rest },
  };
}

/** As it stands there, whatever somebody has made of it. */
function listOf(text: string): readonly unknown[] {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}
