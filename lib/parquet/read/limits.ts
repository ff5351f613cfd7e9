/**
 * What a Parquet file may ask of our memory, checked before anything is unpacked: a file of some kilobytes can claim any number of
 * rows, or unpack to any number of bytes. Real files are far from these limits.
 */

import { corrupt } from "../../errors.ts";
import { decodeThrift, decodeThriftAt, type ThriftList, type ThriftStruct } from "../thrift.ts";

const MIB = 2 ** 20;
const MAX_FOOTER_BYTES = 32 * MIB;
const MAX_SCHEMA_DEPTH = 100;
/** Rows that a file may have beyond one a byte: runs of equal values take hardly any space. */
const FREE_ROWS = 1_000_000;
/** Unpacked; writers end a page after about one megabyte. */
const MAX_PAGE_BYTES = 256 * MIB;

/** Field ids of parquet.thrift. */
const FILE = { schema: 2, rowGroups: 4 } as const;
const ELEMENT = { children: 5 } as const;
const GROUP = { numRows: 3 } as const;
const PAGE = { bytes: 2, storedBytes: 3, data: 5, dictionary: 7, dataV2: 8 } as const;
/** The same in all three kinds of page header. */
const NUM_VALUES = 1;

/**
 * @param bytes the footer: the metadata of the file
 * @param fileSize bytes
 * @throws LakeError corrupt
 */
export function checkFooter(bytes: Uint8Array, fileSize: number): void {
  const footer = decodeThrift(bytes);
  checkDepth(structs(footer, FILE.schema));
  let rows = 0;
  for (const group of structs(footer, FILE.rowGroups)) {
    const count = number(group, GROUP.numRows);
    if (count < 0) throw corrupt(`a row group claims to have ${count} rows`);
    rows += count;
  }
  if (rows > FREE_ROWS + fileSize) throw corrupt(`it claims to have ${rows} rows in ${fileSize} bytes`);
}

/** @throws LakeError corrupt when the footer itself is too large to be read */
export function checkFooterLength(length: number): void {
  if (length > MAX_FOOTER_BYTES) throw corrupt(`its footer has ${length} bytes; at most ${MAX_FOOTER_BYTES} are read`);
}

/** The schema is a tree in preorder: each element says how many of the following are its children. */
function checkDepth(elements: readonly ThriftStruct[]): void {
  const open: number[] = [];
  for (const element of elements) {
    while (open.at(-1) === 0) open.pop();
    const left = open.pop();
    if (left !== undefined) open.push(left - 1);
    if (element.has(ELEMENT.children)) open.push(number(element, ELEMENT.children));
    if (open.length > MAX_SCHEMA_DEPTH) throw corrupt(`its schema is nested deeper than ${MAX_SCHEMA_DEPTH} levels`);
  }
}

/** What is unpacked at a time may have this much in all. */
export interface PageBudget {
  bytes: number;
  /** Nulls among them, and every entry of a list or map. */
  values: number;
}

export function openPageBudget(): PageBudget {
  return { bytes: 1024 * MIB, values: 32_000_000 };
}

/**
 * Walks the pages that lie one behind the other from a byte on, without unpacking them, and takes what they need from the budget.
 * @returns where it stopped: at the end, or where no page header can be read
 * @throws LakeError corrupt when a page, or all of them, are too large
 */
export function takePages(bytes: Uint8Array, from: number, budget: PageBudget): number {
  let at = from;
  while (at < bytes.length - 1) {
    const header = readHeader(bytes, at);
    if (header === undefined) return at;
    const { struct, end } = header;
    const unpacked = number(struct, PAGE.bytes);
    const stored = number(struct, PAGE.storedBytes);
    const values = Math.max(0, ...[PAGE.data, PAGE.dictionary, PAGE.dataV2].map((id) => numValues(struct, id)));
    if (unpacked < 0 || stored < 0) return at;
    budget.bytes -= unpacked;
    budget.values -= values;
    if (unpacked > MAX_PAGE_BYTES || budget.bytes < 0 || budget.values < 0) {
      throw corrupt(`a page would unpack to ${unpacked} bytes with ${values} values: more than fits into memory`);
    }
    at = end + stored;
  }
  return at;
}

function readHeader(bytes: Uint8Array, at: number): ReturnType<typeof decodeThriftAt> | undefined {
  try {
    const header = decodeThriftAt(bytes, at);
    return header.struct.has(PAGE.bytes) && header.struct.has(PAGE.storedBytes) ? header : undefined;
  } catch {
    return undefined;
  }
}

function numValues(header: ThriftStruct, id: number): number {
  const kind = header.get(id)?.value;
  return kind instanceof Map ? number(kind, NUM_VALUES) : 0;
}

function number(struct: ThriftStruct, id: number): number {
  const value = struct.get(id)?.value;
  return typeof value === "number" ? value : 0;
}

function structs(struct: ThriftStruct, id: number): ThriftStruct[] {
  const list = struct.get(id)?.value as ThriftList | undefined;
  return (list?.items ?? []).filter((item) => item instanceof Map);
}
