/** Columns named in a text, as `delta.dataSkippingStatsColumns` has them: ``id, address.`first name` ``. Pure. */

/**
 * The columns of a comma-separated list, each as the path of its names from the outermost struct to the leaf.
 * @returns undefined when the text is no such list: an empty name, an open backtick, a character that needs backticks
 */
export function splitColumnNames(text: string): readonly (readonly string[])[] | undefined {
  const columns: string[][] = [];
  let path: string[] = [];
  let position = 0;
  while (true) {
    const name = nameAt(text, position);
    if (name === undefined) return undefined;
    path.push(name.value);
    position = name.end;
    if (position < text.length && text[position] === ".") {
      position += 1;
      continue;
    }
    columns.push(path);
    path = [];
    if (position >= text.length) return columns;
    if (text[position] !== ",") return undefined;
    position += 1;
  }
}

/** A name from here on, with the spaces around it; `end` is where the separator should be. */
function nameAt(text: string, from: number): { readonly value: string; readonly end: number } | undefined {
  let at = skipSpaces(text, from);
  let value = "";
  if (text[at] === "`") {
    for (at += 1; ; at += 1) {
      const next = text[at];
      if (next === undefined) return undefined;
      if (next === "`") {
        if (text[at + 1] !== "`") break;
        at += 1;
      }
      value += next;
    }
    at += 1;
  } else {
    const start = at;
    while (at < text.length && /[\p{L}\p{N}_]/u.test(text[at] as string)) at += 1;
    value = text.slice(start, at);
  }
  return value === "" ? undefined : { value, end: skipSpaces(text, at) };
}

function skipSpaces(text: string, from: number): number {
  let at = from;
  while (text[at] === " " || text[at] === "\t") at += 1;
  return at;
}
