/** How large an action may be: no larger than what a reader of the catalog can be answered with (lib/wire/answer-size.ts). Pure. */

import { LakeError } from "../../errors.ts";
import type { AddFile, CommitActions } from "../actions.ts";
import { addFields, domainFields, metadataFields, protocolFields, removeFields, txnFields } from "../encode.ts";
import { ACTION_BYTES } from "../limits.ts";
import { stringifyJson } from "../values/json.ts";
import type { ActionKind } from "./action-places.ts";

/** No text gets longer by more than this when it is escaped and encoded; so most actions need not be written to be measured. */
const BYTES_A_CHARACTER = 6;

type Writer = (action: never) => unknown;

const WRITERS: Readonly<Record<Exclude<ActionKind, "commitInfo">, Writer>> = {
  protocol: protocolFields,
  metadata: metadataFields,
  txns: txnFields,
  domains: domainFields,
  removes: removeFields,
  adds: addFields,
  others: (other) => other,
};

/**
 * @param place where an action is, for the message
 * @throws LakeError invalid ACTION_TOO_LARGE
 */
export function checkActionSizes(actions: CommitActions, place: (kind: ActionKind, i: number) => string): void {
  const check = (kind: ActionKind, action: object, i: number): void => {
    const limitBytes = ACTION_BYTES[kind as keyof typeof ACTION_BYTES] ?? ACTION_BYTES.other;
    if (BYTES_A_CHARACTER * lengthOf(action) <= limitBytes) return;
    const write: Writer = kind === "commitInfo" ? (info) => info : WRITERS[kind];
    const bytes = Buffer.byteLength(stringifyJson(write(action as never)));
    if (bytes <= limitBytes) return;
    throw new LakeError("invalid", `an action has ${bytes} bytes as JSON, and an answer holds ${limitBytes} of one`, {
      at: place(kind, i),
      code: "ACTION_TOO_LARGE",
      hint: "No reader of the catalog could be told of it. Leave out what nobody needs: statistics, tags, parts of commitInfo.",
      facts: { bytes, limitBytes },
    });
  };
  if (actions.commitInfo) check("commitInfo", actions.commitInfo, 0);
  if (actions.protocol) check("protocol", actions.protocol, 0);
  if (actions.metadata) check("metadata", actions.metadata, 0);
  for (const kind of ["txns", "domains", "removes", "others"] as const) {
    const list: readonly object[] = actions[kind];
    for (let i = 0; i < list.length; i += 1) check(kind, list[i] as object, i);
  }
  for (let i = 0; i < actions.adds.length; i += 1) {
    const add = actions.adds[i] as AddFile;
    if (BYTES_A_CHARACTER * lengthOfAdd(add) > ACTION_BYTES.other) check("adds", add, i);
  }
}

/** More than all names of the fields of an add, and its numbers. */
const REST_OF_ADD = 1_000;

/** As {@link lengthOf}: a table has millions of them, and nearly all of their length is in two texts. */
function lengthOfAdd(add: AddFile): number {
  let length = REST_OF_ADD + add.path.length + lengthOf(add.partitionValues);
  if (add.stats !== undefined) length += add.stats.length;
  if (add.tags !== undefined) length += lengthOf(add.tags);
  if (add.deletionVector !== undefined) length += lengthOf(add.deletionVector);
  if (add.clusteringProvider !== undefined) length += add.clusteringProvider.length;
  if (add.unknown !== undefined) length += lengthOf(add.unknown);
  return length;
}

/** At least as many characters as the value has as JSON, before any is escaped. */
function lengthOf(value: unknown): number {
  if (typeof value === "string") return value.length + 3;
  if (typeof value !== "object" || value === null) return 40;
  let length = 3;
  for (const name in value) length += name.length + 4 + lengthOf((value as Record<string, unknown>)[name]);
  return length;
}
