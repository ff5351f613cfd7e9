/** Indexes by which scans find files: hints that are made behind the commits, and without which every file is looked at. */

import type { AddFile } from "../delta/actions.ts";
import type { KeyForm, KeyRange } from "../delta/predicates/scan-keys.ts";
import type { ListPage } from "./page.ts";

/** A place in the order of files: that of their versions, and within one of its add actions. */
export interface FilePlace {
  readonly version: number;
  readonly ord: number;
}

export interface ScanIndex {
  readonly tableId: string;
  readonly indexId: number;
  /** Of a `ScanColumn`. */
  readonly columnId: string;
  readonly form: KeyForm;
  /** It serves this version and later ones. */
  readonly fromVersion: number;
  /** Files up to here are in it. */
  readonly at: FilePlace;
  readonly numRows: number;
}

/** An index that has not come to the head of its table. */
export interface BehindIndex extends ScanIndex {
  readonly headVersion: number;
}

/** A column that a scan asked for, and by which its table has no index. */
export interface ScanWish {
  readonly tableId: string;
  /** Of a `ScanColumn`. */
  readonly columnId: string;
}

/** A file as an index takes it. */
export interface IndexedFile extends Pick<AddFile, "partitionValues" | "stats"> {
  readonly place: FilePlace;
}

/** Where to look in an index: in any of the ranges. */
export interface IndexLook {
  readonly index: ScanIndex;
  readonly ranges: readonly KeyRange[];
}

export interface Scans {
  /** Of one table, or of all. One round trip. */
  scanIndexes(tableId?: string): Promise<readonly ScanIndex[]>;
  /** Those of live tables that are behind the head, the oldest first. One round trip, however many are not behind. */
  scanIndexesBehind(): Promise<readonly BehindIndex[]>;
  /** Leaves a wish for whoever makes indexes; nothing happens where it is known. */
  addScanWish(wish: ScanWish): Promise<void>;
  /** Wishes, the oldest first. */
  scanWishes(limit: number): Promise<readonly ScanWish[]>;
  endScanWish(wish: ScanWish): Promise<void>;
  /** Begins an index, with nothing in it; nothing happens where the column has one. */
  addScanIndex(index: Pick<ScanIndex, "tableId" | "columnId" | "form" | "fromVersion">): Promise<void>;
  dropScanIndex(indexId: number): Promise<void>;
  /** Takes rows away that belong to no index. One round trip where there are none. @returns whether there may be more */
  sweepScanBounds(limit: number): Promise<boolean>;
  /** Files after a place, up to a version, that are live at some version from `fromVersion` on; in their order. */
  filesToIndex(
    tableId: string,
    options: { readonly after: FilePlace; readonly upTo: number; readonly fromVersion: number; readonly limit: number },
  ): Promise<readonly IndexedFile[]>;
  /**
   * Puts files into an index, which then goes as far as `to`. @returns false where it has been moved or dropped by another
   * worker; nothing is written then
   */
  advanceScanIndex(
    index: ScanIndex,
    to: FilePlace,
    rows: readonly { readonly place: FilePlace; readonly range: KeyRange }[],
  ): Promise<boolean>;
  /** How many files each look finds, and how many of the table lie beyond `past`: each counted to `most` at most. One round trip. */
  countCandidates(
    tableId: string,
    options: {
      readonly looks: readonly IndexLook[];
      readonly past: FilePlace;
      readonly version: number;
      readonly most: number;
    },
  ): Promise<{ readonly found: readonly number[]; readonly beyond: number }>;
  /**
   * Live files at a version that all looks find, and those beyond `past`, in the order and with the cursors of `readFiles`. A page may
   * have fewer files than it could, and yet not be the last. undefined where an index has been dropped meanwhile.
   * @throws LakeError notFound as `readFiles`
   */
  readCandidates(
    tableId: string,
    version: number,
    options: {
      readonly looks: readonly IndexLook[];
      readonly past: FilePlace;
      readonly cursor?: string;
      readonly limit: number;
    },
  ): Promise<ListPage<AddFile> | undefined>;
}
