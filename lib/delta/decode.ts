/** From JSON to actions: checks shapes and types, keeps unknown fields, says exactly where a value is wrong. */

import { invalid } from "../errors.ts";
import type {
  AddFile,
  CommitActions,
  CommitInfo,
  DeletionVector,
  DomainMetadata,
  Metadata,
  Protocol,
  RemoveFile,
  Txn,
} from "./actions.ts";
import { ACTION_NAMES, nearestAction } from "./fields/action-names.ts";
import type { ActionKind, ActionPlaces } from "./fields/action-places.ts";
import {
  ADD,
  CHANGE_FILE,
  DELETION_VECTOR,
  DOMAIN,
  METADATA,
  PROTOCOL,
  REMOVE,
  readableCommitInfo,
  TXN,
} from "./fields/actions.ts";
import { type RecordFields, readRecord } from "./fields/fields.ts";
import { checkWellFormed, type Origin, objectOf, wrongType } from "./fields/kinds.ts";
import { isJsonObject, type Json, pointerToken } from "./values/json.ts";

/** Drops the members that are undefined, so that optional fields are absent rather than present and undefined. */
export function compact<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  for (const key in value) if (value[key] === undefined) delete value[key];
  return value as T;
}

/** @param origin where the value is: what a request may not say, a log may hold */
type Decoder<T> = (value: Json, at: string, origin?: Origin) => T;

function decoderOf<T>(record: RecordFields<T>): Decoder<T> {
  return (value, at, origin = "log") => readRecord(record, value, at, origin);
}

export const decodeDeletionVector: Decoder<DeletionVector> = decoderOf(DELETION_VECTOR);
export const decodeAdd: Decoder<AddFile> = decoderOf(ADD);
export const decodeRemove: Decoder<RemoveFile> = decoderOf(REMOVE);
export const decodeMetadata: Decoder<Metadata> = decoderOf(METADATA);
export const decodeProtocol: Decoder<Protocol> = decoderOf(PROTOCOL);
export const decodeTxn: Decoder<Txn> = decoderOf(TXN);
export const decodeDomain: Decoder<DomainMetadata> = decoderOf(DOMAIN);

/** Collects the actions of one commit, one at a time, and where each of them is. */
export class ActionCollector {
  #commitInfo: CommitInfo | undefined;
  #protocol: Protocol | undefined;
  #metadata: Metadata | undefined;
  readonly #txns: Txn[] = [];
  readonly #domains: DomainMetadata[] = [];
  readonly #removes: RemoveFile[] = [];
  readonly #adds: AddFile[] = [];
  readonly #others: { readonly [action: string]: Json }[] = [];
  readonly #places = new Map<ActionKind, string[]>();
  readonly #strict: boolean;
  readonly #origin: Origin;
  readonly #allowUnknown: boolean;

  /**
   * @param options.strict refuse what a writer must not send (two metaData …); otherwise the last one wins, as readers do
   * @param options.allowUnknownActions take actions that no version of the protocol names; a log may always hold them
   */
  constructor(options: { readonly strict: boolean; readonly allowUnknownActions?: boolean | undefined }) {
    this.#strict = options.strict;
    this.#origin = options.strict ? "request" : "log";
    this.#allowUnknown = options.allowUnknownActions ?? !options.strict;
  }

  /**
   * Adds one action object such as `{"add":{…}}`.
   * @param at where it is, for messages: a JSON pointer, or file and line
   * @throws LakeError invalid when it is not one action of the right shape
   */
  collect(value: Json, at: string): void {
    if (!isJsonObject(value)) throw wrongType(at, "an action object", value);
    const keys = Object.keys(value);
    const [key] = keys;
    if (key === undefined) {
      if (this.#strict) throw invalid("the action object is empty", { at });
      return;
    }
    if (keys.length > 1) {
      throw invalid(`one action per object, but this one has ${keys.map((k) => `"${k}"`).join(" and ")}`, { at });
    }
    const inside = `${at}/${pointerToken(key)}`;
    const kind = this.#decode(key, value[key] as Json, inside, at);
    const ofKind = this.#places.get(kind);
    if (ofKind) ofKind.push(inside);
    else this.#places.set(kind, [inside]);
  }

  #decode(key: string, body: Json, inside: string, at: string): ActionKind {
    switch (key) {
      case "add":
        this.#adds.push(decodeAdd(body, inside, this.#origin));
        return "adds";
      case "remove":
        this.#removes.push(decodeRemove(body, inside, this.#origin));
        return "removes";
      case "metaData":
        this.#once(this.#metadata, key, at);
        this.#metadata = decodeMetadata(body, inside, this.#origin);
        return "metadata";
      case "protocol":
        this.#once(this.#protocol, key, at);
        this.#protocol = decodeProtocol(body, inside, this.#origin);
        return "protocol";
      case "txn":
        this.#txns.push(decodeTxn(body, inside, this.#origin));
        return "txns";
      case "domainMetadata":
        this.#domains.push(decodeDomain(body, inside, this.#origin));
        return "domains";
      case "commitInfo":
        this.#once(this.#commitInfo, key, at);
        this.#commitInfo = objectOf(body, inside);
        checkWellFormed(body, inside);
        if (this.#strict) readableCommitInfo(this.#commitInfo, inside);
        return "commitInfo";
      default:
        checkWellFormed(key, at);
        checkWellFormed(body, inside);
        if (this.#strict) this.#checkOther(key, body, inside);
        this.#others.push({ [key]: body });
        return "others";
    }
  }

  #checkOther(key: string, body: Json, inside: string): void {
    if (key === "cdc") readRecord(CHANGE_FILE, body, inside, "request");
    if (ACTION_NAMES.has(key)) return;
    const meant = nearestAction(key);
    if (meant === undefined && this.#allowUnknown) return;
    throw invalid(`unknown action ${JSON.stringify(key)}`, {
      at: inside,
      code: "UNKNOWN_ACTION",
      hint:
        meant === undefined
          ? 'No reader looks at it. Say "allowUnknownActions": true beside "tables" to have it kept all the same.'
          : `Did you mean "${meant}"? No reader looks at the other.`,
    });
  }

  #once(earlier: unknown, key: string, at: string): void {
    if (this.#strict && earlier !== undefined) {
      throw invalid(`a commit holds at most one ${key} action`, { at, code: "DELTA_DUPLICATE_ACTIONS_FOUND" });
    }
  }

  actions(): CommitActions {
    return compact<CommitActions>({
      commitInfo: this.#commitInfo,
      protocol: this.#protocol,
      metadata: this.#metadata,
      txns: this.#txns,
      domains: this.#domains,
      removes: this.#removes,
      adds: this.#adds,
      others: this.#others,
    });
  }

  places(): ActionPlaces {
    return Object.fromEntries(this.#places);
  }
}
