/** S3's XML, out and in. The one file that knows the library. */

import { XMLBuilder, XMLParser } from "fast-xml-parser";

const builder = new XMLBuilder({ ignoreAttributes: true, suppressEmptyNode: true });
const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  // A key may hold anything; entities are those of XML alone, so that no document can grow.
  processEntities: true,
  isArray: (name) => LISTS.has(name),
});

const LISTS = new Set(["Contents", "CommonPrefixes", "Object", "Part", "Error"]);
const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';
const NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";

/** An element tree: texts, numbers, elements and lists of elements; what is undefined is left out. */
export interface Element {
  readonly [name: string]: string | number | boolean | undefined | Element | readonly Element[];
}

/** A document of S3's namespace, which errors are not of. */
export function xml(root: string, content: Element): Uint8Array {
  const inner = builder.build({ [root]: content });
  if (root === "Error") return new TextEncoder().encode(`${DECLARATION}${inner}`);
  const open = inner.startsWith(`<${root}/>`) ? `<${root} xmlns="${NAMESPACE}"/>` : undefined;
  const text = open ?? inner.replace(`<${root}>`, `<${root} xmlns="${NAMESPACE}">`);
  return new TextEncoder().encode(`${DECLARATION}${text}`);
}

/** The content of a document's root, texts unparsed; undefined when it is no such document. */
export function readXml(bytes: Uint8Array, root: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const content: unknown = parser.parse(new TextDecoder().decode(bytes))[root];
    if (typeof content === "string") return {};
    return typeof content === "object" && content !== null ? (content as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** A text of a document; empty where it is not there. */
export function textOf(element: unknown, name: string): string {
  const value =
    typeof element === "object" && element !== null ? (element as Record<string, unknown>)[name] : undefined;
  return typeof value === "string" ? value : "";
}

/** A list of a document. */
export function listOf(element: unknown, name: string): readonly unknown[] {
  const value =
    typeof element === "object" && element !== null ? (element as Record<string, unknown>)[name] : undefined;
  return Array.isArray(value) ? value : [];
}
