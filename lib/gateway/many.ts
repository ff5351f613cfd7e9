/** Calls that name other objects than their address does: copies, and deletes of many at once. */

import { S3Error } from "./errors.ts";
import { once, type S3Answer, type S3Request, type Upstream, wholeBody } from "./exchange.ts";
import { listOf, readXml, textOf, xml } from "./xml.ts";

const XML = { "content-type": "application/xml" };
const MAX_DELETE_BYTES = 2 << 20;

/** `bucket/key` of what is copied. */
export function copySource({ headers }: S3Request): string {
  return decodeURIComponent((headers["x-amz-copy-source"] ?? "").replace(/^\//, "").replace(/\?versionId=.*$/, ""));
}

/** The keys of a batch. @throws S3Error MalformedXML */
export async function readDelete({
  body,
}: S3Request): Promise<{ readonly keys: readonly string[]; readonly bytes: Uint8Array }> {
  const refuse = () => new S3Error("EntityTooLarge", "at most 1000 objects are deleted at once");
  const bytes = await wholeBody(body, { bytes: MAX_DELETE_BYTES, refuse });
  const content = readXml(bytes, "Delete");
  if (content === undefined) throw new S3Error("MalformedXML", "the body is no <Delete> document");
  return { keys: listOf(content, "Object").map((object) => textOf(object, "Key")), bytes };
}

export function deleteAnswer(
  keys: readonly string[],
  refused: ReadonlyMap<string, { readonly code: string; readonly message: string }>,
): S3Answer {
  return {
    status: 200,
    headers: XML,
    body: xml("DeleteResult", {
      Deleted: keys.filter((key) => !refused.has(key)).map((Key) => ({ Key })),
      Error: [...refused].map(([Key, { code: Code, message: Message }]) => ({ Key, Code, Message })),
    }),
  };
}

/** Deletes these alone, whatever the request names. @returns what the upstream has refused, by key */
export async function deleteUpstream(
  upstream: Upstream,
  request: S3Request,
  keys: readonly string[],
): Promise<Map<string, { readonly code: string; readonly message: string }>> {
  if (keys.length === 0) return new Map();
  const bytes = xml("Delete", { Object: keys.map((Key) => ({ Key })), Quiet: true });
  const asked = { ...request, headers: { "content-type": "application/xml" }, body: once(bytes), length: bytes.length };
  const { status, body } = await upstream.send(asked);
  const refuse = () => new S3Error("InternalError", "the upstream's answer to a delete has no end");
  const answer =
    body instanceof Uint8Array
      ? body
      : await wholeBody(body ?? once(new Uint8Array()), { bytes: MAX_DELETE_BYTES, refuse });
  const content = status === 200 ? readXml(answer, "DeleteResult") : undefined;
  if (content === undefined)
    throw new S3Error("ServiceUnavailable", `the upstream answered ${status} to a delete of many`);
  return new Map(
    listOf(content, "Error").map((error) => [
      textOf(error, "Key"),
      { code: textOf(error, "Code"), message: textOf(error, "Message") },
    ]),
  );
}
