/** Deletion vectors in the form of PROTOCOL.md, "Deletion Vector Format": made here, since no engine makes wrong ones. */

import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { JsonObject } from "../../../lib/delta/values/json.ts";

const Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/** A vector within the action. @param rows positions that are deleted, below 65,536 and in order */
export function inlineVector(rows: readonly number[]): JsonObject {
  const data = bitmap(rows);
  return { storageType: "i", pathOrInlineDv: z85(data), sizeInBytes: data.length, cardinality: rows.length };
}

/** A vector in a file of its own in the table's folder. */
export function vectorFile(
  folder: string,
  rows: readonly number[],
): { readonly file: string; readonly vector: JsonObject } {
  const id = randomUUID();
  const data = bitmap(rows);
  const file = join(folder, `deletion_vector_${id}.bin`);
  writeFileSync(file, Buffer.concat([Buffer.of(1), u32be(data.length), data, u32be(crc32(data))]));
  const pathOrInlineDv = z85(Buffer.from(id.replaceAll("-", ""), "hex"));
  const vector = { storageType: "u", pathOrInlineDv, offset: 1, sizeInBytes: data.length, cardinality: rows.length };
  return { file, vector };
}

function bitmap(rows: readonly number[]): Buffer {
  const header = Buffer.alloc(32);
  header.writeUInt32LE(1_681_511_377, 0);
  // One 32-bit bitmap, of key 0, with one array container.
  header.writeBigUInt64LE(1n, 4);
  header.writeUInt32LE(12_346, 16);
  header.writeUInt32LE(1, 20);
  header.writeUInt16LE(rows.length - 1, 26);
  header.writeUInt32LE(16, 28);
  const values = Buffer.alloc(rows.length * 2);
  for (const [i, row] of rows.entries()) values.writeUInt16LE(row, i * 2);
  return Buffer.concat([header, values]);
}

function z85(data: Buffer): string {
  const padded = Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
  let text = "";
  for (let i = 0; i < padded.length; i += 4) {
    let value = padded.readUInt32BE(i);
    let chunk = "";
    for (let j = 0; j < 5; j += 1) {
      chunk = Z85[value % 85] + chunk;
      value = Math.floor(value / 85);
    }
    text += chunk;
  }
  return text;
}

function u32be(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
