/** The media types that a client accepts (RFC 9110, "Accept"). */

import { invalid } from "../errors.ts";

/** What some call a media type, and what its name is here. */
const ALIASES: Readonly<Record<string, string>> = { "application/jsonl": "application/x-ndjson" };

/** Those that the header names, without the ones that it refuses; all when there is no header. */
export function acceptedTypes(headers: Headers): readonly string[] {
  const header = headers.get("accept")?.trim() || "*/*";
  return header
    .split(",")
    .map((part) => part.split(";").map((piece) => piece.trim().toLowerCase()))
    .filter(([, ...parameters]) => !parameters.some((parameter) => /^q=0(?:\.0{0,3})?$/.test(parameter)))
    .map(([type = ""]) => ALIASES[type] ?? type);
}

/** The first of these types that the client names; a range such as any type names none. */
export function firstNamed<T extends string>(headers: Headers, types: readonly T[]): T | undefined {
  return acceptedTypes(headers).flatMap((type) => types.find((known) => known === type) ?? [])[0];
}

/** @throws LakeError invalid NOT_ACCEPTABLE when the client takes none of the types in which there is an answer */
export function checkAcceptable(headers: Headers, types: readonly string[]): void {
  const accepted = acceptedTypes(headers);
  const fits = (type: string) => accepted.some((range) => range === "*/*" || range === type || range === anyOf(type));
  if (types.length === 0 || types.some(fits)) return;
  throw invalid("there is no answer in a media type that the request accepts", {
    code: "NOT_ACCEPTABLE",
    hint: `Accept ${types.join(" or ")}.`,
  });
}

function anyOf(type: string): string {
  return `${type.split("/")[0]}/*`;
}
