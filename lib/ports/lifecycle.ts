/** The life of a table beside its versions: its name, its place, whether it is there; and what its log has been told of that. */

import type { Manifest } from "../delta/manifest.ts";

export interface Lifecycle {
  /**
   * What the manifest of a table has to say, of one that was dropped, too; undefined when there is no such table, it is being
   * imported, or purged. One round trip, two for a table that has had other names.
   */
  readManifestFacts(tableId: string): Promise<ManifestFacts | undefined>;
  /** Records that the log tells of so many changes. */
  markManifest(tableId: string, changes: number): Promise<void>;
  /** Tables whose manifest is to be written, and for which no other work is waiting. */
  dueManifests(limit: number): Promise<readonly { readonly tableId: string; readonly version: number }[]>;
}

export interface ManifestFacts {
  readonly manifest: Manifest;
  /** How many of its changes the log has been told of. */
  readonly told: number;
}
