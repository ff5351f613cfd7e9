/** Paths of data files in actions (PROTOCOL.md, "Add File and Remove File"; docs/delta-rules.md §1.3): their identity and their form. */

import { invalid } from "../../errors.ts";

/** `scheme://host` or `scheme:`, and what follows. */
const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]*):(\/\/[^/]*)?(?=\/)/;

/**
 * One spelling for all spellings of a path. Percent-encoding is undone once; `s3a:` and `s3n:` are `s3:`; `file:/x` and
 * `file:///x` are `/x`; what lies below the root is relative to it. Files are the same file when this and the deletion vector id
 * are the same; what is stored is spelled as {@link relativePath} has it, or as a log had it that was imported.
 * @param location of the table: `file:///…`, or `s3://…` unencoded; absent where only spellings of one log are compared
 */
export function canonicalPath(path: string, location?: string): string {
  const absolute = absolutePath(path);
  if (absolute === undefined) return percentDecode(path) ?? path;
  const root = location === undefined ? undefined : rootOf(location);
  return root !== undefined && absolute.startsWith(`${root}/`) ? absolute.slice(root.length + 1) : absolute;
}

/** The canonical path, in other tables, of a file of this one. @param key below its root */
export function canonicalElsewhere(key: string, location: string): string {
  return `${rootOf(location)}/${key}`;
}

/** True for a path that says nothing of where it begins: the root of its table is meant. */
export function isRelative(path: string): boolean {
  return absolutePath(path) === undefined;
}

/** An absolute path in its one spelling; undefined for a relative one. */
function absolutePath(path: string): string | undefined {
  if (path.startsWith("/")) return percentDecode(path) ?? path;
  const [prefix, scheme = "", host = ""] = ABSOLUTE.exec(path) ?? [];
  if (prefix === undefined) return undefined;
  const rest = path.slice(prefix.length);
  const decoded = percentDecode(rest) ?? rest;
  const name = scheme.toLowerCase();
  if (name !== "file") return `${/^s3[an]$/.test(name) ? "s3" : name}:${host}${decoded}`;
  const isLocal = host === "" || host === "//" || host.toLowerCase() === "//localhost";
  // A file system takes several slashes for one, an object store does not.
  return isLocal ? `/${decoded.replaceAll(/\/{2,}/g, "/").replace(/^\//, "")}` : `file:${host}${decoded}`;
}

function rootOf(location: string): string {
  return /^file:/i.test(location) ? (absolutePath(location) ?? location) : location;
}

/**
 * The path as it is published: relative where it lies below the table's root, since most readers open no absolute path
 * there. Any other stays as it is.
 */
export function relativePath(path: string, location: string): string {
  const canonical = absolutePath(path);
  const inside = canonical === undefined ? undefined : canonicalPath(path, location);
  if (inside === undefined || inside === canonical || inside.startsWith("/")) return path;
  // The writer's own encoding where it can be told; a colon in the first segment would read as a scheme.
  const tail = path.split("/").slice(-inside.split("/").length).join("/");
  const kept = percentDecode(tail) === inside ? tail : inside.split("/").map(encodeURIComponent).join("/");
  return kept.replace(/^[^/]*/, (first) => first.replaceAll(":", "%3A"));
}

/** True for a path that names a place of its own, and not one below the root of the table. */
export function isOutside(path: string, location: string): boolean {
  const canonical = absolutePath(path);
  return canonical !== undefined && canonicalPath(path, location) === canonical;
}

/** undefined where the text is not UTF-8 in percent-encoding. */
export function percentDecode(text: string): string | undefined {
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
  // What java.net.URI refuses (other characters outside ASCII stay as they are), and what would start a query or fragment.
  const bad = /[\p{Cc}\p{Z}"<>\\^`{|}[\]?#]/u.exec(path);
  if (bad) throw refuse(`holds ${JSON.stringify(bad[0])}, which must be percent-encoded`);
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) throw refuse('holds a "%" that starts no percent-encoding');
  const decoded = percentDecode(path);
  if (decoded === undefined) throw refuse("is not UTF-8 after percent-decoding");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
  if (/[\u0000-\u001f\u007f]/.test(decoded))
    throw refuse("holds an encoded control character, which delta-rs cannot open");
  if (/%2f/i.test(path)) throw refuse('holds "%2F"; a "/" stands for itself');
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
