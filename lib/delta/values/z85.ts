/** Base85 as deletion vectors have it (ZeroMQ RFC 32, "Z85"): five letters are four bytes, the highest first. */

const LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
const DIGITS: ReadonlyMap<string, number> = new Map([...LETTERS].map((letter, digit) => [letter, digit]));

/** The bytes of a text; undefined when it is no Z85. */
export function decodeZ85(text: string): Uint8Array | undefined {
  if (text.length % 5 !== 0) return undefined;
  const bytes = new DataView(new ArrayBuffer((text.length / 5) * 4));
  for (let start = 0; start < text.length; start += 5) {
    let value = 0;
    for (let i = start; i < start + 5; i += 1) {
      const digit = DIGITS.get(text.charAt(i));
      if (digit === undefined) return undefined;
      value = value * 85 + digit;
    }
    if (value >= 2 ** 32) return undefined;
    bytes.setUint32((start / 5) * 4, value);
  }
  return new Uint8Array(bytes.buffer);
}

/** The text of bytes, whose number is a multiple of four. */
export function encodeZ85(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = "";
  for (let start = 0; start + 4 <= bytes.length; start += 4) {
    let value = view.getUint32(start);
    let letters = "";
    for (let i = 0; i < 5; i += 1) {
      letters = LETTERS.charAt(value % 85) + letters;
      value = Math.floor(value / 85);
    }
    text += letters;
  }
  return text;
}
