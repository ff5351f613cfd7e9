/** A table's history as the API tells it, for those who judge it. */

import type { Version } from "../history.ts";
import { fileRef, type LakeClient, type WireFile } from "./lake-client.ts";

export interface WireCommit {
  readonly version: number;
  readonly timestamp: number;
  readonly actions: readonly Record<string, Record<string, unknown>>[];
}

/** All versions, oldest first. */
export async function readCommits(client: LakeClient, table: string): Promise<WireCommit[]> {
  const wired: WireCommit[] = [];
  for (let after = -1; ; ) {
    const page = await client.read(`/v1/tables/${table}/commits?after=${after}&limit=500`);
    const commits = page.commits as WireCommit[];
    if (commits.length === 0) return wired;
    if (page.next !== undefined) throw new Error(`${table} has a version that no answer holds`);
    after = page.after as number;
    wired.push(...commits);
  }
}

export function versionOf({ version, timestamp, actions }: WireCommit): Version {
  const of = (kind: string) => actions.flatMap((action) => (action[kind] ? [action[kind]] : []));
  const files = (kind: string) => of(kind).map((file) => fileRef(file as WireFile));
  const [info] = of("commitInfo");
  return {
    version,
    timestamp,
    transactionId: String(info?.txnId),
    adds: files("add"),
    removes: files("remove"),
    appIds: of("txn").map(({ appId }) => String(appId)),
    domains: of("domainMetadata").flatMap(({ domain }) =>
      String(domain).startsWith("delta.") ? [] : [String(domain)],
    ),
    changesMetadata: of("metaData").length > 0,
    isBlindAppend: info?.isBlindAppend === true,
  };
}
