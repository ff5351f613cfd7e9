/** Who may do what, as the catalog remembers it: grants, roles, policies, and whether they are held against requests at all. */

import type { Granted } from "../access/privileges.ts";
import type { Noting } from "./audit.ts";

export interface Grants {
  /** Whether anything has changed, by one small question. */
  accessState(): Promise<AccessState>;
  /** All of it, at least as new as its state. */
  readAccess(): Promise<AccessRules>;
  /**
   * All of these changes, or none. What is there already, and what is not there to be taken away, is no change; without any
   * change the state stays as it is. @throws LakeError invalid ROLE_CYCLE; conflict ACCESS_CHANGED
   */
  changeAccess(change: AccessChange): Promise<AccessState & { readonly changed: number }>;
}

export interface AccessState {
  /** `open`: whoever is let in may do what their key says to every table. `enforced`: nobody may do what is not granted. */
  readonly mode: "open" | "enforced";
  /** Grows with each change; 0 before the first one. */
  readonly version: number;
  /** Milliseconds since the epoch of the last change. */
  readonly changedAt: number;
}

export interface AccessRules extends AccessState {
  readonly grants: readonly Grant[];
  readonly members: readonly RoleMember[];
  readonly policies: readonly Policy[];
}

/** Who made a row, and when (milliseconds since the epoch). */
export interface Made {
  readonly by: string;
  readonly at: number;
}

export interface Grant extends Made {
  readonly privilege: Granted;
  /** `catalog`, `namespace:NAME` or `table:UUID`. */
  readonly resource: string;
  /** `user:NAME`, `group:NAME` or `role:NAME`. */
  readonly grantee: string;
}

export interface RoleMember extends Made {
  readonly role: string;
  /** `user:NAME`, `group:NAME` or `role:NAME`. */
  readonly member: string;
}

/** Beside the grants, in Cedar. */
export interface Policy extends Made {
  readonly name: string;
  readonly text: string;
}

type Bare<T> = Omit<T, keyof Made>;

export interface AccessChange extends Made {
  readonly mode?: AccessState["mode"];
  readonly grant?: readonly Bare<Grant>[];
  readonly revoke?: readonly Bare<Grant>[];
  readonly join?: readonly Bare<RoleMember>[];
  readonly leave?: readonly Bare<RoleMember>[];
  readonly set?: readonly Bare<Policy>[];
  readonly unset?: readonly string[];
  /** Only on this state. */
  readonly ifVersion?: number;
  /** With what the row says of the change. */
  readonly noting?: (Noting & { readonly effect: Readonly<Record<string, unknown>> }) | undefined;
}
