/** Paths of data files in actions (PROTOCOL.md, "Add File and Remove File"; delta-rules.md §1.3): their identity and their form. */

import { invalid } from "../errors.ts";

/**
 * One spelling for all spellings of a path: percent-decoded once, `file:/x` and `file:///x` as `/x`. Files are the same
 * file when this and the deletion vector id are the same; what was written stays what is stored.
 */
export function canonicalPath(path: string): string {
  const local = path.replace(/^file:\/+/i, "/");
  return percentDecode(local) ?? local;
}

function percentDecode(text: string): string | undefined {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * Refuses a path that a Delta reader could not resolve, or that leaves the table root by dot segments.
 * @throws LakeError invalid
 */
export function checkPath(path: string, at: string): void {
  const refuse = (why: string) =>
    invalid(`the path "${path}" ${why}`, { at, hint: "Send an RFC 2396 URI, relative to the table root or absolute." });
  if (path === "") throw invalid("the path is empty", { at });
  // What java.net.URI refuses (other characters outside ASCII stand as they are), and what would start a query or fragment.
  const bad = /[\p{Cc}\p{Z}"<>\\^`{|}[\]?#]/u.exec(path);
  if (bad) throw refuse(`holds ${JSON.stringify(bad[0])}, which must be percent-encoded`);
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) throw refuse('holds a "%" that starts no percent-encoding');
  const decoded = percentDecode(path);
  if (decoded === undefined) throw refuse("is not UTF-8 after percent-decoding");
  if (decoded.includes("\0")) throw refuse("holds a NUL character");
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(path);
  if (scheme && path[scheme[0].length] !== "/") throw refuse(`reads as an opaque URI of scheme "${scheme[1]}"`);
  if (!scheme && path.split("/")[0]?.includes(":"))
    throw refuse('has ":" in its first segment, which reads as a URI scheme');
  if (!scheme && path.startsWith("//")) throw refuse('starts with "//"');
  // Decoded first: `%2e%2e` and `a%2F..` are dot segments to whoever opens the file.
  const withoutHost = scheme ? path.slice(scheme[0].length).replace(/^\/\/[^/]*/, "") : path;
  const segments = (percentDecode(withoutHost) ?? "").split("/");
  if (segments.some((s) => s === "." || s === "..")) throw refuse('holds a "." or ".." segment');
  if (segments.at(-1) === "") throw refuse("names a folder");
  // java.net.URI drops empty segments, object stores keep them: two readers would open two files.
  if (segments.slice(1).includes("")) throw refuse('holds "//"');
}
