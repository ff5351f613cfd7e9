/** From a request's host and path to bucket and key: path-style and virtual-host addresses. */

import { isIP } from "node:net";
import { S3Error } from "./errors.ts";

/** @param domain where `bucket.domain` names a bucket; `localhost` always does */
export function addressOf(
  host: string,
  path: string,
  domains: readonly string[],
): { readonly bucket: string; readonly key: string } {
  const bucket = bucketOfHost(host, domains);
  const decoded = decodedPath(path);
  if (bucket !== undefined) return { bucket, key: decoded };
  const slash = decoded.indexOf("/");
  return slash < 0 ? { bucket: decoded, key: "" } : { bucket: decoded.slice(0, slash), key: decoded.slice(slash + 1) };
}

function bucketOfHost(host: string, domains: readonly string[]): string | undefined {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  if (isIP(name.replace(/^\[(.*)\]$/, "$1")) !== 0) return undefined;
  const domain = domains.find((known) => name.endsWith(`.${known}`));
  return domain === undefined ? undefined : name.slice(0, -domain.length - 1);
}

/** Without the slash at the beginning. A plus is a plus in paths. */
function decodedPath(path: string): string {
  try {
    return decodeURIComponent(path.slice(1));
  } catch {
    throw new S3Error("InvalidArgument", "the path is no percent-encoded UTF-8");
  }
}
