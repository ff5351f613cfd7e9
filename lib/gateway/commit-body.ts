/** From the bytes that an engine puts as `<version>.json` to a request of `POST /v1/commits`. */

import { createHash } from "node:crypto";
import type { Protocol } from "../delta/actions.ts";
import { WRITER_DUTIES } from "../delta/features.ts";
import { isFenced, withFence } from "../delta/fence.ts";
import { parseJson, stringifyJson } from "../delta/values/json.ts";
import { S3Error } from "./errors.ts";

export interface VersionPut {
  readonly bytes: Uint8Array;
  readonly version: number;
  /** By id; or, for version 0, by the name and place of the table that is made. */
  readonly table: { readonly tableId: string } | { readonly name: string; readonly location: string };
}

/**
 * The request. Its transactionId follows from what is asked, so that an engine that sends its bytes again gets the first answer.
 * @param lines of {@link actionLines}
 */
export function commitBody({ bytes, version, table }: VersionPut, lines: readonly string[]): string {
  const [ref, id] =
    "tableId" in table
      ? [{ tableId: table.tableId }, table.tableId]
      : [{ table: table.name, location: table.location }, table.location];
  const head = stringifyJson({
    ...ref,
    expectedVersion: version,
    // An engine refuses tables with features that it does not honour (PROTOCOL.md, "Writer Version Requirements").
    supportedFeatures: { writer: [...WRITER_DUTIES] },
  });
  const transactionId = idOf(`${id}\n${version}\n`, bytes);
  return `{"transactionId":"${transactionId}","allowUnknownActions":true,"tables":[${head.slice(0, -1)},"actions":[${lines.join(",")}]}]}`;
}

/** A UUID of version 8: custom (RFC 9562). */
function idOf(place: string, bytes: Uint8Array): string {
  const hash = createHash("sha256").update(place).update(bytes).digest();
  hash[6] = ((hash[6] as number) & 0x0f) | 0x80;
  hash[8] = ((hash[8] as number) & 0x3f) | 0x80;
  const hex = hash.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}

/** The lines, each a JSON object, as they came. @throws S3Error InvalidRequest */
export function actionLines(bytes: Uint8Array): readonly string[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new S3Error("InvalidRequest", "a version of a Delta log is UTF-8");
  }
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  for (const [i, line] of lines.entries())
    if (!isObject(line)) throw new S3Error("InvalidRequest", `line ${i + 1} of the version is no JSON object`);
  return lines;
}

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** True where the commit sets the protocol. */
export function setsProtocol(lines: readonly string[]): boolean {
  return lines.some(isProtocol);
}

function isProtocol(line: string): boolean {
  return /^\s*\{\s*"protocol"/.test(line);
}

/** The fence, which a client of the gateway has not seen, stays up. */
export function fencedAgain(lines: readonly string[]): readonly string[] {
  return lines.map((line) => {
    if (!isProtocol(line)) return line;
    const { protocol } = parseJson(line) as unknown as { readonly protocol: Protocol };
    return isFenced(protocol) ? line : stringifyJson({ protocol: withFence(protocol, "on") });
  });
}
