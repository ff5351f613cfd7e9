/** One Parquet file out of many small ones: row groups are appended as they are, only offsets change, and one footer ends it. Memory stays that of one row group. */

import { LakeError } from "../../errors.ts";
import { decodeThrift, encodeThrift, THRIFT, type ThriftList, type ThriftStruct } from "../thrift.ts";

/** First and last bytes of every Parquet file. */
const MAGIC = new TextEncoder().encode("PAR1");

/** Field ids of parquet.thrift. */
const FILE = { version: 1, schema: 2, numRows: 3, rowGroups: 4, createdBy: 6, columnOrders: 7 } as const;
const ELEMENT = { name: 4 } as const;
const GROUP = { columns: 1, numRows: 3, fileOffset: 5, ordinal: 7 } as const;
const CHUNK = { fileOffset: 2, metadata: 3, offsetIndexOffset: 4, columnIndexLength: 7 } as const;
const COLUMN = {
  totalCompressedSize: 7,
  dataPageOffset: 9,
  indexPageOffset: 10,
  dictionaryPageOffset: 11,
  bloomFilterOffset: 14,
  bloomFilterLength: 15,
} as const;

export interface ParquetSplice {
  readonly numRows: number;
  /** Takes over all row groups of a whole Parquet file of the same schema. Returns the bytes to write next. */
  append(file: Uint8Array): Uint8Array;
  /** The last bytes to write. */
  end(): Uint8Array;
}

/**
 * What the first {@link ParquetSplice.append} returns starts the file.
 * @param rootName of the schema: no reader needs it, people look at it
 */
export function openSplice(rootName: string): ParquetSplice {
  /** Bytes of the output so far. */
  let position = 0;
  let numRows = 0;
  /** Of the first file; all others must have the same schema. */
  let template: { readonly footer: ThriftStruct; readonly schema: Uint8Array } | undefined;
  const groups: ThriftList = { type: THRIFT.struct, items: [] };

  return {
    get numRows() {
      return numRows;
    },
    append(file) {
      const footer = readFooter(file);
      const schema = encodeThrift(new Map([[FILE.schema, member(footer, FILE.schema)]]));
      template ??= { footer, schema };
      if (Buffer.compare(schema, template.schema) !== 0) throw defect("two row groups have different schemas");
      // The first file brings the magic bytes of the whole.
      const from = position === 0 ? 0 : MAGIC.length;
      let to = MAGIC.length;
      for (const group of structs(footer, FILE.rowGroups)) {
        to = Math.max(to, moveGroup(group, position - from));
        numRows += number(group, GROUP.numRows);
        // As bytes: the tree of a wide table's row group is large, and there may be hundreds of them.
        groups.items.push(encodeThrift(group));
      }
      position += to - from;
      return file.subarray(from, to);
    },
    end() {
      if (!template) throw defect("a Parquet file needs at least one row group");
      const { footer } = template;
      const [root] = structs(footer, FILE.schema);
      root?.set(ELEMENT.name, { type: THRIFT.binary, value: new TextEncoder().encode(rootName) });
      // Without the key-value metadata: it would be the Arrow schema, which says nothing that the Parquet schema does not.
      const merged: ThriftStruct = new Map();
      for (const id of [FILE.version, FILE.schema, FILE.createdBy, FILE.columnOrders]) {
        const kept = footer.get(id);
        if (kept) merged.set(id, kept);
      }
      merged.set(FILE.numRows, { type: THRIFT.i64, value: numRows });
      merged.set(FILE.rowGroups, { type: THRIFT.list, value: groups });
      const bytes = encodeThrift(merged);
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, bytes.length, true);
      return Buffer.concat([bytes, length, MAGIC]);
    },
  };
}

function readFooter(file: Uint8Array): ThriftStruct {
  const end = file.length - MAGIC.length - 4;
  const length = new DataView(file.buffer, file.byteOffset, file.byteLength).getUint32(end, true);
  return decodeThrift(file.subarray(end - length, end));
}

/**
 * Moves a row group by `shift` bytes and takes out what lies outside of it: page indexes and bloom filters.
 * @returns where its pages end in the file that it comes from
 */
function moveGroup(group: ThriftStruct, shift: number): number {
  let end = 0;
  for (const chunk of structs(group, GROUP.columns)) {
    const column = member(chunk, CHUNK.metadata).value as ThriftStruct;
    const first = column.has(COLUMN.dictionaryPageOffset) ? COLUMN.dictionaryPageOffset : COLUMN.dataPageOffset;
    end = Math.max(end, number(column, first) + number(column, COLUMN.totalCompressedSize));
    for (const id of [COLUMN.dataPageOffset, COLUMN.indexPageOffset, COLUMN.dictionaryPageOffset]) {
      shiftOffset(column, id, shift);
    }
    for (const id of [COLUMN.bloomFilterOffset, COLUMN.bloomFilterLength]) column.delete(id);
    // Deprecated: writers shall put 0 (parquet.thrift, ColumnChunk.file_offset).
    chunk.set(CHUNK.fileOffset, { type: THRIFT.i64, value: 0 });
    for (let id: number = CHUNK.offsetIndexOffset; id <= CHUNK.columnIndexLength; id += 1) chunk.delete(id);
  }
  shiftOffset(group, GROUP.fileOffset, shift);
  // For encrypted files only, and 16 bits.
  group.delete(GROUP.ordinal);
  return end;
}

function shiftOffset(struct: ThriftStruct, id: number, shift: number): void {
  if (struct.has(id)) struct.set(id, { type: THRIFT.i64, value: number(struct, id) + shift });
}

function member(struct: ThriftStruct, id: number) {
  const found = struct.get(id);
  if (!found) throw defect(`the Parquet writer left out field ${id}`);
  return found;
}

function number(struct: ThriftStruct, id: number): number {
  return member(struct, id).value as number;
}

function structs(struct: ThriftStruct, id: number): ThriftStruct[] {
  return (member(struct, id).value as ThriftList).items as ThriftStruct[];
}

function defect(message: string): LakeError {
  return new LakeError("internal", message);
}
