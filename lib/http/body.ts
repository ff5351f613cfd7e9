/** Reads the body of a request: media type, size, encoding, then exact JSON. Each refusal has its own status. */

import type { Json } from "../delta/values/json.ts";
import { invalid } from "../errors.ts";
import { readJsonText } from "../wire/json-text.ts";

/** @throws LakeError invalid: UNSUPPORTED_MEDIA_TYPE (415), BODY_TOO_LARGE (413), MALFORMED_JSON (400) */
export async function readJsonBody(request: Request, limitBytes: number): Promise<Json> {
  checkMediaType(request.headers);
  const bytes = await readBytes(request, limitBytes);
  if (bytes.length === 0) throw invalid("the request has no body", { hint: "Send a JSON object." });
  return readJsonText(bytes);
}

function checkMediaType(headers: Headers): void {
  const refuse = (message: string, hint: string) => invalid(message, { code: "UNSUPPORTED_MEDIA_TYPE", hint });
  const [type = "", ...parameters] = (headers.get("content-type") ?? "").toLowerCase().split(";");
  if (!/^application\/(?:[\w.-]+\+)?json$/.test(type.trim())) {
    throw refuse(
      type === "" ? "the request has no Content-Type" : `the media type ${type.trim()} is not understood here`,
      "Send JSON with Content-Type: application/json.",
    );
  }
  const charset = parameters
    .map((p) => /^\s*charset\s*=\s*"?([^"\s]+)"?\s*$/.exec(p)?.[1])
    .find((c) => c !== undefined);
  if (charset !== undefined && charset !== "utf-8" && charset !== "utf8") {
    throw refuse(`the charset ${charset} is not understood here`, "JSON is UTF-8.");
  }
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity") {
    throw refuse(`the content encoding ${encoding} is not understood here`, "Send the body uncompressed.");
  }
}

async function readBytes(request: Request, limitBytes: number): Promise<Uint8Array> {
  const tooLarge = () =>
    invalid(`the body is larger than ${limitBytes} bytes`, {
      code: "BODY_TOO_LARGE",
      hint: "Split the commit into several, or raise the limit (server.body_limit_bytes).",
      facts: { limitBytes },
    });
  const length = request.headers.get("content-length");
  if (Number(length ?? 0) > limitBytes) throw tooLarge();
  // Of a length that is known it comes whole: a stream around it costs more than parsing a small one.
  if (length !== null) {
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (bytes.length > limitBytes) throw tooLarge();
    return bytes;
  }
  const chunks: Uint8Array[] = [];
  let read = 0;
  for await (const chunk of request.body ?? []) {
    read += chunk.length;
    if (read > limitBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, read);
}
