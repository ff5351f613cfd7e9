/** Takes the fence out of versions on their way to clients of the gateway, and leaves every byte count as it was. */

import { FENCE } from "../delta/features.ts";

const BLANK = 0x20;
const NEWLINE = 0x0a;
const COMMA = 0x2c;
const PROTOCOL = Buffer.from('{"protocol":');
const NAME = Buffer.from(`"${FENCE}"`);
/** The catalog writes commitInfo and protocol before all else; neither is longer than this. */
const LONGEST_HEAD = 4 << 20;

/**
 * The feature's name and a comma beside it become spaces, which JSON passes over: sizes, ranges and lists stay as the store has them.
 * @param body a version as the mirror writes it, one action a line
 */
export async function* withoutFence(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of body) {
    if (head === undefined) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf(NEWLINE, head.indexOf(NEWLINE) + 1);
    if (end <= head.indexOf(NEWLINE) && head.length < LONGEST_HEAD) continue;
    yield blanked(head);
    head = undefined;
  }
  if (head !== undefined && head.length > 0) yield blanked(head);
}

function blanked(head: Buffer): Uint8Array {
  for (let start = 0; start < head.length; ) {
    const end = head.indexOf(NEWLINE, start);
    const line = head.subarray(start, end < 0 ? head.length : end);
    if (line.subarray(0, PROTOCOL.length).equals(PROTOCOL)) blankFence(line);
    start += line.length + 1;
  }
  return head;
}

function blankFence(line: Buffer): void {
  const at = line.indexOf(NAME);
  if (at < 0) return;
  const end = at + NAME.length;
  if (line[end] === COMMA) line.fill(BLANK, at, end + 1);
  else line.fill(BLANK, line[at - 1] === COMMA ? at - 1 : at, end);
}
