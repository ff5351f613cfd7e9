/** The life of a table beside its versions: its name, its place, whether it is there; and what its log has been told of that. */

import type { Manifest } from "../delta/manifest.ts";
import type { TableRef } from "../delta/request.ts";
import type { TableHead } from "../delta/table.ts";
import type { Noting } from "./audit.ts";
import type { ListPage } from "./page.ts";
import type { Claim } from "./tables.ts";

export interface Lifecycle {
  /**
   * Forgets a table: its name and location are free again, its rows stay, its files are not touched.
   * @throws LakeError notFound
   */
  dropTable(tableId: string, options: DropOptions): Promise<DropOutcome>;
  /**
   * Brings a dropped table back at its place, under its name or another one. One that is there already is left as it is. Under
   * the locks of whoever makes a table there. @throws LakeError notFound
   */
  undropTable(tableId: string, options: UndropOptions): Promise<UndropOutcome>;
  /** Gives a table another name, and keeps the former one in mind. @throws LakeError notFound */
  renameTable(tableId: string, name: string, noting?: Noting): Promise<RenameOutcome>;
  /** Where the table was before, oldest first. */
  formerPlaces(tableId: string): Promise<readonly FormerPlace[]>;
  /**
   * Begins the purge of a dropped table, once it cannot come back any more, or finds it begun. Its name, place and drop stay known
   * for ever. @throws LakeError notFound when no such table is dropped
   */
  beginPurge(tableId: string, options: { readonly windowMs: number }): Promise<PurgeOutcome>;
  /** Takes rows of a table away whose purge has begun. @returns false when none are left */
  purgeRows(tableId: string, limit: number): Promise<boolean>;
  /** Another table, live or dropped, but not purged, at this place or around it. */
  sharesPlace(tableId: string, location: string): Promise<Claim | undefined>;
  /** What has become of a table that is not there under this name or id; undefined where nobody knows of it. One round trip. */
  whereabouts(ref: TableRef): Promise<Whereabouts | undefined>;
  /** Dropped tables that are not purged, the last dropped first. */
  listDropped(options: { readonly cursor?: string; readonly limit: number }): Promise<ListPage<DroppedHead>>;
  /**
   * What the manifest of a table has to say, of one that was dropped, too; undefined when there is no such table, it is being
   * imported, purged, or others write it. One round trip, two for a table that has had other names.
   */
  readManifestFacts(tableId: string): Promise<ManifestFacts | undefined>;
  /** Records that the log tells of so many changes. */
  markManifest(tableId: string, changes: number): Promise<void>;
  /** Tables whose manifest is to be written, and for which no other work is waiting. */
  dueManifests(limit: number): Promise<readonly { readonly tableId: string; readonly version: number }[]>;
}

export interface FormerPlace {
  readonly location: string;
  /** Milliseconds. */
  readonly since: number;
  readonly until: number;
}

export interface ManifestFacts {
  readonly manifest: Manifest;
  /** How many of its changes the log has been told of. */
  readonly told: number;
}

export interface DropOptions {
  /** Versions that the log does not have: `keep` leaves the table as it is while there are any, `giveUp` forgets them with it. */
  readonly unpublished: "keep" | "giveUp";
  /**
   * Publishes the last versions while commits wait, where there are so few: on a table that is written all the time there is no other
   * moment. Called with their number, under the lock; true when the log has them all.
   */
  readonly publishLast?: { readonly atMost: number; publish(): Promise<boolean> };
  readonly noting?: Noting | undefined;
}

export interface DropOutcome {
  readonly dropped: boolean;
  /** Versions that the log did not have. */
  readonly unpublished: number;
}

export interface UndropOptions {
  /** Another name than it had. */
  readonly name?: string;
  /** Milliseconds after the drop in which it can be undone. */
  readonly windowMs: number;
  readonly noting?: Noting | undefined;
}

export type UndropOutcome =
  | { readonly status: "back"; readonly head: TableHead }
  /** A live table has the name, or a place that touches this one. */
  | { readonly status: "taken"; readonly by: Claim; readonly wanted: Claim }
  /** Another table has lived at the place since: its log is not the one that SQL knows. */
  | { readonly status: "reused"; readonly by: Claim; readonly wanted: Claim }
  /** The window is over, or the purge has begun. */
  | { readonly status: "gone"; readonly table: DroppedHead };

export type PurgeOutcome =
  | { readonly status: "begun"; readonly table: DroppedHead }
  | { readonly status: "canComeBack"; readonly table: DroppedHead };

export type RenameOutcome =
  | { readonly status: "renamed"; readonly formerName: string; readonly head: TableHead }
  | { readonly status: "taken"; readonly by: Claim };

/** A dropped table. */
export interface DroppedHead extends Claim {
  readonly version: number;
  /** Milliseconds. */
  readonly droppedAt: number;
  /** Set once its rows are being taken away. */
  readonly purgedAt?: number;
  /** True where others wrote it to the end: its files are theirs. */
  readonly isFollowed?: true;
}

export interface Whereabouts {
  /** The live table that had the name last; absent where the id was asked for. */
  readonly renamed?: Claim & { readonly since: number };
  /** The last one that was dropped under the name, or the one with the id. */
  readonly dropped?: DroppedHead;
}
