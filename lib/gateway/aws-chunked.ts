/** Takes the framing of `Content-Encoding: aws-chunked` off a body: sizes, signatures of chunks, trailers. */

import { S3Error } from "./errors.ts";

/** One frame line, and the trailers together, have no more bytes than this. */
const LONGEST_LINE = 16 * 1024;

export interface Unframed {
  readonly body: AsyncIterable<Uint8Array>;
  /** Whole when the body is over. */
  readonly trailers: () => Readonly<Record<string, string>>;
}

/** @param onChunk is told each chunk's hash and signature, in order; it throws where they do not fit */
export interface ChunkCheck {
  /** Begins a chunk that has this signature. */
  begin(signature: string): void;
  update(bytes: Uint8Array): void;
  end(): Promise<void>;
}

/** @throws S3Error IncompleteBody; what the check throws */
export function unframed(framed: AsyncIterable<Uint8Array>, check?: ChunkCheck): Unframed {
  const trailers: Record<string, string> = {};
  return { body: chunks(new Reader(framed), trailers, check), trailers: () => trailers };
}

async function* chunks(
  reader: Reader,
  trailers: Record<string, string>,
  check: ChunkCheck | undefined,
): AsyncGenerator<Uint8Array> {
  for (;;) {
    const [size = "", ...extensions] = (await reader.line()).split(";");
    if (!/^[0-9a-f]{1,12}$/i.test(size)) throw incomplete("a chunk begins without its size");
    check?.begin(extensions.find((text) => text.startsWith("chunk-signature="))?.slice(16) ?? "");
    let left = Number.parseInt(size, 16);
    if (left === 0) break;
    while (left > 0) {
      const bytes = await reader.some(left);
      left -= bytes.length;
      check?.update(bytes);
      // Before the last bytes of a chunk go on, it is known to be right.
      if (left === 0) await check?.end();
      yield bytes;
    }
    if ((await reader.line()) !== "") throw incomplete("a chunk is longer than it says");
  }
  await check?.end();
  for (let line = await reader.line(true); line !== ""; line = await reader.line(true)) {
    const colon = line.indexOf(":");
    trailers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
}

function incomplete(why: string): S3Error {
  return new S3Error("IncompleteBody", `the body is no whole aws-chunked one: ${why}`);
}

/** Reads lines and bytes out of pieces of any size. */
class Reader {
  readonly #source: AsyncIterator<Uint8Array>;
  #piece: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#source.next();
    if (done) return false;
    this.#piece = this.#piece.length === 0 ? Buffer.from(value) : Buffer.concat([this.#piece, value]);
    return true;
  }

  /** A line without its end. With `orEnd`, the end of the body is an empty one. */
  async line(orEnd = false): Promise<string> {
    for (;;) {
      const end = this.#piece.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#piece.subarray(0, end).toString("latin1");
        this.#piece = this.#piece.subarray(end + 2);
        return line;
      }
      if (this.#piece.length > LONGEST_LINE) throw incomplete("a line has no end");
      if (await this.#more()) continue;
      if (orEnd) return "";
      throw incomplete("it ends early");
    }
  }

  /** At least one byte, at most `most`. */
  async some(most: number): Promise<Uint8Array> {
    while (this.#piece.length === 0) if (!(await this.#more())) throw incomplete("it ends early");
    const bytes = this.#piece.subarray(0, most);
    this.#piece = this.#piece.subarray(bytes.length);
    return bytes;
  }
}
